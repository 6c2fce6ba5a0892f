import assert from 'node:assert/strict';
import { tenantId } from '../azure/authority.js';
import { idOf, type ServicePrincipal } from '../azure/directory.js';
import { role } from '../azure/role-definitions.js';
import type { SimResponse } from '../kernel/service.js';
import { managementGroupId } from './hierarchy.js';
import { cluster, group, items, message, propertiesOf, record, subscription, verdict, World } from './test-world.js';

const acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d';
const acrPush = '8311e382-0749-4cb8-b61a-304f252e45ec';
const registry = `${group}/providers/Microsoft.ContainerRegistry/registries/cr`;
const definition = (id: string): string => `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${id}`;

describe('arm: role assignments', () => {
  let world: World;
  let app: ServicePrincipal;
  beforeEach(async () => {
    world = await World.start();
    app = world.directory.add({ displayName: 'app', kind: 'managedIdentity' });
  });

  const put = (name: string, properties: Record<string, unknown> = {}, scope = registry): Promise<SimResponse> => {
    const all = { roleDefinitionId: definition(acrPull), principalId: app.objectId, principalType: 'ServicePrincipal', ...properties };
    return world.send('PUT', `${scope}/providers/Microsoft.Authorization/roleAssignments/${idOf(name)}`, { properties: all });
  };
  const list = async (scope: string, filter?: string, as?: ServicePrincipal): Promise<unknown[]> => {
    const query = filter === undefined ? '' : `?$filter=${encodeURIComponent(filter)}`;
    const options = as === undefined ? {} : { as };
    const response = await world.send('GET', `${scope}/providers/Microsoft.Authorization/roleAssignments${query}`, undefined, options);
    return items(response).map((item) => record(item.properties).scope);
  };

  it('creates with 201, shows, and deletes', async () => {
    const condition = "((!(ActionMatches{'a/b'})) OR (@Request[c/d:name] StringEqualsIgnoreCase 'x'))";
    const created = await put('one', { condition, conditionVersion: '2.0', description: 'made by a test' });
    assert.equal(created.status, 201);
    const id = `${registry}/providers/Microsoft.Authorization/roleAssignments/${idOf('one')}`;
    assert.equal(record(created.body).id, id);
    assert.equal(created.wrote, id);
    const now = world.clock.now().toISOString();
    assert.deepEqual(propertiesOf(created), {
      roleDefinitionId: definition(acrPull),
      principalId: app.objectId,
      principalType: 'ServicePrincipal',
      scope: registry,
      condition,
      conditionVersion: '2.0',
      description: 'made by a test',
      createdOn: now,
      updatedOn: now,
      createdBy: world.owner.objectId,
      updatedBy: world.owner.objectId,
      delegatedManagedIdentityResourceId: null,
    });
    assert.deepEqual(record((await world.send('GET', id.toUpperCase())).body), record(created.body));
    assert.equal(verdict(await world.send('GET', id.replace(registry, group))), '404 RoleAssignmentNotFound', 'at another scope');
    assert.equal((await world.send('DELETE', id)).wrote, id);
    const nothing = await world.send('DELETE', id);
    assert.deepEqual([nothing.status, nothing.wrote], [204, undefined]);
    assert.equal(verdict(await world.send('GET', id)), '404 RoleAssignmentNotFound');
  });

  it('lets a new condition replace the old one under the same name', async () => {
    await put('one');
    world.clock.advance(5000);
    const updated = await put('one', { condition: "@Request[a:b] StringEquals 'x'", conditionVersion: '2.0' });
    assert.equal(updated.status, 200);
    const { condition, createdOn, updatedOn } = propertiesOf(updated);
    assert.equal(condition, "@Request[a:b] StringEquals 'x'");
    assert.equal(Date.parse(String(updatedOn)) - Date.parse(String(createdOn)), 5000);
  });

  it('refuses the same triple under another name, with an id without dashes', async () => {
    await put('one');
    const twin = await put('two', { condition: "@Request[a:b] StringEquals 'x'", conditionVersion: '2.0' });
    assert.equal(verdict(twin), '409 RoleAssignmentExists');
    assert.equal(message(twin), `The role assignment already exists. The ID of the existing role assignment is ${idOf('one').replaceAll('-', '')}.`);
    assert.equal(twin.wrote, undefined);
    assert.equal(verdict(await put('two', {}, registry.toUpperCase())), '409 RoleAssignmentExists', 'scopes have no case');
    assert.equal((await put('two', { roleDefinitionId: definition(acrPush) })).status, 201);
  });

  it('refuses a name that means something else', async () => {
    await put('one');
    for (const [properties, scope] of [[{ roleDefinitionId: definition(acrPush) }, registry], [{ principalId: world.owner.objectId }, registry], [{}, group]] as const) {
      assert.equal(verdict(await put('one', properties, scope)), '400 RoleAssignmentUpdateNotPermitted');
    }
  });

  it('does not know a principal that has not replicated, whatever its type', async () => {
    world.directory.replicationMs = 1000;
    const young = world.directory.add({ displayName: 'young', kind: 'managedIdentity' });
    for (const principalType of ['ServicePrincipal', undefined]) {
      const refused = await put('one', { principalId: young.objectId, principalType });
      assert.equal(verdict(refused), '400 PrincipalNotFound');
      assert.ok(message(refused).startsWith(`Principal ${young.objectId.replaceAll('-', '')} does not exist in the directory ${tenantId}. Check that you have`));
    }
    world.clock.advance(1000);
    assert.equal((await put('one', { principalId: young.objectId })).status, 201);
  });

  it('refuses what is no assignment', async () => {
    assert.equal(verdict(await put('one', { roleDefinitionId: definition(idOf('no role')) })), '400 RoleDefinitionDoesNotExist');
    assert.equal(verdict(await put('one', { roleDefinitionId: undefined })), '400 InvalidRequestContent');
    assert.equal(verdict(await put('one', { principalId: undefined })), '400 InvalidRequestContent');
    assert.equal(verdict(await put('one', { principalType: 'Robot' })), '400 InvalidPrincipalType');
    assert.equal(verdict(await put('one', { principalType: 'User' })), '400 UnmatchedPrincipalType');
    const path = `${registry}/providers/Microsoft.Authorization/roleAssignments/my-name`;
    assert.equal(verdict(await world.send('PUT', path, { properties: { roleDefinitionId: definition(acrPull), principalId: app.objectId } })), '400 InvalidRoleAssignmentId');
  });

  it('lists what is at, above and below a scope, and narrows it', async () => {
    await put('one');
    await put('two', {}, group);
    const prod = managementGroupId('prod');
    world.assign(app, 'Reader', prod);
    const inherited = [subscription, prod];
    assert.deepEqual((await list(group)).sort(), [...inherited, group, registry].sort());
    assert.deepEqual((await list(group, 'atScope()')).sort(), [...inherited, group].sort());
    assert.deepEqual((await list(group, `principalId eq '${app.objectId}'`)).sort(), [prod, group, registry].sort());
    for (const filter of [`assignedTo('${app.objectId.toUpperCase()}')`, `principalId eq '${app.objectId}'`]) {
      assert.deepEqual((await list(group, `atScope() and ${filter}`)).sort(), [prod, group].sort(), filter);
    }
    assert.deepEqual(await list(group, `assignedTo('${world.stranger.objectId}')`), []);
    const url = (filter: string): string => `${group}/providers/Microsoft.Authorization/roleAssignments?$filter=${encodeURIComponent(filter)}`;
    for (const filter of ["roleName eq 'x'", 'atScope() or atScope()', `principalId eq '${app.objectId}' and assignedTo('x')`, 'atScope']) {
      assert.equal(verdict(await world.send('GET', url(filter))), '400 UnsupportedQuery', filter);
    }
  });

  it('lists and assigns at a management group and at the root', async () => {
    world.assign(world.owner, 'Owner', '/');
    const prod = managementGroupId('prod');
    assert.equal((await put('one', {}, prod)).status, 201);
    const root = await put('two', {}, '');
    assert.equal(propertiesOf(root).scope, '/');
    assert.equal(record(root.body).id, `/providers/Microsoft.Authorization/roleAssignments/${idOf('two')}`);
    assert.equal(propertiesOf(root).roleDefinitionId, `/providers/Microsoft.Authorization/roleDefinitions/${acrPull}`);
    assert.equal((await world.send('GET', String(record(root.body).id))).status, 200);
    assert.deepEqual((await list(cluster, `principalId eq '${app.objectId}'`)).sort(), ['/', prod].sort());
  });

  it('acts after the propagation time, also for the writer of assignments', async () => {
    world.roles.effectMs = 10_000;
    world.addCluster();
    const reader = { roleDefinitionId: definition('acdd72a7-3385-48ef-bd42-f606fba81ae7') };
    assert.equal(verdict(await put('one', reader, group)), '403 AuthorizationFailed', 'the owner is new too');
    world.clock.advance(10_000);
    assert.equal(verdict(await put('one', reader, group)), '201');
    world.clock.advance(9_999);
    assert.equal(verdict(await world.send('GET', cluster, undefined, { as: app })), '403 AuthorizationFailed');
    world.clock.advance(1);
    assert.equal(verdict(await world.send('GET', cluster, undefined, { as: app })), '200');
    world.roles.remove(idOf('one'));
    assert.equal(verdict(await world.send('GET', cluster, undefined, { as: app })), '403 AuthorizationFailed');
  });
});

describe('arm: role definitions and permissions', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
  });

  it('finds definitions by name, type and id', async () => {
    world.roles.define(role(idOf('own role'), 'Own Role', { actions: ['a/read'] }));
    const path = `${subscription}/providers/Microsoft.Authorization/roleDefinitions`;
    const found = async (filter: string): Promise<unknown[]> => items(await world.send('GET', `${path}?$filter=${encodeURIComponent(filter)}`)).map(({ name }) => name);
    assert.deepEqual(await found("roleName eq 'AcrPull'"), [acrPull]);
    assert.deepEqual(await found("type eq 'CustomRole'"), [idOf('own role')]);
    assert.deepEqual(await found("atScopeAndBelow() and roleName eq 'no role'"), []);
    assert.equal(verdict(await world.send('GET', `${path}?$filter=x`)), '400 UnsupportedQuery');
    assert.equal(items(await world.send('GET', path)).length, world.roles.definitions().length);
    const one = await world.send('GET', `${path}/${acrPull.toUpperCase()}`);
    assert.equal(propertiesOf(one).roleName, 'AcrPull');
    assert.equal(propertiesOf(one).type, 'BuiltInRole');
    assert.equal(verdict(await world.send('GET', `${path}/${idOf('none')}`)), '404 RoleDefinitionDoesNotExist');
  });

  it("tells the caller's own permissions at a scope", async () => {
    const path = `${cluster}/providers/Microsoft.Authorization/permissions`;
    assert.deepEqual(items(await world.send('GET', path)), [{ actions: ['*'], notActions: [], dataActions: [], notDataActions: [] }]);
    assert.deepEqual(items(await world.send('GET', path, undefined, { as: world.stranger })), []);
  });
});
