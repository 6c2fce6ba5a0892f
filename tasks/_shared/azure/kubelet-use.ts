import { sameId } from '../fleet/arm-id.js';
import type { Reader } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import type { ClusterState } from './cluster-state.js';
import { visibleClusters } from './visible-clusters.js';

/**
 * All clusters that are seen in some subscriptions: their nodes may share one kubelet identity.
 * @throws Problem when they cannot be listed: then nothing can be said of who shares it.
 */
export async function clustersIn(azure: Azure, subscriptions: Iterable<string>, reader: Reader): Promise<readonly ClusterState[]> {
  const distinct = new Set([...subscriptions].map((one) => one.toLowerCase()));
  return (await Promise.all([...distinct].map((one) => visibleClusters(azure, one, reader)))).flat();
}

/** The cluster whose nodes run as a principal; undefined when none of these does. */
export function nodesRunAs(clusters: readonly ClusterState[], principalId: string): ClusterState | undefined {
  return clusters.find(({ kubelet }) => kubelet !== undefined && sameId(kubelet.objectId, principalId));
}
