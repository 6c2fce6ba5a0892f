import { isDeepStrictEqual } from 'node:util';
import { object, strings } from '../fleet/json.js';
import type { Access } from '../reconcile/access.js';
import type { ProblemParts } from '../reconcile/problem.js';
import { show, unknown, type Known, type Refs } from '../reconcile/ref.js';
import { blocked, keep, type Change, type FieldChange, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { ownKeys, type ClusterConnection } from './connection.js';
import { kinds, metadataOf, pathOf, type ClusterObject, type ObjectRef } from './objects.js';
import { rights } from './permissions.js';
import { className, classSpec, type VaultReader, type VaultSecrets } from './vault-secrets.js';

/** What a SecretProviderClass is made from besides what is known from the start. */
export interface SecretProviderClassInputs extends VaultReader {
  readonly namespace: string;
  /** Tenant that the vault asks for its tokens. */
  readonly vaultTenantId: string;
}

/** A SecretProviderClass as it was found, and the Secret that it would be synced to. */
export interface SecretProviderClassState {
  readonly name: string;
  /** Absent when there is no such class. */
  readonly found?: { readonly spec: unknown; readonly managed: boolean };
  /** True when the Secret to sync to is there and somebody else's. */
  readonly foreignSecret: boolean;
}

/** Where a release has its classes. */
export interface ReleasePlace {
  readonly namespace: string;
  readonly release: string;
}

/** Part of this project's field manager that writes classes. */
export const classPart = 'vault';

/** Label that the driver puts on the Secrets that it makes. Source: secrets-store-csi-driver docs, sync as Kubernetes secret. */
const driversOwn = 'secrets-store.csi.k8s.io/managed';

/**
 * The class that tells the Secrets Store CSI driver what the pods of a release read from a vault, as which identity. It has another name for other
 * content and is never changed in place: pods of the release that ran before still find theirs. What somebody changed in it is made anew.
 */
export class SecretProviderClass implements Resource<SecretProviderClassInputs, SecretProviderClassState> {
  readonly key: string;
  readonly kind = 'secret provider class';
  readonly name: string;
  readonly cluster: string;

  constructor(
    private readonly connection: ClusterConnection,
    private readonly place: ReleasePlace,
    private readonly secrets: VaultSecrets,
    readonly inputs: Refs<SecretProviderClassInputs>,
    readonly accesses: readonly Access[],
  ) {
    this.name = `${place.namespace}/${place.release}`;
    this.key = `${connection.clusterId} secret provider class of ${this.name}`;
    this.cluster = connection.label;
  }

  async observe(_reader: Reader, known: Known<SecretProviderClassInputs>): Promise<SecretProviderClassState | undefined> {
    const { namespace, clientId, tenantId } = known;
    if (namespace === unknown || clientId === unknown || tenantId === unknown) return undefined;
    const ref = this.#ref({ clientId, tenantId });
    const [found, foreignSecret] = await Promise.all([this.connection.get(ref), this.#foreignSecret()]);
    const seen = found === undefined ? {} : { found: { spec: found.spec, managed: isManaged(found) } };
    return { name: ref.name, ...seen, foreignSecret };
  }

  plan(observed: SecretProviderClassState | undefined, known: Known<SecretProviderClassInputs>): Change {
    const { clientId, tenantId, vaultTenantId } = known;
    if (tenantId !== unknown && vaultTenantId !== unknown && tenantId.toLowerCase() !== vaultTenantId.toLowerCase()) return blocked(this.#otherTenant(tenantId, vaultTenantId));
    if (observed?.foreignSecret === true) return blocked(this.#secretTaken());
    const { found } = observed ?? {};
    if (found === undefined) return { action: 'create', reason: 'there is none with this content', fields: this.#fields(known), widens: false };
    if (!found.managed) return blocked(this.#nameTaken(observed?.name ?? ''));
    if (clientId !== unknown && tenantId !== unknown && isDeepStrictEqual(found.spec, classSpec(this.secrets, { clientId, tenantId }))) return keep(`it reads ${this.#items()} of ${this.secrets.vault}`);
    return { action: 'update', reason: 'somebody changed it', fields: this.#fields(known), widens: false };
  }

  permissions(change: Change): readonly Permission[] {
    return rights(this.connection, change.action === 'create' ? ['create', 'patch'] : ['create', 'patch', 'delete'], kinds.secretProviderClass, this.place.namespace);
  }

  reads(): readonly Permission[] {
    return rights(this.connection, ['get'], kinds.secretProviderClass, this.place.namespace);
  }

  async apply(change: Change, { clientId, tenantId }: SecretProviderClassInputs, writer: Writer): Promise<void> {
    const ref = this.#ref({ clientId, tenantId });
    const { namespace, name } = ref;
    const intent = { object: pathOf(ref), widens: false };
    // Fields that others put there would stay if it were only applied; pods that run do not need it.
    if (change.action === 'update') await writer.write({ ...intent, action: 'delete', before: 'changed by somebody' }, () => this.connection.remove(ref));
    const labels = { [ownKeys.managed]: 'true', [ownKeys.release]: this.place.release };
    const wanted = { ...kinds.secretProviderClass, metadata: { namespace, name, labels }, spec: classSpec(this.secrets, { clientId, tenantId }) };
    await writer.write({ ...intent, action: 'create', after: `${this.#items()} of ${this.secrets.vault}` }, () => this.connection.apply(wanted, { part: classPart }));
  }

  #ref(reader: VaultReader): ObjectRef {
    const { namespace, release } = this.place;
    return { ...kinds.secretProviderClass, namespace, name: className(release, this.secrets, reader) };
  }

  /** Looks at metadata alone: what a Secret holds is nobody's business here. */
  async #foreignSecret(): Promise<boolean> {
    const { syncSecret } = this.secrets;
    if (syncSecret === undefined) return false;
    const found = await this.connection.list(kinds.secret, this.place.namespace, undefined, { metadataOnly: true, fieldSelector: `metadata.name=${syncSecret}` });
    return found.some((one) => metadataOf(one).labels[driversOwn] !== 'true');
  }

  #items(): string {
    return this.secrets.objects.map(({ objectName, objectType }) => (objectType === 'secret' ? objectName : `${objectType}:${objectName}`)).join(', ');
  }

  #fields({ clientId }: Known<SecretProviderClassInputs>): FieldChange[] {
    const { vault, syncSecret, paths } = this.secrets;
    return [
      { field: 'vault', after: vault },
      { field: 'secrets', after: this.#items() },
      { field: 'mounted', after: Object.entries(paths).map(([container, path]) => `${container}: ${path}`).join(', ') },
      ...(syncSecret === undefined ? [] : [{ field: 'secret in the cluster', after: syncSecret }]),
      { field: 'clientId', after: show(clientId) },
    ];
  }

  #otherTenant(tenantId: string, vaultTenantId: string): ProblemParts {
    return {
      code: 'WI4705',
      what: `Pods of release ${this.name} on ${this.cluster} could not read key vault ${this.secrets.vault}`,
      because: `the vault asks tenant ${vaultTenantId} for its tokens, and the identity belongs to ${tenantId}`,
      remedy: 'name a vault of the identity’s tenant',
    };
  }

  #secretTaken(): ProblemParts {
    const name = `${this.place.namespace}/${this.secrets.syncSecret ?? ''}`;
    return {
      code: 'WI4706',
      what: `Secret ${name} on ${this.cluster} is not made by the Secrets Store CSI driver`,
      tried: 'look whether vault secrets can be synced to it',
      because: `it exists without the label ${driversOwn}: the driver leaves the content of such a Secret as it is, and may tie it to the pods that mount the secrets, so that it goes with them`,
      remedy: 'name another Secret in syncSecret, or delete this one once nothing needs it',
    };
  }

  #nameTaken(name: string): ProblemParts {
    return {
      code: 'WI4707',
      what: `Secret provider class ${this.place.namespace}/${name} on ${this.cluster} belongs to somebody else`,
      because: `it has no label ${ownKeys.managed}: "true", so this project did not make it, or somebody took the label off`,
      remedy: 'delete it, or give it the label back',
    };
  }
}

/** The classes of one release in a cluster, by name; those of this project only. */
export async function classesOf(connection: ClusterConnection, { namespace, release }: ReleasePlace): Promise<string[]> {
  const found = await connection.list(kinds.secretProviderClass, namespace, `${ownKeys.managed}=true,${ownKeys.release}=${release}`);
  return found.map((one) => metadataOf(one).name);
}

function isManaged(found: ClusterObject): boolean {
  return strings(object(found.metadata).labels)[ownKeys.managed] === 'true';
}
