import { attempt } from '../reconcile/attempt.js';
import { Problem } from '../reconcile/problem.js';
import { until, type Attempt } from '../reconcile/retry.js';
import { kinds, nameOf, pathOf, type ObjectRef } from './objects.js';
import { compareSet } from './set-comparison.js';
import { readRecord, recordRef, recordSecret, type PendingObject, type SetRecord } from './set-record.js';
import { manifestPart } from './service-account.js';
import { applySteps, takeAway, type SetTools } from './set-writes.js';
import { workloadsOf, type Belonging } from './workloads.js';

/** What became of a set that could not be deployed, as it was seen afterwards. */
export type TakenBack =
  /** What was applied before is applied again, and its rollout is done. */
  | { readonly outcome: 'restored'; readonly to: number; readonly left: readonly ObjectRef[] }
  /** It was the first one, and nothing that it made is left but what is never deleted. */
  | { readonly outcome: 'removed'; readonly left: readonly ObjectRef[] }
  | { readonly outcome: 'failed'; readonly because: string };

/** What a set that could not be deployed was begun on. */
export interface SetStart {
  /** What was applied before; absent where the set was the first one. */
  readonly previous: SetRecord | undefined;
  /** What may have been written since. */
  readonly touched: readonly PendingObject[];
  /** Of the set's Secret, as this run left it. */
  readonly resourceVersion: string;
}

/**
 * Takes a set back to what was applied before, or away where it was the first one. What was there before the set stays. Jobs are not run again. What is told is
 * what the cluster has afterwards. Never throws for what the cluster refuses; throws when the run is cancelled.
 */
export async function takeBackSet(tools: SetTools, start: SetStart): Promise<TakenBack> {
  const taken = await attempt(tools.writer.signal, () => takeBack(tools, start));
  return 'found' in taken ? taken.found : { outcome: 'failed', because: taken.unread };
}

async function takeBack(tools: SetTools, { previous, touched, resourceVersion }: SetStart): Promise<TakenBack> {
  const { connection, namespace, release, placed, writer } = tools;
  const now = await readRecord(connection, namespace, release);
  if (now?.resourceVersion !== resourceVersion) return { outcome: 'failed', because: 'another run has begun to work on the set' };
  const earlier = previous?.objects ?? [];
  writer.progress(previous === undefined ? 'taking it away' : `going back to revision ${previous.revision}`);
  const { steps, leftovers, refusals } = await compareSet(tools, earlier, { revision: 0, objects: earlier, pending: touched }, placed);
  if (refusals[0] !== undefined) return { outcome: 'failed', because: refusals[0].parts.because };
  const restored = await applySteps(tools, steps.filter(({ item }) => !isJob(item.ref)));
  await takeAway(tools, leftovers);
  const left = leftovers.filter(({ action }) => action === 'leave').map(({ ref }) => ref);
  if (previous === undefined) {
    const ref = recordRef(namespace, release);
    await writer.write({ action: 'delete', object: pathOf(ref), widens: false }, () => connection.remove(ref));
    return { outcome: 'removed', left };
  }
  const byId = new Map(restored.map((one) => [one.id, one]));
  const objects = earlier.map((one) => byId.get(one.id) ?? one);
  const jobs = touched.filter(({ id, ref }) => isJob(ref) && earlier.some((one) => one.id === id));
  await rolledOut(tools, earlier.map(({ ref }) => ref));
  const again = await compareSet(tools, objects, { revision: previous.revision, objects }, placed);
  const other = again.steps.find(({ item }) => !isJob(item.ref));
  if (other !== undefined) return { outcome: 'failed', because: `${nameOf(other.item.ref)}: ${other.reason}` };
  await writeRecord(tools, { revision: previous.revision, objects, resourceVersion, ...(jobs.length === 0 ? {} : { pending: jobs }) });
  return { outcome: 'restored', to: previous.revision, left };
}

function isJob({ kind }: ObjectRef): boolean {
  return kind === kinds.job.kind;
}

/** Writes what is remembered of a set. Gives the version of its Secret. @throws Problem WI4007 when another run wrote it meanwhile. */
export async function writeRecord({ connection, namespace, release, writer }: Pick<SetTools, 'connection' | 'namespace' | 'release' | 'writer'>, record: SetRecord): Promise<string> {
  const secret = recordSecret(record, namespace, release);
  const after = record.pending === undefined ? `revision ${record.revision}` : `revision ${record.revision}, and ${record.pending.length} objects under way`;
  const intent = { action: record.resourceVersion === undefined ? 'create' : 'update', object: pathOf(recordRef(namespace, release)), after, widens: false };
  const stored = await writer.write(intent, () => connection.apply(secret, { part: manifestPart, force: true }));
  const { resourceVersion } = stored.metadata;
  return typeof resourceVersion === 'string' ? resourceVersion : '';
}

/** What some objects of a set are known by. */
export function among(belonging: Belonging, refs: readonly ObjectRef[]): Belonging {
  const names = new Set(refs.map(({ kind, name }) => `${kind} ${name}`));
  return { ...belonging, owns: (found) => belonging.owns(found) && names.has(`${found.kind} ${String(found.metadata.name)}`) };
}

async function rolledOut({ connection, namespace, release, belonging, clock, timeoutMs, writer }: SetTools, refs: readonly ObjectRef[]): Promise<void> {
  const patience = { deadlineMs: timeoutMs, firstWaitMs: 1_000, longestWaitMs: 10_000 };
  const waiting = { clock, signal: writer.signal, progress: (text: string) => writer.progress(text) };
  await until(patience, waiting, async (): Promise<Attempt<true>> => {
    const unfinished = (await workloadsOf(connection, namespace, release, among(belonging, refs))).find(({ rollout }) => !rollout.done);
    if (unfinished === undefined) return { done: true };
    const because = `${unfinished.title}: ${unfinished.rollout.gaveUp ?? unfinished.rollout.text}`;
    const parts = { code: 'WI4607', what: `The rollout of what ran before did not end on ${connection.label}`, because, remedy: 'look at the events of its pods (kubectl describe)' };
    return { wait: because, failure: new Problem(parts) };
  });
}

/** The failure of a set with what became of it. */
export function afterTakingBack(failure: Problem, end: TakenBack, set: string, cluster: string): Problem {
  const but = end.outcome === 'failed' || end.left.length === 0 ? '' : `, but for ${end.left.map(nameOf).join(', ')}, which ${end.left.length === 1 ? 'is' : 'are'} never deleted`;
  switch (end.outcome) {
    case 'restored':
      return failure.with({ remedy: `${failure.parts.remedy}; the set is as revision ${end.to} was again${but}` });
    case 'removed':
      return failure.with({ remedy: `${failure.parts.remedy}; it was the first one, and nothing that it made is left${but}` });
    case 'failed':
      return failure.with({
        code: 'WI4607',
        what: `Manifest set ${set} could not be deployed on ${cluster}, and could not be taken back`,
        because: `${failure.parts.what}: ${failure.parts.because}; then taking it back failed: ${end.because}`,
        remedy: 'look at its objects by hand (kubectl get -l aks-workload-identity/set); what runs is neither the old nor the new set for certain. A next run goes on from what it finds',
      });
  }
}
