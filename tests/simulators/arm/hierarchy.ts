import { wrapped } from './refusals.js';
import { at, pieces, type ArmCall, type Parts, type Provider } from './route.js';
import type { SimResponse } from '../kernel/service.js';

interface Group {
  readonly name: string;
  readonly displayName: string;
  readonly parent?: string;
}

interface Subscription {
  readonly id: string;
  readonly displayName: string;
  readonly managementGroup: string;
  /** Of another tenant, which delegated the subscription (Azure Lighthouse): then it is in no hierarchy of this one. */
  readonly tenantId?: string;
}

/** Source: npm @azure/arm-managementgroups 2.0.2. */
const groupVersions = ['2021-04-01', '2020-05-01'];
const subscriptionVersions = ['2016-06-01', '2019-06-01', '2019-11-01', '2020-01-01', '2021-04-01', '2022-12-01'];
const groupPath = '/providers/microsoft.management/managementgroups/(?<g>[^/]+)';

/** Management groups, subscriptions and resource groups of one tenant. */
export class Hierarchy implements Provider {
  readonly #groups = new Map<string, Group>();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #resourceGroups = new Map<string, { readonly id: string; readonly name: string; readonly location: string }>();

  constructor(private readonly tenantId: string) {
    this.addManagementGroup({ name: tenantId, displayName: 'Tenant Root Group' });
  }

  /** Adds a management group; without a parent it hangs under the tenant's root group. */
  addManagementGroup(group: Group): void {
    const parent = group.name === this.tenantId ? {} : { parent: group.parent ?? this.tenantId };
    this.#groups.set(group.name.toLowerCase(), { ...group, ...parent });
  }

  addSubscription(subscription: Subscription): void {
    this.#subscriptions.set(subscription.id.toLowerCase(), subscription);
  }

  addResourceGroup(subscriptionId: string, name: string, location: string): void {
    const id = `/subscriptions/${subscriptionId}/resourceGroups/${name}`;
    this.#resourceGroups.set(id.toLowerCase(), { id, name, location });
  }

  hasResourceGroup(id: string): boolean {
    return this.#resourceGroups.has(id.toLowerCase());
  }

  /** Scopes of the management groups above a scope, nearest first. */
  ancestors(scope: string): string[] {
    const subscription = /^\/subscriptions\/([^/]+)/i.exec(scope)?.[1];
    const group = /\/managementgroups\/([^/]+)/i.exec(scope)?.[1];
    const start = subscription === undefined ? this.#groups.get(group?.toLowerCase() ?? '')?.parent : this.#subscriptions.get(subscription.toLowerCase())?.managementGroup;
    return this.#chain(start).map(({ name }) => managementGroupId(name));
  }

  readonly operations: Provider['operations'] = [
    {
      method: 'GET',
      path: at(groupPath),
      versions: groupVersions,
      right: (parts: Parts) => ({ action: 'Microsoft.Management/managementGroups/read', scope: managementGroupId(parts('g')) }),
      handle: (call: ArmCall, parts: Parts) => this.#group(call, parts('g')),
    },
    {
      method: 'GET',
      path: at(groupPath, pieces.subscription),
      versions: groupVersions,
      right: (parts: Parts) => ({ action: 'Microsoft.Management/managementGroups/read', scope: managementGroupId(parts('g')) }),
      handle: (_call: ArmCall, parts: Parts) => this.#membership(parts('g'), parts('s')),
    },
    { method: 'POST', path: at('/providers/microsoft.management/getentities'), versions: groupVersions, handle: (call: ArmCall) => this.#entities(call) },
    { method: 'GET', path: at('/subscriptions'), versions: subscriptionVersions, handle: (call: ArmCall) => this.#listSubscriptions(call) },
    {
      method: 'GET',
      path: at(pieces.subscription),
      versions: subscriptionVersions,
      right: (parts: Parts) => ({ action: 'Microsoft.Resources/subscriptions/read', scope: `/subscriptions/${parts('s')}` }),
      handle: (_call: ArmCall, parts: Parts): SimResponse => {
        const found = this.#subscriptions.get(parts('s').toLowerCase());
        return found === undefined ? wrapped(404, 'SubscriptionNotFound', `The subscription '${parts('s')}' could not be found.`) : { status: 200, body: this.#subscription(found) };
      },
    },
    {
      method: 'GET',
      path: at(pieces.group),
      versions: ['2021-04-01', '2022-09-01', '2024-03-01'],
      right: (parts: Parts) => ({ action: 'Microsoft.Resources/subscriptions/resourceGroups/read', scope: `/subscriptions/${parts('s')}/resourceGroups/${parts('rg')}` }),
      handle: (_call: ArmCall, parts: Parts) => this.#resourceGroup(parts),
    },
  ];

  #chain(start: string | undefined): Group[] {
    const found: Group[] = [];
    for (let name = start; name !== undefined; ) {
      const group = this.#groups.get(name.toLowerCase());
      if (group === undefined) break;
      found.push(group);
      name = group.parent;
    }
    return found;
  }

  #group(call: ArmCall, name: string): SimResponse {
    const group = this.#groups.get(name.toLowerCase());
    if (group === undefined) return wrapped(404, 'NotFound', `Management group '${name}' was not found.`);
    const parents = this.#chain(group.parent);
    const parent = parents[0];
    const details = parent === undefined ? {} : { parent: { id: managementGroupId(parent.name), name: parent.name, displayName: parent.displayName } };
    const ancestors = (call.query.get('$expand') ?? '').includes('ancestors') ? { managementGroupAncestorsChain: parents.map(({ name: id, displayName }) => ({ name: id, displayName })) } : {};
    const properties = { tenantId: this.tenantId, displayName: group.displayName, details: { ...details, ...ancestors } };
    return { status: 200, body: { id: managementGroupId(group.name), type: 'Microsoft.Management/managementGroups', name: group.name, properties } };
  }

  #membership(group: string, subscriptionId: string): SimResponse {
    const found = this.#subscriptions.get(subscriptionId.toLowerCase());
    if (found?.managementGroup.toLowerCase() !== group.toLowerCase()) return wrapped(404, 'NotFound', `Subscription '${subscriptionId}' is not in management group '${group}'.`);
    const properties = { tenant: this.tenantId, displayName: found.displayName, parent: { id: managementGroupId(found.managementGroup) }, state: 'Active' };
    return { status: 200, body: { id: `${managementGroupId(group)}/subscriptions/${found.id}`, type: 'Microsoft.Management/managementGroups/subscriptions', name: found.id, properties } };
  }

  /** Parents from the root down: the opposite order of the ancestors chain. Source: npm @azure/arm-managementgroups 2.0.2. */
  #entities(call: ArmCall): SimResponse {
    const groups = [...this.#groups.values()].filter(({ name }) => call.sees(managementGroupId(name))).map((group) => ({
      id: managementGroupId(group.name),
      type: 'Microsoft.Management/managementGroups',
      name: group.name,
      properties: { displayName: group.displayName, tenantId: this.tenantId, ...this.#parents(group.parent) },
    }));
    const subscriptions = this.#seen(call).filter(({ tenantId }) => tenantId === undefined).map(({ id, displayName, managementGroup }) => ({
      id: `/subscriptions/${id}`,
      type: '/subscriptions',
      name: id,
      properties: { displayName, tenantId: this.tenantId, ...this.#parents(managementGroup) },
    }));
    return { status: 200, body: { value: [...groups, ...subscriptions], count: groups.length + subscriptions.length } };
  }

  #listSubscriptions(call: ArmCall): SimResponse {
    return { status: 200, body: { value: this.#seen(call).map((entry) => this.#subscription(entry)) } };
  }

  #seen(call: ArmCall): Subscription[] {
    return [...this.#subscriptions.values()].filter(({ id }) => call.sees(`/subscriptions/${id}`));
  }

  #parents(parent: string | undefined): object {
    if (parent === undefined) return { parent: { id: null }, parentNameChain: [] };
    return { parent: { id: managementGroupId(parent) }, parentNameChain: this.#chain(parent).map(({ name }) => name).reverse() };
  }

  #subscription({ id, displayName, tenantId = this.tenantId }: Subscription): object {
    return { id: `/subscriptions/${id}`, subscriptionId: id, tenantId, displayName, state: 'Enabled' };
  }

  #resourceGroup(parts: Parts): SimResponse {
    const found = this.#resourceGroups.get(`/subscriptions/${parts('s')}/resourceGroups/${parts('rg')}`.toLowerCase());
    if (found === undefined) return wrapped(404, 'ResourceGroupNotFound', `Resource group '${parts('rg')}' could not be found.`);
    return { status: 200, body: { ...found, type: 'Microsoft.Resources/resourceGroups', properties: { provisioningState: 'Succeeded' } } };
  }
}

/** The ARM id of a management group. */
export function managementGroupId(name: string): string {
  return `/providers/Microsoft.Management/managementGroups/${name}`;
}
