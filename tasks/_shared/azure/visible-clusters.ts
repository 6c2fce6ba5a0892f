import type { Reader } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import { allClusters, type ClusterState } from './cluster-state.js';

/**
 * All clusters of a subscription that the connection may see, listed once per run.
 * @throws Problem when they cannot be listed: then nothing can be said of clusters that are not seen.
 */
export function visibleClusters(azure: Azure, subscriptionId: string, reader: Reader): Promise<readonly ClusterState[]> {
  const place = `/subscriptions/${subscriptionId}`;
  return reader.once(`all clusters of ${place.toLowerCase()}`, () => allClusters(azure, place));
}
