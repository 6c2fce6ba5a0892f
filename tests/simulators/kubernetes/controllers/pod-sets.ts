import { safeHash } from '../objects/identifiers.js';
import { ApiError } from '../objects/status.js';
import { copy, fieldsAt, itemsAt, mapAt, numberAt, textAt, type Fields, type KubernetesObject } from '../objects/values.js';
import { counts, isFinished, isReady, podFrom, type ControlContext } from './control-context.js';

/** Creates a pod for a controller; undefined when admission refuses it, with the condition that tells why. */
function tryCreate(context: ControlContext, pod: KubernetesObject): Fields | undefined {
  try {
    context.create('Pod', pod);
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: error.message };
  }
}

/** ReplicaSets: as many pods as wanted, made from the set's own template. */
export function runReplicaSets(context: ControlContext): void {
  for (const set of context.list('ReplicaSet').filter((each) => each.metadata.deletionTimestamp === undefined)) {
    const wanted = numberAt(set, ['spec', 'replicas'], 1);
    const pods = context.controlled('Pod', set).filter((pod) => !isFinished(pod));
    const surplus = [...pods].sort((left, right) => Number(isReady(left)) - Number(isReady(right))).slice(0, Math.max(0, pods.length - wanted));
    for (const pod of surplus) context.remove(pod);
    let failure: Fields | undefined;
    for (let missing = wanted - pods.length; missing > 0 && failure === undefined; missing -= 1) failure = tryCreate(context, podFrom(set, {}));
    const now = context.controlled('Pod', set).filter((pod) => !isFinished(pod));
    const ready = now.filter(isReady).length;
    context.setStatus(set, {
      replicas: now.length,
      ...counts({ fullyLabeledReplicas: now.length, readyReplicas: ready, availableReplicas: ready }),
      observedGeneration: set.metadata.generation ?? 1,
      ...(failure === undefined ? {} : { conditions: context.conditions(set, [failure]) }),
    });
  }
}

/** The hash of a template as controller-revision-hash carries it. */
function revisionOf(owner: KubernetesObject): string {
  return safeHash(JSON.stringify(fieldsAt(owner, 'spec', 'template')), 10);
}

/** StatefulSets: pods with ordinals, made and replaced one after another. */
export function runStatefulSets(context: ControlContext): void {
  for (const set of context.list('StatefulSet').filter((each) => each.metadata.deletionTimestamp === undefined)) {
    const wanted = numberAt(set, ['spec', 'replicas'], 1);
    const revision = `${set.metadata.name}-${revisionOf(set)}`;
    const pods = context.controlled('Pod', set);
    const ordinal = (pod: KubernetesObject): number => Number(pod.metadata.name.slice(set.metadata.name.length + 1));
    for (const pod of pods.filter((each) => ordinal(each) >= wanted)) context.remove(pod);
    const kept = pods.filter((pod) => ordinal(pod) < wanted);
    const parallel = textAt(set, 'spec', 'podManagementPolicy') === 'Parallel';
    const mayCreate = parallel || kept.every(isReady);
    for (let index = 0; index < wanted && mayCreate; index += 1) {
      const name = `${set.metadata.name}-${index}`;
      if (kept.some((pod) => pod.metadata.name === name)) continue;
      tryCreate(context, withClaims(context, set, index, podFrom(set, { 'controller-revision-hash': revision, 'statefulset.kubernetes.io/pod-name': name, 'apps.kubernetes.io/pod-index': String(index) }, name)));
      if (!parallel) break;
    }
    const onDelete = textAt(set, 'spec', 'updateStrategy', 'type') === 'OnDelete';
    const partition = numberAt(set, ['spec', 'updateStrategy', 'rollingUpdate', 'partition'], 0);
    const outdated = kept.filter((pod) => pod.metadata.labels?.['controller-revision-hash'] !== revision && ordinal(pod) >= partition);
    const stuck = outdated.find((pod) => !isReady(pod));
    const last = stuck ?? outdated.sort((left, right) => ordinal(right) - ordinal(left))[0];
    if (!onDelete && last !== undefined && (stuck !== undefined || (kept.length === wanted && kept.every(isReady)))) context.remove(last);
    reportStatefulSet(context, set, revision, wanted);
  }
}

/** The pod with its volumes from the claim templates; the claims are made where they are missing, and nobody removes them with the set. */
function withClaims(context: ControlContext, set: KubernetesObject, index: number, pod: KubernetesObject): KubernetesObject {
  const namespace = set.metadata.namespace ?? '';
  const volumes = itemsAt(set, 'spec', 'volumeClaimTemplates').map((template) => {
    const name = textAt(template, 'metadata', 'name');
    const claimName = `${name}-${set.metadata.name}-${index}`;
    if (!context.list('PersistentVolumeClaim', namespace).some(({ metadata }) => metadata.name === claimName)) {
      const labels = { ...mapAt(template, 'metadata', 'labels'), ...mapAt(set, 'spec', 'selector', 'matchLabels') };
      context.create('PersistentVolumeClaim', { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: claimName, namespace, labels }, spec: copy(fieldsAt(template, 'spec')) });
    }
    return { name, persistentVolumeClaim: { claimName } };
  });
  const others = itemsAt(pod, 'spec', 'volumes').filter(({ name }) => !volumes.some((volume) => volume.name === name));
  return volumes.length === 0 ? pod : { ...pod, spec: { ...fieldsAt(pod, 'spec'), volumes: [...others, ...volumes] } };
}

function reportStatefulSet(context: ControlContext, set: KubernetesObject, revision: string, wanted: number): void {
  const now = context.controlled('Pod', set);
  const updated = now.filter((pod) => pod.metadata.labels?.['controller-revision-hash'] === revision).length;
  const ready = now.filter(isReady).length;
  const before = textAt(set, 'status', 'currentRevision') || revision;
  const finished = updated === wanted && ready === wanted;
  context.setStatus(set, {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: now.length,
    ...counts({ readyReplicas: ready, currentReplicas: finished || before === revision ? updated : now.length - updated, updatedReplicas: updated }),
    availableReplicas: ready,
    currentRevision: finished ? revision : before,
    updateRevision: revision,
    collisionCount: 0,
  });
}

/** DaemonSets: one pod on each node; outdated pods are replaced at once. */
export function runDaemonSets(context: ControlContext): void {
  const nodes = context.list('Node').map((node) => node.metadata.name);
  for (const set of context.list('DaemonSet').filter((each) => each.metadata.deletionTimestamp === undefined)) {
    const revision = revisionOf(set);
    const isCurrent = (pod: KubernetesObject): boolean => pod.metadata.labels?.['controller-revision-hash'] === revision;
    for (const pod of context.controlled('Pod', set)) {
      if (!isCurrent(pod) || !nodes.includes(textAt(pod, 'spec', 'nodeName'))) context.remove(pod);
    }
    const placed = context.controlled('Pod', set).map((pod) => textAt(pod, 'spec', 'nodeName'));
    for (const node of nodes.filter((name) => !placed.includes(name))) {
      const pod = podFrom(set, { 'controller-revision-hash': revision });
      tryCreate(context, { ...pod, spec: { ...fieldsAt(pod, 'spec'), nodeName: node } });
    }
    const now = context.controlled('Pod', set);
    const ready = now.filter(isReady).length;
    context.setStatus(set, {
      currentNumberScheduled: now.length,
      numberMisscheduled: 0,
      desiredNumberScheduled: nodes.length,
      numberReady: ready,
      observedGeneration: set.metadata.generation ?? 1,
      ...counts({ updatedNumberScheduled: now.length, numberAvailable: ready, numberUnavailable: nodes.length - ready }),
    });
  }
}

/** Jobs: pods until enough of them succeeded, or too many failed. */
export function runJobs(context: ControlContext): void {
  for (const job of context.list('Job').filter((each) => each.metadata.deletionTimestamp === undefined)) {
    const pods = context.controlled('Pod', job);
    const phase = (name: string): number => pods.filter((pod) => textAt(pod, 'status', 'phase') === name).length;
    const completions = numberAt(job, ['spec', 'completions'], 1);
    const [succeeded, failed] = [phase('Succeeded'), phase('Failed')];
    const over = succeeded >= completions ? 'Complete' : failed > numberAt(job, ['spec', 'backoffLimit'], 6) ? 'Failed' : '';
    const active = pods.length - succeeded - failed;
    const room = Math.min(numberAt(job, ['spec', 'parallelism'], 1), completions - succeeded) - active;
    for (let missing = over === '' ? room : 0; missing > 0; missing -= 1) if (tryCreate(context, podFrom(job, {})) !== undefined) break;
    const running = context.controlled('Pod', job).filter((pod) => !isFinished(pod));
    const conditions = {
      '': [],
      Complete: [{ type: 'SuccessCriteriaMet', status: 'True', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }, { type: 'Complete', status: 'True', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }],
      Failed: [{ type: 'FailureTarget', status: 'True', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' }, { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' }],
    }[over];
    context.setStatus(job, {
      ...counts({ active: over === '' ? running.length : 0, succeeded, failed }),
      ready: running.filter(isReady).length,
      startTime: textAt(job, 'status', 'startTime') || context.time(),
      ...(over === 'Complete' ? { completionTime: textAt(job, 'status', 'completionTime') || context.time() } : {}),
      ...(conditions.length === 0 ? {} : { conditions: context.conditions(job, conditions) }),
    });
  }
}
