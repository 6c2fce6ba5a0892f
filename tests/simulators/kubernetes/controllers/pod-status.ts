import { createHash } from 'node:crypto';
import { at, fieldsAt, itemsAt, textAt, type Fields, type KubernetesObject } from '../objects/values.js';
import { containersOf } from '../writing/identity-webhook.js';
import type { ImageBehaviour, PodEnd } from './control-context.js';

/** Where a pod is in its life. */
export type PodStage = 'unscheduled' | 'creating' | 'pullError' | 'pullBackOff' | 'running' | 'crashing' | 'succeeded' | 'failed';

/** What the containers of a pod came to. */
export interface ContainerFate {
  /** The rule by which one of them fails; undefined when all can run. */
  readonly failing?: ImageBehaviour | undefined;
  /** How their program ended; undefined where nothing runs it. */
  readonly end?: PodEnd | undefined;
}

/** What a status says of time. */
export interface StatusTime {
  /** RFC 3339, with whole seconds. */
  readonly time: string;
  /** Gives conditions their times. */
  conditions(wanted: readonly Fields[]): Fields[];
}

/** The first rule that says how an image of the pod fails; undefined when all its containers can run. */
export function failingImage<Rule extends { readonly image: RegExp; readonly when?: (pod: KubernetesObject) => boolean }>(pod: KubernetesObject, rules: readonly Rule[]): Rule | undefined {
  const images = containersOf(fieldsAt(pod, 'spec')).map((container) => textAt(container, 'image'));
  return rules.find((rule) => rule.when?.(pod) !== false && images.some((image) => rule.image.test(image)));
}

/** The status that a kubelet gives a pod in a stage of its life. */
export function podStatus(pod: KubernetesObject, stage: PodStage, what: ContainerFate, now: StatusTime): Fields {
  if (stage === 'unscheduled') return { phase: 'Pending', conditions: now.conditions([{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: what.failing?.message ?? '' }]), qosClass: qualityOf(pod) };
  const ready = stage === 'running';
  const done = stage === 'succeeded' || stage === 'failed';
  const phase = { creating: 'Pending', pullError: 'Pending', pullBackOff: 'Pending', running: 'Running', crashing: 'Running', succeeded: 'Succeeded', failed: 'Failed' }[stage];
  const unready = done ? { reason: stage === 'succeeded' ? 'PodCompleted' : 'PodFailed' } : { reason: 'ContainersNotReady', message: `containers with unready status: [${itemsAt(pod, 'spec', 'containers').map((container) => textAt(container, 'name')).join(' ')}]` };
  const state = (holds: boolean): Fields => (holds ? { status: 'True' } : { status: 'False', ...unready });
  const conditions = [
    { type: 'Initialized', status: 'True' },
    { type: 'Ready', ...state(ready) },
    { type: 'ContainersReady', ...state(ready) },
    { type: 'PodScheduled', status: 'True' },
  ];
  const address = `10.244.0.${(Number.parseInt((pod.metadata.uid ?? '0').slice(0, 2), 16) % 250) + 2}`;
  const old = pod.status;
  return {
    phase,
    conditions: now.conditions(conditions),
    hostIP: '10.224.0.4',
    ...(phase === 'Running' ? { podIP: address, podIPs: [{ ip: address }] } : {}),
    startTime: textAt(old, 'startTime') || now.time,
    containerStatuses: itemsAt(pod, 'spec', 'containers').map((container) => containerStatus(container, stage, what, now.time)),
    qosClass: qualityOf(pod),
  };
}

/** The QoS class of a pod. Source: Kubernetes docs, pod quality of service classes. The API server refuses a status that says otherwise. */
export function qualityOf(pod: KubernetesObject): string {
  const resources = containersOf(fieldsAt(pod, 'spec')).map((container) => fieldsAt(container, 'resources'));
  if (resources.every(({ requests, limits }) => requests === undefined && limits === undefined)) return 'BestEffort';
  const whole = (values: Fields): boolean => ['cpu', 'memory'].every((name) => at(values, 'limits', name) !== undefined && (at(values, 'requests', name) ?? at(values, 'limits', name)) === at(values, 'limits', name));
  return resources.every(whole) ? 'Guaranteed' : 'Burstable';
}

function containerStatus(container: Fields, stage: Exclude<PodStage, 'unscheduled'>, { failing, end }: ContainerFate, startedAt: string): Fields {
  const said = end === undefined ? {} : { exitCode: end.exitCode, message: end.message };
  const image = textAt(container, 'image');
  const ended = (exitCode: number, reason: string): Fields => ({ terminated: { exitCode, reason, startedAt, finishedAt: startedAt, ...said } });
  const blamed = failing?.image.test(image) === true;
  const waiting = (reason: string, message: string): Fields => ({ waiting: { reason, ...(message === '' ? {} : { message }) } });
  const states: Record<Exclude<PodStage, 'unscheduled'>, Fields> = {
    creating: waiting('ContainerCreating', ''),
    pullError: blamed ? waiting(failing.reason, failing.message) : waiting('ContainerCreating', ''),
    pullBackOff: blamed ? waiting('ImagePullBackOff', `Back-off pulling image "${image}"`) : { running: { startedAt } },
    running: { running: { startedAt } },
    crashing: blamed ? waiting('CrashLoopBackOff', `back-off 10s restarting failed container=${textAt(container, 'name')}`) : { running: { startedAt } },
    succeeded: ended(0, 'Completed'),
    failed: ended(1, 'Error'),
  };
  const pulled = stage !== 'creating' && !(blamed && (stage === 'pullError' || stage === 'pullBackOff'));
  const crashed = stage === 'crashing' && blamed;
  const ready = stage === 'running' || (!blamed && (stage === 'crashing' || stage === 'pullBackOff'));
  return { name: container.name, image, imageID: pulled ? imageId(image) : '', ready, started: ready, restartCount: crashed ? 1 : 0, state: states[stage], lastState: crashed ? ended(1, 'Error') : {} };
}

/** What a container runtime knows an image by. */
function imageId(image: string): string {
  return `sha256:${createHash('sha256').update(image).digest('hex')}`;
}
