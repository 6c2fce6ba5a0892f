import assert from 'node:assert/strict';
import { AuthorizationManagementClient } from '@azure/arm-authorization';
import { ManagedServiceIdentityClient } from '@azure/arm-msi';
import { isRestError } from '@azure/core-rest-pipeline';
import { ClientSecretCredential } from '@azure/identity';
import { tenantId } from '../azure/authority.js';
import { idOf } from '../azure/directory.js';
import { inProcessHttpClient } from '../kernel-clients/in-process-http-client.js';
import { group, record, subscription, subscriptionId, World } from './test-world.js';

const acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d';
const registry = `${group}/providers/Microsoft.ContainerRegistry/registries/cr`;
const trust = { issuer: 'https://issuer.sim/t/u/', subject: 'system:serviceaccount:shop:web', audiences: ['api://AzureADTokenExchange'] };

function refused(status: number, code: string): (error: unknown) => boolean {
  return (error) => isRestError(error) && error.statusCode === status && error.code === code;
}

async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of pages) found.push(item);
  return found;
}

describe('arm: the real clients of the Azure SDK', () => {
  let world: World;
  let identities: ManagedServiceIdentityClient;
  let authorization: AuthorizationManagementClient;
  beforeEach(async () => {
    world = await World.start();
    const authorityHost = await world.network.attach(world.entra);
    const httpClient = inProcessHttpClient(world.network);
    const options = { httpClient, retryOptions: { maxRetries: 0 } };
    const credential = new ClientSecretCredential(tenantId, world.owner.appId, 'owner secret', { authorityHost, disableInstanceDiscovery: true, ...options });
    const client = { endpoint: world.origin, credentialScopes: ['https://management.azure.com/.default'], ...options };
    identities = new ManagedServiceIdentityClient(credential, subscriptionId, client);
    authorization = new AuthorizationManagementClient(credential, subscriptionId, client);
  });

  it('arm-msi: identities', async () => {
    const { userAssignedIdentities } = identities;
    const created = await userAssignedIdentities.createOrUpdate('rg-shop', 'id-shop', { location: 'westeurope', tags: { a: '1' } });
    assert.equal(created.principalId, world.arm.identities.find('id-shop').principalId);
    assert.deepEqual(await userAssignedIdentities.get('rg-shop', 'id-shop'), created);
    assert.deepEqual((await all(userAssignedIdentities.listByResourceGroup('rg-shop'))).map(({ name }) => name), ['id-shop']);
    assert.deepEqual((await all(userAssignedIdentities.listBySubscription())).map(({ clientId }) => clientId), [created.clientId]);
    await userAssignedIdentities.delete('rg-shop', 'id-shop');
    await userAssignedIdentities.delete('rg-shop', 'id-shop');
    await assert.rejects(userAssignedIdentities.get('rg-shop', 'id-shop'), refused(404, 'ResourceNotFound'));
  });

  it('arm-msi: federated credentials', async () => {
    world.addIdentity();
    const { federatedIdentityCredentials } = identities;
    const created = await federatedIdentityCredentials.createOrUpdate('rg-shop', 'id-shop', 'shop-web', trust);
    assert.deepEqual([created.issuer, created.subject, created.audiences], [trust.issuer, trust.subject, trust.audiences]);
    assert.deepEqual(await federatedIdentityCredentials.get('rg-shop', 'id-shop', 'shop-web'), created);
    await assert.rejects(federatedIdentityCredentials.createOrUpdate('rg-shop', 'id-shop', 'twin', trust), refused(400, 'BadRequest'));
    for (let count = 0; count < 4; count += 1) await federatedIdentityCredentials.createOrUpdate('rg-shop', 'id-shop', `more-${count}`, { ...trust, subject: `s${count}` });
    assert.equal((await all(federatedIdentityCredentials.list('rg-shop', 'id-shop', { top: 2 }))).length, 5, 'over three pages');
    await federatedIdentityCredentials.delete('rg-shop', 'id-shop', 'shop-web');
    await assert.rejects(federatedIdentityCredentials.get('rg-shop', 'id-shop', 'shop-web'), refused(404, 'NotFound'));
    assert.equal(world.network.log.writes('arm').length, 6);
  });

  it('arm-authorization: role assignments', async () => {
    const { principalId } = world.addIdentity();
    const { roleAssignments } = authorization;
    const scope = registry.slice(1);
    const wanted = { roleDefinitionId: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${acrPull}`, principalId, principalType: 'ServicePrincipal', condition: "@Request[a:b] StringEquals 'x'", conditionVersion: '2.0' };
    const created = await roleAssignments.create(scope, idOf('one'), wanted);
    assert.equal(created.condition, wanted.condition);
    assert.ok(created.createdOn instanceof Date);
    assert.equal((await roleAssignments.get(scope, idOf('one'))).principalId, principalId);
    assert.equal((await roleAssignments.getById(String(created.id))).scope, registry);
    await assert.rejects(roleAssignments.create(scope, idOf('two'), wanted), refused(409, 'RoleAssignmentExists'));
    const listed = await all(roleAssignments.listForScope(group.slice(1), { filter: `principalId eq '${principalId}'` }));
    assert.deepEqual(listed.map(({ name }) => name), [idOf('one')]);
    assert.equal((await roleAssignments.delete(scope, idOf('one'))).id, created.id);
    await assert.rejects(roleAssignments.get(scope, idOf('one')), refused(404, 'RoleAssignmentNotFound'));
  });

  it('arm-authorization: role definitions and permissions', async () => {
    const [found] = await all(authorization.roleDefinitions.list(subscription.slice(1), { filter: "roleName eq 'AcrPull'" }));
    assert.equal(found?.name, acrPull);
    assert.deepEqual(found.permissions?.[0]?.actions, ['Microsoft.ContainerRegistry/registries/pull/read']);
    const owners = [{ actions: ['*'], notActions: [], dataActions: [], notDataActions: [] }];
    assert.deepEqual((await all(authorization.permissions.listForResourceGroup('rg-shop'))).map(record), owners);
    assert.deepEqual((await all(authorization.permissions.listForResource('rg-shop', 'Microsoft.ContainerRegistry', '', 'registries', 'cr'))).map(record), owners);
  });

  it('a refusal by role reaches the caller in words', async () => {
    for (const { name } of world.roles.assignments()) world.roles.remove(name);
    await assert.rejects(identities.userAssignedIdentities.get('rg-shop', 'id-shop'), (error) => isRestError(error) && error.statusCode === 403 && error.message.includes("does not have authorization to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/read'"));
  });
});
