import { canLand, type LandingPlace } from '../fleet/node-landing.js';
import { object, objects, text, type Json } from '../fleet/json.js';
import { attempt } from '../reconcile/attempt.js';
import type { Clock } from '../reconcile/clock.js';
import { Limiter } from '../reconcile/limits.js';
import { toProblem, type Problem } from '../reconcile/problem.js';
import type { Permission, Writer } from '../reconcile/resource.js';
import { until, type Attempt } from '../reconcile/retry.js';
import type { ClusterConnection } from './connection.js';
import { kinds, metadataOf, pathOf, type ClusterObject, type ObjectRef } from './objects.js';
import { rights } from './permissions.js';
import { describeTroubles } from './pod-health.js';
import { pullProblems, type PullProblems } from './pull-problems.js';
import { hasPulled, isCached, poolOf, pullPod, pullPodRef, pullSecretsOf, pullSelector, turnedAway } from './pull-pod.js';
import { TroubleWatch } from './trouble-watch.js';

/** What a pull is rehearsed with. */
export interface PullSettings {
  readonly connection: ClusterConnection;
  readonly clock: Clock;
  readonly namespace: string;
  readonly release: string;
  readonly serviceAccount: string;
  /** That no node has yet. */
  readonly image: string;
  /** Names of the Secrets that images are pulled without from now on. */
  readonly without: readonly string[];
  readonly timeoutMs: number;
}

/** What the pull has to succeed for. */
export interface PullWanted {
  /** Pod templates of the workload, as they will be. At least one. */
  readonly templates: readonly Json[];
  /** True where the service account loses one of the Secrets together with the pods, and so has it still. */
  readonly accountLoses: boolean;
  /** The node pools that the cluster has in Azure. */
  readonly pools: readonly (LandingPlace & { readonly pool: string })[];
}

/** One pull: of a pool, on one of its nodes. */
interface Trial {
  readonly pool: string;
  readonly node: string;
  readonly pullSecrets: readonly string[];
}

const looks = { firstWaitMs: 1_000, longestWaitMs: 5_000 };
/** How long a deleted pod may take to go. Milliseconds. */
const goneMs = 60_000;
/** Pods at a time. */
const podsAtATime = 10;
/**
 * A Secret that there is not. A pod that names a Secret gets none of its service account's, and the kubelet pulls without what it does not find. Sources: kubernetes
 * plugin/pkg/admission/serviceaccount; pkg/kubelet/kubelet_pods.go, getPullSecretsForPod.
 */
const none = 'wi-pull-no-secret';

/**
 * Pulls an image without some Secrets on a node of every pool that a workload can land on, before they are taken away from it. Each pull is a pod that is removed again
 * however it ends; those that a killed run left are removed first.
 */
export class PullRehearsal {
  readonly #problems: PullProblems;

  constructor(private readonly settings: PullSettings) {
    this.#problems = pullProblems(settings);
  }

  permissions(): readonly Permission[] {
    const { connection, namespace } = this.settings;
    return [...rights(connection, ['list'], kinds.node), ...rights(connection, ['get', 'list', 'create', 'patch', 'delete'], kinds.pod, namespace)];
  }

  /** @throws Problem for every pool where the image cannot be pulled, or where that cannot be tried. */
  async run(wanted: PullWanted, writer: Writer): Promise<void> {
    const trials = await this.#trials(wanted);
    await this.#removeLeft(writer);
    const limiter = new Limiter(podsAtATime);
    const ends = await Promise.allSettled(trials.map((trial) => limiter.run(() => this.#try(trial, writer))));
    writer.signal.throwIfAborted();
    this.#tell(ends.flatMap((end) => (end.status === 'rejected' ? [toProblem(end.reason)] : [])));
  }

  /** One node of each pool that the pods can land on; what cannot be tried is told before anything is. */
  async #trials({ templates, accountLoses, pools }: PullWanted): Promise<Trial[]> {
    const { connection, image } = this.settings;
    const nodes = (await connection.list(kinds.node, undefined)).filter((node) => metadataOf(node).labels.type !== 'virtual-kubelet');
    const specs = templates.map(({ spec }) => object(spec)).sort((one, other) => pullSecretsOf(one).length - pullSecretsOf(other).length);
    const specFor = (place: LandingPlace): Json | undefined => specs.find((spec) => canLand(spec, place));
    const names = [...new Set([...nodes.map(poolOf), ...pools.map(({ pool }) => pool)])].sort();
    const problems: Problem[] = [];
    const trials = names.flatMap((pool): Trial[] => {
      const own = nodes.filter((node) => poolOf(node) === pool);
      const places = own.length === 0 ? pools.filter((one) => one.pool === pool) : own.map(placeOf);
      const spec = places.flatMap((place) => specFor(place) ?? [])[0];
      if (spec === undefined) return [];
      const ready = own.filter((node) => isReady(node) && specFor(placeOf(node)) !== undefined);
      const free = ready.find((node) => !isCached(node, image));
      if (free === undefined) problems.push(ready.length === 0 ? this.#problems.noNode(pool, own.length) : this.#problems.cached(pool, ready.length));
      if (free === undefined) return [];
      const left = pullSecretsOf(spec);
      return [{ pool, node: metadataOf(free).name, pullSecrets: accountLoses && left.length === 0 ? [none] : left }];
    });
    this.#tell([...problems, ...(problems.length + trials.length === 0 ? [this.#problems.nowhere()] : [])]);
    return trials;
  }

  async #try(trial: Trial, writer: Writer): Promise<void> {
    const { connection, namespace, release } = this.settings;
    const ref = pullPodRef({ namespace, release, pool: trial.pool });
    const intent = { action: 'create', object: pathOf(ref), after: 'a pod that pulls an image, runs nothing and is removed again', widens: false };
    try {
      const made = await writer.write(intent, () => connection.apply(pullPod({ ...this.settings, ...trial }), { part: 'proof', force: true }));
      const kept = pullSecretsOf(made.spec).find((name) => this.settings.without.includes(name));
      if (kept !== undefined) throw this.#problems.fromAccount(kept);
      await this.#pulled(ref, trial, writer);
    } finally {
      const gone = await attempt(new AbortController().signal, () => this.#remove(ref, writer, 'the pull is over'));
      if ('unread' in gone) writer.progress(`pod ${ref.name} is left in ${namespace} (${gone.unread}); it ends by itself, and the next run removes it`);
    }
  }

  #pulled(ref: ObjectRef, { pool, node }: Trial, writer: Writer): Promise<true> {
    const { connection, clock, timeoutMs } = this.settings;
    const watch = new TroubleWatch(clock);
    const waiting = { clock, signal: writer.signal, progress: (line: string) => writer.progress(line) };
    return until({ ...looks, deadlineMs: timeoutMs }, waiting, async (): Promise<Attempt<true>> => {
      const pod = await connection.get(ref);
      if (pod !== undefined && hasPulled(pod)) return { done: true };
      const away = pod === undefined ? 'somebody deleted its pod' : turnedAway(pod);
      if (away !== undefined) throw this.#problems.untried(pool, node, away);
      const { now, lasting } = watch.look(pod === undefined ? [] : [pod]);
      if (lasting.length > 0) throw this.#problems.refused(pool, node, describeTroubles(now));
      return { wait: `waiting until node ${node} of pool ${pool} has pulled the image`, failure: now.length === 0 ? this.#problems.untried(pool, node, 'its kubelet said nothing in time') : this.#problems.refused(pool, node, describeTroubles(now)) };
    });
  }

  async #removeLeft(writer: Writer): Promise<void> {
    const { connection, namespace, release } = this.settings;
    const left = await connection.list(kinds.pod, namespace, pullSelector(release), { metadataOnly: true });
    for (const one of left) await this.#remove({ ...kinds.pod, namespace, name: metadataOf(one).name }, writer, 'left by a run that was killed');
  }

  /** Removes a pod and looks until it is gone; after a cancellation it is only sent. */
  async #remove(ref: ObjectRef, writer: Writer, why: string): Promise<void> {
    const { connection, clock } = this.settings;
    const { signal } = writer;
    await writer.write({ action: 'delete', object: pathOf(ref), before: why, widens: false }, () => connection.remove(ref, { finishing: true }), true);
    if (signal.aborted) return;
    await until({ ...looks, deadlineMs: goneMs }, { clock, signal, progress: (line: string) => writer.progress(line) }, async () => {
      const there = (await connection.get(ref)) !== undefined;
      return there ? { wait: `waiting until pod ${ref.name} is gone`, failure: this.#problems.stays(ref.name) } : { done: true };
    });
  }

  /** Everything that is wrong, in one Problem; nothing where nothing is. */
  #tell([first, ...others]: readonly Problem[]): void {
    if (first !== undefined) throw others.length === 0 ? first : first.with({ details: others });
  }
}

function placeOf(node: ClusterObject): LandingPlace {
  const { name, labels } = metadataOf(node);
  const taints = objects(object(node.spec).taints).map(({ key, value, effect }) => ({ key: text(key) ?? '', value: text(value) ?? '', effect: text(effect) ?? '' }));
  return { name, labels, taints };
}

function isReady(node: ClusterObject): boolean {
  return objects(object(node.status).conditions).some(({ type, status }) => type === 'Ready' && status === 'True');
}
