import { object, objects, strings, text, type Json } from '../json.js';
import { shown } from '../shown.js';
import { some } from '../wording.js';
import type { Gathered, Listed, NamespaceFacts, Read, Verdict } from './rule.js';

/** What a namespace rule answers: one verdict, or one for each object that is at fault. */
export type Verdicts = readonly [Verdict, ...Verdict[]];

/** Faults if there are any, since no other list undoes them; else what could not be read; else what `otherwise` says. */
export function judged(faults: readonly Verdict[], unread: readonly string[], otherwise: () => Verdict): Verdicts {
  const [first, ...rest] = faults;
  if (first !== undefined) return [first, ...rest];
  return [unread.length === 0 ? otherwise() : { outcome: 'unknown', evidence: some(unread, 3, '; ') }];
}

export function pass(evidence: string): Verdict {
  return { outcome: 'pass', evidence };
}

export function fail(evidence: string, about?: string): Verdict {
  return { outcome: 'fail', evidence, ...(about === undefined ? {} : { object: about }) };
}

export function notApplicable(evidence: string): Verdict {
  return { outcome: 'notApplicable', evidence };
}

/** The objects of the kinds, each as `pick` sees it. A kind that nobody asked the API server for counts as not read. */
export function gather<T>(listed: Listed, kinds: readonly string[], pick: (found: Json, kind: string) => T): Gathered<T> {
  const read = kinds.map((kind) => ({ kind, list: listed[kind] ?? { unread: 'nothing asked for them' } }));
  return {
    found: read.flatMap(({ kind, list }) => ('found' in list ? list.found.map((one) => pick(one, kind)) : [])),
    unread: read.flatMap(({ kind, list }) => ('unread' in list ? [`${kindWords(kind)} could not be listed: ${list.unread}`] : [])),
  };
}

/** A value that was read, or what stands for it and why it was not read. */
export function known<T>(read: Read<readonly T[]>, what: string): Gathered<T> {
  return 'found' in read ? { found: read.found, unread: [] } : { found: [], unread: [`${what} could not be read: ${read.unread}`] };
}

/** `NetworkPolicy` as `network policies`. */
function kindWords(kind: string): string {
  const words = kindWord(kind);
  if (words.endsWith('s')) return `${words}es`;
  return words.endsWith('y') ? `${words.slice(0, -1)}ies` : `${words}s`;
}

function kindWord(kind: string): string {
  return kind.replace(/([a-z])(?=[A-Z])/g, '$1 ').toLowerCase();
}

/** How verdicts name an object: `stateful set orders/db`; `cluster role binding admins` where it is of no namespace. */
export function titleOf(kind: string, name: string, namespace?: string): string {
  return `${kindWord(kind)} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** The name in an object's metadata. */
export function nameIn(found: Json): string {
  return text(object(found.metadata).name) ?? '';
}

export function labelsOf(found: Json): Readonly<Record<string, string>> {
  return strings(object(found.metadata).labels);
}

/** Annotations, as messages may repeat them: unlike names and labels they can hold any text. */
export function annotationsOf(found: Json): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(strings(object(found.metadata).annotations)).map(([key, value]) => [key, shown(value)]));
}

/** Something that makes pods, or a pod that none of these made. */
export interface PodMaker {
  readonly kind: string;
  readonly title: string;
  /** The pod as it is or will be: metadata and spec. */
  readonly template: Json;
  readonly serviceAccount: string;
  /** True for a pod or a job that runs no more. */
  readonly ended: boolean;
}

/** Where each kind keeps its pod template. Source: Kubernetes API reference, apps/v1 and batch/v1. */
const templates: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  Job: ['spec', 'template'],
  Pod: [],
};

/**
 * Everything in a namespace that makes pods, by its template. Pods and jobs that something listed controls are left out: its template speaks
 * for them. Those of any other controller are judged themselves.
 */
export function podMakers({ name: namespace, objects: listed }: NamespaceFacts): Gathered<PodMaker> {
  const { found, unread } = gather(listed, Object.keys(templates), (raw, kind) => ({ raw, kind }));
  const present = new Set(found.map(({ raw, kind }) => `${kind}/${nameIn(raw)}`));
  const own = found.filter(({ raw }) => !present.has(controllerOf(raw)));
  return { found: own.map(({ raw, kind }) => maker(raw, kind, namespace)), unread };
}

function maker(raw: Json, kind: string, namespace: string): PodMaker {
  const template = (templates[kind] ?? []).reduce<Json>((at, part) => object(at[part]), raw);
  const spec = object(template.spec);
  // An account that is not named is `default`. Source: Kubernetes docs, service accounts for pods.
  const serviceAccount = text(spec.serviceAccountName) ?? text(spec.serviceAccount) ?? 'default';
  return { kind, title: titleOf(kind, nameIn(raw), namespace), template, serviceAccount, ended: hasEnded(raw, kind) };
}

function hasEnded({ status }: Json, kind: string): boolean {
  const { phase, conditions } = object(status);
  if (kind === 'Pod') return phase === 'Succeeded' || phase === 'Failed';
  return kind === 'Job' && objects(conditions).some(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True');
}

/**
 * What controls an object, as `kind/name`; a Deployment follows from the name of its ReplicaSet. Source: kubernetes pkg/controller/deployment
 * (`<name>-<pod-template-hash>`).
 */
function controllerOf(raw: Json): string {
  const owner = objects(object(raw.metadata).ownerReferences).find(({ controller }) => controller === true);
  const name = text(owner?.name) ?? '';
  const hash = `-${labelsOf(raw)['pod-template-hash'] ?? ''}`;
  if (owner?.kind === 'ReplicaSet' && hash !== '-' && name.endsWith(hash)) return `Deployment/${name.slice(0, -hash.length)}`;
  return `${text(owner?.kind) ?? ''}/${name}`;
}

/** All containers of a pod, also those that run first or were added to look into it. */
export function containersOf({ template }: Pick<PodMaker, 'template'>): readonly Json[] {
  const spec = object(template.spec);
  return [...objects(spec.initContainers), ...objects(spec.containers), ...objects(spec.ephemeralContainers)];
}

/** Judges a namespace in which pods run or will; one without any has nothing to protect yet. */
export function wherePodsRun(facts: NamespaceFacts, judge: () => Verdicts): Verdicts {
  const { found, unread } = podMakers(facts);
  return found.length > 0 ? judge() : judged([], unread, noPods);
}

export function noPods(): Verdict {
  return notApplicable('the namespace has no pods and nothing that makes them');
}
