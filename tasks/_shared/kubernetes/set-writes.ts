import { object, objects, text, type Json } from '../fleet/json.js';
import type { Clock } from '../reconcile/clock.js';
import { Limiter } from '../reconcile/limits.js';
import { Problem, toProblem } from '../reconcile/problem.js';
import { until, type Attempt } from '../reconcile/retry.js';
import { missingCode } from './api-errors.js';
import { inWaves } from './apply-order.js';
import { kinds, nameOf, pathOf, type ClusterObject, type ObjectRef } from './objects.js';
import { requestsAtATime, type Leftover, type SetPlace, type SetStep } from './set-comparison.js';
import type { PlacedKinds } from './set-kinds.js';
import { contentText, ownedDigest, type RecordedObject } from './set-record.js';
import { applying, isFrozenJob, runningJob } from './set-rehearsal.js';
import type { TakeBackWriter } from './take-back.js';
import type { Belonging } from './workloads.js';

/** What a set is written with. */
export interface SetTools extends SetPlace {
  readonly clock: Clock;
  /** How long definitions and deletions are waited for. Milliseconds. */
  readonly timeoutMs: number;
  /** Whether fields of other managers are taken over. */
  readonly overwrite: boolean;
  readonly placed: PlacedKinds;
  /** What the set's objects are known by. */
  readonly belonging: Belonging;
  readonly writer: TakeBackWriter;
  /** Paths of the objects after which somebody reaches more than before. */
  readonly widening: ReadonlySet<string>;
}

/** Applies objects in their order, and gives what was written. @throws Problem of the first that failed, the others of its wave as details. */
export async function applySteps(tools: SetTools, steps: readonly SetStep[]): Promise<readonly RecordedObject[]> {
  const done: RecordedObject[] = [];
  for (const wave of inWaves(steps, ({ item }) => item.ref)) {
    const written = await sideBySide(tools, wave, (step) => applyStep(tools, step));
    done.push(...written);
    const definitions = wave.filter(({ item }) => item.ref.kind === kinds.customResourceDefinition.kind);
    await sideBySide(tools, definitions, ({ item }) => established(tools, item.ref, item.object));
  }
  return done;
}

/** Takes leftovers away, what was applied last first. */
export async function takeAway(tools: SetTools, leftovers: readonly Leftover[]): Promise<void> {
  const doomed = leftovers.filter(({ action }) => action !== 'leave');
  for (const wave of [...inWaves(doomed, ({ ref }) => ref)].reverse()) {
    await sideBySide(tools, wave, ({ ref, action }) => (action === 'delete' ? remove(tools, ref) : release(tools, ref)));
  }
}

async function applyStep(tools: SetTools, { item, action, existed, before }: SetStep): Promise<RecordedObject> {
  const { connection, writer, overwrite, widening } = tools;
  const { ref, object: wanted, digest } = item;
  const intent = { action, object: pathOf(ref), ...(before === undefined ? {} : { before: contentText(ref, before.digest) }), after: contentText(ref, digest), widens: widening.has(pathOf(ref)) };
  const apply = (): Promise<ClusterObject> => writer.write(intent, () => connection.apply(wanted, applying(item, overwrite)));
  const live = await apply().catch(async (error: unknown) => {
    if (!(error instanceof Problem) || !isFrozenJob(ref, error)) throw error;
    const running = await runningJob(tools, ref);
    if (running !== undefined) throw running;
    await remove(tools, ref);
    await goneFor(tools, ref);
    return apply();
  });
  return { ...item, existed, owned: ownedDigest(live) ?? '' };
}

async function remove({ connection, writer }: SetTools, ref: ObjectRef): Promise<void> {
  await writer.write({ action: 'delete', object: pathOf(ref), widens: false }, () => connection.remove(ref));
}

/**
 * Applies nothing of an object, so that what the set put into it goes and what others put there stays. Source: Kubernetes docs, server-side apply, field
 * management. Where only the set says what the object cannot be without, the API server refuses that, and the object stays as it is.
 */
async function release({ connection, writer, overwrite }: SetTools, ref: ObjectRef): Promise<void> {
  const nothing = { apiVersion: ref.apiVersion, kind: ref.kind, metadata: { name: ref.name, ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }) } };
  const intent = { action: 'update', object: pathOf(ref), after: 'without what the set put into it', widens: false };
  await writer.write(intent, () => connection.apply(nothing, applying({ ref }, overwrite))).catch((error: unknown) => {
    if (!(error instanceof Problem) || error.parts.status !== 422) throw error;
    writer.progress(`${nameOf(ref)} stays as it is: ${error.parts.because}`);
  });
}

/** Waits until a deleted object is gone: its finalizers may take their time. */
async function goneFor({ connection, clock, timeoutMs, writer }: SetTools, ref: ObjectRef): Promise<void> {
  await until(patience(timeoutMs), waitingWith(clock, writer), async (): Promise<Attempt<true>> => {
    if ((await connection.get(ref)) === undefined) return { done: true };
    return { wait: `${nameOf(ref)} to be gone`, failure: notInTime(connection.label, ref, timeoutMs, 'it was deleted to be made anew, and is still there', 'find the finalizer that holds it (kubectl get -o yaml), then run again') };
  });
}

/** Waits until the API server serves what a definition defines: its objects are refused before. Source: Kubernetes docs, custom resource definitions, Established. */
async function established({ connection, namespace, clock, timeoutMs, placed, writer }: SetTools, ref: ObjectRef, definition: ClusterObject): Promise<void> {
  const { group, names, versions } = object(definition.spec);
  const served = objects(versions).find((version) => version.served === true);
  const kind = placed.of({ apiVersion: `${text(group) ?? ''}/${text(served?.name) ?? ''}`, kind: text(object(names).kind) ?? '' });
  await until(patience(timeoutMs), waitingWith(clock, writer), async (): Promise<Attempt<true>> => {
    const found = await connection.get(ref);
    const conditions = objects(object(found?.status).conditions);
    const is = (type: string): Json | undefined => conditions.find((condition) => condition.type === type);
    const state = text(is('NamesAccepted')?.status) === 'False' ? is('NamesAccepted') : is('Established');
    const failure = notInTime(connection.label, ref, timeoutMs, text(state?.message) ?? 'the API server does not serve it yet', 'correct the definition where the reason names its names; otherwise run again');
    if (state?.type !== 'Established' || state.status !== 'True') return { wait: `${nameOf(ref)} to be established`, failure };
    const answers = kind === undefined || (await isServed(connection.list(kind, kind.namespaced ? namespace : undefined, undefined, { metadataOnly: true })));
    return answers ? { done: true } : { wait: `the API server to serve ${nameOf(ref)}`, failure };
  });
}

async function isServed(listing: Promise<unknown>): Promise<boolean> {
  try {
    await listing;
    return true;
  } catch (error) {
    if (error instanceof Problem && error.code === missingCode) return false;
    throw error;
  }
}

function patience(deadlineMs: number): { deadlineMs: number; firstWaitMs: number; longestWaitMs: number } {
  return { deadlineMs, firstWaitMs: 250, longestWaitMs: 5_000 };
}

function waitingWith(clock: Clock, writer: TakeBackWriter): { clock: Clock; signal: AbortSignal; progress: (text: string) => void } {
  return { clock, signal: writer.signal, progress: (text) => writer.progress(`waiting for ${text}`) };
}

function notInTime(cluster: string, ref: ObjectRef, timeoutMs: number, because: string, remedy: string): Problem {
  return new Problem({ code: 'WI4608', what: `${nameOf(ref)} on ${cluster} did not become as it has to be for the rest of the set`, tried: `wait ${Math.round(timeoutMs / 1_000)} s for it`, because, remedy });
}

/** Works on all, however some of them end: nothing goes on behind the back of whoever is told of a failure. */
async function sideBySide<T, R>({ writer }: SetTools, things: readonly T[], work: (thing: T) => Promise<R>): Promise<R[]> {
  const limiter = new Limiter(requestsAtATime);
  let failed = false;
  const ends = await Promise.allSettled(
    things.map((thing) =>
      limiter.run(async () => {
        if (failed) throw skipped;
        return work(thing).catch((error: unknown) => {
          failed = true;
          throw error;
        });
      }),
    ),
  );
  const failures = ends.flatMap((end) => (end.status === 'rejected' && end.reason !== skipped ? [end.reason as unknown] : []));
  if (failures.length > 0) {
    writer.signal.throwIfAborted();
    const [first, ...others] = failures.map(toProblem);
    if (first !== undefined) throw others.length === 0 ? first : first.with({ details: others });
  }
  return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
}

/** Not begun, since another one had failed by then. */
const skipped = new Error('not begun');
