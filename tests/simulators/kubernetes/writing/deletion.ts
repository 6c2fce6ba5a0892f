import type { Kind, KindRegistry } from '../objects/kinds.js';
import { badRequest, conflict } from '../objects/status.js';
import type { ObjectStore } from '../objects/store.js';
import { copy, textAt, textsAt, at, type Fields, type KubernetesObject } from '../objects/values.js';
import type { Write } from './writer.js';

/** What a DELETE asks for. */
export interface DeleteOptions {
  readonly propagation: 'Background' | 'Foreground' | 'Orphan' | '';
  readonly uid: string;
  readonly resourceVersion: string;
  readonly dryRun: boolean;
}

/** Reads DeleteOptions from body and query. @throws ApiError 400 for an unknown propagation policy. */
export function deleteOptions(body: Fields, query: URLSearchParams): DeleteOptions {
  const written = textAt(body, 'propagationPolicy') || (query.get('propagationPolicy') ?? '');
  const old = body.orphanDependents ?? query.get('orphanDependents');
  const policy = written === '' && (old === true || old === 'true') ? 'Orphan' : written;
  if (policy !== '' && policy !== 'Background' && policy !== 'Foreground' && policy !== 'Orphan') {
    throw badRequest(`DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "${policy}"`);
  }
  const dryRun = textsAt(body, 'dryRun').includes('All') || query.get('dryRun') === 'All';
  return { propagation: policy, uid: textAt(body, 'preconditions', 'uid'), resourceVersion: textAt(body, 'preconditions', 'resourceVersion'), dryRun };
}

/** Everything in the store that names `owner` as an owner. */
export function dependentsOf(owner: KubernetesObject, store: ObjectStore, kinds: KindRegistry): [Kind, KubernetesObject][] {
  return kinds.all().filter((kind) => !kind.ask).flatMap((kind) =>
    store.list(kind)
      .filter((object) => (object.metadata.ownerReferences ?? []).some((reference) => reference.uid === owner.metadata.uid))
      .map((object): [Kind, KubernetesObject] => [kind, object]),
  );
}

/** Deletes objects with their finalizers and dependents. Dependents in the background go with the next garbage collection. */
export class Deleter {
  constructor(
    private readonly store: ObjectStore,
    private readonly kinds: KindRegistry,
    private readonly time: () => string,
  ) {}

  /** Returns the object when it lingers, undefined when it is gone. @throws ApiError 409 when a precondition fails. */
  delete(kind: Kind, object: KubernetesObject, options: DeleteOptions): KubernetesObject | undefined {
    checkPreconditions(kind, object, options);
    if (kind.kind === 'Namespace') return this.#deleteNamespace(kind, object, options.dryRun);
    const policy = options.propagation === '' ? defaultPolicy(kind) : options.propagation;
    const finalizers = (object.metadata.finalizers ?? []).filter((finalizer) => finalizer !== 'foregroundDeletion');
    const dependents = dependentsOf(object, this.store, this.kinds);
    if (policy === 'Foreground' && dependents.length > 0) finalizers.push('foregroundDeletion');
    if (options.dryRun) return finalizers.length > 0 ? object : undefined;
    if (policy === 'Orphan') for (const [inner, dependent] of dependents) this.#disown(inner, dependent, object);
    if (finalizers.length === 0) {
      this.store.remove(kind, object);
      return undefined;
    }
    if (object.metadata.deletionTimestamp !== undefined && finalizers.length === (object.metadata.finalizers ?? []).length) return object;
    const marked = copy(object);
    marked.metadata.deletionTimestamp ??= this.time();
    marked.metadata.deletionGracePeriodSeconds ??= 0;
    marked.metadata.finalizers = finalizers;
    if (marked.metadata.generation !== undefined) marked.metadata.generation += 1;
    return this.store.put(kind, marked);
  }

  #deleteNamespace(kind: Kind, object: KubernetesObject, dryRun: boolean): KubernetesObject {
    if (object.metadata.deletionTimestamp !== undefined) return object;
    const marked = copy(object);
    marked.metadata.deletionTimestamp = this.time();
    marked.status = { phase: 'Terminating' };
    return dryRun ? marked : this.store.put(kind, marked);
  }

  #disown(kind: Kind, dependent: KubernetesObject, owner: KubernetesObject): void {
    const free = copy(dependent);
    const left = (free.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== owner.metadata.uid);
    if (left.length > 0) free.metadata.ownerReferences = left;
    else delete free.metadata.ownerReferences;
    this.store.put(kind, free);
  }
}

/** Jobs orphan their pods unless told otherwise. Source: k8s.io/kubernetes pkg/registry/batch/job strategy. */
function defaultPolicy(kind: Kind): DeleteOptions['propagation'] {
  return kind.kind === 'Job' ? 'Orphan' : 'Background';
}

function checkPreconditions(kind: Kind, object: KubernetesObject, options: DeleteOptions): void {
  const { uid = '', resourceVersion = '', name } = object.metadata;
  if (options.uid !== '' && options.uid !== uid) {
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid}`);
  }
  if (options.resourceVersion !== '' && options.resourceVersion !== resourceVersion) {
    throw conflict(kind, name, `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`);
  }
}

/** A Scale object of a workload. */
export function scaleOf(object: KubernetesObject): KubernetesObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const labels = Object.entries(at(object, 'spec', 'selector', 'matchLabels') ?? {}).map(([key, value]) => `${key}=${String(value)}`);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }), ...(creationTimestamp === undefined ? {} : { creationTimestamp }) },
    spec: { replicas: at(object, 'spec', 'replicas') ?? 1 },
    status: { replicas: at(object, 'status', 'replicas') ?? 0, selector: labels.join(',') },
  };
}

/** The subresource that a write goes to, from the last element of its path. */
export function subresourceOf(text: string): Write['subresource'] | undefined {
  return text === '' || text === 'status' || text === 'scale' ? text : undefined;
}
