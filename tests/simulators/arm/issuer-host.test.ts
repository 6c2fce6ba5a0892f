import assert from 'node:assert/strict';
import { tenantId } from '../azure/authority.js';
import { publishedJwtKey, issueJwt, lifetime } from '../kernel/jwt.js';
import { Network } from '../kernel/network.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { IssuerHost, type KeySet } from './issuer-host.js';
import { identity, record, World } from './test-world.js';

const uuid = '0f9b4a52-0000-4000-8000-000000000001';

describe('arm: the host of OIDC issuers', () => {
  let network: Network;
  let host: IssuerHost;
  let origin: string;
  let keys: KeySet | undefined;
  beforeEach(async () => {
    network = new Network(new VirtualClock());
    host = new IssuerHost();
    origin = await network.attach(host);
    keys = { keys: [{ kid: 'a' }] };
    host.publish(uuid, () => keys);
  });

  const get = async (path: string): Promise<SimResponse> => {
    const response = await network.get(`${origin}${path}`);
    assert.ok(response);
    return response;
  };

  it('publishes a discovery document whose issuer ends with a slash', async () => {
    const issuer = `${origin}/${tenantId}/${uuid}/`;
    assert.equal(IssuerHost.url(origin, uuid), issuer);
    const response = await network.get(`${issuer}.well-known/openid-configuration`);
    assert.deepEqual(response?.headers, { 'cache-control': 'public, max-age=3600', 'content-type': 'application/json' });
    const { jwks_uri: address, ...rest } = record(response.body);
    assert.equal(rest.issuer, issuer);
    assert.deepEqual(rest.id_token_signing_alg_values_supported, ['RS256']);
    const jwks = await network.get(String(address));
    assert.deepEqual(jwks?.headers, { 'cache-control': 'public, max-age=3600', 'content-type': 'application/jwk-set+json' });
    assert.deepEqual(jwks.body, keys);
  });

  it('knows only what is published now', async () => {
    assert.equal((await get(`/${tenantId}/other/openid/v1/jwks`)).status, 404);
    assert.equal((await get(`/other/${uuid}/openid/v1/jwks`)).status, 404);
    assert.equal((await get(`/${tenantId}/${uuid}/else`)).status, 501);
    keys = undefined;
    assert.equal((await get(`/${tenantId}/${uuid}/openid/v1/jwks`)).status, 404, 'the issuer of a cluster that has none');
  });

  it('can be out of order', async () => {
    host.unreachable = true;
    assert.equal((await get(`/${tenantId}/${uuid}/openid/v1/jwks`)).status, 503);
  });

  it('lets Entra trust a token by a credential that is stored in ARM', async () => {
    const world = await World.start();
    const entra = await world.network.attach(world.entra);
    const issuers = new IssuerHost();
    const issuer = IssuerHost.url(await world.network.attach(issuers), uuid);
    const key = publishedJwtKey();
    issuers.publish(uuid, () => ({ keys: [key.jwk] }));
    const { clientId, credentials } = world.addIdentity();
    const claims = { iss: issuer, sub: 'system:serviceaccount:shop:web', aud: ['api://AzureADTokenExchange'], ...lifetime(world.clock.now(), 3600) };
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      scope: 'https://vault.azure.net/.default',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: issueJwt(key, claims),
    });
    const exchange = async (): Promise<string> => {
      const url = new URL(`${entra}/${tenantId}/oauth2/v2.0/token`);
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const { status, body } = await world.network.dispatch({ method: 'POST', url, headers, body: Buffer.from(form.toString()), signal: new AbortController().signal });
      return `${status} ${isRecord(body) && Array.isArray(body.error_codes) ? String(body.error_codes[0]) : ''}`.trim();
    };
    assert.equal(await exchange(), '401 70025');
    const written = { issuer, subject: claims.sub, audiences: claims.aud };
    assert.equal((await world.send('PUT', `${identity}/federatedIdentityCredentials/shop-web`, { properties: written })).status, 201);
    assert.equal(await exchange(), '200');
    issuers.unreachable = true;
    assert.equal(await exchange(), '400 90061');
    issuers.unreachable = false;
    credentials.set('shop-web', issuer.replace(/\/$/, ''), claims.sub);
    assert.equal(await exchange(), '401 700211');
    assert.equal((await world.send('DELETE', `${identity}/federatedIdentityCredentials/shop-web`)).status, 200);
    assert.equal(await exchange(), '401 70025');
  });
});
