import { credentialKey, findOrphans } from '../_shared/agent/prune.js';
import type { RemovalInputs } from '../_shared/agent/removal-inputs.js';
import type { Services } from '../_shared/agent/services.js';
import { allUndone, distinctScopes, ownName, type GrantScope, type Undone } from '../_shared/agent/withdrawal.js';
import type { FleetUse } from '../_shared/azure/fleet-use.js';
import type { ClusterEntry } from '../_shared/fleet/clusters.js';
import type { VaultPolicies } from '../_shared/azure/vault-policies.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import { sharedReader } from '../_shared/reconcile/plan.js';
import { withdrawFederation } from './withdraw.js';

/** What is taken back in a run: the workloads' federation, what has lost its counterpart, both or neither. */
export interface UndoOptions {
  readonly removal: RemovalInputs;
  readonly placed: readonly PlacedWorkload[];
  readonly clusters: readonly ClusterEntry[];
  /** Where a workload's identity may have been granted something. */
  readonly scopesOf: (workload: PlacedWorkload) => readonly GrantScope[];
  /** The access policies of the vaults that may let a workload's identity in. */
  readonly policiesOf: (workload: PlacedWorkload) => readonly VaultPolicies[];
  /** Whether what is in the clusters goes as well. */
  readonly accounts: boolean;
  readonly fleet: FleetUse;
}

/** Lists what a run takes back, in one plan with everything else. Reads first what is there, as only that can be judged. */
export async function undo(options: UndoOptions, services: Services): Promise<Undone> {
  const { removal, placed, clusters } = options;
  const reader = sharedReader();
  const identities = [...new Map(placed.map(({ identity }) => [identity.id.toLowerCase(), identity])).values()];
  const scopes = distinctScopes(placed.flatMap((workload) => [...options.scopesOf(workload)]));
  const spoken = new Set(placed.map((workload) => credentialKey(workload.identity.id, ownName(workload))));
  const pruned = removal.prune ? await findOrphans({ identities, clusters, scopes, spoken }, services, reader) : undefined;
  const withdrawn = removal.state === 'absent' ? [await withdrawFederation({ ...options, history: removal.history, pruned: pruned?.resources ?? [] }, services, reader)] : [];
  return allUndone([...(pruned === undefined ? [] : [pruned]), ...withdrawn]);
}
