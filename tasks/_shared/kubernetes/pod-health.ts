import { number, object, objects, text, type Json } from '../fleet/json.js';
import { metadataOf, type ClusterObject } from './objects.js';

/** Why a pod does not run. */
export interface PodTrouble {
  readonly pod: string;
  /** Absent when the pod has no node yet. */
  readonly container?: string;
  /** Kubernetes' own word: `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, … */
  readonly reason: string;
  readonly message: string;
  /** True when waiting does not help. */
  readonly lasting: boolean;
}

/** Waiting reasons that a container does not get out of by itself, or that say it has been tried repeatedly. */
const lasting = new Set(['ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'CreateContainerConfigError', 'CrashLoopBackOff']);
/** Waiting reasons of a container that is on its way. */
const ordinary = new Set(['ContainerCreating', 'PodInitializing']);

/** What keeps a pod from running; empty when nothing does. */
export function troublesOf(pod: ClusterObject): PodTrouble[] {
  const { name } = metadataOf(pod);
  const status = object(pod.status);
  const unscheduled = objects(status.conditions).find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  if (unscheduled !== undefined) {
    const reason = text(unscheduled.reason) ?? 'Unschedulable';
    return [{ pod: name, reason, message: text(unscheduled.message) ?? '', lasting: false }];
  }
  const containers = [...objects(status.initContainerStatuses), ...objects(status.containerStatuses)];
  return containers.flatMap((container) => {
    const waiting = object(object(container.state).waiting);
    const reason = text(waiting.reason);
    if (reason === undefined || ordinary.has(reason)) return [];
    const message = text(waiting.message) ?? lastEnd(container);
    return [{ pod: name, container: text(container.name) ?? '', reason, message, lasting: lasting.has(reason) }];
  });
}

/** One clause per trouble: `pod a container b: ImagePullBackOff (…)`. */
export function describeTroubles(troubles: readonly PodTrouble[]): string {
  const clauses = troubles.map(({ pod, container, reason, message }) => {
    const where = container === undefined ? `pod ${pod}` : `pod ${pod} container ${container}`;
    return `${where}: ${reason}${message === '' ? '' : ` (${message})`}`;
  });
  return clauses.join('; ');
}

/** True when the pod's containers run. */
export function isRunning(pod: ClusterObject): boolean {
  return text(object(pod.status).phase) === 'Running';
}

function lastEnd(container: Json): string {
  const ended = object(object(container.lastState).terminated);
  const code = number(ended.exitCode);
  return code === undefined ? '' : `${text(ended.reason) ?? 'ended'}, exit code ${code}, ${number(container.restartCount) ?? 0} restarts`;
}
