import assert from 'node:assert/strict';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { idOf } from './directory.js';
import { role } from './role-definitions.js';
import { RoleStore, type RoleAssignment } from './roles.js';

const subscription = '/subscriptions/00000000-0000-4000-8000-000000000001';
const group = `${subscription}/resourceGroups/rg-app`;
const registry = `${group}/providers/Microsoft.ContainerRegistry/registries/contoso`;
const cluster = `${group}/providers/Microsoft.ContainerService/managedClusters/aks`;
const platform = '/providers/Microsoft.Management/managementGroups/platform';
const who = idOf('principal');
const clusters = 'Microsoft.ContainerService/managedClusters';

class World {
  readonly clock = new VirtualClock();
  readonly roles = new RoleStore({ clock: this.clock, ancestors: (scope) => (scope.toLowerCase().startsWith(subscription) ? [platform] : []) });
  #count = 0;

  /** Gives the principal a role by its name. */
  give(roleName: string, scope: string, more: Partial<RoleAssignment> = {}): RoleAssignment {
    const definition = this.roles.definitions().find(({ name }) => name === roleName);
    assert.ok(definition, roleName);
    this.#count += 1;
    return this.roles.add({ name: idOf(`assignment ${this.#count}`), scope, principalId: who, principalType: 'ServicePrincipal', roleDefinitionId: definition.id, ...more });
  }

  can(action: string, scope: string): boolean {
    return this.roles.allows({ objectId: who, action, scope });
  }

  canData(action: string, scope: string, attributes?: Record<string, string>): boolean {
    return this.roles.allows({ objectId: who, action, scope, data: true, ...(attributes === undefined ? {} : { attributes }) });
  }
}

describe('role store', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('allows nothing without an assignment', () => {
    assert.equal(world.can(`${clusters}/read`, cluster), false);
  });

  it('inherits down scopes, without case, but not sideways or up', () => {
    world.give('Reader', group.toUpperCase());
    assert.equal(world.can(`${clusters}/read`, cluster), true);
    assert.equal(world.can(`${clusters}/read`, group), true);
    assert.equal(world.can(`${clusters}/read`, `${group}-other`), false);
    assert.equal(world.can(`${clusters}/read`, subscription), false);
  });

  it('inherits from management groups and from the tenant', () => {
    const assignment = world.give('Reader', platform);
    assert.equal(world.can(`${clusters}/read`, cluster), true);
    assert.equal(world.can(`${clusters}/read`, '/subscriptions/00000000-0000-4000-8000-000000000002'), false);
    world.roles.remove(assignment.name);
    world.give('Reader', '/');
    assert.equal(world.can(`${clusters}/read`, cluster), true);
    assert.equal(world.can('Microsoft.Management/managementGroups/read', platform), true);
  });

  it('is about one principal, compared without case', () => {
    world.give('Reader', group, { principalId: who.toUpperCase() });
    assert.equal(world.can(`${clusters}/read`, cluster), true);
    assert.equal(world.roles.allows({ objectId: idOf('somebody else'), action: `${clusters}/read`, scope: cluster }), false);
  });

  it('subtracts notActions within one role only', () => {
    const assign = 'Microsoft.Authorization/roleAssignments/write';
    world.give('Contributor', group);
    assert.equal(world.can(`${clusters}/write`, cluster), true);
    assert.equal(world.can(assign, registry), false);
    assert.equal(world.can('Microsoft.Authorization/roleAssignments/read', registry), true);
    world.give('Role Based Access Control Administrator', group);
    assert.equal(world.can(assign, registry), true);
  });

  it('keeps control and data actions apart', () => {
    world.give('Owner', group);
    assert.equal(world.can('Microsoft.KeyVault/vaults/secrets/getSecret/action', group), true);
    assert.equal(world.canData('Microsoft.KeyVault/vaults/secrets/getSecret/action', group), false);
    world.give('Key Vault Secrets User', group);
    assert.equal(world.canData('microsoft.keyvault/vaults/secrets/getsecret/ACTION', group), true);
    assert.equal(world.canData('Microsoft.KeyVault/vaults/secrets/setSecret/action', group), false);
  });

  it('lets the AKS roles do what they are documented to do', () => {
    const expected: readonly (readonly [roleName: string, action: string, allowed: boolean])[] = [
      ['Azure Kubernetes Service RBAC Reader', 'pods/read', true],
      ['Azure Kubernetes Service RBAC Reader', 'secrets/read', false],
      ['Azure Kubernetes Service RBAC Reader', 'pods/write', false],
      ['Azure Kubernetes Service RBAC Writer', 'serviceaccounts/write', true],
      ['Azure Kubernetes Service RBAC Writer', 'secrets/write', true],
      ['Azure Kubernetes Service RBAC Writer', 'apps/deployments/write', true],
      ['Azure Kubernetes Service RBAC Writer', 'customresources/write', false],
      ['Azure Kubernetes Service RBAC Writer', 'namespaces/read', true],
      ['Azure Kubernetes Service RBAC Writer', 'namespaces/write', false],
      ['Azure Kubernetes Service RBAC Admin', 'customresources/write', true],
      ['Azure Kubernetes Service RBAC Admin', 'namespaces/write', false],
      ['Azure Kubernetes Service RBAC Admin', 'resourcequotas/delete', false],
      ['Azure Kubernetes Service RBAC Cluster Admin', 'namespaces/write', true],
    ];
    for (const [roleName, action, allowed] of expected) {
      world = new World();
      world.give(roleName, `${cluster}/namespaces/shop`);
      assert.equal(world.canData(`${clusters}/${action}`, `${cluster}/namespaces/shop`), allowed, `${roleName}: ${action}`);
      assert.equal(world.canData(`${clusters}/${action}`, `${cluster}/namespaces/other`), false, roleName);
    }
  });

  it('separates the credential roles and the identity roles', () => {
    world.give('Azure Kubernetes Service Cluster User Role', cluster);
    assert.equal(world.can(`${clusters}/listClusterUserCredential/action`, cluster), true);
    assert.equal(world.can(`${clusters}/listClusterAdminCredential/action`, cluster), false);
    world.give('Managed Identity Operator', group);
    const identity = `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id`;
    assert.equal(world.can('Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write', identity), false);
    world.give('Managed Identity Contributor', group);
    assert.equal(world.can('Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write', identity), true);
  });

  it('applies conditions to the actions and attributes of the question', () => {
    const content = 'Microsoft.ContainerRegistry/registries/repositories/content/read';
    const name = 'Microsoft.ContainerRegistry/registries/repositories:name';
    const condition = `((!(ActionMatches{'${content}'})) OR (@Request[${name}] StringStartsWithIgnoreCase 'backend/'))`;
    world.give('Container Registry Repository Reader', registry, { condition, conditionVersion: '2.0' });
    assert.equal(world.canData(content, registry, { [name]: 'backend/api' }), true);
    assert.equal(world.canData(content, registry, { [name]: 'frontend/api' }), false);
    assert.equal(world.canData(content, registry), false);
    assert.equal(world.canData('Microsoft.ContainerRegistry/registries/repositories/metadata/read', registry), true);
    assert.equal(world.canData('Microsoft.ContainerRegistry/registries/repositories/content/write', registry), false, 'a condition gives no rights');
  });

  it('goes on acting as before while a changed assignment propagates, and later on replicas that lie behind', () => {
    const content = 'Microsoft.ContainerRegistry/registries/repositories/content/read';
    const name = 'Microsoft.ContainerRegistry/registries/repositories:name';
    const old = world.give('Container Registry Repository Reader', registry, { condition: `@Request[${name}] StringEquals 'a'`, conditionVersion: '2.0' });
    world.clock.advance(60_000);
    world.roles.effectMs = 60_000;
    world.roles.replace({ ...old, condition: `@Request[${name}] StringEquals 'b'` });
    const may = (repository: string, behindMs = 0): boolean => world.roles.allows({ objectId: who, action: content, scope: registry, data: true, attributes: { [name]: repository }, behindMs });
    assert.deepEqual([may('a'), may('b')], [true, false]);
    world.clock.advance(60_000);
    assert.deepEqual([may('a'), may('b'), may('a', 1), may('b', 1)], [false, true, true, false]);
    world.roles.remove(old.name);
    assert.deepEqual([may('a', 1), may('b')], [false, false]);
  });

  it('allows nothing by a condition that it cannot read', () => {
    world.give('Reader', group, { condition: "@Request[a:b] StringMatches 'x'", conditionVersion: '2.0' });
    assert.equal(world.can(`${clusters}/read`, cluster), false);
  });

  it('lets an assignment act only after the propagation time', () => {
    world.roles.effectMs = 60_000;
    const assignment = world.give('Reader', group);
    assert.equal(world.can(`${clusters}/read`, cluster), false);
    assert.equal(world.roles.assignments().length, 1, 'it is listed at once');
    assert.deepEqual(world.roles.permissionsAt(who, cluster), []);
    world.clock.advance(59_999);
    assert.equal(world.can(`${clusters}/read`, cluster), false);
    world.clock.advance(1);
    assert.equal(world.can(`${clusters}/read`, cluster), true);
    world.roles.remove(assignment.name.toUpperCase());
    assert.equal(world.can(`${clusters}/read`, cluster), false);
  });

  it('finds assignments by name and refuses a taken name or an unknown role', () => {
    const assignment = world.give('AcrPull', registry, { description: 'by a test' });
    assert.equal(world.roles.find(assignment.name.toUpperCase()), assignment);
    assert.throws(() => world.give('AcrPull', registry, { name: assignment.name }), /exists/);
    assert.throws(() => world.give('AcrPull', registry, { roleDefinitionId: idOf('no role') }), /not defined/);
    assert.equal(world.roles.find(idOf('no assignment')), undefined);
  });

  it('takes custom roles and tells the permissions at a scope', () => {
    const custom = role(idOf('Secret Provider Editor').toUpperCase(), 'Secret Provider Editor', { dataActions: [`${clusters}/customresources/*`] });
    world.roles.define(custom);
    world.give('Secret Provider Editor', cluster);
    world.give('AcrPull', registry);
    assert.equal(world.canData(`${clusters}/customresources/write`, `${cluster}/namespaces/shop`), true);
    assert.deepEqual(world.roles.permissionsAt(who, cluster), [{ actions: [], notActions: [], dataActions: [`${clusters}/customresources/*`], notDataActions: [] }]);
  });

  it('knows every built-in role by a GUID of its own', () => {
    const ids = world.roles.definitions().map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });
});
