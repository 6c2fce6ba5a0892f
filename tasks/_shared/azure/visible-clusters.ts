import { parseArmId } from '../fleet/arm-id.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import type { Permission, Reader } from '../reconcile/resource.js';
import { rightAt, type Azure } from './azure.js';
import { allClusters, readCluster, type ClusterState } from './cluster-state.js';

/**
 * All clusters of a subscription that the connection may see, listed once per run.
 * @throws Problem when they cannot be listed: then nothing can be said of clusters that are not seen.
 */
export function visibleClusters(azure: Azure, subscriptionId: string, reader: Reader): Promise<readonly ClusterState[]> {
  const place = `/subscriptions/${subscriptionId}`;
  return reader.once(`all clusters of ${place.toLowerCase()}`, () => allClusters(azure, place));
}

/** The right that {@link visibleClusters} needs. */
export function clusterListRight(azure: Azure, subscriptionId: string): Permission {
  return rightAt(azure, 'Microsoft.ContainerService/managedClusters/read', `/subscriptions/${subscriptionId}`);
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
