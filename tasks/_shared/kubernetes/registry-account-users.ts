import { reportText, type ConsumerReport } from '../fleet/consumer-report.js';
import { Problem } from '../reconcile/problem.js';
import { unknown, type Known, type Ref, type Refs } from '../reconcile/ref.js';
import { keep, type Change, type Permission, type Resource } from '../reconcile/resource.js';
import type { ClusterConnection } from './connection.js';
import { accountRights, accountUsers } from './registry-credentials.js';

/** What looking for users of an account needs. */
export interface AccountUsersInputs {
  readonly loginServer: string;
}

/** Who in one cluster holds or uses an account of a registry: only read, and unknown where it cannot be read. */
export class RegistryAccountUsers implements Resource<AccountUsersInputs, ConsumerReport> {
  readonly key: string;
  readonly kind = 'admin user’s consumers';
  readonly name: string;
  readonly cluster: string;
  readonly inputs: Refs<AccountUsersInputs>;

  /** @param user the account's name; for an admin user that is the registry's name. */
  constructor(
    private readonly connection: ClusterConnection,
    registryId: string,
    private readonly user: string,
    loginServer: Ref<string>,
  ) {
    this.key = `consumers of ${registryId.toLowerCase()} in ${connection.clusterId.toLowerCase()}`;
    this.name = user;
    this.cluster = connection.label;
    this.inputs = { loginServer };
  }

  async observe(_reader: unknown, known: Known<AccountUsersInputs>): Promise<ConsumerReport> {
    const place = this.cluster;
    if (known.loginServer === unknown) return { place, consumers: [], unknown: 'the registry cannot be read' };
    try {
      return { place, consumers: await accountUsers(this.connection, { loginServer: known.loginServer, user: this.user }) };
    } catch (error) {
      if (!(error instanceof Problem) || error.code.startsWith('WI900')) throw error;
      return { place, consumers: [], unknown: `since ${error.parts.because}` };
    }
  }

  plan(observed: ConsumerReport | undefined): Change {
    return keep(observed === undefined ? 'not looked at' : reportText(observed));
  }

  permissions(): Permission[] {
    return [];
  }

  reads(): Permission[] {
    return accountRights(this.connection);
  }

  /** Never called by the engine: there is nothing to apply. */
  apply(): Promise<void> {
    return Promise.reject(new Error(`${this.key} is only read`));
  }
}
