import { Refusal, type HttpsClient } from './https-client.js';
import type { JobScripts } from './job-scripts.js';
import type { ImageBehaviour } from '../simulators/kubernetes/controllers/control-context.js';
import { failingImage, podStatus, type PodStage } from '../simulators/kubernetes/controllers/pod-status.js';
import { controllerOf, isObject, itemsAt, textAt, textsAt, timestamp, type Fields, type KubernetesObject } from '../simulators/kubernetes/objects/values.js';

/** How images behave that are not like the others. */
export interface ImageRules {
  /** Images that cannot be pulled, crash, or find no node. */
  readonly failing: ImageBehaviour[];
  /** Images that take this long to become ready. Milliseconds. */
  readonly slow: { readonly image: RegExp; readonly readyMs: number }[];
}

interface Life {
  readonly started: number;
  stage: PodStage | undefined;
  /** The node, once the pod is bound. */
  node: string;
}

const lookMs = 100;
const merge = 'application/merge-patch+json';

/**
 * Scheduler and kubelet in one, for an API server whose nodes do not exist: gives pods a node, writes the status that they would have, and lets those
 * go that were deleted. It runs no containers, but for the scripts of jobs. What statuses look like is the simulator's own code.
 */
export class Kubelet {
  readonly rules: ImageRules = { failing: [], slow: [] };
  readonly #lives = new Map<string, Life>();
  #timer: NodeJS.Timeout | undefined;
  #pass: Promise<void> = Promise.resolve();

  constructor(
    private readonly server: HttpsClient,
    private readonly nodes: readonly string[],
    private readonly rolloutMs: number,
    private readonly scripts: JobScripts,
  ) {}

  start(): void {
    const next = (): void => {
      this.#timer = setTimeout(() => {
        // While the API server is away there is nothing to do.
        this.#pass = this.#look().catch(() => undefined).then(() => {
          if (this.#timer !== undefined) next();
        });
      }, lookMs);
    };
    next();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#pass;
    await this.scripts.stop();
  }

  async #look(): Promise<void> {
    const { items } = await this.server.json('GET', '/api/v1/pods');
    const pods = (Array.isArray(items) ? items : []).map((item: Fields) => ({ ...item, apiVersion: 'v1', kind: 'Pod' })).filter(isObject);
    const alive = new Set(pods.map(({ metadata }) => metadata.uid ?? ''));
    for (const uid of this.#lives.keys()) if (!alive.has(uid)) this.#lives.delete(uid);
    await Promise.all(pods.map((pod, index) => this.#advance(pod, index).catch(ignoreRefusal)));
  }

  async #advance(pod: KubernetesObject, index: number): Promise<void> {
    const { name, namespace = '', uid = '', deletionTimestamp } = pod.metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    if (deletionTimestamp !== undefined) {
      await this.scripts.end(uid);
      await this.server.json('DELETE', path, { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } });
      return;
    }
    const life = this.#lives.get(uid) ?? { started: performance.now(), stage: undefined, node: textAt(pod, 'spec', 'nodeName') };
    this.#lives.set(uid, life);
    const stage = this.#stage(pod, life);
    if (life.node === '' && stage !== 'unscheduled') {
      const node = wantedNode(pod) ?? this.nodes[index % this.nodes.length] ?? '';
      await this.server.json('POST', `${path}/binding`, { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace }, target: { apiVersion: 'v1', kind: 'Node', name: node } });
      life.node = node;
    }
    if (stage === 'running' && controllerOf(pod)?.kind === 'Job') this.scripts.begin(pod);
    if (stage === life.stage) return;
    await this.server.json('PATCH', `${path}/status`, { status: this.#status(pod, stage) }, merge);
    life.stage = stage;
  }

  #stage(pod: KubernetesObject, { started, node }: Life): PodStage {
    const failing = failingImage(pod, this.rules.failing);
    if (failing?.reason === 'hold' && node === '') return 'unscheduled';
    const step = failingImage(pod, this.rules.slow)?.readyMs ?? this.rolloutMs;
    const age = performance.now() - started;
    if (failing !== undefined && failing.reason !== 'crash') return age < step / 2 ? 'creating' : age < step ? 'pullError' : 'pullBackOff';
    if (age < step) return 'creating';
    const policy = textAt(pod, 'spec', 'restartPolicy');
    if (failing !== undefined) return policy === 'Never' ? 'failed' : 'crashing';
    if (policy === 'Always') return 'running';
    const ended = this.scripts.result(pod);
    if (ended !== undefined) return ended === 'running' ? 'running' : ended.exitCode === 0 ? 'succeeded' : 'failed';
    return age < 2 * step ? 'running' : 'succeeded';
  }

  #status(pod: KubernetesObject, stage: PodStage): Fields {
    const time = timestamp(new Date());
    const conditions = (wanted: readonly Fields[]): Fields[] => wanted.map((condition) => ({ ...condition, lastTransitionTime: time }));
    const ended = this.scripts.result(pod);
    return podStatus(pod, stage, { failing: failingImage(pod, this.rules.failing), end: ended === 'running' ? undefined : ended }, { time, conditions });
  }
}

/** The node that a daemon set's pod is for. Source: Kubernetes docs, DaemonSet, how daemon pods are scheduled. */
function wantedNode(pod: KubernetesObject): string | undefined {
  const required = pod.spec as { affinity?: { nodeAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: object } } } | undefined;
  const terms = itemsAt(required?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution, 'nodeSelectorTerms');
  const fields = terms.flatMap((term) => itemsAt(term, 'matchFields')).filter(({ key }) => key === 'metadata.name');
  return fields.flatMap((field) => textsAt(field, 'values'))[0];
}

/** A pod that is gone meanwhile, or was written by somebody else, is looked at again in the next pass. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof Refusal)) throw error;
}
