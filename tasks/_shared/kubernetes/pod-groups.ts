import { selects, type LabelRequirement, type LabelSelector } from '../fleet/label-selector.js';
import { inOrder } from '../fleet/wording.js';
import type { PodPick } from '../fleet/flows.js';
import { kinds, nameOf } from './objects.js';
import type { RenderedPods } from './rendered-chart.js';

/** Pods of a rendering that the network can tell from all others of it: those with the same labels. */
export interface PodGroup {
  /** `deployment orders/api`; of several: all of them. */
  readonly title: string;
  readonly members: readonly RenderedPods[];
  /** Picks the pods of the group, and no others of the rendering. */
  readonly selector: LabelSelector;
}

/** The groups of a rendering, and what no selector picks. */
export interface PodGroups {
  readonly groups: readonly PodGroup[];
  /** What makes pods without any label. */
  readonly unselectable: readonly RenderedPods[];
}

/** Labels as pods will have them; undefined stands for a value that nobody knows beforehand. */
type Labels = Readonly<Record<string, string | undefined>>;

/** On pods of jobs, by the job controller. Source: Kubernetes docs, well-known labels; since Kubernetes 1.27. */
const jobName = 'batch.kubernetes.io/job-name';
/** Labels that change with every version of a chart, or that this project puts there: a selector with them would miss the pods of the revision before. */
const passing = new Set(['helm.sh/chart', 'app.kubernetes.io/version', 'azure.workload.identity/use']);
/** Labels that name what pods are, best first. Source: Kubernetes docs, recommended labels. */
const naming = ['app.kubernetes.io/component', 'app.kubernetes.io/name', 'app', 'k8s-app'];

/** Sorts what makes pods into groups that selectors can tell apart. */
export function groupPods(pods: readonly RenderedPods[]): PodGroups {
  const byLabels = new Map<string, RenderedPods[]>();
  for (const one of pods) {
    const key = JSON.stringify(sorted(lasting(one)));
    byLabels.set(key, [...(byLabels.get(key) ?? []), one]);
  }
  const all = [...byLabels.values()];
  const unselectable = all.flatMap((members) => (firstSelector(members) === undefined ? members : []));
  const groups = all.flatMap((members): PodGroup[] => {
    const first = firstSelector(members);
    if (first === undefined) return [];
    const others = all.flatMap(([other]) => (other === undefined || members.includes(other) ? [] : [lasting(other)]));
    return [{ title: members.map(({ ref }) => nameOf(ref)).join(' and '), members, selector: narrowed(first, lastingOf(members), others) }];
  });
  return { groups, unselectable };
}

/**
 * The members that a pick means. A name is looked for as an object's name, then with the release's name before it, then as a value of the
 * recommended labels: the first of these that is found counts.
 */
export function pickPods(pods: readonly RenderedPods[], pick: PodPick, release: string): readonly RenderedPods[] {
  if (pick === 'all') return pods;
  if ('labels' in pick) return pods.filter(({ labels }) => selects({ matchLabels: pick.labels }, labels));
  const { name } = pick;
  const ways: ((one: RenderedPods) => boolean)[] = [
    ({ ref }) => ref.name === name,
    ({ ref }) => ref.name === `${release}-${name}`,
    ...naming.map((key) => ({ labels }: RenderedPods) => labels[key] === name),
  ];
  for (const way of ways) {
    const found = pods.filter(way);
    if (found.length > 0) return found;
  }
  return [];
}

/** What there is to pick from, for messages: `deployment orders/api (app=api)`. */
export function podTitles(pods: readonly RenderedPods[]): string[] {
  return pods.map(({ ref, labels }) => {
    const said = naming.flatMap((key) => (labels[key] === undefined ? [] : [`${key}=${labels[key]}`]));
    return said.length === 0 ? nameOf(ref) : `${nameOf(ref)} (${said.join(', ')})`;
  });
}

function lastingOf([first]: readonly RenderedPods[]): Labels {
  return first === undefined ? {} : lasting(first);
}

function lasting({ ref, labels }: RenderedPods): Labels {
  const own = Object.fromEntries(Object.entries(labels).filter(([key]) => !passing.has(key)));
  if (ref.kind === kinds.job.kind) return { ...own, [jobName]: ref.name };
  return ref.kind === kinds.cronJob.kind ? { ...own, [jobName]: undefined } : own;
}

/** A controller's own selector lasts from revision to revision; what has none is picked by its labels. */
function firstSelector(members: readonly RenderedPods[]): LabelSelector | undefined {
  const [first, ...others] = members;
  if (first?.selector !== undefined && others.length === 0) return first.selector;
  const known = Object.entries(lastingOf(members)).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const chosen = known.filter(([key]) => key !== jobName);
  const matchLabels = Object.fromEntries(chosen.length > 0 ? chosen : known);
  return Object.keys(matchLabels).length === 0 ? undefined : { matchLabels };
}

/** Adds a condition for each of the others that the selector would pick as well. */
function narrowed(selector: LabelSelector, own: Labels, others: readonly Labels[]): LabelSelector {
  return others.reduce((current, other) => (selects(current, other) ? excluding(current, own, other) : current), selector);
}

function excluding({ matchLabels = {}, matchExpressions = [] }: LabelSelector, own: Labels, other: Labels): LabelSelector {
  const key = ordered([...new Set([...Object.keys(own), ...Object.keys(other)])]).find((candidate) => candidate in own !== candidate in other || own[candidate] !== other[candidate]);
  if (key === undefined) return { matchLabels, matchExpressions };
  const value = own[key];
  if (value !== undefined) return { matchLabels: { ...matchLabels, [key]: value }, ...(matchExpressions.length === 0 ? {} : { matchExpressions }) };
  const requirement: LabelRequirement = !(key in own)
    ? { key, operator: 'DoesNotExist' }
    : key in other
      ? { key, operator: 'NotIn', values: [other[key] ?? ''] }
      : { key, operator: 'Exists' };
  return { ...(Object.keys(matchLabels).length === 0 ? {} : { matchLabels }), matchExpressions: [...matchExpressions, requirement] };
}

/** Labels that name what pods are come first, so that a selector reads well. */
function ordered(keys: readonly string[]): string[] {
  return [...naming.filter((key) => keys.includes(key)), ...keys.filter((key) => !naming.includes(key)).sort(inOrder)];
}

function sorted(labels: Labels): [string, string | null][] {
  return Object.entries(labels).map(([key, value]): [string, string | null] => [key, value ?? null]).sort(([one], [other]) => inOrder(one, other));
}
