import type { ClusterEntry } from './clusters.js';
import { identityPlace, type IdentityPlace } from './identity-place.js';
import { names } from './names.js';

/** A service account that shall act as an identity. */
export interface Account {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Word for `{workload}` in name patterns. */
  readonly workload: string;
  /** The secrets that this account alone may read, as they were written; absent where it has those of the workload. */
  readonly secrets?: string;
}

/** What names a workload and its identity, before a cluster is looked at. */
export interface WorkloadInputs {
  /** One or more; each has its own credential, and its own identity where the pattern tells them apart. */
  readonly accounts: readonly Account[];
  /** Name pattern, or ARM id of one existing identity. */
  readonly identity: string;
  /** The cluster's own group when absent. */
  readonly identityResourceGroup?: string;
  /** Region of identities that are made, and `{location}`; each cluster's own when absent. */
  readonly identityLocation?: string;
  /** `{ring}`; absent when no pattern names it. */
  readonly ring?: string;
}

/** A workload on one cluster. */
export interface PlacedWorkload {
  readonly entry: ClusterEntry;
  readonly account: Account;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly identity: IdentityPlace;
  /** The clusters that use this identity, this one included. */
  readonly users: readonly ClusterEntry[];
  /** The words of all workloads that use this identity. */
  readonly words: readonly string[];
  /** The cluster whose alone the identity is; undefined when clusters share it. */
  readonly owner: string | undefined;
  /** Key in outputs, see {@link placeLabel}. */
  readonly label: string;
  /** `orders/api on aks-dev-weu-1`, for messages. */
  readonly title: string;
}

/** True when a name can only be filled once the cluster's region is known. */
export function needsRegion(inputs: WorkloadInputs, entry: ClusterEntry): boolean {
  return inputs.identityLocation === undefined && names(entry.overrides.identity ?? inputs.identity, 'location');
}

/**
 * Each service account on each cluster of the fleet, with each cluster's overrides applied.
 * @param regions regions of the clusters by label; asked for those that {@link needsRegion}
 */
export function placeWorkloads(inputs: WorkloadInputs, fleet: readonly ClusterEntry[], regions: ReadonlyMap<string, string> = new Map()): PlacedWorkload[] {
  const placed = fleet.flatMap((entry) => inputs.accounts.map((account) => {
    const group = entry.overrides.identityResourceGroup ?? inputs.identityResourceGroup;
    const location = inputs.identityLocation ?? regions.get(entry.label);
    const parts = { ...account, ...(inputs.ring === undefined ? {} : { ring: inputs.ring }), ...(location === undefined ? {} : { location }) };
    return { entry, account, identity: identityPlace(entry.overrides.identity ?? inputs.identity, group, entry, parts) };
  }));
  const sharing = new Map([...groupBy(placed, ({ identity }) => identity.id.toLowerCase())].map(([id, sharers]) => {
    const users = [...new Set(sharers.map(({ entry }) => entry))];
    return [id, { users, words: [...new Set(sharers.map(({ account }) => account.workload))] }];
  }));
  return placed.map(({ entry, account, identity }) => {
    const { users = [], words = [] } = sharing.get(identity.id.toLowerCase()) ?? {};
    const { namespace, serviceAccount } = account;
    const name = `${namespace}/${serviceAccount}`;
    const owner = users.length === 1 ? entry.label : undefined;
    return { entry, account, namespace, serviceAccount, identity, users, words, owner, label: placeLabel(inputs, entry, account), title: `${name} on ${entry.label}` };
  });
}

/** Key of a service account on a cluster: the cluster, or `cluster/namespace/name` where there are several accounts. */
export function placeLabel({ accounts }: WorkloadInputs, { label }: ClusterEntry, { namespace, serviceAccount }: Account): string {
  return accounts.length === 1 ? label : `${label}/${namespace}/${serviceAccount}`;
}

/** Those who would share an identity only because they share a name. */
export interface Namesakes {
  /** Labels of clusters, or `namespace/name` of service accounts on one cluster. */
  readonly who: readonly string[];
  readonly of: 'clusters' | 'service accounts';
}

/**
 * Groups that the pattern meant to tell apart and does not: clusters of one name under `{cluster}`, service accounts of one name in several
 * namespaces under `{serviceAccount}` or a `{workload}` that follows from it.
 */
export function namesakes(inputs: WorkloadInputs, placed: readonly PlacedWorkload[]): Namesakes[] {
  const patternOf = ({ entry }: PlacedWorkload): string => entry.overrides.identity ?? inputs.identity;
  const clusters = groupBy(placed.filter((one) => names(patternOf(one), 'cluster')), ({ identity }) => identity.id.toLowerCase());
  const accounts = groupBy(
    placed.filter((one) => names(patternOf(one), 'serviceAccount') || (names(patternOf(one), 'workload') && one.account.workload === one.serviceAccount)),
    ({ identity, entry, serviceAccount }) => `${identity.id.toLowerCase()} ${entry.label} ${serviceAccount}`,
  );
  const distinct = (groups: ReadonlyMap<string, readonly PlacedWorkload[]>, of: Namesakes['of'], nameOf: (one: PlacedWorkload) => string): Namesakes[] =>
    [...groups.values()].map((group) => ({ of, who: [...new Set(group.map(nameOf))] })).filter(({ who }) => who.length > 1);
  return [
    ...distinct(clusters, 'clusters', ({ entry }) => entry.label),
    ...distinct(accounts, 'service accounts', ({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`).filter(({ who }, index, all) => all.findIndex((other) => other.who.join() === who.join()) === index),
  ];
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
