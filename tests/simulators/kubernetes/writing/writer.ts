import type { Clock } from '../../../../tasks/_shared/reconcile/clock.js';
import type { Kind } from '../objects/kinds.js';
import { objectShape } from '../objects/schema.js';
import { alreadyExists, conflict, notFound, refused } from '../objects/status.js';
import { copy, same, timestamp, type Fields, type KubernetesObject, type Metadata } from '../objects/values.js';
import { qualityOf } from '../controllers/pod-status.js';
import { admitPod, type AdmissionContext } from './admission.js';
import { allocate, setDefaults } from './defaults.js';
import { ownershipAfterUpdate, ownershipsOf, withOwners, type Ownership } from './managed-fields.js';
import { validate } from './validation.js';

/** Who writes and how. */
export interface Write {
  /** Field manager. */
  readonly manager: string;
  readonly subresource: '' | 'status' | 'scale';
  /** Check and default everything, store nothing. */
  readonly dryRun: boolean;
}

/** What the control plane's own components write as. */
export function internal(manager = 'kube-controller-manager', subresource: Write['subresource'] = ''): Write {
  return { manager, subresource, dryRun: false };
}

/** Brings objects into the store: defaults, admission, validation, metadata, field ownership; unchanged objects are left alone. */
export class Writer {
  constructor(
    private readonly clock: Clock,
    private readonly context: AdmissionContext,
  ) {}

  /** The time as metadata carries it. */
  time(): string {
    return timestamp(this.clock.now());
  }

  /** Stores a new object. @throws ApiError 404 without its namespace, 403 in a terminating one, 409 when it exists, 422. */
  create(kind: Kind, draft: KubernetesObject, write: Write, owners?: readonly Ownership[]): KubernetesObject {
    const { store, ids } = this.context;
    const object = copy(draft);
    const { metadata } = object;
    if (metadata.name === '' && (metadata.generateName ?? '') !== '') metadata.name = `${metadata.generateName ?? ''}${ids.suffix()}`;
    if (kind.namespaced) this.#checkNamespace(kind, object);
    if (metadata.name !== '' && store.get(kind, metadata.namespace, metadata.name) !== undefined) throw alreadyExists(kind, metadata.name);
    for (const field of ['resourceVersion', 'deletionTimestamp', 'generation', 'managedFields']) Reflect.deleteProperty(metadata, field);
    metadata.uid = ids.uid();
    metadata.creationTimestamp = this.time();
    if (kind.generation) metadata.generation = 1;
    if (kind.status) object.status = kind.kind === 'Pod' ? { phase: 'Pending', qosClass: qualityOf(object) } : {};
    if (kind.type === undefined || Object.keys(object.status ?? {}).length === 0) delete object.status;
    setDefaults(object);
    if (kind.kind === 'Pod') admitPod(object, this.context);
    setDefaults(object);
    const ownership = owners ?? this.#updated(kind, undefined, object, [], write);
    allocate(object, ids, undefined);
    validate(kind, object, undefined);
    const stored = withOwners(object, ownership);
    return write.dryRun ? stored : store.put(kind, stored);
  }

  /**
   * Stores a changed object in the place of `before`. `owners` is the result of an apply; otherwise ownership follows the changes.
   * @throws ApiError 409 for a stale resourceVersion or another uid, 422.
   */
  update(kind: Kind, before: KubernetesObject, draft: KubernetesObject, write: Write, owners?: readonly Ownership[]): KubernetesObject {
    const { store, ids } = this.context;
    checkPreconditions(kind, before, draft);
    const object = copy(draft);
    restoreMetadata(object.metadata, before.metadata);
    keepOtherHalf(kind, object, before, write.subresource);
    setDefaults(object);
    allocate(object, ids, before);
    if (!Array.isArray(draft.metadata.managedFields) && before.metadata.managedFields !== undefined) object.metadata.managedFields = before.metadata.managedFields;
    validate(kind, object, before);
    if (kind.generation && !same(specOf(object), specOf(before))) object.metadata.generation = (before.metadata.generation ?? 1) + 1;
    const result = withOwners(object, owners ?? this.#updated(kind, before, object, ownershipsOf(object), write));
    if (same(result, before)) return before;
    if (write.dryRun) return result;
    const done = result.metadata.deletionTimestamp !== undefined && (result.metadata.finalizers ?? []).length === 0 && kind.kind !== 'Namespace';
    if (!done) return store.put(kind, result);
    store.remove(kind, result);
    return result;
  }

  #updated(kind: Kind, before: KubernetesObject | undefined, after: KubernetesObject, owners: readonly Ownership[], write: Write): Ownership[] {
    const who = { manager: write.manager, apiVersion: kind.apiVersion, subresource: write.subresource, time: this.time() };
    return ownershipAfterUpdate(before, after, objectShape(kind.type), owners, who);
  }

  #checkNamespace(kind: Kind, object: KubernetesObject): void {
    const { store, kinds } = this.context;
    const name = object.metadata.namespace ?? '';
    const namespace = store.get(kinds.named('Namespace'), undefined, name);
    if (namespace === undefined) throw notFound(kinds.named('Namespace'), name);
    if (namespace.metadata.deletionTimestamp === undefined) return;
    const causes = [{ reason: 'NamespaceTerminating', message: `namespace ${name} is being terminated`, field: 'metadata.namespace' }];
    const why = `unable to create new content in namespace ${name} because it is being terminated`;
    throw refused(kind, object.metadata.name, why, { causes });
  }
}

function checkPreconditions(kind: Kind, before: KubernetesObject, draft: KubernetesObject): void {
  const { name, resourceVersion, uid } = before.metadata;
  const asked = draft.metadata.resourceVersion ?? '';
  if (asked !== '' && asked !== resourceVersion) throw conflict(kind, name);
  const other = draft.metadata.uid ?? '';
  if (other !== '' && other !== uid) {
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${other}, UID in object meta: ${uid ?? ''}`);
  }
}

const fixed = ['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation', 'generateName'] as const;

function restoreMetadata(target: Fields, from: Metadata): void {
  for (const field of fixed) {
    const value = from[field];
    if (value === undefined) Reflect.deleteProperty(target, field);
    else target[field] = value;
  }
}

/** A write to status leaves the rest alone and the reverse. */
function keepOtherHalf(kind: Kind, object: KubernetesObject, before: KubernetesObject, subresource: Write['subresource']): void {
  if (!kind.status) return;
  if (subresource === 'status') {
    for (const field of Object.keys(object)) if (!['apiVersion', 'kind', 'metadata', 'status'].includes(field)) Reflect.deleteProperty(object, field);
    for (const [field, value] of Object.entries(before)) if (field !== 'status' && field !== 'metadata') object[field] = copy(value);
    const { labels, annotations, finalizers, ownerReferences } = before.metadata;
    for (const [field, value] of Object.entries({ labels, annotations, finalizers, ownerReferences })) {
      if (value === undefined) Reflect.deleteProperty(object.metadata, field);
      else object.metadata[field] = copy(value);
    }
  } else if (before.status === undefined) {
    delete object.status;
  } else {
    object.status = copy(before.status);
  }
}

function specOf(object: KubernetesObject): Fields {
  return Object.fromEntries(Object.entries(object).filter(([field]) => !['apiVersion', 'kind', 'metadata', 'status'].includes(field)));
}
