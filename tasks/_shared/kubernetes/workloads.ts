import type { ClusterConnection } from './connection.js';
import { number, object, objects, strings, text, type Json } from '../fleet/json.js';
import { kinds, metadataOf, nameOf, type ClusterObject, type Metadata, type ObjectRef } from './objects.js';
import { podTemplateOf, serviceAccountOf } from './pod-templates.js';

/** How far the rollout of a workload is. */
export interface Rollout {
  readonly done: boolean;
  /** How many pods it shall have; 0 where somebody, or an autoscaler, scaled it down to none. */
  readonly wanted: number;
  /** `2 of 3 pods ready` */
  readonly text: string;
  /** Pods that were not even made; a controller that may not make them tells why in an event, or a condition. */
  readonly lacking: number;
  /** Why the controller may not make pods, in the API server's words; only deployments tell. */
  readonly refused?: string;
  /** Set when the controller has given up, in its own words. */
  readonly gaveUp?: string;
}

/** A deployment, stateful set or daemon set of a release; also what else makes pods, whose rollout then means nothing. */
export interface Workload {
  readonly ref: ObjectRef;
  readonly title: string;
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  /** Of a daemon set, which of its templates is the newest; undefined for others. */
  readonly templateGeneration: string | undefined;
  readonly serviceAccount: string;
  readonly template: Json;
  /** Labels of the pod template. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** Environment variables that the pod template itself sets, by container. */
  readonly environment: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Selects its pods; not necessarily only its own. */
  readonly selector: string;
  readonly rollout: Rollout;
}

const rolling = [kinds.deployment, kinds.statefulSet, kinds.daemonSet];

/** What the objects of a release are known by. */
export interface Belonging {
  /** What all of them match, and others may. */
  readonly labelSelector: string;
  /** True for what belongs to the release, among what matches. */
  owns(found: ClusterObject): boolean;
}

/** Helm puts its label and two annotations on everything that it makes. Source: helm pkg/action/validate.go, setMetadataVisitor. */
export function ofHelm(namespace: string, release: string): Belonging {
  return { labelSelector: 'app.kubernetes.io/managed-by=Helm', owns: (found) => belongsTo(found, namespace, release) };
}

/** The live workloads of a release. */
export async function workloadsOf(connection: ClusterConnection, namespace: string, release: string, belonging = ofHelm(namespace, release)): Promise<Workload[]> {
  const found = await rollingWorkloads(connection, namespace, belonging.labelSelector);
  return found.flatMap((found) => (belonging.owns(found) ? [workload(found, namespace)] : []));
}

/** Everything in a namespace whose pods are replaced when its template changes. */
export async function rollingWorkloads(connection: ClusterConnection, namespace: string, labelSelector?: string): Promise<readonly ClusterObject[]> {
  return (await Promise.all(rolling.map((kind) => connection.list(kind, namespace, labelSelector)))).flat();
}

/** True for what Helm itself made for a release. Controllers copy annotations on to what they make of it; that is left out. */
function belongsTo(found: ClusterObject, namespace: string, release: string): boolean {
  const { annotations, controller } = metadataOf(found);
  const named = annotations['meta.helm.sh/release-name'] === release && annotations['meta.helm.sh/release-namespace'] === namespace;
  return named && controller === undefined;
}

/** A workload with its pods, those that are being deleted left out. */
export interface PodGroup {
  readonly workload: Workload;
  readonly pods: readonly ClusterObject[];
  /** Those made from the newest template, which alone tell how a rollout goes; a stateful set replaces none while an old one is in trouble, so that all of its pods do. */
  readonly current: readonly ClusterObject[];
}

/** The pods of a workload that are not being deleted, found by selector and then by ownership. */
export async function podsOf(connection: ClusterConnection, namespace: string, of: Workload): Promise<readonly ClusterObject[]> {
  return (await podGroup(connection, namespace, of)).pods;
}

/** A workload with its pods. Source of what marks the newest template: kubernetes pkg/controller/deployment/util (revision), pkg/controller/daemon/util (template generation). */
export async function podGroup(connection: ClusterConnection, namespace: string, of: Workload): Promise<PodGroup> {
  const isDeployment = of.ref.kind === kinds.deployment.kind;
  const [listed, sets] = await Promise.all([connection.list(kinds.pod, namespace, of.selector), isDeployment ? connection.list(kinds.replicaSet, namespace, of.selector) : []]);
  const own = sets.map(metadataOf).filter(({ controller }) => controller === of.uid);
  const owners = new Set([of.uid, ...own.map(({ uid }) => uid)]);
  const pods = listed.filter((pod) => {
    const { controller, deleting } = metadataOf(pod);
    return controller !== undefined && owners.has(controller) && !deleting;
  });
  const newest = Math.max(...own.map(revisionOfSet));
  const uids = new Set(own.filter((set) => revisionOfSet(set) === newest).map(({ uid }) => uid));
  const isCurrent = (pod: ClusterObject): boolean => {
    const { controller, labels } = metadataOf(pod);
    if (isDeployment) return uids.has(controller);
    const generation = labels['pod-template-generation'];
    return generation === undefined || of.templateGeneration === undefined || generation === of.templateGeneration;
  };
  return { workload: of, pods, current: pods.filter(isCurrent) };
}

function revisionOfSet({ annotations }: Metadata): number {
  return Number(annotations['deployment.kubernetes.io/revision'] ?? 0);
}

/** What matters of an object that makes pods, or of a pod. */
export function workload(found: ClusterObject, namespace: string): Workload {
  const { name, uid, generation, annotations } = metadataOf(found);
  const ref = { apiVersion: found.apiVersion, kind: found.kind, namespace, name };
  const spec = object(found.spec);
  const template = podTemplateOf(found) ?? {};
  return {
    ref,
    title: nameOf(ref),
    uid,
    generation,
    templateGeneration: annotations['deprecated.daemonset.template.generation'],
    serviceAccount: serviceAccountOf(template),
    template,
    podLabels: strings(object(template.metadata).labels),
    environment: environmentOf(object(template.spec)),
    selector: selectorText(object(spec.selector)),
    rollout: rolloutOf(found),
  };
}

function environmentOf(podSpec: Json): Record<string, Record<string, string>> {
  const containers = [...objects(podSpec.initContainers), ...objects(podSpec.containers)];
  return Object.fromEntries(
    containers.map((container) => {
      const set = objects(container.env).map((entry) => [text(entry.name) ?? '', text(entry.value) ?? ''] as const);
      return [text(container.name) ?? '', Object.fromEntries(set)];
    }),
  );
}

const operators: Readonly<Record<string, (key: string, values: string) => string>> = {
  In: (key, values) => `${key} in (${values})`,
  NotIn: (key, values) => `${key} notin (${values})`,
  Exists: (key) => key,
  DoesNotExist: (key) => `!${key}`,
};

/** A label selector as list requests take it: `app=api,tier notin (web)`. */
export function selectorText(selector: Json): string {
  const labels = Object.entries(strings(selector.matchLabels)).map(([key, value]) => `${key}=${value}`);
  const expressions = objects(selector.matchExpressions).map((expression) => {
    const values = Array.isArray(expression.values) ? expression.values.map(String).join(',') : '';
    return operators[text(expression.operator) ?? '']?.(text(expression.key) ?? '', values) ?? '';
  });
  return [...labels, ...expressions].filter((part) => part !== '').join(',');
}

/** Source: kubectl rollout status (k8s.io/kubectl pkg/polymorphichelpers/rollout_status.go). */
function rolloutOf(found: ClusterObject): Rollout {
  const spec = object(found.spec);
  const status = object(found.status);
  const count = (field: string): number => number(status[field]) ?? 0;
  if (count('observedGeneration') < (metadataOf(found).generation ?? 0)) return { done: false, wanted: 1, lacking: 0, text: 'its controller has not seen the change yet' };
  if (found.kind === kinds.daemonSet.kind) {
    const wanted = count('desiredNumberScheduled');
    return { ...tally(wanted, count('updatedNumberScheduled'), count('numberReady'), wanted), lacking: Math.max(0, wanted - count('currentNumberScheduled')) };
  }
  const wanted = number(spec.replicas) ?? 1;
  const updated = found.kind === kinds.statefulSet.kind && status.currentRevision === status.updateRevision ? count('replicas') : count('updatedReplicas');
  const conditions = objects(status.conditions);
  const gaveUp = conditions.find(({ type, status: is, reason }) => type === 'Progressing' && is === 'False' && reason === 'ProgressDeadlineExceeded');
  const refused = text(conditions.find(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True')?.message);
  const figures = tally(wanted, updated, count('readyReplicas'), count('replicas'));
  return {
    ...figures,
    ...(refused === undefined ? {} : { refused }),
    ...(gaveUp === undefined ? {} : { gaveUp: text(gaveUp.message) ?? 'ProgressDeadlineExceeded' }),
  };
}

function tally(wanted: number, updated: number, ready: number, all: number): Rollout {
  const done = updated >= wanted && ready >= wanted && all <= wanted;
  const old = all > wanted ? `, ${all - wanted} to be ended` : '';
  return { done, wanted, lacking: Math.max(0, wanted - all), text: `${updated} of ${wanted} pods updated, ${ready} ready${old}` };
}
