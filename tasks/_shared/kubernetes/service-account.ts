import type { Access } from '../reconcile/access.js';
import { Problem } from '../reconcile/problem.js';
import { show, unknown, value, type Known, type Ref, type Refs } from '../reconcile/ref.js';
import { blocked, keep, type Change, type FieldChange, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { fieldManager, identityKeys, managerOf, ownKeys, type ClusterConnection } from './connection.js';
import { objects } from '../fleet/json.js';
import { kinds, metadataOf, ownersOf, pathOf, type ClusterObject } from './objects.js';
import { applyRights, rights } from './permissions.js';

export interface ServiceAccountInputs {
  readonly namespace: string;
  /** Of the identity that pods of the service account shall get. */
  readonly clientId: string;
  readonly tenantId: string;
}

/** A service account as it was found. */
export interface ServiceAccountState {
  readonly namespace: string;
  readonly name: string;
  readonly clientId: string | undefined;
  readonly tenantId: string | undefined;
  /** True when this project created it. */
  readonly managed: boolean;
  /** Others who own one of the two annotations: field managers by annotation. */
  readonly owners: Readonly<Record<string, readonly string[]>>;
}

/** How a service account is named in keys, logs and the federated credential's subject. */
export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

/** A service account that carries the identity's annotations. A foreign one is annotated, nothing else about it changes. */
export class ServiceAccount implements Resource<ServiceAccountInputs, ServiceAccountState> {
  readonly key: string;
  readonly kind = 'service account';
  readonly name: string;
  readonly cluster: string;
  readonly inputs: Refs<ServiceAccountInputs>;

  /**
   * @param inputs.namespace usually an output of the Namespace resource, so that it comes first.
   * @param accesses who writes into the cluster, and which identity the service account acts as then
   */
  constructor(
    private readonly connection: ClusterConnection,
    private readonly account: ServiceAccountName,
    inputs: { readonly namespace?: Ref<string>; readonly clientId: Ref<string>; readonly tenantId: Ref<string> },
    readonly accesses: readonly Access[] = [],
  ) {
    this.name = `${account.namespace}/${account.name}`;
    this.key = `${connection.clusterId} service account ${this.name}`;
    this.cluster = connection.label;
    this.inputs = { ...inputs, namespace: inputs.namespace ?? value(account.namespace) };
  }

  observe(reader: Reader, known: Known<ServiceAccountInputs>): Promise<ServiceAccountState | undefined> {
    if (known.namespace === unknown) return Promise.resolve(undefined);
    return reader.once(this.key, async () => {
      const found = await this.connection.get({ ...kinds.serviceAccount, ...this.account });
      return found === undefined ? undefined : serviceAccountState(found, this.account);
    });
  }

  plan(observed: ServiceAccountState | undefined, known: Known<ServiceAccountInputs>): Change {
    const fields = differences(observed, known);
    if (observed === undefined) return { action: 'create', reason: 'it does not exist', fields, widens: false };
    if (fields.length === 0) return keep('it carries this identity');
    const rivals = this.#rivals(observed, fields);
    if (rivals.length > 0) return blocked(owned(this.name, this.cluster, rivals).parts);
    return { action: 'update', reason: 'it does not carry this identity', fields, widens: false };
  }

  permissions(change: Change): readonly Permission[] {
    return applyRights(this.connection, change.action === 'create', kinds.serviceAccount, this.account.namespace);
  }

  reads(): readonly Permission[] {
    return rights(this.connection, ['get'], kinds.serviceAccount, this.account.namespace);
  }

  async apply(change: Change, known: ServiceAccountInputs, writer: Writer): Promise<void> {
    const ref = { ...kinds.serviceAccount, ...this.account };
    const before = await this.connection.get(ref);
    const managed = before === undefined || metadataOf(before).labels[ownKeys.managed] === 'true';
    const wanted = {
      ...kinds.serviceAccount,
      metadata: {
        ...this.account,
        annotations: { [identityKeys.clientId]: known.clientId, [identityKeys.tenantId]: known.tenantId },
        ...(managed ? { labels: { [ownKeys.managed]: 'true' } } : {}),
      },
    };
    const was = before === undefined ? undefined : writeAnnotations(metadataOf(before).annotations);
    const intent = { action: change.action, object: pathOf(ref), ...(was === undefined ? {} : { before: was }), after: writeAnnotations(wanted.metadata.annotations), widens: false };
    const force = managed || isPartlyOurs(before);
    await writer.write(intent, () => this.connection.apply(wanted, { force }));
  }

  /** Those who would contradict server-side apply: other owners of an annotation that has to change. */
  #rivals(observed: ServiceAccountState, fields: readonly FieldChange[]): string[] {
    if (observed.managed) return [];
    return fields.flatMap(({ field }) => (observed.owners[field] ?? []).map((manager) => `${manager} sets ${field}`));
  }
}

/** Reads what matters of a service account. */
export function serviceAccountState(found: ClusterObject, account: ServiceAccountName): ServiceAccountState {
  const { annotations, labels } = metadataOf(found);
  const owners = [identityKeys.clientId, identityKeys.tenantId].map((key) => [key, ownersOf(found, 'annotations', key).filter((manager) => !isOurs(manager))] as const);
  return {
    ...account,
    clientId: annotations[identityKeys.clientId],
    tenantId: annotations[identityKeys.tenantId],
    managed: labels[ownKeys.managed] === 'true',
    owners: Object.fromEntries(owners),
  };
}

/** Part of this project's field manager that writes back what an annotation was before this project changed it. */
export const restoringPart = 'restored';

/** Part of this project's field manager that applies the manifests of a set, service accounts included. */
export const manifestPart = 'manifests';

/** True when another part of this project owns something: what it wrote is taken over again. Others who own it are looked for before. */
function isPartlyOurs(found: ClusterObject): boolean {
  return objects(found.metadata.managedFields).some((entry) => [restoringPart, manifestPart].some((part) => entry.manager === managerOf(part)));
}

/** The identity's annotations as ledgers keep them: `azure.workload.identity/client-id=… azure.workload.identity/tenant-id=…`. */
export function writeAnnotations(annotations: Readonly<Record<string, string>>): string {
  return [identityKeys.clientId, identityKeys.tenantId].filter((name) => name in annotations).map((name) => `${name}=${annotations[name] ?? ''}`).join(' ');
}

/** Reads what {@link writeAnnotations} wrote. */
export function readAnnotations(written: string): Readonly<Record<string, string>> {
  return Object.fromEntries(written.split(' ').flatMap((part) => {
    const [, name, value] = /^([^=]+)=(.*)$/.exec(part) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value]];
  }));
}

/** True for the field managers of this project. */
export function isOurs(manager: string): boolean {
  return manager === fieldManager || manager.startsWith(`${fieldManager}.`);
}

function differences(observed: ServiceAccountState | undefined, known: Known<ServiceAccountInputs>): FieldChange[] {
  const wanted = [
    [identityKeys.clientId, observed?.clientId, known.clientId],
    [identityKeys.tenantId, observed?.tenantId, known.tenantId],
  ] as const;
  return wanted
    .filter(([, before, after]) => before !== after)
    .map(([field, before, after]) => ({ field, ...(before === undefined ? {} : { before }), after: show(after) }));
}

function owned(name: string, cluster: string, rivals: readonly string[]): Problem {
  return new Problem({
    code: 'WI4102',
    what: `Service account ${name} on ${cluster} belongs to another identity`,
    because: rivals.join('; '),
    remedy: 'remove the annotation there, or set it there to this identity’s value; the service account was not made by this task and is not taken over silently',
  });
}
