import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { tenantId } from '../azure/authority.js';
import { idOf, type Directory } from '../azure/directory.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { FederatedCredentialStore, type CredentialKnobs } from './federated-credentials.js';
import type { Hierarchy } from './hierarchy.js';
import { notFound, wrapped } from './refusals.js';
import { at, groupOf, paged, pieces, type ArmCall, type Parts, type Provider } from './route.js';

const type = 'Microsoft.ManagedIdentity/userAssignedIdentities';
/** Source: npm @azure/arm-msi 2.2.0; the previews are sent by the az command line. */
const versions = ['2024-11-30', '2023-01-31', '2022-01-31-preview'];
const listPath = `${pieces.group}/providers/microsoft.managedidentity/userassignedidentities`;
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
  readonly credentials: FederatedCredentialStore;
}

/** The managed-identity resource provider. */
export class Identities implements Provider {
  readonly knobs: CredentialKnobs = { writeMs: 0, buckets: false, unsupportedLocations: ['malaysiasouth', 'newzealandnorth'] };
  readonly #records = new Map<string, IdentityRecord>();

  constructor(
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly hierarchy: Hierarchy,
  ) {}

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
    {
      method: 'GET',
      path: at(listPath),
      versions,
      right: (parts: Parts) => ({ action: `${type}/read`, scope: groupOf(parts) }),
      handle: (call: ArmCall, parts: Parts): SimResponse => {
        const prefix = `${groupOf(parts)}/`.toLowerCase();
        return paged(call, this.all().filter(({ id }) => id.toLowerCase().startsWith(prefix)).map(view), 100);
      },
    },
    this.#route('GET', credentialsPath, 'federatedIdentityCredentials/read', (call, record) => paged(call, record.credentials.views(), Number(call.query.get('$top') ?? 100))),
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

  #put(call: ArmCall, parts: Parts): SimResponse {
    const { body } = call;
    if (!isRecord(body) || typeof body.location !== 'string') return wrapped(400, 'LocationRequired', 'The location property is required for this definition.');
    if (!this.hierarchy.hasResourceGroup(groupOf(parts))) return wrapped(404, 'ResourceGroupNotFound', `Resource group '${parts('rg')}' could not be found.`);
    const tags = isRecord(body.tags) ? body.tags : {};
    const present = this.#records.get(idIn(parts).toLowerCase());
    if (present === undefined) {
      const record = this.#create(groupOf(parts), parts('rg'), parts('n'), body.location, tags);
      return { status: 201, body: view(record), wrote: record.id };
    }
    if (present.location.toLowerCase() !== body.location.toLowerCase()) {
      const message = `The resource '${present.name}' already exists in location '${present.location}' in resource group '${present.group}'. A resource with the same name cannot be created in location '${body.location}'. Please select a new resource name.`;
      return wrapped(409, 'InvalidResourceLocation', message);
    }
    present.tags = tags;
    return { status: 200, body: view(present), wrote: present.id };
  }

  #delete(id: string): SimResponse {
    const record = this.#records.get(id.toLowerCase());
    if (record === undefined) return { status: 204 };
    this.#records.delete(id.toLowerCase());
    this.directory.remove(record.principalId);
    return { status: 200, wrote: record.id };
  }

  #create(groupId: string, group: string, name: string, location: string, tags: Record<string, unknown>): IdentityRecord {
    const id = `${groupId}/providers/${type}/${name}`;
    const credentials = new FederatedCredentialStore(this.clock, id, location, this.knobs);
    const record = { id, name, group, location, tags, clientId: idOf(`client ${id}`), principalId: idOf(`principal ${id}`), credentials };
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

function view({ id, name, location, tags, clientId, principalId }: IdentityRecord): object {
  return { id: id.replace('/resourceGroups/', '/resourcegroups/'), name, type, location, tags, properties: { tenantId, principalId, clientId } };
}
