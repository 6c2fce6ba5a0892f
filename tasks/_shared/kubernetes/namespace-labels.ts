import type { FieldChange } from '../reconcile/resource.js';
import { managerOf } from './connection.js';
import { metadataOf, ownersOf, type ClusterObject } from './objects.js';

/** Labels that a namespace shall have. */
export interface NamespaceLabels {
  readonly labels: Readonly<Record<string, string>>;
  /**
   * Keeps the labels of one release apart from those of others, which may label the same namespace: what a release stops naming goes, and
   * nothing else does.
   */
  readonly part: string;
}

/** The labels of a namespace as they were found. */
export interface FoundLabels {
  readonly labels: Readonly<Record<string, string>>;
  /** Field managers by label, those of this part left out. */
  readonly others: Readonly<Record<string, readonly string[]>>;
  /** Labels that this part owns. */
  readonly own: readonly string[];
}

/** Levels of the Pod Security Standards, the least strict first. Source: Kubernetes docs, Pod Security Standards. */
export const podSecurityLevels = ['privileged', 'baseline', 'restricted'] as const;
/** Source: Kubernetes docs, Pod Security Admission, labels for namespaces. */
export const podSecurityPrefix = 'pod-security.kubernetes.io/';
const enforce = `${podSecurityPrefix}enforce`;

/** Reads what matters of a namespace's labels to one part. */
export function foundLabels(found: ClusterObject, part: string): FoundLabels {
  const { labels } = metadataOf(found);
  const manager = managerOf(part);
  const owners = Object.keys(labels).map((label) => [label, ownersOf(found, 'labels', label)] as const);
  return {
    labels,
    others: Object.fromEntries(owners.map(([label, managers]) => [label, managers.filter((one) => one !== manager)])),
    own: owners.flatMap(([label, managers]) => (managers.includes(manager) ? [label] : [])),
  };
}

/** What is to be changed; empty where nothing is. */
export function labelChanges(found: FoundLabels, { labels: wanted }: NamespaceLabels): FieldChange[] {
  const set = Object.entries(wanted).flatMap(([field, after]): FieldChange[] => {
    const before = found.labels[field];
    return before === after ? [] : [{ field, ...(before === undefined ? {} : { before }), after }];
  });
  const gone = found.own.filter((label) => !Object.hasOwn(wanted, label)).map((field) => ({ field, before: found.labels[field] ?? '', after: '(removed)' }));
  return [...set, ...gone];
}

/** Labels that somebody else set to another value, in clauses. */
export function labelRivals(found: FoundLabels, { labels: wanted }: NamespaceLabels): string[] {
  return Object.entries(wanted).flatMap(([label, value]) => {
    const managers = found.others[label] ?? [];
    return managers.length === 0 || found.labels[label] === value ? [] : [`${managers.join(', ')} set ${label} to ${found.labels[label] ?? ''}, and not to ${value}`];
  });
}

/**
 * True where pods may do more in the namespace afterwards: a lower level is enforced, or an older version of a level. Without a label the cluster's own
 * default holds, which may be stricter than `privileged`.
 */
export function lowersPodSecurity(changes: readonly FieldChange[]): boolean {
  return changes.some(({ field, before, after }) => {
    if (field === enforce) return rank(after) < rank(before) || after === 'privileged';
    return field === `${enforce}-version` && before !== undefined && minor(after) < minor(before);
  });
}

/** No label counts as the least strict level. */
function rank(level: string | undefined): number {
  return Math.max(0, podSecurityLevels.findIndex((one) => one === level));
}

/** Without a version the latest holds. */
function minor(version: string): number {
  return Number(/^v1\.(\d+)$/.exec(version)?.[1] ?? Number.MAX_SAFE_INTEGER);
}
