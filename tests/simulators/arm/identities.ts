import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { tenantId } from '../azure/authority.js';
import { idOf, type Directory } from '../azure/directory.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { Buckets } from './buckets.js';
import { FederatedCredentialStore, type CredentialKnobs } from './federated-credentials.js';
import type { Hierarchy } from './hierarchy.js';
import { notFound, wrapped } from './refusals.js';
import { at, groupOf, paged, pieces, type ArmCall, type Parts, type Provider } from './route.js';

const type = 'Microsoft.ManagedIdentity/userAssignedIdentities';
/** Source: npm @azure/arm-msi 2.2.0; the previews are sent by the az command line. */
const versions = ['2024-11-30', '2023-01-31', '2022-01-31-preview'];
const listPath = `${pieces.group}/providers/microsoft.managedidentity/userassignedidentities`;
const subscriptionPath = `${pieces.subscription}/providers/microsoft.managedidentity/userassignedidentities`;
const identityPath = `${listPath}/(?<n>[^/]+)`;
const credentialsPath = `${identityPath}/federatedidentitycredentials`;

/** A user-assigned identity as stored. */
export interface IdentityRecord {
  readonly id: string;
  readonly name: string;
  readonly group: string;
  readonly location: string;
  readonly clientId: string;
  readonly principalId: string;
  tags: Readonly<Record<string, unknown>>;
  /** `None` or `Regional`, once it was set. */
  isolationScope?: string;
  readonly credentials: FederatedCredentialStore;
}

/** The managed-identity resource provider. */
export class Identities implements Provider {
  readonly knobs: CredentialKnobs = { writeMs: 0, buckets: false, limitRefusal: { status: 400, code: 'BadRequest' }, unsupportedLocations: ['malaysiasouth', 'newzealandnorth'] };
  readonly #records = new Map<string, IdentityRecord>();
  readonly #buckets: Buckets;
  /** How often an id was made: an identity that is made anew gets new ids, so that old role assignments do not fit it. */
  readonly #made = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly hierarchy: Hierarchy,
  ) {
    this.#buckets = new Buckets(clock);
  }

  /** Makes an identity outside of any request. */
  add(subscriptionId: string, group: string, name: string, location: string): IdentityRecord {
    return this.#create(`/subscriptions/${subscriptionId}/resourceGroups/${group}`, group, name, location, {});
  }

  /** An identity by name; throws when there is none. */
  find(name: string): IdentityRecord {
    const found = this.all().find((record) => record.name === name);
    if (found === undefined) throw new Error(`no identity ${name}`);
    return found;
  }

  all(): IdentityRecord[] {
    return [...this.#records.values()];
  }

  /** Removes an identity and its service principal outside of any request; its role assignments stay, as in the real service. */
  remove(name: string): void {
    this.#forget(this.find(name));
  }

  readonly operations: Provider['operations'] = [
    this.#route('GET', identityPath, 'read', (_call, record) => ({ status: 200, body: view(record) })),
    { method: 'PUT', path: at(identityPath), versions, right: right('write'), handle: (call: ArmCall, parts: Parts) => this.#put(call, parts) },
    {
      method: 'DELETE',
      path: at(identityPath),
      versions,
      right: right('delete'),
      handle: (_call: ArmCall, parts: Parts) => this.#delete(idIn(parts)),
    },
    this.#listRoute(listPath, groupOf),
    this.#listRoute(subscriptionPath, (parts) => `/subscriptions/${parts('s')}`),
    this.#route('GET', credentialsPath, 'federatedIdentityCredentials/read', (call, record) => record.credentials.list(call)),
    this.#route('GET', `${credentialsPath}/(?<f>[^/]+)`, 'federatedIdentityCredentials/read', (_call, record, parts) => record.credentials.get(parts('f'))),
    this.#route('PUT', `${credentialsPath}/(?<f>[^/]+)`, 'federatedIdentityCredentials/write', (call, record, parts) => record.credentials.put(parts('f'), call.body)),
    this.#route('DELETE', `${credentialsPath}/(?<f>[^/]+)`, 'federatedIdentityCredentials/delete', (_call, record, parts) => record.credentials.delete(parts('f'))),
  ];

  #route(method: string, path: string, verb: string, handle: (call: ArmCall, record: IdentityRecord, parts: Parts) => SimResponse | Promise<SimResponse>): Provider['operations'][number] {
    return {
      method,
      path: at(path),
      versions,
      right: right(verb),
      handle: (call, parts) => {
        const record = this.#records.get(idIn(parts).toLowerCase());
        return record === undefined ? notFound(type, parts('n'), parts('rg')) : handle(call, record, parts);
      },
    };
  }

  #listRoute(path: string, scopeOf: (parts: Parts) => string): Provider['operations'][number] {
    return {
      method: 'GET',
      path: at(path),
      versions,
      right: (parts: Parts) => ({ action: `${type}/read`, scope: scopeOf(parts) }),
      handle: (call: ArmCall, parts: Parts) => {
        const prefix = `${scopeOf(parts)}/`.toLowerCase();
        return paged(call, this.all().filter(({ id }) => id.toLowerCase().startsWith(prefix)).map(view), 100);
      },
    };
  }

  #put(call: ArmCall, parts: Parts): SimResponse {
    const { body } = call;
    if (!isRecord(body) || typeof body.location !== 'string') return wrapped(400, 'LocationRequired', 'The location property is required for this definition.');
    if (!this.hierarchy.hasResourceGroup(groupOf(parts))) return wrapped(404, 'ResourceGroupNotFound', `Resource group '${parts('rg')}' could not be found.`);
    const tags = isRecord(body.tags) ? body.tags : {};
    const isolation = isRecord(body.properties) ? body.properties.isolationScope : undefined;
    if (isolation !== undefined && isolation !== 'None' && isolation !== 'Regional') return wrapped(400, 'BadRequest', 'The isolationScope must be None or Regional.');
    const present = this.#records.get(idIn(parts).toLowerCase());
    if (present === undefined) {
      const record = this.#create(groupOf(parts), parts('rg'), parts('n'), body.location, tags);
      if (isolation !== undefined) record.isolationScope = isolation;
      return { status: 201, body: view(record), wrote: record.id };
    }
    if (present.location.toLowerCase() !== body.location.toLowerCase()) {
      const message = `The resource '${present.name}' already exists in location '${present.location}' in resource group '${present.group}'. A resource with the same name cannot be created in location '${body.location}'. Please select a new resource name.`;
      return wrapped(409, 'InvalidResourceLocation', message);
    }
    present.tags = tags;
    if (isolation !== undefined) present.isolationScope = isolation;
    return { status: 200, body: view(present), wrote: present.id };
  }

  #delete(id: string): SimResponse {
    const record = this.#records.get(id.toLowerCase());
    if (record === undefined) return { status: 204 };
    this.#forget(record);
    return { status: 200, wrote: record.id };
  }

  #forget(record: IdentityRecord): void {
    this.#records.delete(record.id.toLowerCase());
    this.directory.remove(record.principalId);
  }

  #create(groupId: string, group: string, name: string, location: string, tags: Record<string, unknown>): IdentityRecord {
    const id = `${groupId}/providers/${type}/${name}`;
    const credentials = new FederatedCredentialStore(this.clock, id, location, this.knobs, this.#buckets);
    const times = (this.#made.get(id.toLowerCase()) ?? 0) + 1;
    this.#made.set(id.toLowerCase(), times);
    const seed = times === 1 ? id : `${id} ${times}`;
    const record: IdentityRecord = { id, name, group, location, tags, clientId: idOf(`client ${seed}`), principalId: idOf(`principal ${seed}`), credentials };
    this.#records.set(id.toLowerCase(), record);
    this.directory.add({ objectId: record.principalId, appId: record.clientId, displayName: name, kind: 'managedIdentity', federatedCredentials: () => credentials.trusts() });
    return record;
  }
}

function idIn(parts: Parts): string {
  return `${groupOf(parts)}/providers/${type}/${parts('n')}`;
}

function right(verb: string): NonNullable<Provider['operations'][number]['right']> {
  return (parts) => ({ action: `${type}/${verb}`, scope: idIn(parts) });
}

function view({ id, name, location, tags, clientId, principalId, isolationScope }: IdentityRecord): object {
  const isolation = isolationScope === undefined ? {} : { isolationScope };
  return { id: id.replace('/resourceGroups/', '/resourcegroups/'), name, type, location, tags, properties: { tenantId, principalId, clientId, ...isolation } };
}
