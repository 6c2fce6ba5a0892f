import type { Azure } from '../_shared/azure/azure.js';
import { exchangeAudience } from '../_shared/azure/federated-credentials.js';
import type { IdentityState } from '../_shared/azure/identity-state.js';
import type { RegistryState } from '../_shared/azure/registry-lookup.js';
import { walkTokenFlow, type RegistryGrant } from '../_shared/azure/registry-proof.js';
import { exchangeToken } from '../_shared/azure/token-exchange.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import { tokenLifeSeconds, type ClusterConnection } from '../_shared/kubernetes/connection.js';
import { kinds } from '../_shared/kubernetes/objects.js';
import type { Evidence, Proof, ProofContext } from '../_shared/reconcile/proof.js';
import type { Refs } from '../_shared/reconcile/ref.js';

/** What the proof reads from the applied resources. */
export interface ProofInputs {
  readonly identity: IdentityState;
  readonly registry: RegistryState;
}

/** Acts as the workload up to a registry token that carries the granted actions. */
export class RegistryProof implements Proof<ProofInputs> {
  readonly key: string;
  readonly title: string;
  readonly cluster: string;

  constructor(
    private readonly azure: Azure,
    private readonly connection: ClusterConnection,
    private readonly workload: PlacedWorkload,
    private readonly grant: RegistryGrant,
    readonly proves: readonly string[],
    readonly inputs: Refs<ProofInputs>,
    private readonly deadlineMs: number,
  ) {
    this.key = `registry grant of ${workload.title}`;
    this.title = `${workload.namespace}/${workload.serviceAccount}`;
    this.cluster = workload.entry.label;
  }

  async run({ identity, registry }: ProofInputs, context: ProofContext): Promise<Evidence> {
    const { namespace, serviceAccount } = this.workload;
    const account = await this.connection.get({ ...kinds.serviceAccount, namespace, name: serviceAccount });
    if (account === undefined) {
      return { level: 'observed', summary: 'grant read back; nothing exercised, since the service account does not exist in the cluster yet' };
    }
    const assertion = await this.connection.serviceAccountToken(namespace, serviceAccount, exchangeAudience, tokenLifeSeconds);
    const { name, id } = this.workload.identity;
    const target = { ...identity, identityId: id, identityName: name, workload: this.workload.title };
    const { token } = await exchangeToken(this.azure, target, assertion, this.azure.cloud.containerRegistryAudience, this.deadlineMs, context);
    const caller = { token, tenantId: identity.tenantId, principalId: identity.principalId, identityName: name };
    await walkTokenFlow(this.azure, registry, this.grant, caller, this.deadlineMs, context);
    return { level: 'exercised', summary: `registry token for ${registry.name} carries ${this.grant.role === 'AcrPull' ? 'pull' : 'pull and push'} on ${this.grant.repository}` };
  }
}
