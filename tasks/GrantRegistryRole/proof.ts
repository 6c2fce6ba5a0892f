import { WorkloadProof, type WorkloadProofInputs, type WorkloadProofParts } from '../_shared/agent/workload-proof.js';
import type { RegistryState } from '../_shared/azure/registry-lookup.js';
import { walkTokenFlow, type RegistryGrant } from '../_shared/azure/registry-proof.js';
import type { Exchanged } from '../_shared/azure/token-exchange.js';
import type { Evidence, ProofContext } from '../_shared/reconcile/proof.js';

/** What the proof reads from the applied resources. */
export interface ProofInputs extends WorkloadProofInputs {
  readonly registry: RegistryState;
}

/** Gets, as the workload, a registry token that carries the granted actions. */
export class RegistryProof extends WorkloadProof<ProofInputs> {
  constructor(
    parts: WorkloadProofParts<ProofInputs>,
    private readonly grant: RegistryGrant,
  ) {
    super('registry grant', parts);
  }

  protected audience(): string {
    return this.parts.azure.cloud.containerRegistryAudience;
  }

  protected async use({ identity, registry }: ProofInputs, { token }: Exchanged, context: ProofContext): Promise<Evidence> {
    const { azure, workload, deadlineMs } = this.parts;
    const caller = { token, tenantId: identity.tenantId, principalId: identity.principalId, identityName: workload.identity.name };
    await walkTokenFlow(azure, registry, this.grant, caller, deadlineMs, context);
    const actions = this.grant.role === 'AcrPull' ? 'pull' : 'pull and push';
    return { level: 'exercised', summary: `registry token for ${registry.name} carries ${actions} on ${this.grant.repository}` };
  }
}
