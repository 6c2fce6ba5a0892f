import { Limiter } from '../reconcile/limits.js';
import { Problem } from '../reconcile/problem.js';
import { missingCode } from './api-errors.js';
import { ownKeys, type ClusterConnection } from './connection.js';
import { idOfRef } from './manifests.js';
import { groupOf, kinds, metadataOf, nameOf, type ClusterObject, type ObjectKind, type ObjectRef } from './objects.js';
import { ownedDigest, type PendingObject, type RecordedObject, type SetObject, type SetRecord } from './set-record.js';
import { notServed, type PlacedKinds } from './set-kinds.js';

/** An object that has to be written. */
export interface SetStep {
  readonly item: SetObject;
  readonly action: 'create' | 'update';
  readonly reason: string;
  /** True when it was there before the set. */
  readonly existed: boolean;
  /** What the set applied last; absent when it never did. */
  readonly before: RecordedObject | undefined;
}

/** An object that a former run applied and that is not wanted any more. */
export interface Leftover {
  readonly ref: ObjectRef;
  /** `release`: it was there before the set, so only what the set put into it goes. `leave`: the set forgets it. */
  readonly action: 'delete' | 'release' | 'leave';
  readonly reason: string;
}

/** What stands between a set and the cluster. */
export interface SetComparison {
  readonly steps: readonly SetStep[];
  readonly leftovers: readonly Leftover[];
  /** Objects that are as they were applied. */
  readonly kept: readonly RecordedObject[];
  /** What the set must not touch, and why. */
  readonly refusals: readonly Problem[];
}

/** A set in its place. */
export interface SetPlace {
  readonly connection: ClusterConnection;
  readonly namespace: string;
  /** Name of the set. */
  readonly release: string;
}

/** Requests that one cluster is sent at a time for one set. */
export const requestsAtATime = 8;

/**
 * Kinds that are never deleted: what would go with them cannot be had back. Source: Kubernetes docs, custom resource definitions (deleting one deletes its
 * objects), persistent volumes, reclaiming.
 */
const lasting: readonly string[] = [kinds.namespace.kind, kinds.customResourceDefinition.kind, kinds.persistentVolumeClaim.kind, 'PersistentVolume'];

/**
 * Compares what is wanted with the cluster: what the set remembers of each object with the metadata of each, which is listed by kind. An object counts as it
 * should be when the same was applied last, and nobody has changed any of it since.
 */
export async function compareSet(place: SetPlace, wanted: readonly SetObject[], record: SetRecord | undefined, placed: PlacedKinds): Promise<SetComparison> {
  const applied = new Map(record?.objects.map((one) => [one.id, one]));
  const pending = new Map(record?.pending?.map((one) => [one.id, one]));
  const wantedIds = new Set(wanted.map(({ id }) => id));
  const gone = [...new Map<string, PendingObject>([...pending, ...applied]).values()].filter(({ id }) => !wantedIds.has(id));
  const live = await liveObjects(place, [...gone, ...wanted].map(({ ref }) => ref), placed);
  const [steps, kept, refusals]: [SetStep[], RecordedObject[], Problem[]] = [[], [], []];
  for (const item of wanted) {
    const [found, before, unfinished] = [live.get(item.id), applied.get(item.id), pending.get(item.id)];
    const refusal = found === undefined ? undefined : foreign(place, item.ref, found);
    const state = unfinished === undefined ? difference(item, found, before, place.release) : 'an earlier run of the set was cut short';
    if (refusal !== undefined) refusals.push(refusal);
    else if (state === undefined && before !== undefined) kept.push(before);
    else steps.push({ item, action: found === undefined ? 'create' : 'update', reason: state ?? '', existed: before?.existed ?? unfinished?.existed ?? found !== undefined, before });
  }
  return { steps, kept, refusals, leftovers: gone.flatMap((one) => leftover(one, live.get(one.id), place.release)) };
}

/** Why an object has to be written; undefined when it is as it was applied. */
function difference(item: SetObject, found: ClusterObject | undefined, before: RecordedObject | undefined, set: string): string | undefined {
  if (found === undefined) {
    if (before?.digest === item.digest && isCleanedUp(item)) return undefined;
    return before === undefined ? 'it does not exist' : 'somebody deleted it';
  }
  if (before === undefined) return metadataOf(found).labels[ownKeys.set] === set ? 'it is not among what the set remembers' : 'it exists, and this set did not make it';
  if (before.digest !== item.digest) return 'its manifest, or the identity, changed';
  return ownedDigest(found) === before.owned ? undefined : 'somebody changed it since';
}

/** A finished job with a time to live goes by itself; that it is gone is no reason to run it again. Source: Kubernetes docs, TTL-after-finished controller. */
function isCleanedUp({ object: sent }: SetObject): boolean {
  const { spec } = sent as { spec?: { ttlSecondsAfterFinished?: unknown } };
  return sent.kind === kinds.job.kind && typeof spec?.ttlSecondsAfterFinished === 'number';
}

function leftover({ ref, existed }: PendingObject, found: ClusterObject | undefined, set: string): Leftover[] {
  if (found === undefined) return [];
  if (metadataOf(found).labels[ownKeys.set] !== set) return [{ ref, action: 'leave', reason: 'it does not carry the label of the set any more' }];
  if (existed) return [{ ref, action: 'release', reason: 'it was there before the set' }];
  return lasting.includes(ref.kind) ? [{ ref, action: 'leave', reason: 'what goes with it could not be had back' }] : [{ ref, action: 'delete', reason: 'it is not among the manifests any more' }];
}

/** Why an object is not the set's to change. */
function foreign({ connection, namespace, release }: SetPlace, ref: ObjectRef, found: ClusterObject): Problem | undefined {
  const { labels, annotations, deleting } = metadataOf(found);
  const [set, helm] = [labels[ownKeys.set], annotations['meta.helm.sh/release-name']];
  const what = `${nameOf(ref)} on ${connection.label} is not for manifest set ${namespace}/${release} to change`;
  if (deleting) return new Problem({ code: 'WI4602', what, because: 'it is being deleted', remedy: 'wait until it is gone, or find the finalizer that holds it, then run again' });
  if (set !== undefined && set !== release) return new Problem({ code: 'WI4602', what, because: `it belongs to manifest set ${set}`, remedy: `keep it in one of the two sets; or take the label ${ownKeys.set} off it to hand it over` });
  if (helm === undefined || labels['app.kubernetes.io/managed-by'] !== 'Helm') return undefined;
  const remedy = `leave it out; or hand it over: annotate it with helm.sh/resource-policy=keep, uninstall the release, and take Helm’s label and annotations off it`;
  return new Problem({ code: 'WI4602', what, because: `it belongs to Helm release ${helm}`, remedy });
}

/** The metadata of all objects of these kinds in the set's namespace and in the cluster, by id: one list for each kind, in the version that comes last. */
async function liveObjects({ connection, namespace }: SetPlace, refs: readonly ObjectRef[], placed: PlacedKinds): Promise<Map<string, ClusterObject>> {
  const lists = new Map<string, ObjectRef>();
  for (const ref of refs) lists.set(`${groupOf(ref.apiVersion)}/${ref.kind} ${ref.namespace === undefined ? '' : namespace}`, ref);
  const limiter = new Limiter(requestsAtATime);
  const found = await Promise.all(
    [...lists.values()].map((ref) =>
      limiter.run(async () => {
        const kind: ObjectKind = { apiVersion: ref.apiVersion, kind: ref.kind, ...(ref.plural === undefined ? {} : { plural: ref.plural }) };
        const listed = await connection.list(kind, ref.namespace, undefined, { metadataOnly: true }).catch((error: unknown) => noneOf(connection, ref, placed, error));
        return listed.map((each) => [idOfRef({ ...kind, ...nameIn(each) }, namespace), each] as const);
      }),
    ),
  );
  return new Map(found.flat());
}

function nameIn(found: ClusterObject): { readonly name: string; readonly namespace?: string } {
  const { name, namespace } = metadataOf(found);
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}

/** A kind that the cluster does not know has no objects: its definition comes with the set, or went with its objects. */
function noneOf(connection: ClusterConnection, ref: ObjectRef, placed: PlacedKinds, error: unknown): readonly ClusterObject[] {
  if (!(error instanceof Problem) || error.code !== missingCode) throw error;
  const kind = placed.of(ref);
  if (kind === undefined || kind.defined) return [];
  throw notServed(connection, ref, ref.name, false);
}

/** What a run of a set is about to write, for its record. */
export function pendingOf(comparison: SetComparison, record: SetRecord | undefined): PendingObject[] {
  const earlier = record?.pending ?? [];
  const now = comparison.steps.map(({ item: { id, ref }, existed }) => ({ id, ref, existed }));
  return [...new Map([...earlier, ...now].map((one) => [one.id, one])).values()];
}
