import type { ClusterEntry } from '../fleet/clusters.js';
import { sharedReader } from '../reconcile/plan.js';
import { Problem, toProblem } from '../reconcile/problem.js';
import type { Azure } from './azure.js';
import { notFound } from './cluster-problems.js';
import { expectCluster, readCluster } from './cluster-state.js';

/** The regions of clusters by label; in the place of one that cannot be read, why. */
export async function clusterLocations(azure: Azure, clusters: readonly ClusterEntry[]): Promise<ReadonlyMap<string, string | Problem>> {
  for (const entry of clusters) expectCluster(azure, entry);
  const reader = sharedReader();
  const read = async (entry: ClusterEntry): Promise<readonly [string, string | Problem]> => {
    try {
      const state = await readCluster(azure, entry, reader);
      return [entry.label, state?.location ?? new Problem(notFound(entry))];
    } catch (error) {
      azure.signal.throwIfAborted();
      return [entry.label, toProblem(error)];
    }
  };
  return new Map(await Promise.all(clusters.map(read)));
}
