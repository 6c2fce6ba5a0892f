import { WorkloadProof, type WorkloadProofInputs, type WorkloadProofParts } from '../_shared/agent/workload-proof.js';
import type { Exchanged } from '../_shared/azure/token-exchange.js';
import type { VaultState } from '../_shared/azure/vault-lookup.js';
import { readGranted, refusedElsewhere } from '../_shared/azure/vault-proof.js';
import type { Evidence, ProofContext } from '../_shared/reconcile/proof.js';

/** What the proof reads from the applied resources. */
export interface ProofInputs extends WorkloadProofInputs {
  /** Null where no secret is granted. */
  readonly vault: VaultState | null;
}

/** Reads each granted secret as the workload, and is refused another. */
export class FederationProof extends WorkloadProof<ProofInputs> {
  constructor(
    parts: WorkloadProofParts<ProofInputs>,
    private readonly secrets: readonly string[],
  ) {
    super('federation', parts);
  }

  protected audience({ vault }: ProofInputs): string {
    const { cloud } = this.parts.azure;
    return vault === null ? cloud.resourceManagerAudience : cloud.keyVaultAudience;
  }

  protected async use({ identity, vault }: ProofInputs, { token, afterMs }: Exchanged, context: ProofContext): Promise<Evidence> {
    const { azure, workload, deadlineMs } = this.parts;
    const exchanged = `token after ${(afterMs / 1000).toFixed(1)} s`;
    if (vault === null) return { level: 'exercised', summary: exchanged };
    const reader = { token, principalId: identity.principalId, identityName: workload.identity.name };
    for (const secret of this.secrets) await readGranted(azure, vault, secret, reader, deadlineMs, context);
    await refusedElsewhere(azure, vault, reader);
    const many = this.secrets.length === 1 ? `secret ${this.secrets[0] ?? ''}` : `secrets ${this.secrets.join(', ')}`;
    return { level: 'exercised', summary: `${exchanged} → ${many} of ${vault.name} readable, another name refused (as it should be)` };
  }
}
