import { lastPart, parseArmId, sameId } from '../fleet/arm-id.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import type { Reader } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import { readCluster, type ClusterState } from './cluster-state.js';
import { visibleClusters } from './visible-clusters.js';

/** The cluster whose nodes run as a principal, as far as that can be seen. */
export interface KubeletUse {
  /** Its name; absent when none that is seen does. */
  readonly user?: string;
  /** Why that does not tell it for sure, in a clause. */
  readonly unclear?: string;
}

/** The subscriptions of some ARM ids, each once. */
export function subscriptionsOf(ids: readonly string[]): string[] {
  return [...new Set(ids.flatMap((id) => parseArmId(id)?.subscriptionId.toLowerCase() ?? []))];
}

/**
 * The clusters of a fleet that are there, and all others that are seen in their subscriptions and in those of some further ARM ids: clusters may share
 * what they run on.
 * @throws Problem when they cannot be listed or read: then nothing can be said of who shares it.
 */
export async function clustersAround(azure: Azure, fleet: readonly ClusterEntry[], ids: readonly string[], reader: Reader): Promise<readonly ClusterState[]> {
  const subscriptions = subscriptionsOf([...fleet.map(({ id }) => id), ...ids]);
  const listed = await Promise.all(subscriptions.map((one) => visibleClusters(azure, one, reader)));
  const own = await Promise.all(fleet.map((entry) => readCluster(azure, entry, reader)));
  return [...listed.flat(), ...own.filter((one) => one !== undefined)];
}

/** Looks for a cluster whose nodes run as a principal. One that does not say what its nodes run as leaves it unclear. */
export function kubeletUse(clusters: readonly ClusterState[], principalId: string): KubeletUse {
  const user = clusters.find(({ kubelet }) => kubelet !== undefined && sameId(kubelet.objectId, principalId));
  if (user !== undefined) return { user: lastPart(user.id) };
  const silent = clusters.find(({ kubelet }) => kubelet === undefined);
  return silent === undefined ? {} : { unclear: `cluster ${lastPart(silent.id)} does not say which identity its nodes run as` };
}
