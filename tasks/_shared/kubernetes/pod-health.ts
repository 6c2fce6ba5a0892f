import { number, object, objects, text, type Json } from '../fleet/json.js';
import { metadataOf, type ClusterObject } from './objects.js';

/** Why a pod does not run, or is not made at all. */
export interface PodTrouble {
  /** Equal for one container, or one object without containers, as long as it is in trouble. */
  readonly key: string;
  /** `pod api-7d…`, `stateful set orders/db` */
  readonly subject: string;
  /** What events tell of it; absent where nothing has a uid. */
  readonly uid?: string;
  /** Absent when the pod has no node yet, or does not exist. */
  readonly container?: { readonly pod: string; readonly name: string; readonly restarts: number };
  /** Kubernetes' own word: `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, `FailedCreate`, … */
  readonly reason: string;
  readonly message: string;
  /** How long it has to be in trouble until waiting counts as useless; Infinity where it may always pass. Milliseconds. */
  readonly graceMs: number;
}

const minute = 60_000;

/**
 * How long each trouble may last before waiting counts as useless. What the kubelet can never do counts at once. Images and configuration may come a moment after
 * the pod (a pull right that begins to act, a Secret of the same release), and programs crash until what they need is there. A cluster autoscaler
 * takes minutes to add a node. Source of the words: kubernetes pkg/kubelet/images, pkg/kubelet/kuberuntime, pkg/kubelet/container.
 */
const graces: Readonly<Record<string, number>> = {
  InvalidImageName: 0,
  ErrImageNeverPull: 0,
  ErrImagePull: 2 * minute,
  ImagePullBackOff: 2 * minute,
  ImageInspectError: 2 * minute,
  CreateContainerConfigError: 2 * minute,
  CreateContainerError: 2 * minute,
  RunContainerError: 2 * minute,
  CrashLoopBackOff: 3 * minute,
};
/** For pods that admission, a quota or a webhook refuses: the next try may be allowed, once old pods are gone. Milliseconds. */
export const refusalGraceMs = 2 * minute;
/** For pods without a node. Milliseconds. */
const schedulingGraceMs = 5 * minute;
/** So many crashes count at once: the kubelet has waited minutes between them. */
const crashes = 5;
/** Waiting reasons of a container that is on its way. */
const ordinary = new Set(['ContainerCreating', 'PodInitializing']);

/** What keeps a pod from running; empty when nothing does. */
export function troublesOf(pod: ClusterObject): PodTrouble[] {
  const { name, uid = name } = metadataOf(pod);
  const subject = `pod ${name}`;
  const status = object(pod.status);
  const unscheduled = objects(status.conditions).find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  if (unscheduled !== undefined) {
    const reason = text(unscheduled.reason) ?? 'Unschedulable';
    return [{ key: uid, uid, subject, reason, message: text(unscheduled.message) ?? '', graceMs: schedulingGraceMs }];
  }
  return containersOf(pod).flatMap((container) => {
    const waiting = object(object(container.state).waiting);
    const reason = text(waiting.reason);
    if (reason === undefined || ordinary.has(reason)) return [];
    const own = text(container.name) ?? '';
    const restarts = number(container.restartCount) ?? 0;
    const message = reason === 'CrashLoopBackOff' ? [text(waiting.message), lastEnd(container)].filter((part) => part !== undefined && part !== '').join('; ') : (text(waiting.message) ?? lastEnd(container));
    const graceMs = reason === 'CrashLoopBackOff' && restarts >= crashes ? 0 : (graces[reason] ?? Infinity);
    return [{ key: `${uid}/${own}`, uid, subject, container: { pod: name, name: own, restarts }, reason, message, graceMs }];
  });
}

/** Keys of the containers of a pod that are well: what they were in trouble with is over. */
export function recovered(pod: ClusterObject): string[] {
  const { name, uid = name } = metadataOf(pod);
  const scheduled = object(pod.spec).nodeName === undefined ? [] : [uid];
  return [...scheduled, ...containersOf(pod).filter(({ ready }) => ready === true).map((container) => `${uid}/${text(container.name) ?? ''}`)];
}

/** One clause per trouble: `pod a container b: ImagePullBackOff (…)`. */
export function describeTroubles(troubles: readonly PodTrouble[]): string {
  const clauses = troubles.map(({ subject, container, reason, message }) => {
    const where = container === undefined ? subject : `${subject} container ${container.name}`;
    return `${where}: ${reason}${message === '' ? '' : ` (${message})`}`;
  });
  return clauses.join('; ');
}

/** True when the pod's containers run. */
export function isRunning(pod: ClusterObject): boolean {
  return text(object(pod.status).phase) === 'Running';
}

function containersOf(pod: ClusterObject): Json[] {
  const status = object(pod.status);
  return [...objects(status.initContainerStatuses), ...objects(status.containerStatuses)];
}

function lastEnd(container: Json): string {
  const ended = object(object(container.lastState).terminated);
  const code = number(ended.exitCode);
  return code === undefined ? '' : `${text(ended.reason) ?? 'ended'}, exit code ${code}, ${number(container.restartCount) ?? 0} restarts`;
}
