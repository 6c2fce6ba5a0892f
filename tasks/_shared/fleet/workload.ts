import type { ClusterEntry } from './clusters.js';
import { identityPlace, type IdentityPlace } from './identity-place.js';

/** What names a workload and its identity, before a cluster is looked at. */
export interface WorkloadInputs {
  /** Word for `{workload}` in name patterns. */
  readonly workload: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Name pattern, or ARM id of one existing identity. */
  readonly identity: string;
  /** The cluster's own group when absent. */
  readonly identityResourceGroup?: string;
}

/** A workload on one cluster. */
export interface PlacedWorkload {
  readonly entry: ClusterEntry;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly identity: IdentityPlace;
  /** The clusters that use this identity, this one included. */
  readonly users: readonly ClusterEntry[];
  /** The cluster whose alone the identity is; undefined when clusters share it. */
  readonly owner: string | undefined;
  /** `orders/api on aks-dev-weu-1`, for messages. */
  readonly title: string;
}

/** The workload on each cluster of the fleet, with each cluster's overrides applied. */
export function placeWorkload(inputs: WorkloadInputs, fleet: readonly ClusterEntry[]): PlacedWorkload[] {
  const placed = fleet.map((entry) => {
    const group = entry.overrides.identityResourceGroup ?? inputs.identityResourceGroup;
    return { entry, identity: identityPlace(entry.overrides.identity ?? inputs.identity, group, entry, inputs) };
  });
  const usersOf = new Map<string, ClusterEntry[]>();
  for (const { entry, identity } of placed) {
    const users = usersOf.get(identity.id.toLowerCase()) ?? [];
    users.push(entry);
    usersOf.set(identity.id.toLowerCase(), users);
  }
  return placed.map(({ entry, identity }) => {
    const users = usersOf.get(identity.id.toLowerCase()) ?? [];
    const { namespace, serviceAccount } = inputs;
    const owner = users.length === 1 ? entry.label : undefined;
    return { entry, identity, namespace, serviceAccount, users, owner, title: `${namespace}/${serviceAccount} on ${entry.label}` };
  });
}

/** Groups of clusters that share an identity only because they share a name: the pattern meant to tell them apart. Labels. */
export function namesakes(inputs: WorkloadInputs, fleet: readonly ClusterEntry[]): string[][] {
  const sharing = new Map<string, string[]>();
  for (const { entry, identity } of placeWorkload(inputs, fleet)) {
    if (!(entry.overrides.identity ?? inputs.identity).includes('{cluster}')) continue;
    const key = identity.id.toLowerCase();
    sharing.set(key, [...(sharing.get(key) ?? []), entry.label]);
  }
  return [...sharing.values()].filter(({ length }) => length > 1);
}
