import type { ClusterEntry } from '../fleet/clusters.js';
import { Lookup } from '../reconcile/lookup.js';
import { sharedReader } from '../reconcile/plan.js';
import { toProblem, type Problem } from '../reconcile/problem.js';
import { blocked, type Change } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import { notFound } from './cluster-problems.js';
import { expectCluster, readCluster, type ClusterState } from './cluster-state.js';

/** The regions of clusters by label; for one that cannot be read why, and undefined for one that is not there. */
export async function clusterLocations(azure: Azure, clusters: readonly ClusterEntry[]): Promise<ReadonlyMap<string, string | Problem | undefined>> {
  for (const entry of clusters) expectCluster(azure, entry);
  const reader = sharedReader();
  const read = async (entry: ClusterEntry): Promise<readonly [string, string | Problem | undefined]> => {
    try {
      return [entry.label, (await readCluster(azure, entry, reader))?.location];
    } catch (error) {
      azure.signal.throwIfAborted();
      return [entry.label, toProblem(error)];
    }
  };
  return new Map(await Promise.all(clusters.map(read)));
}

/** A cluster whose region, and with it the name of its identity, could not be found out: nothing is done for it. */
export class UnreadCluster extends Lookup<ClusterState> {
  readonly kind = 'cluster';
  override readonly cluster: string;

  constructor(
    private readonly entry: ClusterEntry,
    private readonly failure: Problem | undefined,
  ) {
    super(`cluster ${entry.id.toLowerCase()}`, entry.label, entry.id, entry.label);
    this.cluster = entry.label;
  }

  observe(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  plan(): Change {
    return this.failure === undefined ? notFound(this.entry) : blocked(this.failure.parts);
  }
}
