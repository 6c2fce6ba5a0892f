import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { canonicalJson, number, object, objects, parseJson, text, type Json } from '../fleet/json.js';
import { Problem } from '../reconcile/problem.js';
import { fieldManager, managerOf, ownKeys, type ClusterConnection } from './connection.js';
import { idOfRef } from './manifests.js';
import { hasValues, recordType } from './secret-contents.js';
import { kinds, metadataOf, nameOf, type ClusterObject, type ObjectRef } from './objects.js';
import { manifestPart } from './service-account.js';

/** One object of a set as it is sent. */
export interface SetObject {
  readonly id: string;
  readonly ref: ObjectRef;
  readonly object: ClusterObject;
  readonly digest: string;
}

/** An object that a run of a set applied. */
export interface RecordedObject extends SetObject {
  /** True when it was there before the set: then it is never deleted, only let go. */
  readonly existed: boolean;
  /** What the cluster wrote down about it then, as {@link ownedDigest} tells. */
  readonly owned: string;
}

/** An object that a run is about to write, or was when it ended before its time. */
export interface PendingObject {
  readonly id: string;
  readonly ref: ObjectRef;
  readonly existed: boolean;
}

/** What a set's own Secret remembers: the last set that was applied completely, and what a run since then may have written. */
export interface SetRecord {
  /** Counts the sets that were applied completely; 0 before the first one. */
  readonly revision: number;
  readonly objects: readonly RecordedObject[];
  /** Absent when no run is under way, and none ended before its time. */
  readonly pending?: readonly PendingObject[];
  /** Label of what the pods of that set run without; absent where nothing was taken out. */
  readonly without?: string;
  /** The same of the set that a run since then has begun to apply. */
  readonly begun?: string;
  /** Of the Secret: whoever writes it says what it was based on. */
  readonly resourceVersion?: string;
}

/** Most bytes that a Secret may hold. Source: Kubernetes docs, Secrets, restrictions on data size. */
const mostBytes = 1_048_576;
const format = 1;

/** The Secret of a set. */
export function recordRef(namespace: string, set: string): ObjectRef {
  return { ...kinds.secret, namespace, name: `${fieldManager}.set.${set}` };
}

/** Reads what is remembered of a set; undefined when there is nothing. @throws Problem WI4606 when it cannot be understood. */
export async function readRecord(connection: ClusterConnection, namespace: string, set: string): Promise<SetRecord | undefined> {
  const ref = recordRef(namespace, set);
  const secret = await connection.get(ref);
  if (secret === undefined) return undefined;
  const read = decoded(text(object(secret.data).set) ?? '');
  if (read.format !== format || metadataOf(secret).labels[ownKeys.set] !== set) throw unreadable(connection, ref, set, read.format);
  return {
    revision: number(read.revision) ?? 0,
    objects: objects(read.objects).map((entry) => recorded(entry, namespace)),
    ...(Array.isArray(read.pending) ? { pending: objects(read.pending).map((entry) => ({ ...placed(entry, namespace), existed: entry.existed === true })) } : {}),
    ...(text(read.without) === undefined ? {} : { without: text(read.without) ?? '' }),
    ...(text(read.begun) === undefined ? {} : { begun: text(read.begun) ?? '' }),
    resourceVersion: text(secret.metadata.resourceVersion) ?? '',
  };
}

/** The Secret that remembers a set. @throws Problem WI4605 when it would hold more than a Secret may. */
export function recordSecret({ revision, objects: applied, pending, without, begun, resourceVersion }: SetRecord, namespace: string, set: string): ClusterObject {
  const ref = recordRef(namespace, set);
  const entries = applied.map(({ ref: { plural }, object: sent, existed, owned }) => ({ plural, object: sent, existed, owned }));
  const rest = pending?.map(({ ref: of, existed }) => ({ ...of, existed }));
  const data = gzipSync(JSON.stringify({ format, revision, objects: entries, ...(rest === undefined ? {} : { pending: rest }), without, begun }));
  if (data.length > mostBytes) throw tooLarge(ref, set, applied.length, data.length);
  return {
    apiVersion: ref.apiVersion,
    kind: ref.kind,
    metadata: {
      namespace,
      name: ref.name,
      labels: { [ownKeys.managed]: 'true', [ownKeys.set]: set, [ownKeys.plain]: String(!applied.some(({ object: sent }) => hasValues(sent))) },
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    type: recordType,
    data: { set: data.toString('base64') },
  };
}

/** Characters of a digest that tell one content from another to a reader. */
const shortDigest = 8;

/** What plans and ledgers show of an object's content. What a secret has is not even told as a digest, from which a short one could be guessed. */
export function contentText({ kind }: ObjectRef, digest: string): string {
  return kind === kinds.secret.kind ? 'its content' : digest.slice(0, shortDigest);
}

/** Digest of an object as it is sent. */
export function digestOf(sent: Json): string {
  return sha256(canonicalJson(sent));
}

/**
 * What the API server holds of an object as applied by a set: which fields, and when. It changes as soon as somebody changes one of these fields, since the
 * field is theirs then, or gone. Undefined when nothing of the object is the set's. Source: Kubernetes docs, server-side apply, field management.
 */
export function ownedDigest(live: Json): string | undefined {
  const manager = managerOf(manifestPart);
  const entry = objects(object(live.metadata).managedFields).find((one) => one.manager === manager && one.operation === 'Apply' && (one.subresource ?? '') === '');
  return entry === undefined ? undefined : sha256(canonicalJson([entry.time, entry.fieldsV1]));
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

function decoded(data: string): Json {
  try {
    return object(parseJson(gunzipSync(Buffer.from(data, 'base64')).toString('utf8')));
  } catch {
    return {};
  }
}

function recorded(entry: Json, home: string): RecordedObject {
  const sent = object(entry.object);
  const { name, namespace } = metadataOf(sent);
  const at = placed({ ...sent, plural: entry.plural, name, namespace }, home);
  return { ...at, object: { ...sent, apiVersion: at.ref.apiVersion, kind: at.ref.kind, metadata: object(sent.metadata) }, digest: digestOf(sent), existed: entry.existed === true, owned: text(entry.owned) ?? '' };
}

function placed(entry: Json, home: string): { readonly id: string; readonly ref: ObjectRef } {
  const [plural, namespace] = [text(entry.plural), text(entry.namespace)];
  const ref = {
    apiVersion: text(entry.apiVersion) ?? '',
    kind: text(entry.kind) ?? '',
    name: text(entry.name) ?? '',
    ...(plural === undefined ? {} : { plural }),
    ...(namespace === undefined ? {} : { namespace }),
  };
  return { id: idOfRef(ref, home), ref };
}

function unreadable({ label }: ClusterConnection, ref: ObjectRef, set: string, found: unknown): Problem {
  return new Problem({
    code: 'WI4606',
    what: `What ${label} remembers of manifest set ${set} cannot be read`,
    tried: `read ${nameOf(ref)}`,
    because: typeof found === 'number' && found > format ? 'a newer version of this task wrote it' : 'it was not written by this task, or was changed since',
    remedy: 'use the version of the task that wrote it; or delete that Secret: then nothing that is in the cluster counts as made by this set, and nothing of it is deleted later',
  });
}

function tooLarge(ref: ObjectRef, set: string, count: number, bytes: number): Problem {
  return new Problem({
    code: 'WI4605',
    what: `Manifest set ${set} is too large`,
    tried: `keep its ${count} objects for a rollback in ${nameOf(ref)}`,
    because: `they take ${bytes} bytes compressed, and a Secret holds ${mostBytes}`,
    remedy: 'deploy it as several sets, each with a releaseName of its own; or take out what does not compress, such as binary data',
  });
}
