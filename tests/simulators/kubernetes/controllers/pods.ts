import { copy, ensure, textAt, type KubernetesObject } from '../objects/values.js';
import type { ControlContext, ImageBehaviour } from './control-context.js';
import { failingImage, podStatus, type PodStage } from './pod-status.js';

interface Life {
  readonly started: number;
  stage: PodStage | undefined;
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
    const placed = stage !== 'unscheduled' && textAt(pod, 'spec', 'nodeName') === '' ? this.#place(pod, node) : pod;
    this.context.setStatus(placed, podStatus(placed, stage, { failing, end: this.context.runOf(placed)?.end }, { time: this.context.time(), conditions: (wanted) => this.context.conditions(placed, wanted) }));
  }

  #place(pod: KubernetesObject, node: string): KubernetesObject {
    const draft = copy(pod);
    ensure(draft, 'spec').nodeName = node;
    return this.context.store.put(this.context.kinds.named('Pod'), draft);
  }

  #failing(pod: KubernetesObject): ImageBehaviour | undefined {
    return failingImage(pod, this.context.images);
  }

  #stage(pod: KubernetesObject, started: number, failing: ImageBehaviour | undefined): PodStage {
    const step = this.context.rolloutMs;
    const forever = textAt(pod, 'spec', 'restartPolicy') === 'Always';
    if (failing?.reason === 'hold' && textAt(pod, 'spec', 'nodeName') === '') return 'unscheduled';
    if (failing !== undefined && failing.reason !== 'crash') {
      if (!this.context.reached(started + step / 2)) return 'creating';
      return this.context.reached(started + step) ? 'pullBackOff' : 'pullError';
    }
    if (!this.context.reached(started + step)) return 'creating';
    if (failing !== undefined) return textAt(pod, 'spec', 'restartPolicy') === 'Never' ? 'failed' : 'crashing';
    const run = this.context.runOf(pod);
    if (run !== undefined) return run.end === undefined ? 'running' : run.end.exitCode === 0 ? 'succeeded' : 'failed';
    return !forever && this.context.reached(started + 2 * step) ? 'succeeded' : 'running';
  }
}
