import type { CustomKind } from '../objects/kinds.js';
import { copy, itemsAt, textAt, textsAt, at, type KubernetesObject } from '../objects/values.js';
import { dependentsOf } from '../writing/deletion.js';
import type { ControlContext } from './control-context.js';

/** Custom resource definitions: serves their kinds, reports them established, removes the objects of those that are gone. */
export function runDefinitions(context: ControlContext): void {
  const definitions = context.list('CustomResourceDefinition');
  const before = context.kinds.all().filter((kind) => kind.type === undefined);
  context.kinds.setCustom(definitions.filter((each) => each.metadata.deletionTimestamp === undefined).flatMap(customKinds));
  for (const kind of before.filter((old) => context.kinds.byPlural(old.group, old.version, old.plural) === undefined)) {
    for (const object of context.store.list(kind)) context.store.remove(kind, object);
  }
  for (const definition of definitions) {
    const conditions = [
      { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
      { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' },
    ];
    const stored = itemsAt(definition, 'spec', 'versions').filter((version) => version.storage === true).map((version) => version.name);
    context.setStatus(definition, { conditions: context.conditions(definition, conditions), acceptedNames: at(definition, 'spec', 'names'), storedVersions: stored });
  }
}

function customKinds(definition: KubernetesObject): CustomKind[] {
  const names = at(definition, 'spec', 'names');
  return itemsAt(definition, 'spec', 'versions').filter((version) => version.served === true).map((version) => ({
    group: textAt(definition, 'spec', 'group'),
    version: textAt(version, 'name'),
    kind: textAt(names, 'kind'),
    plural: textAt(names, 'plural'),
    singular: textAt(names, 'singular'),
    shortNames: textsAt(names, 'shortNames'),
    categories: textsAt(names, 'categories'),
    namespaced: textAt(definition, 'spec', 'scope') === 'Namespaced',
    status: at(version, 'subresources', 'status') !== undefined,
  }));
}

/** Objects whose owners are gone go too; owners that wait for their dependents go when they have none left. */
export function collectGarbage(context: ControlContext): void {
  const { store, kinds } = context;
  const stored = kinds.all().filter((kind) => !kind.ask).flatMap((kind) => store.list(kind));
  const alive = new Set(stored.map((object) => object.metadata.uid));
  for (const object of stored) {
    const owners = object.metadata.ownerReferences ?? [];
    const finalizers = object.metadata.finalizers ?? [];
    if (owners.length > 0 && owners.every((owner) => !alive.has(owner.uid))) context.remove(object);
    if (object.metadata.deletionTimestamp === undefined || !finalizers.includes('foregroundDeletion')) continue;
    const dependents = dependentsOf(object, store, kinds);
    for (const [, dependent] of dependents) context.remove(dependent);
    if (dependents.length === 0) {
      context.change(object, '', (draft) => {
        draft.metadata.finalizers = finalizers.filter((finalizer) => finalizer !== 'foregroundDeletion');
      });
    }
  }
}

/** Namespaces: the default service account and the root certificate appear in new ones; terminating ones are emptied and go. */
export class Namespaces {
  readonly #deleted = new Map<string, number>();

  constructor(private readonly context: ControlContext) {}

  run(): void {
    for (const namespace of this.context.list('Namespace')) {
      if (namespace.metadata.deletionTimestamp === undefined) this.#furnish(namespace.metadata.name);
      else this.#empty(namespace);
    }
  }

  #furnish(namespace: string): void {
    const { store, kinds } = this.context;
    const wanted = [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kube-root-ca.crt', namespace }, data: { 'ca.crt': '' } },
    ];
    for (const object of wanted) {
      if (store.get(kinds.named(object.kind), namespace, object.metadata.name) === undefined) this.context.create(object.kind, object);
    }
  }

  #empty(namespace: KubernetesObject): void {
    const { context } = this;
    const uid = namespace.metadata.uid ?? '';
    const started = this.#deleted.get(uid) ?? context.clock.monotonic();
    this.#deleted.set(uid, started);
    if (!context.reached(started + context.rolloutMs)) return;
    const kinds = context.kinds.all().filter((kind) => kind.namespaced);
    const content = (): KubernetesObject[] => kinds.flatMap((kind) => context.store.list(kind, namespace.metadata.name));
    for (const object of content()) context.remove(object);
    if (content().length > 0 || (namespace.metadata.finalizers ?? []).length > 0) return;
    this.#deleted.delete(uid);
    context.store.remove(context.kinds.named('Namespace'), namespace);
  }
}

/** Load balancers get an address and volume claims a volume, as a cloud provider would give them. */
export class CloudProvider {
  readonly #seen = new Map<string, number>();

  constructor(private readonly context: ControlContext) {}

  run(): void {
    const { context } = this;
    for (const service of context.list('Service')) {
      if (textAt(service, 'spec', 'type') !== 'LoadBalancer' || at(service, 'status', 'loadBalancer', 'ingress') !== undefined) continue;
      const uid = service.metadata.uid ?? '';
      const seen = this.#seen.get(uid) ?? context.clock.monotonic();
      this.#seen.set(uid, seen);
      const ip = `20.0.0.${(Number.parseInt(uid.slice(0, 2), 16) % 250) + 1}`;
      if (context.reached(seen + context.rolloutMs)) context.setStatus(service, { loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] } });
    }
    for (const claim of context.list('PersistentVolumeClaim')) {
      if (textAt(claim, 'status', 'phase') === '') context.setStatus(claim, { phase: 'Bound', accessModes: at(claim, 'spec', 'accessModes') ?? [], capacity: copy(at(claim, 'spec', 'resources', 'requests')) ?? {} });
    }
  }
}
