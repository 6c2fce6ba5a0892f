import type { Azure } from '../azure/azure.js';
import { clusterLocations } from '../azure/cluster-location.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import { namesakes, needsRegion, placeWorkloads, type PlacedWorkload, type WorkloadInputs } from '../fleet/workload.js';
import { Problem } from '../reconcile/problem.js';
import type { AnyResource } from '../reconcile/resource.js';
import { Unreadable } from './withdrawal.js';
import { namesakesForm } from './workload-inputs.js';

/** Where the workloads of a run are, and the clusters for which that could not be found out. */
export interface Placement {
  readonly placed: readonly PlacedWorkload[];
  /** In the place of what would be true there. */
  readonly unread: readonly AnyResource[];
}

/**
 * Places each service account on each cluster. Only where a name depends on a cluster's region is anything read for that.
 * @throws Problem WI2211 when the regions turn out not to keep namesakes apart.
 */
export async function placeFleet(inputs: WorkloadInputs, fleet: readonly ClusterEntry[], azure: Azure): Promise<Placement> {
  const open = fleet.filter((entry) => needsRegion(inputs, entry));
  const found = await clusterLocations(azure, open);
  const unread: AnyResource[] = [];
  const regions = new Map<string, string>();
  const lost = new Set<ClusterEntry>();
  for (const entry of open) {
    const location = found.get(entry.label);
    if (typeof location === 'string') regions.set(entry.label, location);
    else if (location !== undefined) unread.push(new Unreadable('cluster', entry.id, location, entry.label));
    if (typeof location !== 'string') lost.add(entry);
  }
  const placed = placeWorkloads(inputs, fleet.filter((entry) => !lost.has(entry)), regions);
  const [same] = namesakes(inputs, placed);
  if (same !== undefined) {
    throw new Problem({ code: 'WI2211', what: `The pattern ${inputs.identity} gives namesakes one identity`, because: 'they are in one region, so {location} does not tell them apart', remedy: `give ${namesakesForm(same)}` });
  }
  return { placed, unread };
}
