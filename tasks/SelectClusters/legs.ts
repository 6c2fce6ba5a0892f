import type { ClusterEntry } from '../_shared/fleet/clusters.js';
import { shorten, uuidOf } from '../_shared/fleet/names.js';
import { foreignLeg, tooManyLegs } from './problems.js';

/** Most jobs of one matrix. Source: azure-devops-docs#10979, reported by users and not documented. */
export const mostLegs = 256;
/** Longest name of a leg here; Azure Pipelines takes 100. Keeps the legs of the largest matrix below the longest output variable. */
const longestName = 40;

/**
 * One leg for each cluster, as the JSON object that `strategy: matrix` takes: names of letters, digits and underscores, flat texts.
 * A leg says its own name only, so that the list of clusters and what single clusters set need not fit into a variable.
 * Source: Azure Pipelines docs, jobs.job.strategy.
 * @throws Problem WI1030 for more clusters than a matrix may have legs.
 */
export function legsOf(clusters: readonly ClusterEntry[], variableName: string): string {
  if (clusters.length > mostLegs) throw tooManyLegs(variableName, clusters.length, mostLegs);
  return JSON.stringify(Object.fromEntries([...namedLegs(clusters).keys()].map((leg) => [leg, { leg }])));
}

/**
 * The cluster of one leg.
 * @throws Problem WI1031 when no cluster of the list has this leg.
 */
export function clusterOf(leg: string, clusters: readonly ClusterEntry[], variableName: string): ClusterEntry {
  // Jobs that are known at compile time call a leg by the key of the mapping as it is.
  const found = clusters.find(({ key }) => key === leg) ?? namedLegs(clusters).get(leg);
  if (found === undefined) throw foreignLeg(leg, variableName);
  return found;
}

function namedLegs(clusters: readonly ClusterEntry[]): Map<string, ClusterEntry> {
  const plain = clusters.map(({ key, label }) => nameFor(key ?? label));
  const taken = (name: string): boolean => plain.filter((other) => other.toLowerCase() === name.toLowerCase()).length > 1;
  return new Map(clusters.map((cluster, index) => {
    const name = plain[index] ?? '';
    return [taken(name) ? `${name.slice(0, longestName - 9)}_${uuidOf(cluster.id.toLowerCase()).slice(0, 8)}` : name, cluster];
  }));
}

function nameFor(label: string): string {
  const letters = label.replace(/\W/g, '_');
  return shorten(/^[A-Za-z]/.test(letters) ? letters : `c_${letters}`, longestName).replaceAll('-', '_');
}
