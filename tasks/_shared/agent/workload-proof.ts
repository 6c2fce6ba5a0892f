import type { Azure } from '../azure/azure.js';
import type { IdentityState } from '../azure/identity-state.js';
import { exchangeToken, type Exchanged } from '../azure/token-exchange.js';
import { exchangeAudience } from '../fleet/names.js';
import type { PlacedWorkload } from '../fleet/workload.js';
import { tokenLifeSeconds, type ClusterConnection } from '../kubernetes/connection.js';
import { kinds } from '../kubernetes/objects.js';
import { tokenRights } from '../kubernetes/permissions.js';
import type { Evidence, Proof, ProofContext } from '../reconcile/proof.js';
import type { Refs } from '../reconcile/ref.js';
import type { Permission } from '../reconcile/resource.js';
import type { ProveFrom } from './workload-inputs.js';

/** What every proof as a workload reads from the applied resources. */
export interface WorkloadProofInputs {
  readonly identity: IdentityState;
}

/** The parts that a proof as a workload is made of. */
export interface WorkloadProofParts<I> {
  readonly azure: Azure;
  readonly connection: ClusterConnection;
  readonly workload: PlacedWorkload;
  /** Keys of the resources that are proven. */
  readonly proves: readonly string[];
  readonly inputs: Refs<I>;
  /** How long propagation is waited for. */
  readonly deadlineMs: number;
  /** `none`: no token is asked for, and nothing is exercised. */
  readonly proveFrom: ProveFrom;
}

/**
 * A proof that acts as the workload would: it gets a token of the service account from the cluster and exchanges it at Entra for the
 * identity's token. What that token is used for is up to the task.
 */
export abstract class WorkloadProof<I extends WorkloadProofInputs> implements Proof<I> {
  readonly key: string;
  readonly title: string;
  readonly cluster: string;
  readonly proves: readonly string[];
  readonly inputs: Refs<I>;

  /** @param subject what is proven, for the key: "federation", "registry grant" */
  constructor(
    subject: string,
    protected readonly parts: WorkloadProofParts<I>,
  ) {
    const { workload } = parts;
    this.key = `${subject} of ${workload.title}`;
    this.title = `${workload.namespace}/${workload.serviceAccount}`;
    this.cluster = workload.entry.label;
    this.proves = parts.proves;
    this.inputs = parts.inputs;
  }

  permissions(): readonly Permission[] {
    if (this.parts.proveFrom === 'none') return [];
    return tokenRights(this.parts.connection, this.parts.workload.namespace);
  }

  async run(known: I, context: ProofContext): Promise<Evidence> {
    const { azure, connection, workload, deadlineMs, proveFrom } = this.parts;
    if (proveFrom === 'none') return { level: 'none', summary: 'not proven, as the input proveFrom says; what was written was read back' };
    const { namespace, serviceAccount, identity } = workload;
    const ask = (): Promise<string> => connection.serviceAccountToken(namespace, serviceAccount, exchangeAudience, tokenLifeSeconds);
    // Asked for beside the look at the account, since it nearly always is there; where it is not, the refusal is no news.
    let first: Promise<string> | undefined = ask();
    first.catch(() => undefined);
    const account = await connection.get({ ...kinds.serviceAccount, namespace, name: serviceAccount });
    if (account === undefined) {
      return { level: 'observed', summary: 'read back; nothing exercised, since the service account does not exist in the cluster yet' };
    }
    const assertion = (): Promise<string> => {
      const asked = first ?? ask();
      first = undefined;
      return asked;
    };
    const target = { ...known.identity, identityId: identity.id, identityName: identity.name, workload: workload.title };
    return this.use(known, await exchangeToken(azure, target, assertion, this.audience(known), deadlineMs, context), context);
  }

  /** What the identity's token is asked for. */
  protected abstract audience(known: I): string;

  /** Uses the identity's token. @throws Problem when it does not allow what was granted, or more. */
  protected abstract use(known: I, exchanged: Exchanged, context: ProofContext): Promise<Evidence>;
}
