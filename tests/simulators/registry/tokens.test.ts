import assert from 'node:assert/strict';
import { call, json } from './fakes.js';
import { armId, claims, code, login, origin, World } from './test-world.js';

describe('registry simulator: tokens', () => {
  it('challenges the catalogue exactly as documented', async () => {
    const { network } = await World.start();
    const response = await call(network, 'GET', `${origin}/v2/_catalog`);
    assert.equal(response.status, 401);
    assert.equal(response.headers?.['www-authenticate'], `Bearer realm="${origin}/oauth2/token",service="${login}",scope="registry:catalog:*"`);
    assert.deepEqual(response.body, {
      errors: [{ code: 'UNAUTHORIZED', message: 'authentication required', detail: [{ Type: 'registry', Name: 'catalog', Action: '*' }] }],
    });
  });

  it('challenges the base and a repository with their own scopes', async () => {
    const { network } = await World.start();
    const base = await call(network, 'GET', `${origin}/v2/`);
    assert.equal(base.headers?.['www-authenticate'], `Bearer realm="${origin}/oauth2/token",service="${login}"`);
    const manifest = await call(network, 'GET', `${origin}/v2/team/orders/manifests/1.0`);
    assert.match(manifest.headers?.['www-authenticate'] ?? '', /scope="repository:team\/orders:pull"$/);
    const upload = await call(network, 'POST', `${origin}/v2/orders/blobs/uploads/`);
    assert.match(upload.headers?.['www-authenticate'] ?? '', /scope="repository:orders:push"$/);
  });

  it('exchanges tokens of the registry audience, and of ARM unless the policy is disabled', async () => {
    const world = await World.start();
    const arm = world.authority.issue('oid', 'https://management.azure.com');
    assert.equal((await world.exchange(arm)).status, 200);
    world.settings = { ...world.settings, azureADAuthenticationAsArmPolicy: 'disabled' };
    const refused = await world.exchange(arm);
    assert.equal(refused.status, 401);
    assert.equal(code(refused), 'UNAUTHORIZED');
    assert.equal((await world.exchange(world.authority.issue('oid', 'https://containerregistry.azure.net'))).status, 200);
    assert.equal((await world.exchange(world.authority.issue('oid', 'https://vault.azure.net'))).status, 401);
  });

  it('refuses a wrong service, another tenant, another grant type and another content type', async () => {
    const world = await World.start();
    const token = world.authority.issue('oid', 'https://containerregistry.azure.net');
    assert.equal((await world.exchange(token, { service: 'other.azurecr.io' })).status, 400);
    assert.equal((await world.exchange(token, { tenant: 'another' })).status, 401);
    assert.equal((await world.exchange(token, { grant_type: 'password' })).status, 400);
    const body = JSON.stringify({ grant_type: 'access_token' });
    const response = await call(world.network, 'POST', `${origin}/oauth2/exchange`, { headers: { 'content-type': 'application/json' }, body });
    assert.equal(response.status, 400);
  });

  it('answers a refused exchange with the status of the knob, and can refuse strangers there', async () => {
    const world = await World.start();
    const token = world.authority.issue('oid', 'https://containerregistry.azure.net');
    world.registry.knobs.strangersMayExchange = false;
    world.registry.knobs.exchangeRefusal = 403;
    assert.equal((await world.exchange(token)).status, 403);
    world.access.rule = ({ action }) => action.endsWith('/pull/read');
    assert.equal((await world.exchange(token)).status, 200);
  });

  it('grants of the asked actions only what legacy roles allow on the registry', async () => {
    const world = await World.start();
    world.access.rule = ({ action, scope, data }) => scope === armId && data !== true && action === 'Microsoft.ContainerRegistry/registries/pull/read';
    const token = claims(await world.accessToken('repository:orders:pull,push', 'repository:billing:push,delete'));
    assert.deepEqual(token.access, [
      { type: 'repository', name: 'orders', actions: ['pull'] },
      { type: 'repository', name: 'billing', actions: [] },
    ]);
    assert.equal(Number(token.exp) - Number(token.nbf), 75 * 60);
    assert.equal(token.aud, login);
  });

  it('asks for data actions with the repository as a request attribute in ABAC mode, where AcrPull means nothing', async () => {
    const world = await World.start();
    world.settings = { ...world.settings, roleAssignmentMode: 'AbacRepositoryPermissions' };
    world.access.rule = ({ action }) => action.endsWith('/pull/read');
    assert.deepEqual(claims(await world.accessToken('repository:orders:pull')).access, [{ type: 'repository', name: 'orders', actions: [] }]);
    const attribute = 'Microsoft.ContainerRegistry/registries/repositories:name';
    world.access.rule = ({ action, data, attributes }) =>
      data === true && attributes?.[attribute] === 'orders' && action === 'Microsoft.ContainerRegistry/registries/repositories/content/read';
    const both = claims(await world.accessToken('repository:orders:pull,push repository:billing:pull'));
    assert.deepEqual(both.access, [
      { type: 'repository', name: 'orders', actions: ['pull'] },
      { type: 'repository', name: 'billing', actions: [] },
    ]);
  });

  it('expands the star to what is allowed, and grants the catalogue by its own right', async () => {
    const world = await World.start();
    world.access.rule = ({ action }) => action.endsWith('/pull/read') || action.endsWith('/push/write');
    const token = claims(await world.accessToken('repository:orders:*', 'registry:catalog:*', 'registry:other:*'));
    assert.deepEqual(token.access, [
      { type: 'repository', name: 'orders', actions: ['pull', 'push', 'metadata_read', 'metadata_write'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
      { type: 'registry', name: 'other', actions: [] },
    ]);
  });

  it('refuses malformed scopes, foreign refresh tokens and access tokens in their place', async () => {
    const world = await World.start();
    const refresh = await world.refreshToken();
    assert.equal((await world.token(refresh, 'orders:pull')).status, 400);
    assert.equal((await world.token(`${refresh.slice(0, -4)}AAAA`, 'repository:orders:pull')).status, 401);
    assert.equal((await world.token(await world.accessToken(), 'repository:orders:pull')).status, 401);
    assert.equal((await world.use('GET', '/v2/', refresh)).status, 401);
  });

  it('lets refresh tokens live three hours and access tokens 75 minutes', async () => {
    const world = await World.start();
    const refresh = await world.refreshToken();
    const access = await world.accessToken();
    world.clock.advance(75 * 60_000 - 1);
    assert.equal((await world.use('GET', '/v2/', access)).status, 200);
    world.clock.advance(1);
    assert.equal((await world.use('GET', '/v2/', access)).status, 401);
    world.clock.advance(105 * 60_000 - 1);
    assert.equal((await world.token(refresh)).status, 200);
    world.clock.advance(1);
    assert.equal((await world.token(refresh)).status, 401);
  });

  it('serves docker login with the null GUID and a refresh token', async () => {
    const world = await World.start();
    world.access.rule = () => true;
    const basic = Buffer.from(`00000000-0000-0000-0000-000000000000:${await world.refreshToken()}`).toString('base64');
    const url = `${origin}/oauth2/token?service=${login}&scope=${encodeURIComponent('repository:orders:pull')}`;
    const response = await call(world.network, 'GET', url, { headers: { authorization: `Basic ${basic}` } });
    assert.deepEqual(claims(String(json(response).access_token)).access, [{ type: 'repository', name: 'orders', actions: ['pull'] }]);
    const wrong = Buffer.from('contoso:password').toString('base64');
    assert.equal((await call(world.network, 'GET', url, { headers: { authorization: `Basic ${wrong}` } })).status, 401);
  });

  it('lets the admin user in while it is on, for anything, by its name and password', async () => {
    const world = await World.start();
    const url = `${origin}/oauth2/token?service=${login}&scope=${encodeURIComponent('repository:orders:pull,push')}`;
    const signIn = (user: string, password = 'canary-admin-password'): ReturnType<typeof call> => call(world.network, 'GET', url, { headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` } });
    assert.equal((await signIn('contoso')).status, 401, 'it is off');
    world.settings = { ...world.settings, adminUserEnabled: true };
    const token = String(json(await signIn('contoso')).access_token);
    assert.deepEqual(claims(token).access, [{ type: 'repository', name: 'orders', actions: ['pull', 'push'] }]);
    assert.deepEqual([(await signIn('contoso', 'x')).status, (await signIn('other')).status], [401, 401]);
  });
});
