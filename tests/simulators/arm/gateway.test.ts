import assert from 'node:assert/strict';
import { managementGroupId } from './hierarchy.js';
import { cluster, group, message, subscription, verdict, World } from './test-world.js';

describe('arm: the gateway', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
    world.addCluster();
  });

  function withToken(audience: string): Record<string, string> {
    return { authorization: `Bearer ${world.entra.issue(world.owner, audience)}` };
  }

  it('takes tokens for ARM under all of its names', async () => {
    const own = [world.origin, `${world.origin}/`];
    for (const audience of ['https://management.azure.com', 'https://management.azure.com/', 'https://management.core.windows.net', 'https://management.core.windows.net/', ...own]) {
      assert.equal(verdict(await world.send('GET', cluster, undefined, { headers: withToken(audience) })), '200', audience);
    }
  });

  it('says what is wrong with a token', async () => {
    const without = await world.send('GET', cluster, undefined, { headers: { authorization: undefined } });
    assert.equal(verdict(without), '401 AuthenticationFailed');
    assert.match(without.headers?.['www-authenticate'] ?? '', /^Bearer authorization_uri="https:\/\/login\.windows\.net\//);
    const garbage = await world.send('GET', cluster, undefined, { headers: { authorization: 'Bearer a.b.c' } });
    assert.equal(verdict(garbage), '401 InvalidAuthenticationToken');
    const other = await world.send('GET', cluster, undefined, { headers: withToken('https://vault.azure.net') });
    assert.equal(verdict(other), '401 InvalidAuthenticationTokenAudience');
    assert.match(message(other), /wrong audience or resource 'https:\/\/vault\.azure\.net'\. It should exactly match with one of the allowed audiences 'https:\/\/management\.core\.windows\.net\/',/);
    const forged = (await World.start()).entra.issue(world.owner, 'https://vault.azure.net');
    assert.equal(verdict(await world.send('GET', cluster, undefined, { headers: { authorization: `Bearer ${forged}` } })), '401 InvalidAuthenticationToken', 'another key');
    const old = withToken('https://management.azure.com');
    world.clock.advance(3_600_000);
    assert.equal(verdict(await world.send('GET', cluster, undefined, { headers: old })), '401 InvalidAuthenticationToken', 'expired');
  });

  it('refuses in the words of the service what no role allows', async () => {
    const response = await world.send('GET', cluster, undefined, { as: world.stranger });
    assert.equal(verdict(response), '403 AuthorizationFailed');
    const { appId, objectId } = world.stranger;
    const action = 'Microsoft.ContainerService/managedClusters/read';
    assert.equal(
      message(response),
      `The client '${appId}' with object id '${objectId}' does not have authorization to perform action '${action}' over scope '${cluster}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
    );
    assert.equal(response.principal, objectId);
    const name = '00000000-0000-4000-8000-000000000001';
    const assignment = await world.send('PUT', `${group}/providers/Microsoft.Authorization/roleAssignments/${name}`, { properties: {} }, { as: world.stranger });
    assert.match(message(assignment), /does not have authorization or an ABAC condition not fulfilled to perform action 'Microsoft\.Authorization\/roleAssignments\/write' over scope/);
    assert.equal(assignment.wrote, undefined);
  });

  it('tells nobody without a right whether a resource exists', async () => {
    assert.equal(verdict(await world.send('GET', `${cluster}-other`, undefined, { as: world.stranger })), '403 AuthorizationFailed');
    assert.equal(verdict(await world.send('GET', `${cluster}-other`)), '404 ResourceNotFound');
  });

  it('asks every operation for its own right at its own scope', async () => {
    const base = 'Microsoft.ManagedIdentity/userAssignedIdentities';
    const identity = `${group}/providers/${base}/id-shop`;
    const root = managementGroupId('prod');
    const questions: readonly (readonly [method: string, path: string, action: string, scope: string])[] = [
      ['PUT', cluster, 'Microsoft.ContainerService/managedClusters/write', cluster],
      ['POST', `${cluster}/listClusterUserCredential`, 'Microsoft.ContainerService/managedClusters/listClusterUserCredential/action', cluster],
      ['POST', `${cluster}/listClusterAdminCredential`, 'Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action', cluster],
      ['GET', `${subscription}/providers/Microsoft.ContainerService/managedClusters`, 'Microsoft.ContainerService/managedClusters/read', subscription],
      ['GET', `${group}/providers/Microsoft.ContainerService/managedClusters`, 'Microsoft.ContainerService/managedClusters/read', group],
      ['PUT', identity, `${base}/write`, identity],
      ['DELETE', identity, `${base}/delete`, identity],
      ['GET', `${identity}/federatedIdentityCredentials`, `${base}/federatedIdentityCredentials/read`, identity],
      ['PUT', `${identity}/federatedIdentityCredentials/abc`, `${base}/federatedIdentityCredentials/write`, identity],
      ['DELETE', `${identity}/federatedIdentityCredentials/abc`, `${base}/federatedIdentityCredentials/delete`, identity],
      ['GET', `${group}/providers/Microsoft.ContainerRegistry/registries/cr`, 'Microsoft.ContainerRegistry/registries/read', `${group}/providers/Microsoft.ContainerRegistry/registries/cr`],
      ['GET', `${subscription}/providers/Microsoft.KeyVault/vaults`, 'Microsoft.KeyVault/vaults/read', subscription],
      ['GET', `${group}/providers/Microsoft.Authorization/roleAssignments`, 'Microsoft.Authorization/roleAssignments/read', group],
      ['GET', subscription, 'Microsoft.Resources/subscriptions/read', subscription],
      ['GET', group, 'Microsoft.Resources/subscriptions/resourceGroups/read', group],
      ['GET', root, 'Microsoft.Management/managementGroups/read', root],
    ];
    for (const [method, path, action, scope] of questions) {
      const response = await world.send(method, path, method === 'PUT' ? {} : undefined, { as: world.stranger });
      assert.equal(verdict(response), '403 AuthorizationFailed', `${method} ${path}`);
      assert.ok(message(response).includes(`perform action '${action}' over scope '${scope}' or`), message(response));
    }
  });

  it('wants an api-version that the kind has', async () => {
    const bare = await world.send('GET', `${cluster}?api-version=2030-01-01`);
    assert.equal(verdict(bare), '400 InvalidApiVersionParameter');
    const url = new URL(`${world.origin}${cluster}`);
    const headers = withToken('https://management.azure.com');
    const without = await world.network.dispatch({ method: 'GET', url, headers, body: Buffer.alloc(0), signal: new AbortController().signal });
    assert.equal(verdict(without), '400 MissingApiVersionParameter');
    assert.equal(verdict(await world.send('GET', `${cluster}?api-version=2024-11-30`)), '400 InvalidApiVersionParameter', 'that of another kind');
  });

  it('reads paths without regard to case, doubled slashes and escapes', async () => {
    for (const path of [cluster.toUpperCase(), cluster.replace('/providers/', '//providers/'), `${cluster}/`, cluster.replace('aks', '%61ks')]) {
      assert.equal(verdict(await world.send('GET', path)), '200', path);
    }
    assert.equal(verdict(await world.send('GET', `${group}/providers/%E0%A4%A`)), '400 InvalidUri');
  });

  it('wants JSON that is said to be JSON', async () => {
    const headers = { 'content-type': 'text/plain' };
    assert.equal(verdict(await world.send('PUT', cluster, {}, { headers })), '415 UnsupportedMediaType');
    assert.equal(verdict(await world.send('PUT', cluster, {}, { headers: { 'content-type': 'application/json; charset=utf-8' } })), '400 InvalidParameter flat');
    const url = new URL(`${world.origin}${cluster}?api-version=2026-04-01`);
    const broken = { method: 'PUT', url, headers: { ...withToken('https://management.azure.com'), 'content-type': 'application/json' }, body: Buffer.from('{"a":'), signal: new AbortController().signal };
    assert.equal(verdict(await world.arm.handle(broken)), '400 InvalidRequestContent');
  });

  it('names its answers and echoes the correlation id', async () => {
    const headers = { 'x-ms-correlation-request-id': 'corr-1' };
    const [one, two] = [await world.send('GET', cluster, undefined, { headers }), await world.send('GET', `${cluster}-none`)];
    assert.equal(one.headers?.['x-ms-correlation-request-id'], 'corr-1');
    assert.match(one.headers['x-ms-request-id'] ?? '', /^[0-9a-f-]{36}$/);
    assert.notEqual(one.headers['x-ms-request-id'], two.headers?.['x-ms-request-id']);
    assert.equal(two.headers?.['x-ms-correlation-request-id'], two.headers?.['x-ms-request-id']);
    assert.equal(two.headers?.['x-ms-failure-cause'], 'gateway');
  });

  it('names what it does not simulate', async () => {
    for (const [method, path] of [
      ['DELETE', cluster],
      ['PATCH', cluster],
      ['POST', `${cluster}/rotateClusterCertificates`],
      ['GET', `${group}/providers/Microsoft.Network/virtualNetworks/v`],
    ] as const) {
      const response = await world.send(method, `${path}?api-version=2026-04-01`);
      assert.equal(verdict(response), '501 NotSimulated');
      assert.match(message(response), new RegExp(`^arm: ${method} /subscriptions/.* is not simulated\\.$`));
    }
  });
});
