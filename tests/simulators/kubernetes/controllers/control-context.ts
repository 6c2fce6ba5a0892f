import type { Clock } from '../../../../tasks/_shared/reconcile/clock.js';
import type { Identifiers } from '../objects/identifiers.js';
import type { Kind, KindRegistry } from '../objects/kinds.js';
import { ApiError } from '../objects/status.js';
import type { ObjectStore } from '../objects/store.js';
import { controllerOf, copy, fieldsAt, isObject, itemsAt, same, textAt, type Fields, type KubernetesObject } from '../objects/values.js';
import type { WebhookSetting } from '../options.js';
import type { Deleter } from '../writing/deletion.js';
import { internal, type Writer } from '../writing/writer.js';

/** How containers of an image behave. */
export interface ImageBehaviour {
  readonly image: RegExp;
  /** `ErrImagePull` and the like, `crash` for a process that ends at once, or `hold` for a pod that finds no node. */
  readonly reason: string;
  readonly message: string;
  /** Of which pods it is true. Default: all. */
  readonly when?: (pod: KubernetesObject) => boolean;
}

/** How a pod's program ended, as its status tells. */
export interface PodEnd {
  readonly exitCode: number;
  /** What it wrote to its termination log. */
  readonly message: string;
}

/** Runs the program of pods with such an image in some way, instead of only letting time pass. */
export interface PodRunner {
  readonly image: RegExp;
  readonly run: (pod: KubernetesObject) => Promise<PodEnd>;
}

/** What the controllers share: the store, the clock, and when there is something to do next. */
export class ControlContext {
  #next: number | undefined;
  /** Rules for failing images; tests add to it. */
  readonly images: ImageBehaviour[] = [];
  /** Why pods of a name are refused, in the server's words; tests add to it. */
  readonly refusals: { readonly name: RegExp; readonly message: string }[] = [];

  /** How programs are run; tests add to it. */
  readonly runners: PodRunner[] = [];
  readonly #runs = new Map<string, { readonly over: Promise<void>; end?: PodEnd }>();
  #ended = 0;

  constructor(
    readonly store: ObjectStore,
    readonly kinds: KindRegistry,
    readonly ids: Identifiers,
    readonly clock: Clock,
    readonly writer: Writer,
    readonly deleter: Deleter,
    readonly webhook: () => WebhookSetting,
    readonly rolloutMs: number,
  ) {}

  /** The clock's time at which a controller wants to run again; undefined when nothing is pending. */
  get next(): number | undefined {
    return this.#next;
  }

  /** How many programs have ended; a change is news for the controllers. */
  get ended(): number {
    return this.#ended;
  }

  /** Resolves when no program runs any more. */
  async idle(): Promise<void> {
    await Promise.all([...this.#runs.values()].map(({ over }) => over));
  }

  /** The run of a pod's program, begun now where it was not before; undefined where nothing runs it. */
  runOf(pod: KubernetesObject): { readonly end?: PodEnd } | undefined {
    const uid = pod.metadata.uid ?? '';
    const runner = this.runners.find(({ image }) => itemsAt(pod, 'spec', 'containers').some((container) => image.test(textAt(container, 'image'))));
    const known = this.#runs.get(uid);
    if (known !== undefined || runner === undefined) return known;
    const over = runner.run(copy(pod)).then((end) => {
      run.end = end;
      this.#ended += 1;
    });
    const run: { readonly over: Promise<void>; end?: PodEnd } = { over };
    this.#runs.set(uid, run);
    return run;
  }

  startPass(): void {
    this.#next = undefined;
  }

  /** True when `time` (of the monotonic clock) has come; asks to be run again then when it has not. */
  reached(time: number): boolean {
    if (this.clock.monotonic() >= time) return true;
    this.#next = Math.min(this.#next ?? time, time);
    return false;
  }

  list(kind: string, namespace?: string): KubernetesObject[] {
    return this.store.list(this.kinds.named(kind), namespace);
  }

  /** Objects of a kind that `owner` controls. */
  controlled(kind: string, owner: KubernetesObject): KubernetesObject[] {
    return this.list(kind, owner.metadata.namespace).filter((object) => controllerOf(object)?.uid === owner.metadata.uid);
  }

  create(kind: string, object: KubernetesObject): KubernetesObject {
    const name = object.metadata.name === '' ? (object.metadata.generateName ?? '') : object.metadata.name;
    const refusal = kind === 'Pod' ? this.refusals.find((rule) => rule.name.test(name)) : undefined;
    if (refusal !== undefined) throw new ApiError(403, 'Forbidden', refusal.message, {});
    return this.writer.create(this.kinds.named(kind), object, internal());
  }

  /** Changes an object as a controller; nothing is stored when nothing changed. */
  change(object: KubernetesObject, subresource: '' | 'status', mutate: (draft: KubernetesObject) => void): KubernetesObject {
    const kind = this.kindOf(object);
    const draft = copy(object);
    mutate(draft);
    if (same(draft, object)) return object;
    return this.writer.update(kind, object, draft, internal('kube-controller-manager', subresource));
  }

  setStatus(object: KubernetesObject, status: Fields): KubernetesObject {
    if (same(object.status, status)) return object;
    return this.change(object, 'status', (draft) => {
      draft.status = status;
    });
  }

  remove(object: KubernetesObject): void {
    this.deleter.delete(this.kindOf(object), object, { propagation: 'Background', uid: '', resourceVersion: '', dryRun: false });
  }

  kindOf(object: KubernetesObject): Kind {
    return this.kinds.byKind(object.apiVersion, object.kind) ?? this.kinds.named(object.kind);
  }

  /** The time as conditions carry it. */
  time(): string {
    return this.writer.time();
  }

  /** Conditions with their transition times kept where nothing changed. */
  conditions(object: KubernetesObject, wanted: readonly Fields[], updates = false): Fields[] {
    const old = itemsAt(object, 'status', 'conditions');
    return wanted.map((condition) => {
      const before = old.find((other) => other.type === condition.type);
      const unmoved = before?.status === condition.status;
      const untouched = unmoved && before?.reason === condition.reason && before?.message === condition.message;
      const updated = updates ? { lastUpdateTime: untouched ? before?.lastUpdateTime : this.time() } : {};
      return { ...condition, ...updated, lastTransitionTime: unmoved ? before?.lastTransitionTime : this.time() };
    });
  }
}

/** A reference that makes `owner` the controller of what carries it. */
export function controlledBy(owner: KubernetesObject): Fields & { apiVersion: string; kind: string; name: string; uid: string } {
  return { apiVersion: owner.apiVersion, kind: owner.kind, name: owner.metadata.name, uid: owner.metadata.uid ?? '', controller: true, blockOwnerDeletion: true };
}

/** A pod made from the template of `owner`. `name` is given, or generated from the owner's name. */
export function podFrom(owner: KubernetesObject, labels: Readonly<Record<string, string>>, name = ''): KubernetesObject {
  const template = copy(fieldsAt(owner, 'spec', 'template'));
  const metadata = fieldsAt(template, 'metadata');
  const named = name === '' ? { name: '', generateName: `${owner.metadata.name}-` } : { name };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, ...named, namespace: owner.metadata.namespace ?? '', labels: { ...fieldsAt(metadata, 'labels'), ...labels }, ownerReferences: [controlledBy(owner)] },
    spec: fieldsAt(template, 'spec'),
  };
  if (!isObject(pod)) throw new Error(`${owner.kind} ${owner.metadata.name} has no pod template`);
  return pod;
}

/** True for a running pod whose Ready condition holds. */
export function isReady(pod: KubernetesObject): boolean {
  return itemsAt(pod, 'status', 'conditions').some((condition) => condition.type === 'Ready' && condition.status === 'True');
}

/** True for a pod that has ended, well or badly. */
export function isFinished(pod: KubernetesObject): boolean {
  return ['Succeeded', 'Failed'].includes(textAt(pod, 'status', 'phase'));
}

/** A field for statuses: left out when it is zero, as Go's omitempty does. */
export function counts(values: Readonly<Record<string, number>>): Fields {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== 0));
}
