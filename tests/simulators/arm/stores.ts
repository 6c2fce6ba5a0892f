import type { SimResponse } from '../kernel/service.js';
import { merged } from './cluster-record.js';
import { notFound } from './refusals.js';
import { at, groupOf, paged, pieces, type ArmCall, type Parts, type Provider } from './route.js';

/** A resource that tasks only read, as ARM answers it. */
export type StoredResource = Record<string, unknown> & { readonly id: string; readonly name: string; properties: Record<string, unknown> };

/** What a resource is registered with. */
export interface NewResource {
  readonly subscriptionId: string;
  readonly group: string;
  readonly name: string;
  readonly location: string;
  readonly properties: Record<string, unknown>;
}

/** A resource provider whose resources are read by id and by list. */
export class ReadableStore implements Provider {
  readonly operations: Provider['operations'];
  readonly #records = new Map<string, StoredResource>();

  /**
   * @param type e.g. `Microsoft.KeyVault/vaults`
   * @param sku put at the place where this kind has it
   */
  constructor(
    private readonly type: string,
    versions: readonly string[],
    private readonly extra: Record<string, unknown>,
  ) {
    const path = `/providers/${type.toLowerCase()}`;
    const read = `${type}/read`;
    this.operations = [
      { method: 'GET', path: at(pieces.group, path, '/(?<n>[^/]+)'), versions, right: (parts) => ({ action: read, scope: this.#id(parts) }), handle: (_call, parts) => this.#get(parts) },
      { method: 'GET', path: at(pieces.group, path), versions, right: (parts) => ({ action: read, scope: groupOf(parts) }), handle: (call, parts) => this.#list(call, groupOf(parts)) },
      { method: 'GET', path: at(pieces.subscription, path), versions, right: (parts) => ({ action: read, scope: `/subscriptions/${parts('s')}` }), handle: (call, parts) => this.#list(call, `/subscriptions/${parts('s')}`) },
    ];
  }

  add({ subscriptionId, group, name, location, properties }: NewResource): StoredResource {
    const id = `/subscriptions/${subscriptionId}/resourceGroups/${group}/providers/${this.type}/${name}`;
    const record = { id, name, type: this.type, location, tags: {}, ...this.extra, properties: { provisioningState: 'Succeeded', ...properties } };
    this.#records.set(id.toLowerCase(), record);
    return record;
  }

  /** A resource by name; throws when there is none. */
  find(name: string): StoredResource {
    const found = [...this.#records.values()].find((record) => record.name === name);
    if (found === undefined) throw new Error(`no ${this.type} ${name}`);
    return found;
  }

  byId(id: string): StoredResource | undefined {
    return this.#records.get(id.toLowerCase());
  }

  /** Changes properties outside of any request. */
  edit(name: string, properties: Record<string, unknown>): void {
    const record = this.find(name);
    record.properties = merged(record.properties, properties);
  }

  #id(parts: Parts): string {
    return `${groupOf(parts)}/providers/${this.type}/${parts('n')}`;
  }

  #get(parts: Parts): SimResponse {
    const found = this.#records.get(this.#id(parts).toLowerCase());
    return found === undefined ? notFound(this.type, parts('n'), parts('rg')) : { status: 200, body: found };
  }

  #list(call: ArmCall, scope: string): SimResponse {
    const prefix = `${scope}/`.toLowerCase();
    return paged(call, [...this.#records.values()].filter(({ id }) => id.toLowerCase().startsWith(prefix)), 100);
  }
}

/** Source: npm @azure/arm-containerregistry 12.0.0. */
export const registryVersions = ['2025-11-01', '2023-07-01', '2022-02-01-preview'];

/** Log Analytics workspaces. Source: azure-rest-api-specs, Microsoft.OperationalInsights. */
export function workspaceStore(): ReadableStore {
  return new ReadableStore('Microsoft.OperationalInsights/workspaces', ['2023-09-01'], {});
}

/** Registries; {@link RegistryUpdates} changes them. */
export function registryStore(): ReadableStore {
  return new ReadableStore('Microsoft.ContainerRegistry/registries', registryVersions, { sku: { name: 'Premium', tier: 'Premium' } });
}

/** Key vaults. Source: npm @azure/arm-keyvault 5.0.0; the older one is sent by the az command line. */
export function vaultStore(): ReadableStore {
  return new ReadableStore('Microsoft.KeyVault/vaults', ['2026-02-01', '2024-11-01', '2022-07-01'], {});
}
