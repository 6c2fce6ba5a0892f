import type { Azure } from '../_shared/azure/azure.js';
import { exchangeAudience } from '../_shared/azure/federated-credentials.js';
import type { IdentityState } from '../_shared/azure/identity-state.js';
import { exchangeToken } from '../_shared/azure/token-exchange.js';
import type { VaultState } from '../_shared/azure/vault-lookup.js';
import { readGranted, refusedElsewhere } from '../_shared/azure/vault-proof.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import { tokenLifeSeconds, type ClusterConnection } from '../_shared/kubernetes/connection.js';
import { kinds } from '../_shared/kubernetes/objects.js';
import type { Evidence, Proof, ProofContext } from '../_shared/reconcile/proof.js';
import type { Refs } from '../_shared/reconcile/ref.js';

/** What the proof reads from the applied resources. */
export interface ProofInputs {
  readonly identity: IdentityState;
  /** Absent where no secret is granted. */
  readonly vault: VaultState | null;
}

/**
 * Acts as the workload: gets a token of its service account, exchanges it for the identity's token, reads each granted secret and
 * is refused another.
 */
export class FederationProof implements Proof<ProofInputs> {
  readonly key: string;
  readonly title: string;
  readonly cluster: string;

  constructor(
    private readonly azure: Azure,
    private readonly connection: ClusterConnection,
    private readonly workload: PlacedWorkload,
    private readonly secrets: readonly string[],
    readonly proves: readonly string[],
    readonly inputs: Refs<ProofInputs>,
    private readonly deadlineMs: number,
  ) {
    this.key = `federation of ${workload.title}`;
    this.title = `${workload.namespace}/${workload.serviceAccount}`;
    this.cluster = workload.entry.label;
  }

  async run({ identity, vault }: ProofInputs, context: ProofContext): Promise<Evidence> {
    const { namespace, serviceAccount } = this.workload;
    const account = await this.connection.get({ ...kinds.serviceAccount, namespace, name: serviceAccount });
    if (account === undefined) {
      return { level: 'observed', summary: 'credential and grants read back; nothing exercised, since the service account does not exist in the cluster yet' };
    }
    const { cloud } = this.azure;
    const assertion = await this.connection.serviceAccountToken(namespace, serviceAccount, exchangeAudience, tokenLifeSeconds);
    const target = { ...identity, identityId: this.workload.identity.id, identityName: this.workload.identity.name, workload: this.workload.title };
    const audience = vault === null ? cloud.resourceManagerAudience : cloud.keyVaultAudience;
    const { token, afterMs } = await exchangeToken(this.azure, target, assertion, audience, this.deadlineMs, context);
    const exchanged = `token after ${(afterMs / 1000).toFixed(1)} s`;
    if (vault === null) return { level: 'exercised', summary: exchanged };
    const reader = { token, principalId: identity.principalId, identityName: this.workload.identity.name };
    for (const secret of this.secrets) await readGranted(this.azure, vault, secret, reader, this.deadlineMs, context);
    await refusedElsewhere(this.azure, vault, reader);
    const many = this.secrets.length === 1 ? `secret ${this.secrets[0] ?? ''}` : `secrets ${this.secrets.join(', ')}`;
    return { level: 'exercised', summary: `${exchanged} → ${many} of ${vault.name} readable, another name refused (as it should be)` };
  }
}
