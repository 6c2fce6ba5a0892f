import { copy, ensure, itemsAt, textAt, type Fields, type KubernetesObject } from '../objects/values.js';
import type { ControlContext, ImageBehaviour } from './control-context.js';

type Stage = 'creating' | 'pullError' | 'pullBackOff' | 'running' | 'crashing' | 'succeeded' | 'failed';

interface Life {
  readonly started: number;
  stage: Stage | undefined;
}

/** Scheduler and kubelet in one: gives pods a node and lets their containers start, fail or end as time passes. */
export class PodLifecycle {
  readonly #lives = new Map<string, Life>();

  constructor(private readonly context: ControlContext) {}

  run(): void {
    const { context } = this;
    const nodes = context.list('Node');
    const alive = new Set<string>();
    context.list('Pod').forEach((pod, index) => {
      const uid = pod.metadata.uid ?? '';
      alive.add(uid);
      const node = nodes[index % Math.max(1, nodes.length)];
      if (node === undefined && textAt(pod, 'spec', 'nodeName') === '') return;
      this.#advance(pod, uid, node?.metadata.name ?? '');
    });
    for (const uid of this.#lives.keys()) if (!alive.has(uid)) this.#lives.delete(uid);
  }

  #advance(pod: KubernetesObject, uid: string, node: string): void {
    const life = this.#lives.get(uid) ?? { started: this.context.clock.monotonic(), stage: undefined };
    this.#lives.set(uid, life);
    const failing = this.#failing(pod);
    const stage = this.#stage(pod, life.started, failing);
    if (stage === life.stage) return;
    life.stage = stage;
    const placed = textAt(pod, 'spec', 'nodeName') === '' ? this.#place(pod, node) : pod;
    this.context.setStatus(placed, this.#status(placed, stage, failing));
  }

  #place(pod: KubernetesObject, node: string): KubernetesObject {
    const draft = copy(pod);
    ensure(draft, 'spec').nodeName = node;
    return this.context.store.put(this.context.kinds.named('Pod'), draft);
  }

  #failing(pod: KubernetesObject): ImageBehaviour | undefined {
    const images = [...itemsAt(pod, 'spec', 'initContainers'), ...itemsAt(pod, 'spec', 'containers')].map((container) => textAt(container, 'image'));
    return this.context.images.find((rule) => images.some((image) => rule.image.test(image)));
  }

  #stage(pod: KubernetesObject, started: number, failing: ImageBehaviour | undefined): Stage {
    const step = this.context.rolloutMs;
    const forever = textAt(pod, 'spec', 'restartPolicy') === 'Always';
    if (failing !== undefined && failing.reason !== 'crash') {
      if (!this.context.reached(started + step / 2)) return 'creating';
      return this.context.reached(started + step) ? 'pullBackOff' : 'pullError';
    }
    if (!this.context.reached(started + step)) return 'creating';
    if (failing !== undefined) return textAt(pod, 'spec', 'restartPolicy') === 'Never' ? 'failed' : 'crashing';
    return !forever && this.context.reached(started + 2 * step) ? 'succeeded' : 'running';
  }

  #status(pod: KubernetesObject, stage: Stage, failing: ImageBehaviour | undefined): Fields {
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
      conditions: this.context.conditions(pod, conditions),
      hostIP: '10.224.0.4',
      ...(phase === 'Running' ? { podIP: address, podIPs: [{ ip: address }] } : {}),
      startTime: textAt(old, 'startTime') || this.context.time(),
      containerStatuses: itemsAt(pod, 'spec', 'containers').map((container) => this.#container(container, stage, failing)),
      qosClass: 'BestEffort',
    };
  }

  #container(container: Fields, stage: Stage, failing: ImageBehaviour | undefined): Fields {
    const image = textAt(container, 'image');
    const startedAt = this.context.time();
    const ended = (exitCode: number, reason: string): Fields => ({ terminated: { exitCode, reason, startedAt, finishedAt: startedAt } });
    const blamed = failing?.image.test(image) === true;
    const waiting = (reason: string, message: string): Fields => ({ waiting: { reason, ...(message === '' ? {} : { message }) } });
    const states: Record<Stage, Fields> = {
      creating: waiting('ContainerCreating', ''),
      pullError: blamed ? waiting(failing.reason, failing.message) : waiting('ContainerCreating', ''),
      pullBackOff: blamed ? waiting('ImagePullBackOff', `Back-off pulling image "${image}"`) : { running: { startedAt } },
      running: { running: { startedAt } },
      crashing: blamed ? waiting('CrashLoopBackOff', `back-off 10s restarting failed container=${textAt(container, 'name')}`) : { running: { startedAt } },
      succeeded: ended(0, 'Completed'),
      failed: ended(1, 'Error'),
    };
    const crashed = stage === 'crashing' && blamed;
    const ready = stage === 'running' || (!blamed && (stage === 'crashing' || stage === 'pullBackOff'));
    return { name: container.name, image, imageID: '', ready, started: ready, restartCount: crashed ? 1 : 0, state: states[stage], lastState: crashed ? ended(1, 'Error') : {} };
  }
}
