import { safeHash } from '../objects/identifiers.js';
import { at, copy, ensure, fieldsAt, mapAt, numberAt, same, textAt, type Fields, type KubernetesObject } from '../objects/values.js';
import { controlledBy, counts, isReady, type ControlContext } from './control-context.js';

const revisionKey = 'deployment.kubernetes.io/revision';
const hashLabel = 'pod-template-hash';

interface Progress {
  set: string;
  ready: number;
  at: number;
}

/** The Deployment controller: one ReplicaSet per pod template, the newest scaled up, the others down once it is ready. */
export class Deployments {
  readonly #progress = new Map<string, Progress>();

  constructor(private readonly context: ControlContext) {}

  run(): void {
    for (const deployment of this.context.list('Deployment')) {
      if (deployment.metadata.deletionTimestamp === undefined) this.#reconcile(deployment);
    }
  }

  #reconcile(deployment: KubernetesObject): void {
    const sets = this.context.controlled('ReplicaSet', deployment);
    const paused = at(deployment, 'spec', 'paused') === true;
    const found = sets.find((set) => same(templateOf(set), templateOf(deployment)));
    const current = found === undefined && !paused ? this.#createSet(deployment, sets) : found;
    const revised = current === undefined ? deployment : this.#revise(deployment, current, sets);
    if (!paused && current !== undefined) this.#scale(revised, current, sets);
    const now = this.context.controlled('ReplicaSet', deployment);
    this.#report(revised, now.find((set) => set.metadata.uid === current?.metadata.uid), now);
    this.#trim(revised, now, current);
  }

  #createSet(deployment: KubernetesObject, sets: readonly KubernetesObject[]): KubernetesObject {
    const hash = safeHash(JSON.stringify(templateOf(deployment)), 10);
    const template = copy(fieldsAt(deployment, 'spec', 'template'));
    const labels = { ...mapAt(template, 'metadata', 'labels'), [hashLabel]: hash };
    ensure(template, 'metadata').labels = labels;
    const matchLabels = { ...mapAt(deployment, 'spec', 'selector', 'matchLabels'), [hashLabel]: hash };
    const annotations = { ...deployment.metadata.annotations, [revisionKey]: String(newest(sets) + 1) };
    Reflect.deleteProperty(annotations, 'kubectl.kubernetes.io/last-applied-configuration');
    return this.context.create('ReplicaSet', {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: `${deployment.metadata.name}-${hash}`, namespace: deployment.metadata.namespace ?? '', labels, annotations, ownerReferences: [controlledBy(deployment)] },
      spec: { replicas: 0, selector: { ...fieldsAt(deployment, 'spec', 'selector'), matchLabels }, template },
    });
  }

  #revise(deployment: KubernetesObject, current: KubernetesObject, sets: readonly KubernetesObject[]): KubernetesObject {
    const others = sets.filter((set) => set.metadata.uid !== current.metadata.uid);
    const revision = String(Math.max(revisionOf(current), newest(others) + 1));
    const annotate = (draft: KubernetesObject): void => {
      draft.metadata.annotations = { ...draft.metadata.annotations, [revisionKey]: revision };
    };
    this.context.change(current, '', annotate);
    return this.context.change(deployment, '', annotate);
  }

  #scale(deployment: KubernetesObject, current: KubernetesObject, sets: readonly KubernetesObject[]): void {
    const wanted = numberAt(deployment, ['spec', 'replicas'], 1);
    const others = sets.filter((set) => set.metadata.uid !== current.metadata.uid);
    const recreate = textAt(deployment, 'spec', 'strategy', 'type') === 'Recreate';
    const ready = this.context.controlled('Pod', current).filter(isReady).length;
    if (recreate || ready >= wanted) for (const set of others) this.#setReplicas(set, 0);
    const oldPods = others.some((set) => this.context.controlled('Pod', set).length > 0);
    if (!recreate || !oldPods) this.#setReplicas(current, wanted);
  }

  #setReplicas(set: KubernetesObject, replicas: number): void {
    const latest = this.context.store.get(this.context.kindOf(set), set.metadata.namespace, set.metadata.name);
    if (latest === undefined) return;
    this.context.change(latest, '', (draft) => {
      ensure(draft, 'spec').replicas = replicas;
    });
  }

  #report(deployment: KubernetesObject, current: KubernetesObject | undefined, sets: readonly KubernetesObject[]): void {
    const wanted = numberAt(deployment, ['spec', 'replicas'], 1);
    const sum = (field: string): number => sets.reduce((total, set) => total + numberAt(set, ['status', field], 0), 0);
    const replicas = sum('replicas');
    const ready = sum('readyReplicas');
    const updated = numberAt(current, ['status', 'replicas'], 0);
    const complete = updated === wanted && replicas === wanted && ready >= wanted && current !== undefined;
    const available = ready >= Math.max(wanted - Math.floor(wanted / 4), 0);
    const failure = sets.flatMap((set) => (Array.isArray(at(set, 'status', 'conditions')) ? (at(set, 'status', 'conditions') as Fields[]) : []));
    const conditions: Fields[] = [
      available
        ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
        : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' },
      this.#progressing(deployment, current, complete, ready),
      ...failure.map(({ status, reason, message }) => ({ type: 'ReplicaFailure', status, reason, message })),
    ];
    this.context.setStatus(deployment, {
      observedGeneration: deployment.metadata.generation ?? 1,
      ...counts({ replicas, updatedReplicas: updated, readyReplicas: ready, availableReplicas: ready, unavailableReplicas: Math.max(0, Math.max(wanted, replicas) - ready) }),
      conditions: this.context.conditions(deployment, conditions, true),
    });
  }

  #progressing(deployment: KubernetesObject, current: KubernetesObject | undefined, complete: boolean, ready: number): Fields {
    const uid = deployment.metadata.uid ?? '';
    const set = current?.metadata.name ?? '';
    const subject = `ReplicaSet "${set}"`;
    const before = this.#progress.get(uid);
    const now = this.context.clock.monotonic();
    const progress = before?.set !== set || ready > before.ready || complete ? { set, ready, at: now } : before;
    this.#progress.set(uid, progress);
    if (complete) return { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message: `${subject} has successfully progressed.` };
    const deadline = numberAt(deployment, ['spec', 'progressDeadlineSeconds'], 600) * 1000;
    if (this.context.reached(progress.at + deadline)) {
      return { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: `${subject} has timed out progressing.` };
    }
    return { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: `${subject} is progressing.` };
  }

  #trim(deployment: KubernetesObject, sets: readonly KubernetesObject[], current: KubernetesObject | undefined): void {
    const limit = numberAt(deployment, ['spec', 'revisionHistoryLimit'], 10);
    const old = sets.filter((set) => set.metadata.uid !== current?.metadata.uid && numberAt(set, ['status', 'replicas'], 0) === 0);
    const byAge = [...old].sort((left, right) => revisionOf(left) - revisionOf(right));
    for (const set of byAge.slice(0, Math.max(0, old.length - limit))) this.context.remove(set);
  }
}

function templateOf(object: KubernetesObject): Fields {
  const template = copy(fieldsAt(object, 'spec', 'template'));
  Reflect.deleteProperty(fieldsAt(template, 'metadata', 'labels'), hashLabel);
  return template;
}

function revisionOf(set: KubernetesObject): number {
  return Number(set.metadata.annotations?.[revisionKey] ?? 0);
}

function newest(sets: readonly KubernetesObject[]): number {
  return Math.max(0, ...sets.map(revisionOf));
}
