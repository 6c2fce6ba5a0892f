import { attempt } from '../reconcile/attempt.js';
import { Problem } from '../reconcile/problem.js';
import type { Writer } from '../reconcile/resource.js';
import { until } from '../reconcile/retry.js';
import { some } from '../fleet/wording.js';
import type { ClusterConnection } from './connection.js';
import { nameOf, pathOf, type ClusterObject, type ObjectRef } from './objects.js';
import { rolledOut, type AwaitedRollout } from './rollout-wait.js';

/** What taking back writes with: that of a resource, or of a proof. */
export type TakeBackWriter = Pick<Writer, 'signal' | 'write' | 'progress'>;

/** What became of a deployment that was taken back. */
export type TakenBack =
  /** `then`: what has to be seen before it is told: that what is there now runs, or that nothing is left. `told`: a clause. */
  | { readonly then: 'runs' | 'gone' | 'nothing'; readonly told: string }
  | { readonly failed: string };

/** A way to deploy, as far as it can be taken back: Helm with its revisions, or a set of manifests with the one before it. */
export interface Deployed {
  /** What was deployed, and what is looked at after taking it back. */
  readonly rollout: (signal: AbortSignal) => AwaitedRollout;
  /** Of the Problem that tells of a failure that could not be taken back. */
  readonly code: string;
  /** What somebody has to do who finds neither the old nor the new: a clause. */
  readonly byHand: string;
  /**
   * Puts back what ran before this run, or takes away what this run made first.
   * @throws only when the run is cancelled
   */
  takeBack(writer: TakeBackWriter): Promise<TakenBack>;
}

/** Something that a deployment uses, and that this run changed beside it: what ran before needs it as it was. */
export interface ChangedBeside {
  readonly connection: ClusterConnection;
  readonly ref: ObjectRef;
  /** As it was; absent: there was none. */
  readonly before: ClusterObject | undefined;
  /** Of the field manager, as it is applied. */
  readonly part?: string;
}

/**
 * What one run deployed on one cluster, taken back where it turns out not to work: by the resource that deploys it, or by a proof of it. What a run found in
 * place is not its own to take back.
 */
export class TakeBack {
  #deployed: Deployed | undefined;
  #beside: readonly ChangedBeside[] = [];
  #done = false;

  /** @param atomic whether anything is taken back at all */
  constructor(private readonly atomic: boolean) {}

  /** Says that this run is about to deploy. */
  begins(deployed: Deployed): void {
    this.#deployed = deployed;
  }

  /** Says that this run has changed something that is put back before what ran before is. */
  changes(beside: ChangedBeside): void {
    this.#beside = [beside, ...this.#beside];
  }

  /** Says that what this run deployed so far, and changed beside it, was proven: from here on that is what ran before. */
  proven(): void {
    this.#deployed = undefined;
    this.#beside = [];
  }

  /** True once it was tried to take something back: what was deployed is not what is there. */
  get done(): boolean {
    return this.#done;
  }

  /**
   * Takes back what this run deployed, looks at what is there then, and says so with the failure.
   * @throws only when the run is cancelled
   */
  async after(failure: Problem, writer: TakeBackWriter): Promise<Problem> {
    const deployed = this.#deployed;
    if (writer.signal.aborted) return failure;
    if (deployed === undefined) return failure.with({ remedy: `${failure.parts.remedy}; nothing was taken back, since this run deployed nothing` });
    if (!this.atomic) return failure.with({ remedy: `${failure.parts.remedy}; what was deployed stays as it is (atomic is false)` });
    this.#deployed = undefined;
    this.#done = true;
    const restored = await this.#putBack(writer);
    const taken = await seen(await deployed.takeBack(writer), deployed.rollout(writer.signal), writer);
    const end = 'failed' in restored && 'told' in taken ? { failed: `${taken.told}, but ${restored.failed}` } : taken;
    if ('told' in end) return failure.with({ remedy: `${failure.parts.remedy}; ${end.told}${'told' in restored ? restored.told : ''}` });
    return failure.with({
      code: deployed.code,
      what: `${failure.parts.what}, and it could not be taken back`,
      because: `${failure.parts.because} (${failure.code}); then the rollback failed: ${end.failed}`,
      remedy: `${deployed.byHand}; what runs is neither the old nor the new one for certain`,
    });
  }

  /** Puts back what this run changed beside the deployment, the last change first. What cannot be put back keeps nothing else from being tried. */
  async #putBack(writer: TakeBackWriter): Promise<{ readonly told: string } | { readonly failed: string }> {
    const changed = this.#beside;
    this.#beside = [];
    const failures: string[] = [];
    for (const one of changed) {
      const done = await attempt(writer.signal, () => putBack(one, writer));
      if ('unread' in done) failures.push(`${nameOf(one.ref)} is not as it was: ${done.unread}`);
    }
    if (failures.length > 0) return { failed: some(failures) };
    return { told: changed.length === 0 ? '' : `; ${some(changed.map(({ ref }) => nameOf(ref)))} as before` };
  }
}

/** Applies an object as it was, or takes it away where there was none. */
async function putBack({ connection, ref, before, part }: ChangedBeside, writer: TakeBackWriter): Promise<void> {
  const intent = { action: before === undefined ? 'delete' : 'update', object: pathOf(ref), after: 'as it was before this run', widens: false };
  const { name, namespace, labels } = before?.metadata ?? {};
  const wanted = before === undefined ? undefined : { apiVersion: ref.apiVersion, kind: ref.kind, metadata: { name, namespace, labels }, spec: before.spec };
  await writer.write(intent, async () => {
    if (wanted === undefined) await connection.remove(ref);
    else await connection.apply(wanted, { force: true, ...(part === undefined ? {} : { part }) });
  });
}

/** What was taken back counts once it was seen. */
async function seen(end: TakenBack, rollout: AwaitedRollout, writer: TakeBackWriter): Promise<TakenBack> {
  if ('failed' in end || end.then === 'nothing') return end;
  const progress = (text: string): void => writer.progress(text);
  const looked = await attempt(writer.signal, () => (end.then === 'runs' ? rolledOut(rollout, progress).then(() => undefined) : gone(rollout, progress)));
  return 'unread' in looked ? { failed: `${end.told}, but ${looked.unread}` } : end;
}

function gone({ clock, signal, timeoutMs, workloads, title }: AwaitedRollout, progress: (text: string) => void): Promise<undefined> {
  return until({ deadlineMs: timeoutMs, firstWaitMs: 1_000, longestWaitMs: 10_000 }, { clock, signal, progress }, async () => {
    const [first] = await workloads();
    if (first === undefined) return { done: undefined };
    const because = `${first.title} is still there`;
    return { wait: because, failure: new Problem({ code: 'WI4213', what: `${title} is not gone`, because, remedy: 'look at it by hand' }) };
  });
}
