import { WorkloadProof, type WorkloadProofInputs, type WorkloadProofParts } from '../_shared/agent/workload-proof.js';
import type { Azure } from '../_shared/azure/azure.js';
import type { RegistryState } from '../_shared/azure/registry-lookup.js';
import { refusedElsewhere, walkTokenFlow, type RegistryGrant } from '../_shared/azure/registry-proof.js';
import { tokenActions } from '../_shared/azure/registry-roles.js';
import type { Exchanged } from '../_shared/azure/token-exchange.js';
import { Problem } from '../_shared/reconcile/problem.js';
import type { Evidence, ProofContext } from '../_shared/reconcile/proof.js';

/** What the proof reads from the applied resources. */
export interface ProofInputs extends WorkloadProofInputs {
  readonly registry: RegistryState;
}

/** The registry does not let this agent in, or the agent does not reach it. */
const unreachable = new Set(['WI2505', 'WI2006', 'WI2051']);

/** Gets, as the workload, a registry token that carries the granted actions, and none that carries more. */
export class RegistryProof extends WorkloadProof<ProofInputs> {
  constructor(
    parts: WorkloadProofParts<ProofInputs>,
    /** Azure as the connection sees it that may read the registry's assignments. */
    private readonly granting: Azure,
    private readonly grant: RegistryGrant,
  ) {
    super('registry grant', parts);
  }

  protected audience(): string {
    return this.parts.azure.cloud.containerRegistryAudience;
  }

  protected async use({ identity, registry }: ProofInputs, { token }: Exchanged, context: ProofContext): Promise<Evidence> {
    const { workload, deadlineMs } = this.parts;
    const caller = { token, tenantId: identity.tenantId, principalId: identity.principalId, identityName: workload.identity.name };
    try {
      const refreshToken = await walkTokenFlow(this.granting, registry, this.grant, caller, deadlineMs, context);
      const { what, allowedBy } = await refusedElsewhere(this.granting, registry, this.grant, caller, refreshToken);
      const actions = tokenActions(registry.mode, this.grant.role).join(' and ');
      const more = allowedBy === undefined ? `${what} refused (as it should be)` : `${what} allowed by assignment ${allowedBy}`;
      return { level: 'exercised', summary: `registry token for ${registry.name} carries ${actions} on ${this.grant.repositories.join(', ')}, ${more}` };
    } catch (error) {
      if (!(error instanceof Problem) || !unreachable.has(error.code)) throw error;
      return { level: 'observed', summary: `${this.grant.role} on ${registry.name} read back; granted, not exercised, since this agent does not reach the registry`, shortfall: error.parts };
    }
  }
}
