import type { Reader } from '../reconcile/resource.js';
import { text } from '../fleet/json.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { clusterState, type ClusterState } from './cluster-state.js';

/**
 * All clusters of a subscription that the connection may see, listed once per run.
 * @throws Problem when they cannot be listed: then nothing can be said of clusters that are not seen.
 */
export function visibleClusters({ arm }: Azure, subscriptionId: string, reader: Reader): Promise<readonly ClusterState[]> {
  const place = `/subscriptions/${subscriptionId}`;
  const purpose = { tried: `list the clusters of ${place}`, what: `The clusters of ${place} cannot be listed` };
  return reader.once(`all clusters of ${place.toLowerCase()}`, async () => {
    const found = await arm.list(`${place}/providers/Microsoft.ContainerService/managedClusters`, apiVersions.managedClusters, purpose);
    return found.map((raw) => clusterState(raw, text(raw.id) ?? ''));
  });
}
