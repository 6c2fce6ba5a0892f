import { ConsumerInquiry } from '../fleet/consumer-inquiry.js';
import type { ConsumerReport } from '../fleet/consumer-report.js';
import type { Ref } from '../reconcile/ref.js';
import type { Permission } from '../reconcile/resource.js';
import type { ClusterConnection } from './connection.js';
import { accountRights, accountUsers } from './registry-credentials.js';

/** Who in one cluster holds or uses an account of a registry. */
export class RegistryAccountUsers extends ConsumerInquiry {
  readonly cluster: string;

  /** @param user the account's name; for an admin user that is the registry's name. */
  constructor(
    private readonly connection: ClusterConnection,
    registryId: string,
    private readonly user: string,
    loginServer: Ref<string>,
  ) {
    super(`consumers of ${registryId.toLowerCase()} in ${connection.clusterId.toLowerCase()}`, user, connection.label, loginServer);
    this.cluster = connection.label;
  }

  reads(): readonly Permission[] {
    return accountRights(this.connection);
  }

  protected async look(loginServer: string): Promise<Pick<ConsumerReport, 'consumers'>> {
    return { consumers: await accountUsers(this.connection, { loginServer, user: this.user }) };
  }
}
