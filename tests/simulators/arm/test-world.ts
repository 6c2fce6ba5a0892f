import { tenantId } from '../azure/authority.js';
import { Directory, idOf, type ServicePrincipal } from '../azure/directory.js';
import { RoleStore } from '../azure/roles.js';
import { Entra } from '../entra/entra.js';
import { Network } from '../kernel/network.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { Arm } from './arm.js';
import type { ClusterRecord } from './cluster-record.js';
import { Hierarchy } from './hierarchy.js';
import type { IdentityRecord } from './identities.js';

export const subscriptionId = idOf('subscription of the ARM tests');
export const subscription = `/subscriptions/${subscriptionId}`;
export const group = `${subscription}/resourceGroups/rg-shop`;
export const cluster = `${group}/providers/Microsoft.ContainerService/managedClusters/aks-shop`;
export const identity = `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-shop`;
export const managementAudience = 'https://management.azure.com';

/** The api-version that the product or the SDK sends, by a part of the path; the first that fits. */
const versions: readonly (readonly [part: string, version: string])[] = [
  ['microsoft.authorization', '2022-04-01'],
  ['microsoft.containerservice', '2026-04-01'],
  ['microsoft.managedidentity', '2024-11-30'],
  ['microsoft.containerregistry', '2025-11-01'],
  ['microsoft.keyvault', '2026-02-01'],
  ['microsoft.management', '2021-04-01'],
  ['resourcegroups', '2021-04-01'],
  ['subscriptions', '2022-12-01'],
];

/** ARM with one subscription, its owner and somebody without any right, on a network inside the process. */
export class World {
  readonly clock = new VirtualClock(new Date().toISOString());
  readonly network = new Network(this.clock);
  readonly directory = new Directory({ clock: this.clock });
  readonly hierarchy = new Hierarchy(tenantId);
  readonly roles = new RoleStore({ clock: this.clock, ancestors: (scope) => this.hierarchy.ancestors(scope) });
  readonly entra = new Entra({ network: this.network, clock: this.clock, directory: this.directory });
  readonly arm = new Arm({ clock: this.clock, directory: this.directory, roles: this.roles, hierarchy: this.hierarchy, authority: this.entra });
  readonly owner = this.directory.add({ displayName: 'owner', kind: 'application', secrets: ['owner secret'] });
  readonly stranger = this.directory.add({ displayName: 'stranger', kind: 'application' });
  origin = '';

  static async start(): Promise<World> {
    const world = new World();
    world.origin = await world.network.attach(world.arm);
    world.hierarchy.addManagementGroup({ name: 'prod', displayName: 'Production' });
    world.hierarchy.addManagementGroup({ name: 'shops', displayName: 'Shops', parent: 'prod' });
    world.hierarchy.addSubscription({ id: subscriptionId, displayName: 'shop', managementGroup: 'shops' });
    world.hierarchy.addResourceGroup(subscriptionId, 'rg-shop', 'westeurope');
    world.assign(world.owner, 'Owner', subscription);
    return world;
  }

  /** Assigns a role outside of any request. */
  assign(principal: Pick<ServicePrincipal, 'objectId'>, roleName: string, scope: string): string {
    const role = this.roles.definitions().find(({ name }) => name === roleName);
    if (role === undefined) throw new Error(`no role ${roleName}`);
    const name = idOf(`${principal.objectId} ${roleName} ${scope}`);
    this.roles.add({ name, scope, principalId: principal.objectId, principalType: 'ServicePrincipal', roleDefinitionId: role.id });
    return name;
  }

  addCluster(resource: Record<string, unknown> = {}, name = 'aks-shop'): ClusterRecord {
    const endpoint = (): { server: string; certificateAuthority: string } => ({ server: 'https://aks.sim:443', certificateAuthority: 'PEM' });
    return this.arm.clusters.add({ subscriptionId, group: 'rg-shop', name, location: 'westeurope', resource, endpoint, issuerUrl: () => 'https://issuer.sim/t/u/' });
  }

  addIdentity(name = 'id-shop', location = 'westeurope'): IdentityRecord {
    return this.arm.identities.add(subscriptionId, 'rg-shop', name, location);
  }

  /** Sends as the owner unless told otherwise; `path` without an api-version gets the usual one of its kind. */
  send(method: string, path: string, body?: unknown, options: { as?: ServicePrincipal; headers?: Record<string, string | undefined> } = {}): Promise<SimResponse> {
    const url = new URL(`${this.origin}${path}`);
    const version = versions.find(([part]) => url.pathname.toLowerCase().includes(part))?.[1];
    if (!url.searchParams.has('api-version') && version !== undefined) url.searchParams.set('api-version', version);
    const text = body === undefined ? '' : JSON.stringify(body);
    const token = this.entra.issue(options.as ?? this.owner, managementAudience);
    const all: Record<string, string | undefined> = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...options.headers };
    const headers = Object.fromEntries(Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
    return this.network.dispatch({ method, url, headers, body: Buffer.from(text), signal: new AbortController().signal });
  }

  /** A GET of a link that was answered, api-version included. */
  follow(link: unknown): Promise<SimResponse> {
    const url = new URL(String(link));
    return this.send('GET', url.pathname + url.search);
  }
}

/** The JSON object of an answer, or of a part of one. */
export function record(value: unknown): Record<string, unknown> {
  const parsed: unknown = JSON.parse(JSON.stringify(value));
  if (!isRecord(parsed)) throw new TypeError('no JSON object');
  return parsed;
}

/** `properties` of an answered resource. */
export function propertiesOf(response: SimResponse): Record<string, unknown> {
  return record(record(response.body).properties);
}

/** The items of an answered list. */
export function items(response: SimResponse): Record<string, unknown>[] {
  const { value } = record(response.body);
  if (!Array.isArray(value)) throw new TypeError('no list');
  return value.map(record);
}

/** Status and code of an answer in one text, in ARM's envelope or the flat one of AKS; the status alone for success. */
export function verdict(response: SimResponse): string {
  if (response.status < 400) return String(response.status);
  const body = record(response.body);
  return `${response.status} ${String((isRecord(body.error) ? body.error : body).code)}${isRecord(body.error) ? '' : ' flat'}`;
}

/** The message of a refusal. */
export function message(response: SimResponse): string {
  const body = record(response.body);
  return String((isRecord(body.error) ? body.error : body).message);
}
