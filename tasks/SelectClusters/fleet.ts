import { parseArmId } from '../_shared/fleet/arm-id.js';
import { parseClusters, type ClusterEntry, type ListMistake } from '../_shared/fleet/clusters.js';
import { Problem } from '../_shared/reconcile/problem.js';
import type { Inputs } from './inputs.js';
import { emptyList, form } from './problems.js';

/**
 * Reads the clusters from a variable's value.
 * @throws Problem WI1026 for an empty list, WI1027 for a duplicate, WI1028 for an entry that is no cluster, WI1020 with all of
 *   them when there are several mistakes.
 */
export function readFleet(value: string, { variableName, subscriptionId }: Inputs): readonly ClusterEntry[] {
  const { clusters, mistakes } = parseClusters(value, subscriptionId);
  const problems = mistakes.map((mistake) => toProblem(mistake, variableName));
  const [first, ...others] = problems;
  if (first === undefined) return clusters;
  if (others.length === 0) throw first;
  throw new Problem({
    code: 'WI1020',
    what: `Variable ${variableName} has ${problems.length} mistakes`,
    because: 'each entry listed below is wrong',
    remedy: 'correct them and run again',
    details: problems,
  });
}

function toProblem({ given, because }: ListMistake, variableName: string): Problem {
  if (because.startsWith('the list is empty')) return emptyList(`Variable ${variableName}`);
  const what = `Variable ${variableName} has "${given}"`;
  // A mistake about the full id of a cluster can only be that it was there before: parseClusters finds nothing else wrong with one.
  if (parseArmId(given)?.type.toLowerCase() === 'microsoft.containerservice/managedclusters') {
    return new Problem({ code: 'WI1027', what, because, remedy: 'remove one of the two entries' });
  }
  const completed = because.includes('no subscription') ? 'give the ARM id, or a service connection with a subscription in azureSubscription' : `correct this entry: ${form}`;
  return new Problem({ code: 'WI1028', what, because, remedy: completed });
}

/** The list in its canonical form: ARM ids separated by commas; one-line JSON when a cluster sets inputs of its own. */
export function canonical(clusters: readonly ClusterEntry[]): string {
  const own = clusters.some(({ overrides }) => Object.keys(overrides).length > 0);
  if (!own) return clusters.map(({ id }) => id).join(',');
  return JSON.stringify(clusters.map(({ id, overrides }) => (Object.keys(overrides).length === 0 ? id : { cluster: id, ...overrides })));
}
