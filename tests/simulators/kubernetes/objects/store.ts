import type { Kind } from './kinds.js';
import { keyOf, type KubernetesObject } from './values.js';

/** One change of a stored object, in the order of the one global counter. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly kind: Kind;
  readonly object: KubernetesObject;
  /** The object before the change, for watches whose selector it left or entered. */
  readonly before: KubernetesObject | undefined;
}

/** The stored objects of a cluster with their history. Stored objects are never altered in place: writers store copies. */
export class ObjectStore {
  #version = 1;
  #oldest = 0;
  #history: Change[] = [];
  readonly #objects = new Map<string, Map<string, KubernetesObject>>();
  readonly #listeners = new Set<(change: Change) => void>();

  /** The newest resource version given out. */
  get version(): number {
    return this.#version;
  }

  /** Watches from before this version are refused as expired. */
  get oldest(): number {
    return this.#oldest;
  }

  get(kind: Kind, namespace: string | undefined, name: string): KubernetesObject | undefined {
    return this.#of(kind).get(keyOf(kind.namespaced ? namespace : undefined, name));
  }

  /** All objects of a kind, or those of a namespace, ordered by namespace and name as etcd returns them. */
  list(kind: Kind, namespace?: string): KubernetesObject[] {
    const all = [...this.#of(kind).entries()].filter(([, object]) => namespace === undefined || object.metadata.namespace === namespace);
    return all.sort(([left], [right]) => (left < right ? -1 : 1)).map(([, object]) => object);
  }

  /** Every stored object, ordered by kind, namespace and name. */
  all(): KubernetesObject[] {
    const keyed = [...this.#objects.entries()].flatMap(([kind, objects]) => [...objects.entries()].map(([key, object]) => ({ key: `${kind} ${key}`, object })));
    return keyed.sort((left, right) => (left.key < right.key ? -1 : 1)).map(({ object }) => object);
  }

  /** Stores an object under the next resource version and tells the watchers. Returns what is stored. */
  put(kind: Kind, object: KubernetesObject): KubernetesObject {
    const before = this.get(kind, object.metadata.namespace, object.metadata.name);
    const stored = this.#stamped(object);
    this.#of(kind).set(keyOf(object.metadata.namespace, object.metadata.name), stored);
    this.#record({ type: before === undefined ? 'ADDED' : 'MODIFIED', kind, object: stored, before });
    return stored;
  }

  /** Removes an object; the event carries the resource version of the removal. */
  remove(kind: Kind, object: KubernetesObject): void {
    if (!this.#of(kind).delete(keyOf(object.metadata.namespace, object.metadata.name))) return;
    this.#record({ type: 'DELETED', kind, object: this.#stamped(object), before: object });
  }

  /** Changes of a kind after a version. */
  since(kind: Kind, version: number): Change[] {
    return this.#history.filter((change) => change.version > version && sameKind(change.kind, kind));
  }

  /** Calls `listener` on each change until the returned function is called. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Forgets the history, as etcd's compaction does: watches from older versions get 410. */
  compact(): void {
    this.#oldest = this.#version;
    this.#history = [];
  }

  #of(kind: Kind): Map<string, KubernetesObject> {
    const key = `${kind.group}/${kind.plural}`;
    const found = this.#objects.get(key) ?? new Map<string, KubernetesObject>();
    this.#objects.set(key, found);
    return found;
  }

  #stamped(object: KubernetesObject): KubernetesObject {
    this.#version += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
  }

  #record(change: Omit<Change, 'version'>): void {
    const full = { ...change, version: this.#version };
    this.#history.push(full);
    for (const listener of [...this.#listeners]) listener(full);
  }
}

/** True for the same group and plural: versions of a custom resource share their storage. */
export function sameKind(left: Kind, right: Kind): boolean {
  return left.group === right.group && left.plural === right.plural;
}
