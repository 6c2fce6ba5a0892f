import { attempt } from '../reconcile/attempt.js';
import { ownKeys } from './connection.js';
import { kinds, nameOf, pathOf, type ObjectRef } from './objects.js';
import { rolledOut, type AwaitedRollout } from './rollout-wait.js';
import { deploymentSite } from './rollout-watch.js';
import { compareSet } from './set-comparison.js';
import { readRecord, recordRef, recordSecret, type PendingObject, type SetRecord } from './set-record.js';
import { manifestPart } from './service-account.js';
import { applySteps, takeAway, type SetTools } from './set-writes.js';
import type { Deployed, TakenBack } from './take-back.js';
import type { Belonging } from './workloads.js';

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
 * A set that this run works on. It goes back to what was applied before, or away where it was the first one. What was there before the set stays. Jobs are not run
 * again. What is told is what the cluster has afterwards.
 */
export function deployedSet(tools: Omit<SetTools, 'writer'>, start: SetStart): Deployed {
  const { namespace, release } = tools;
  return {
    rollout: (signal) => formerRollout(tools, start, signal),
    code: 'WI4607',
    byHand: `look at its objects by hand (kubectl get -l ${ownKeys.set}=${release} --namespace ${namespace}); a next run goes on from what it finds`,
    takeBack: async (writer) => {
      const taken = await attempt(writer.signal, () => takeBack({ ...tools, writer }, start));
      return 'found' in taken ? taken.found : { failed: taken.unread };
    },
  };
}

async function takeBack(tools: SetTools, start: SetStart): Promise<TakenBack> {
  const { connection, namespace, release, placed, writer } = tools;
  const { previous, touched, resourceVersion } = start;
  const now = await readRecord(connection, namespace, release);
  if (now?.resourceVersion !== resourceVersion) return { failed: 'another run has begun to work on the set' };
  const earlier = previous?.objects ?? [];
  writer.progress(previous === undefined ? 'taking it away' : `going back to revision ${previous.revision}`);
  const { steps, leftovers, refusals } = await compareSet(tools, earlier, { revision: 0, objects: earlier, pending: touched }, placed);
  if (refusals[0] !== undefined) return { failed: refusals[0].parts.because };
  const restored = await applySteps(tools, steps.filter(({ item }) => !isJob(item.ref)));
  await takeAway(tools, leftovers);
  const left = leftovers.filter(({ action }) => action === 'leave').map(({ ref }) => ref);
  if (previous === undefined) {
    const ref = recordRef(namespace, release);
    await writer.write({ action: 'delete', object: pathOf(ref), widens: false }, () => connection.remove(ref));
    return { then: 'nothing', told: `it was the first one, and nothing that it made is left${but(left)}` };
  }
  const byId = new Map(restored.map((one) => [one.id, one]));
  const objects = earlier.map((one) => byId.get(one.id) ?? one);
  const jobs = touched.filter(({ id, ref }) => isJob(ref) && earlier.some((one) => one.id === id));
  await rolledOut(formerRollout(tools, start, writer.signal), (text) => writer.progress(text));
  const again = await compareSet(tools, objects, { revision: previous.revision, objects }, placed);
  const other = again.steps.find(({ item }) => !isJob(item.ref));
  if (other !== undefined) return { failed: `${nameOf(other.item.ref)}: ${other.reason}` };
  const { revision, without } = previous;
  await writeRecord(tools, { revision, objects, resourceVersion, ...(without === undefined ? {} : { without }), ...(jobs.length === 0 ? {} : { pending: jobs }) });
  return { then: 'nothing', told: `the set is as revision ${previous.revision} was again${but(left)}` };
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

/** The rollout of what was applied before, and of nothing else of the set. */
function formerRollout({ connection, namespace, release, belonging, clock, timeoutMs }: Omit<SetTools, 'writer'>, { previous }: SetStart, signal: AbortSignal): AwaitedRollout {
  const former = among(belonging, (previous?.objects ?? []).map(({ ref }) => ref));
  return { ...deploymentSite({ connection, namespace, release, clock, belonging: former }, signal), timeoutMs, title: `${namespace}/${release}` };
}

function but(left: readonly ObjectRef[]): string {
  return left.length === 0 ? '' : `, but for ${left.map(nameOf).join(', ')}, which ${left.length === 1 ? 'is' : 'are'} never deleted`;
}
