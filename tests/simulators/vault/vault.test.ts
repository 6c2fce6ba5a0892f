import assert from 'node:assert/strict';
import { tenantId } from '../azure/authority.js';
import { Network } from '../kernel/network.js';
import type { SimResponse } from '../kernel/service.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { call, FakeAccess, FakeAuthority, json } from '../registry/fakes.js';
import type { VaultSettings } from './settings.js';
import { Vault } from './vault.js';

const armId = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-contoso';
const origin = 'https://vault.kv-contoso.sim';
const getSecret = 'Microsoft.KeyVault/vaults/secrets/getSecret/action';

class World {
  readonly clock = new VirtualClock();
  readonly network = new Network(this.clock);
  readonly authority = new FakeAuthority();
  readonly access = new FakeAccess();
  settings: VaultSettings = { armId, tenantId, location: 'westeurope', vaultUri: `${origin}/`, enableRbacAuthorization: true, accessPolicies: [] };
  readonly vault = new Vault({
    name: 'vault/kv-contoso',
    clock: this.clock,
    authority: this.authority,
    access: this.access,
    settings: () => this.settings,
  });
  readonly token = this.authority.issue('oid-1', 'https://vault.azure.net');

  static async start(): Promise<World> {
    const world = new World();
    assert.equal(await world.network.attach(world.vault), origin);
    world.vault.secrets.set('orders-db', 'canary-orders');
    return world;
  }

  get(path: string, token = this.token): Promise<SimResponse> {
    const url = path.startsWith('https:') ? path : `${origin}${path}`;
    return call(this.network, 'GET', url, { headers: { authorization: `Bearer ${token}` } });
  }
}

function error(response: SimResponse): { code: string; message: string; innererror?: { code: string } } {
  return json(response).error as { code: string; message: string; innererror?: { code: string } };
}

describe('vault simulator', () => {
  it('challenges a caller without a token, and one with a token for something else', async () => {
    const world = await World.start();
    const response = await call(world.network, 'GET', `${origin}/secrets/orders-db?api-version=2025-07-01`);
    assert.equal(response.status, 401);
    const header = `Bearer authorization="https://login.microsoftonline.com/${tenantId}", resource="https://vault.azure.net"`;
    assert.equal(response.headers?.['www-authenticate'], header);
    const arm = world.authority.issue('oid-1', 'https://management.azure.com');
    assert.equal((await world.get('/secrets/orders-db?api-version=2025-07-01', arm)).status, 401);
  });

  it('gives a secret to whom a role allows it, asked at the scope of that very secret', async () => {
    const world = await World.start();
    world.access.rule = ({ scope, action, data }) => data === true && action === getSecret && scope === `${armId}/secrets/orders-db`;
    const response = await world.get('/secrets/orders-db?api-version=2025-07-01');
    const version = world.vault.secrets.find('orders-db')?.version;
    const seconds = Date.parse('2026-01-05T08:00:00Z') / 1000;
    assert.deepEqual(response.body, {
      value: 'canary-orders',
      id: `${origin}/secrets/orders-db/${version}`,
      attributes: { enabled: true, created: seconds, updated: seconds, recoveryLevel: 'Recoverable+Purgeable', recoverableDays: 90 },
      tags: {},
    });
    assert.equal((await world.get('/secrets/billing-db?api-version=2025-07-01')).status, 403);
    assert.deepEqual(world.access.questions[0]?.attributes, {
      'Microsoft.KeyVault/vaults:name': 'kv-contoso',
      'Microsoft.KeyVault/vaults/secrets:name': 'orders-db',
    });
  });

  it('refuses by RBAC with the documented text', async () => {
    const world = await World.start();
    const response = await world.get('/secrets/orders-db?api-version=7.4');
    assert.equal(response.status, 403);
    assert.deepEqual(error(response), {
      code: 'Forbidden',
      message:
        'Caller is not authorized to perform action on resource.\r\n' +
        'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\n' +
        `Caller: appid=app-of-oid-1;oid=oid-1;iss=https://sts.windows.net/${tenantId}/\r\n` +
        `Action: '${getSecret}'\r\nResource: '${armId}/secrets/orders-db'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\n` +
        "DecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: kv-contoso;location=westeurope\r\n",
      innererror: { code: 'ForbiddenByRbac' },
    });
  });

  it('goes by access policies when RBAC is off, and by them only', async () => {
    const world = await World.start();
    world.access.rule = () => true;
    for (const flag of [false, null]) {
      world.settings = { ...world.settings, enableRbacAuthorization: flag };
      const refused = await world.get('/secrets/orders-db?api-version=2025-07-01');
      assert.equal(refused.status, 403);
      assert.equal(error(refused).innererror?.code, 'AccessDenied');
      assert.match(error(refused).message, /^The user, group or application 'appid=app-of-oid-1;oid=oid-1;iss=\S+' does not have secrets get permission on key vault 'kv-contoso;/);
    }
    const policy = { tenantId, objectId: 'OID-1', permissions: { secrets: ['Get'] } };
    world.settings = { ...world.settings, accessPolicies: [policy] };
    assert.equal((await world.get('/secrets/orders-db?api-version=2025-07-01')).status, 200);
    assert.match(error(await world.get('/secrets?api-version=2025-07-01')).message, /does not have secrets list permission/);
    world.settings = { ...world.settings, accessPolicies: [{ ...policy, tenantId: 'another' }] };
    assert.equal((await world.get('/secrets/orders-db?api-version=2025-07-01')).status, 403);
    world.settings = { ...world.settings, enableRbacAuthorization: true, accessPolicies: [policy] };
    world.access.rule = () => false;
    assert.equal(error(await world.get('/secrets/orders-db?api-version=2025-07-01')).innererror?.code, 'ForbiddenByRbac');
  });

  it('keeps addresses out that the network rules do not name', async () => {
    const world = await World.start();
    world.access.rule = () => true;
    world.settings = { ...world.settings, networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '203.0.113.0/24' }, { value: '198.51.100.7' }] } };
    const refused = await world.get('/secrets/orders-db?api-version=2025-07-01');
    assert.equal(error(refused).innererror?.code, 'ForbiddenByFirewall');
    assert.match(error(refused).message, /^Client address is not authorized and caller is not a trusted service\.\r\nClient address: 127\.0\.0\.1\r\n/);
    for (const [address, status] of [['203.0.113.9', 200], ['198.51.100.7', 200], ['198.51.100.8', 403]] as const) {
      world.vault.knobs.clientAddress = address;
      assert.equal((await world.get('/secrets/orders-db?api-version=2025-07-01')).status, status, address);
    }
  });

  it('demands an api-version that it knows', async () => {
    const world = await World.start();
    assert.equal(error(await world.get('/secrets/orders-db')).code, 'BadParameter');
    const response = await world.get('/secrets/orders-db?api-version=2026-02-01');
    assert.equal(response.status, 400);
    assert.match(error(response).message, /version \(2026-02-01\) is not recognized/);
  });

  it('admits that a secret is missing only to those who may read it', async () => {
    const world = await World.start();
    assert.equal((await world.get('/secrets/nothing?api-version=2025-07-01')).status, 403);
    world.access.rule = () => true;
    const response = await world.get('/secrets/nothing?api-version=2025-07-01');
    assert.equal(response.status, 404);
    assert.equal(error(response).code, 'SecretNotFound');
    assert.equal((await world.get(`/secrets/orders-db/${'0'.repeat(32)}?api-version=2025-07-01`)).status, 404);
  });

  it('keeps versions, and refuses disabled ones', async () => {
    const world = await World.start();
    world.access.rule = () => true;
    const first = world.vault.secrets.find('orders-db')?.version ?? '';
    world.clock.advance(60_000);
    const second = world.vault.secrets.set('orders-db', 'canary-2', { contentType: 'text/plain', tags: { team: 'orders' } });
    assert.equal(json(await world.get('/secrets/orders-db?api-version=7.4')).value, 'canary-2');
    assert.equal(json(await world.get(`/secrets/orders-db/${first}?api-version=7.4`)).value, 'canary-orders');
    const versions = json(await world.get('/secrets/orders-db/versions?api-version=7.4')).value as { id: string }[];
    assert.deepEqual(versions.map(({ id }) => id), [first, second].map((version) => `${origin}/secrets/orders-db/${version}`));
    world.vault.secrets.enable('orders-db', false);
    const refused = await world.get('/secrets/orders-db?api-version=7.4');
    assert.equal(refused.status, 403);
    assert.equal(error(refused).innererror?.code, 'SecretDisabled');
    assert.equal((await world.get(`/secrets/orders-db/${first}?api-version=7.4`)).status, 200);
    world.vault.secrets.delete('orders-db');
    assert.equal((await world.get('/secrets/orders-db?api-version=7.4')).status, 404);
  });

  it('lists names without values, page by page, asked at the vault', async () => {
    const world = await World.start();
    world.access.rule = ({ scope, action }) => scope === armId && action === 'Microsoft.KeyVault/vaults/secrets/readMetadata/action';
    for (const name of ['web-key', 'billing-db']) world.vault.secrets.set(name, `canary-${name}`);
    const ids: string[] = [];
    let next: unknown = '/secrets?api-version=2025-07-01&maxresults=2';
    while (typeof next === 'string') {
      const page = json(await world.get(next));
      assert.doesNotMatch(JSON.stringify(page), /canary/);
      ids.push(...(page.value as { id: string }[]).map(({ id }) => id));
      next = page.nextLink;
    }
    assert.deepEqual(ids, ['billing-db', 'orders-db', 'web-key'].map((name) => `${origin}/secrets/${name}`));
    assert.equal((await world.get('/secrets?api-version=2025-07-01&maxresults=26')).status, 400);
    assert.equal((await world.get('/secrets?api-version=2025-07-01&$skiptoken=eA')).status, 400);
  });

  it('throttles beyond its limit until ten seconds have passed', async () => {
    const world = await World.start();
    world.access.rule = () => true;
    Object.assign(world.vault.knobs, { requestsPerTenSeconds: 2, retryAfter: 7 });
    const statuses: number[] = [];
    for (let index = 0; index < 3; index += 1) statuses.push((await world.get('/secrets/orders-db?api-version=7.4')).status);
    assert.deepEqual(statuses, [200, 200, 429]);
    assert.equal((await world.get('/secrets/orders-db?api-version=7.4')).headers?.['retry-after'], '7');
    world.clock.advance(10_000);
    assert.equal((await world.get('/secrets/orders-db?api-version=7.4')).status, 200);
  });

  it('shows keys and certificates without their private parts, each under its own right', async () => {
    const world = await World.start();
    world.vault.keys.set('sign', 'canary-key');
    world.vault.certificates.set('tls', 'canary-certificate');
    const provider = 'Microsoft.KeyVault/vaults';
    world.access.rule = ({ scope, action }) => (action === `${provider}/keys/read` && scope === `${armId}/keys/sign`) || (action === `${provider}/certificates/read` && scope === `${armId}/certificates/tls`);
    for (const path of ['/keys/sign', '/certificates/tls']) {
      const answer = await world.get(`${path}?api-version=2025-07-01`);
      assert.equal(answer.status, 200, path);
      assert.doesNotMatch(JSON.stringify(answer.body), /canary/);
    }
    assert.equal((await world.get('/keys/tls?api-version=2025-07-01')).status, 403);
    world.access.rule = () => true;
    assert.equal(error(await world.get('/keys/tls?api-version=2025-07-01')).code, 'KeyNotFound');
    assert.equal(error(await world.get('/certificates/sign?api-version=2025-07-01')).code, 'CertificateNotFound');
    world.settings = { ...world.settings, enableRbacAuthorization: false, accessPolicies: [{ tenantId, objectId: 'oid-1', permissions: { keys: ['get'] } }] };
    assert.equal((await world.get('/keys/sign?api-version=2025-07-01')).status, 200);
    assert.match(error(await world.get('/certificates/tls?api-version=2025-07-01')).message, /does not have certificates get permission/);
  });

  it('tells of deleted secrets that can be recovered, and lets nobody in from outside when public access is off', async () => {
    const world = await World.start();
    world.access.rule = () => true;
    world.vault.secrets.softDelete('orders-db');
    assert.equal((await world.get('/secrets/orders-db?api-version=2025-07-01')).status, 404);
    const deleted = json(await world.get('/deletedsecrets/orders-db?api-version=2025-07-01'));
    assert.deepEqual([deleted.recoveryId, deleted.value], [`${origin}/deletedsecrets/orders-db`, undefined]);
    assert.equal((await world.get('/deletedsecrets/nothing?api-version=2025-07-01')).status, 404);
    world.settings = { ...world.settings, publicNetworkAccess: 'Disabled' };
    assert.equal(error(await world.get('/deletedsecrets/orders-db?api-version=2025-07-01')).innererror?.code, 'ForbiddenByConnection');
  });

  it('writes nothing, logs who asked, and names what it does not simulate', async () => {
    const world = await World.start();
    world.access.rule = () => true;
    await world.get('/secrets/orders-db?api-version=7.4');
    assert.equal(world.network.log.writes().length, 0);
    assert.equal(world.network.log.all()[0]?.principal, 'oid-1');
    const put = await call(world.network, 'PUT', `${origin}/secrets/orders-db?api-version=7.4`, { headers: { authorization: `Bearer ${world.token}` }, body: '{"value":"x"}' });
    assert.equal(put.status, 501);
    assert.match(error(put).message, /PUT \/secrets\/orders-db is not simulated/);
    assert.equal((await world.get('/keys?api-version=7.4')).status, 501);
  });
});
