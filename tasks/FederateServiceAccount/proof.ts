import { WorkloadProof, type WorkloadProofInputs, type WorkloadProofParts } from '../_shared/agent/workload-proof.js';
import type { Azure } from '../_shared/azure/azure.js';
import type { Exchanged } from '../_shared/azure/token-exchange.js';
import { itemsTitle } from '../_shared/azure/vault-items.js';
import { readGranted, refusedElsewhere, unreachableCode, type VaultReader } from '../_shared/azure/vault-proof.js';
import { podsKeptOut, type VaultState } from '../_shared/azure/vault-state.js';
import { sameId } from '../_shared/fleet/arm-id.js';
import { Problem, type ProblemParts } from '../_shared/reconcile/problem.js';
import type { Evidence, ProofContext } from '../_shared/reconcile/proof.js';
import type { VaultAccess } from './vault-grants.js';

/** What the proof reads from the applied resources. */
export interface ProofInputs extends WorkloadProofInputs {
  /** Null where nothing is granted on a vault. */
  readonly vault: VaultState | null;
  /** ARM ids of the subnets that the cluster's nodes are in. */
  readonly subnets: readonly string[];
  /** Scopes of the assignments that serve as the vault's grants, in their order, and after them those of the other grants. */
  readonly [scope: `scope ${number}`]: string;
}

/** What is granted. */
export interface Granted {
  /** Azure as the vault's connection sees it. */
  readonly vaultAzure: Azure;
  readonly access: VaultAccess | undefined;
  /** Other grants, of the input grants: no task can exercise every kind of data. */
  readonly others: readonly { readonly name: string; readonly scope: string }[];
}

/** Reads each granted item as the workload, and is refused another. */
export class FederationProof extends WorkloadProof<ProofInputs> {
  constructor(
    parts: WorkloadProofParts<ProofInputs>,
    private readonly granted: Granted,
  ) {
    super('federation', parts);
  }

  protected audience({ vault }: ProofInputs): string {
    const { cloud } = this.parts.azure;
    return vault === null ? cloud.resourceManagerAudience : cloud.keyVaultAudience;
  }

  protected async use(known: ProofInputs, { token, afterMs }: Exchanged, context: ProofContext): Promise<Evidence> {
    const { workload } = this.parts;
    const exchanged = `token after ${(afterMs / 1000).toFixed(1)} s`;
    const others = this.others(known);
    const { vault, identity } = known;
    const { access } = this.granted;
    if (vault === null || access === undefined) return { level: 'exercised', summary: `${exchanged}${others}` };
    const reader = { token, principalId: identity.principalId, identityName: workload.identity.name };
    const kept = podsKeptOut(vault.network, known.subnets);
    const walled = kept?.certain === true ? kept.rule : undefined;
    try {
      const refusal = await this.exercise(vault, access, known, reader, context);
      const items = itemsTitle(access.items);
      const summary = `${exchanged} → ${items} of ${vault.name} readable, ${refusal}${others}`;
      return { level: 'exercised', summary, ...(walled === undefined ? {} : { shortfall: podsOutside(vault, this.cluster, walled) }) };
    } catch (error) {
      if (!(error instanceof Problem) || error.parts.code !== unreachableCode) throw error;
      const because = walled === undefined ? error.parts.because : `${error.parts.because}; its rules keep the pods of ${this.cluster} out as well: ${walled}`;
      return { level: 'observed', summary: `${exchanged} → granted on ${vault.name}, not exercised: this agent cannot reach the vault${others}`, shortfall: { ...error.parts, because } };
    }
  }

  /** Reads each item, then something that was not granted; what is known to be broader is not asked for. */
  private async exercise(vault: VaultState, access: VaultAccess, known: ProofInputs, reader: VaultReader, context: ProofContext): Promise<string> {
    const { vaultAzure } = this.granted;
    for (const item of access.items) await readGranted(vaultAzure, vault, item, reader, this.parts.deadlineMs, context);
    const inherited = access.grants.map(({ scope }, index) => ({ scope, found: known[`scope ${index}`] })).find(({ scope, found }) => found !== undefined && !sameId(scope, found))?.found;
    const broader = access.wide ?? (inherited === undefined ? undefined : `the role is inherited from ${inherited}, broader than asked`);
    if (broader !== undefined) return `no refusal asked for (${broader})`;
    await refusedElsewhere(vaultAzure, vault, reader);
    return 'another name refused (as it should be)';
  }

  private others(known: ProofInputs): string {
    const { access, others } = this.granted;
    if (others.length === 0) return '';
    const first = access?.grants.length ?? 0;
    const told = others.map(({ name, scope }, index) => {
      const found = known[`scope ${first + index}`];
      return found === undefined || sameId(found, scope) ? name : `${name} (inherited from ${found}, broader than asked)`;
    });
    return `; observed, not exercised: ${told.join(', ')}`;
  }
}

function podsOutside({ name }: VaultState, cluster: string, rule: string): ProblemParts {
  return {
    code: 'WI2415',
    what: `Key vault ${name} keeps the pods of ${cluster} out`,
    tried: 'compare the vault’s network rules with the subnets of the cluster’s nodes; this agent itself could read what was granted',
    because: rule,
    remedy: 'name the subnets of the nodes in the vault’s network rules (with the service endpoint Microsoft.KeyVault), or give the vault a private endpoint that the pods reach. The grant itself is in place',
  };
}
