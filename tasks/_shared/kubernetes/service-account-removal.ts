import type { History } from '../fleet/history.js';
import { object, objects, text } from '../fleet/json.js';
import { some } from '../fleet/wording.js';
import type { ProblemParts } from '../reconcile/problem.js';
import { Removal, type RemovalInputs, type RemovalState } from '../reconcile/removal.js';
import { unknown, type Known, type Ref } from '../reconcile/ref.js';
import { keep, writes, type Change, type FieldChange, type Intent, type Permission, type Reader, type Writer } from '../reconcile/resource.js';
import { fieldManager, identityKeys, managerOf, ownKeys, type ClusterConnection } from './connection.js';
import { kinds, metadataOf, ownersOf, pathOf, type ClusterObject } from './objects.js';
import { rights } from './permissions.js';
import { podTemplateOf, serviceAccountOf } from './pod-templates.js';
import { isOurs, readAnnotations, restoringPart, writeAnnotations, type ServiceAccountName } from './service-account.js';

/** What is to be done with a service account. */
export interface FoundAccount extends RemovalState {
  /** Annotations that this project set, and that go: what each is now, and what it was before, if anything. */
  readonly going?: readonly GoingAnnotation[];
  /** The identity's annotations as they are. */
  readonly now?: string;
  /** True when the service account goes as a whole. */
  readonly goes?: boolean;
  readonly uid?: string | undefined;
  readonly managed?: boolean;
}

/** The identity that a service account shall not act as any more. */
export interface WithdrawnIdentity {
  readonly name: string;
  /** Absent when the identity is gone and nothing tells which client id was its. */
  readonly clientId?: string;
}

interface GoingAnnotation {
  readonly name: string;
  readonly now: string;
  readonly before?: string;
}

const annotationNames = [identityKeys.clientId, identityKeys.tenantId] as const;

/**
 * Takes the identity's annotations off a service account, as far as this project's field manager owns them. A service account that this
 * project made goes as a whole when nothing that runs, or will run, and no other manager uses it. Its namespace stays. One that carries another identity by now, or that cannot
 * be told to carry the withdrawn one, is left as it is.
 */
export class ServiceAccountRemoval extends Removal<FoundAccount> {
  readonly kind = 'service account';
  readonly #ref: { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string };

  /**
   * @param identity whose annotations go
   * @param history what annotations had before this project changed them
   */
  constructor(
    private readonly connection: ClusterConnection,
    private readonly account: ServiceAccountName,
    private readonly identity: WithdrawnIdentity,
    private readonly history: History,
    needs: Ref<string>,
  ) {
    super({ key: accountRemovalKey(connection, account), name: `${account.namespace}/${account.name}`, cluster: connection.label, needs });
    this.#ref = { ...kinds.serviceAccount, ...account };
  }

  observe(reader: Reader, known: Known<RemovalInputs>): Promise<FoundAccount | undefined> {
    if (known.needs === unknown) return Promise.resolve(undefined);
    return reader.once(this.key, () => this.#look());
  }

  override plan(observed: FoundAccount | undefined): Change {
    const { present, goes, going = [], left = [] } = observed ?? { present: false };
    if (!present) return keep('there is none');
    if (goes === true) return { action: 'delete', reason: 'this project made it, and nothing uses it; its namespace stays', fields: [], widens: false };
    const fields = going.map(({ name, now, before = '(none)' }): FieldChange => ({ field: name, before: now, after: before }));
    if (fields.length > 0) return { action: 'update', reason: 'this project’s annotations go', fields, widens: false };
    return keep(left.length === 0 ? 'it has nothing of this project' : `stays: ${left.map(({ because }) => because).join('; ')}`);
  }

  /** Never asked: {@link plan} says it. */
  protected reason(): string {
    return '';
  }

  reads(): readonly Permission[] {
    return [...rights(this.connection, ['get'], kinds.serviceAccount, this.account.namespace), ...runners.flatMap((kind) => rights(this.connection, ['list'], kind, this.account.namespace))];
  }

  permissions(change: Change): readonly Permission[] {
    return rights(this.connection, change.action === 'delete' ? ['delete'] : ['patch'], kinds.serviceAccount, this.account.namespace);
  }

  /** Does what is to be done by now: whoever used it when the plan was made may be gone, or have come. */
  async apply(_change: Change, _known: RemovalInputs, writer: Writer): Promise<void> {
    const found = await this.#look();
    const change = this.plan(found);
    if (!writes(change)) return;
    writer.permit(change);
    const intent = { object: pathOf(this.#ref), before: found.now ?? '', widens: false };
    if (change.action === 'delete') {
      await writer.write({ ...intent, action: 'delete' }, () => this.connection.remove(this.#ref));
      return;
    }
    await this.#giveBack(found, intent, writer);
  }

  /** What was there before is written by a manager of its own, which takes it over from this project's; the rest this project lets go of. */
  async #giveBack({ going = [], uid, managed = false }: FoundAccount, intent: Omit<Intent, 'action'>, writer: Writer): Promise<void> {
    const before = Object.fromEntries(going.flatMap((one) => (one.before === undefined ? [] : [[one.name, one.before]])));
    const metadata = { ...this.account, ...(uid === undefined ? {} : { uid }) };
    if (Object.keys(before).length > 0) {
      const restored = { ...kinds.serviceAccount, metadata: { ...metadata, annotations: before } };
      await writer.write({ ...intent, action: 'update', after: writeAnnotations(before) }, () => this.connection.apply(restored, { force: true, part: restoringPart }));
    }
    if (Object.keys(before).length === going.length) return;
    const released = { ...kinds.serviceAccount, metadata: { ...metadata, ...(managed ? { labels: { [ownKeys.managed]: 'true' } } : {}) } };
    await writer.write({ ...intent, action: 'update', after: writeAnnotations(before) }, () => this.connection.apply(released));
  }

  async #look(): Promise<FoundAccount> {
    const found = await this.connection.get(this.#ref);
    if (found === undefined) return { present: false };
    const { annotations, labels, uid, deleting } = metadataOf(found);
    if (deleting) return { present: false };
    const managed = labels[ownKeys.managed] === 'true';
    const past = this.history.of(pathOf(this.#ref), this.connection.clusterId);
    const written = past?.afters.map(readAnnotations) ?? [];
    // What this project made has nothing to go back to.
    const original = managed ? {} : readAnnotations(past?.before ?? '');
    const carried = annotations[identityKeys.clientId];
    const was = original[identityKeys.clientId];
    const ours = managed || annotationNames.some((name) => ownersOf(found, 'annotations', name).includes(fieldManager));
    if (ours && carried !== undefined && carried !== was && carried.toLowerCase() !== this.identity.clientId?.toLowerCase()) {
      const changed = was !== undefined && written.every((after) => after[identityKeys.clientId] !== carried);
      return { present: true, managed, uid, left: [changed ? this.#changedSince(identityKeys.clientId, carried, was) : this.#another(carried)] };
    }
    const left: ProblemParts[] = [];
    const going: GoingAnnotation[] = [];
    for (const name of annotationNames) {
      const now = annotations[name];
      const before = original[name];
      if (now === undefined || now === before || ownersOf(found, 'annotations', name).every((owner) => owner !== fieldManager)) continue;
      if (before === undefined) going.push({ name, now });
      else if (written.some((after) => after[name] === now)) going.push({ name, now, before });
      else left.push(this.#changedSince(name, now, before));
    }
    const common = { present: true, managed, going, uid, now: writeAnnotations(annotations) };
    if (!managed) return { ...common, left: [...left, ...this.#foreign(found, annotations)] };
    const users = [...otherManagers(found), ...(await this.#users())];
    if (users.length === 0) return { ...common, goes: true };
    return { ...common, left: [...left, this.#used(users)] };
  }

  /** What runs as it, or will: pods, and what makes pods, also where there are none right now. */
  async #users(): Promise<string[]> {
    const found = (await Promise.all(runners.map((kind) => this.connection.list(kind, this.account.namespace)))).flat();
    return found.flatMap((one) => {
      const template = podTemplateOf(one);
      if (template === undefined || serviceAccountOf(template) !== this.account.name || hasEnded(one)) return [];
      return [`${one.kind.toLowerCase()} ${metadataOf(one).name}`];
    });
  }

  #used(users: readonly string[]): ProblemParts {
    return {
      code: 'WI4131',
      what: `Service account ${this.name} on ${this.cluster ?? ''} stays, without the identity’s annotations`,
      because: `this project made it, and it is in use: ${some(users)}`,
      remedy: 'remove what uses it and run again; it then goes as well',
    };
  }

  #another(carried: string): ProblemParts {
    const { name, clientId } = this.identity;
    const { name: account, namespace } = this.account;
    return {
      code: 'WI4134',
      what: `Service account ${this.name} on ${this.cluster ?? ''} stays as it is`,
      because: clientId === undefined
        ? `its annotation ${identityKeys.clientId} is ${carried}; identity ${name} is gone, and no ledger tells that this was its client id`
        : `its annotation ${identityKeys.clientId} is ${carried}, and identity ${name}, which is withdrawn, has ${clientId}: it acts as another identity by now`,
      remedy: `nothing, if it shall act as that identity; else withdraw it with the input identity that it carries, or by hand: kubectl annotate serviceaccount ${account} --namespace ${namespace} ${identityKeys.clientId}- ${identityKeys.tenantId}-`,
    };
  }

  #changedSince(name: string, value: string, old: string): ProblemParts {
    return {
      code: 'WI4132',
      what: `Annotation ${name} of service account ${this.name} on ${this.cluster ?? ''} was not restored`,
      because: `it is ${value} by now, which is not what the ledger says that this project wrote; before that it was ${old}`,
      remedy: `set it by hand if it should be ${old} again: kubectl annotate serviceaccount ${this.account.name} --namespace ${this.account.namespace} --overwrite ${name}=${old}`,
    };
  }

  /** An identity that somebody else put on the service account. */
  #foreign(found: ClusterObject, { [identityKeys.clientId]: value }: Readonly<Record<string, string>>): ProblemParts[] {
    const others = ownersOf(found, 'annotations', identityKeys.clientId).filter((owner) => owner !== fieldManager && owner !== managerOf(restoringPart));
    if (value === undefined || others.length === 0) return [];
    return [{
      code: 'WI4133',
      what: `Service account ${this.name} on ${this.cluster ?? ''} keeps the annotation ${identityKeys.clientId}`,
      because: `it is ${value}, and ${others.join(' and ')} ${others.length === 1 ? 'sets' : 'set'} it`,
      remedy: 'remove it there, if the service account shall not act as that identity any more; what this project does not own it does not remove',
    }];
  }
}

/** What may run as a service account, or make pods that do. */
const runners = [kinds.pod, kinds.deployment, kinds.statefulSet, kinds.daemonSet, kinds.replicaSet, kinds.job, kinds.cronJob];

/** True for a pod or a job that does not run any more, and for what a controller keeps of the past. Source: Kubernetes docs, pod lifecycle and jobs. */
function hasEnded(found: ClusterObject): boolean {
  const { phase, conditions } = object(found.status);
  switch (found.kind) {
    case kinds.pod.kind:
      return ['Succeeded', 'Failed'].includes(text(phase) ?? '');
    case kinds.job.kind:
      return objects(conditions).some(({ type, status }) => ['Complete', 'Failed'].includes(text(type) ?? '') && status === 'True');
    case kinds.replicaSet.kind:
      return metadataOf(found).controller !== undefined;
    default:
      return false;
  }
}

/** The key of the removal of a service account. */
export function accountRemovalKey(connection: ClusterConnection, { namespace, name }: ServiceAccountName): string {
  return `${connection.clusterId} removal of service account ${namespace}/${name}`;
}

/** Others who set something on the object: whoever configures a service account means to use it. */
function otherManagers(found: ClusterObject): string[] {
  const managers = objects(found.metadata.managedFields).map((entry) => text(entry.manager) ?? '');
  return [...new Set(managers)].filter((manager) => !isOurs(manager)).map((manager) => `fields of ${manager}`);
}
