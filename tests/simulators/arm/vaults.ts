import { isRecord, type SimResponse } from '../kernel/service.js';
import { notFound, wrapped } from './refusals.js';
import { at, groupOf, paged, pieces, type ArmCall, type Parts, type Provider } from './route.js';
import { vaultStore, type NewResource, type StoredResource } from './stores.js';

/** Source: npm @azure/arm-keyvault 5.0.0; the older ones are sent by the az command line. */
const versions = ['2026-02-01', '2024-11-01', '2022-07-01'];
const type = 'Microsoft.KeyVault/vaults';
const sections = ['keys', 'secrets', 'certificates', 'storage'] as const;

/** A vault that was deleted and can be recovered. */
export interface DeletedVault {
  readonly name: string;
  readonly vaultId: string;
  readonly location: string;
  /** ISO 8601 with a Z. */
  readonly deletionDate: string;
  readonly scheduledPurgeDate: string;
  readonly purgeProtectionEnabled?: boolean;
}

type Entry = Record<string, unknown> & { readonly tenantId: string; readonly objectId: string };

/** Key vaults: read by id and by list, their access policies written entry by entry, deleted ones shown. */
export class Vaults implements Provider {
  readonly deleted: DeletedVault[] = [];
  readonly knobs = {
    /** Entries that one call takes. Source: npm @azure/arm-keyvault 5.0.0, doc comment of accessPolicies. */
    entriesPerCall: 16,
    /** Entries that a vault can have. Source: Key Vault docs, assign an access policy. */
    entries: 1024,
    /** Whether `add` joins its permissions to those that an entry has, or puts its own in their place: no source says which. */
    addJoins: true,
  };
  readonly #store = vaultStore();

  readonly operations: Provider['operations'] = [
    ...this.#store.operations,
    {
      method: 'PUT',
      path: at(pieces.group, '/providers/microsoft.keyvault/vaults/(?<n>[^/]+)/accesspolicies/(?<verb>add|replace|remove)'),
      versions,
      right: (parts) => ({ action: `${type}/accessPolicies/write`, scope: idOf(parts) }),
      handle: (call, parts) => this.#update(call, parts),
    },
    {
      method: 'GET',
      path: at(pieces.subscription, '/providers/microsoft.keyvault/deletedvaults'),
      versions,
      right: (parts) => ({ action: 'Microsoft.KeyVault/deletedVaults/read', scope: `/subscriptions/${parts('s')}` }),
      handle: (call, parts) => paged(call, this.deleted.filter(({ vaultId }) => vaultId.toLowerCase().startsWith(`/subscriptions/${parts('s')}/`.toLowerCase())).map(deletedView), 100),
    },
    {
      method: 'GET',
      path: at(pieces.subscription, '/providers/microsoft.keyvault/locations/(?<l>[^/]+)/deletedvaults/(?<n>[^/]+)'),
      versions,
      right: (parts) => ({ action: 'Microsoft.KeyVault/locations/deletedVaults/read', scope: `/subscriptions/${parts('s')}` }),
      handle: (_call, parts) => this.#deleted(parts),
    },
  ];

  add(resource: NewResource): StoredResource {
    return this.#store.add(resource);
  }

  /** A vault by name; throws when there is none. */
  find(name: string): StoredResource {
    return this.#store.find(name);
  }

  /** Changes properties outside of any request. */
  edit(name: string, properties: Record<string, unknown>): void {
    this.#store.edit(name, properties);
  }

  #deleted(parts: Parts): SimResponse {
    const found = this.deleted.find(({ name, location }) => same(name, parts('n')) && same(location, parts('l')));
    if (found !== undefined) return { status: 200, body: deletedView(found) };
    return wrapped(404, 'DeletedVaultNotFound', `The specified deleted vault '${parts('n')}' does not exist in location '${parts('l')}'.`);
  }

  #update(call: ArmCall, parts: Parts): SimResponse {
    const vault = this.#store.byId(idOf(parts));
    if (vault === undefined) return notFound(type, parts('n'), parts('rg'));
    const properties = isRecord(call.body) ? call.body.properties : undefined;
    const given = entriesOf(isRecord(properties) ? properties.accessPolicies : undefined);
    if (given === undefined) return wrapped(400, 'BadRequest', 'An invalid value was provided for \'accessPolicies\'.');
    if (given.length > this.knobs.entriesPerCall) return wrapped(400, 'BadRequest', `The number of access policies in the request is ${given.length}. At most ${this.knobs.entriesPerCall} are allowed.`);
    const foreign = given.find(({ tenantId }) => !same(tenantId, String(vault.properties.tenantId)));
    if (foreign !== undefined) return wrapped(400, 'BadRequest', `The tenant ID '${foreign.tenantId}' of an access policy does not match the tenant ID of the vault.`);
    const before = entriesOf(vault.properties.accessPolicies) ?? [];
    const after = given.reduce((all, entry) => this.#changed(all, entry, parts('verb').toLowerCase()), before);
    if (after.length > this.knobs.entries) return wrapped(400, 'BadRequest', `The vault would have ${after.length} access policies. At most ${this.knobs.entries} are allowed.`);
    vault.properties = { ...vault.properties, accessPolicies: after };
    const id = `${vault.id}/accessPolicies/`;
    return { status: 200, body: { id, type: `${type}/accessPolicies`, properties: { accessPolicies: after } }, wrote: id };
  }

  #changed(all: readonly Entry[], entry: Entry, verb: string): Entry[] {
    const own = all.find((other) => keyOf(other) === keyOf(entry));
    const others = all.filter((other) => other !== own);
    if (verb === 'remove') {
      if (own === undefined) return [...others];
      const left = combined(own, entry, (has, takes) => has.filter((word) => !takes.some((taken) => same(taken, word))));
      return sections.every((section) => wordsOf(left, section).length === 0) ? others : all.map((other) => (other === own ? left : other));
    }
    if (own === undefined) return [...others, entry];
    const next = verb === 'add' && this.knobs.addJoins ? combined(own, entry, (has, gives) => [...has, ...gives.filter((word) => !has.some((one) => same(one, word)))]) : entry;
    return all.map((other) => (other === own ? next : other));
  }
}

function combined(own: Entry, entry: Entry, join: (has: string[], given: string[]) => string[]): Entry {
  return { ...own, permissions: Object.fromEntries(sections.map((section) => [section, join(wordsOf(own, section), wordsOf(entry, section))])) };
}

function wordsOf({ permissions }: Entry, section: string): string[] {
  const words = isRecord(permissions) ? permissions[section] : undefined;
  return Array.isArray(words) ? words.map(String) : [];
}

/** An entry is that of a principal, or of a principal that acts through an application. */
function keyOf({ tenantId, objectId, applicationId }: Entry): string {
  return [tenantId, objectId, typeof applicationId === 'string' ? applicationId : ''].join('|').toLowerCase();
}

function entriesOf(value: unknown): Entry[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const entries = value.filter((entry): entry is Entry => isRecord(entry) && typeof entry.tenantId === 'string' && typeof entry.objectId === 'string' && isRecord(entry.permissions));
  return entries.length === value.length ? entries : undefined;
}

function deletedView({ name, location, ...properties }: DeletedVault): object {
  const subscription = properties.vaultId.split('/').slice(0, 3).join('/');
  return { id: `${subscription}/providers/Microsoft.KeyVault/locations/${location}/deletedVaults/${name}`, name, type: 'Microsoft.KeyVault/deletedVaults', properties: { location, tags: {}, ...properties } };
}

function idOf(parts: Parts): string {
  return `${groupOf(parts)}/providers/${type}/${parts('n')}`;
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
