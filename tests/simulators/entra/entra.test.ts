import assert from 'node:assert/strict';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { tenantId } from '../azure/authority.js';
import { decodeJwt } from '../kernel/jwt.js';
import { json, vault, verdict, World } from './test-world.js';

describe('entra: client secrets and tokens', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
  });
  const secret = { client_secret: 'good secret' };

  it('issues a token whose claims name the principal and the resource', async () => {
    const response = await world.post(secret);
    assert.equal(response.status, 200);
    assert.equal(response.principal, world.app.objectId);
    assert.equal(response.wrote, undefined);
    const { access_token: token, ...rest } = json(response);
    assert.deepEqual(rest, { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599 });
    const keys = json(await world.send('GET', `/${tenantId}/discovery/v2.0/keys`));
    const set = createLocalJWKSet({ keys: keys.keys as JSONWebKeySet['keys'] });
    const issuer = `https://sts.windows.net/${tenantId}/`;
    const { payload } = await jwtVerify(String(token), set, { audience: vault, issuer, currentDate: world.clock.now(), algorithms: ['RS256'] });
    assert.equal(payload.appid, world.app.appId);
    assert.equal(payload.oid, world.app.objectId);
    assert.equal(payload.sub, world.app.objectId);
    assert.equal(payload.tid, tenantId);
    assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 3599);
    assert.equal(payload.nbf, payload.iat);
  });

  it('verifies its tokens: signature, lifetime, audience', async () => {
    const token = `Bearer ${String(json(await world.post(secret)).access_token)}`;
    assert.deepEqual(world.entra.verify(token, ['https://x', vault]), { objectId: world.app.objectId, appId: world.app.appId, audience: vault });
    assert.equal(world.entra.verify(token, ['https://x']), undefined);
    assert.equal(world.entra.verify(token, [`${vault}/`]), undefined, 'callers list the spellings they take');
    assert.equal(world.entra.verify(undefined, [vault]), undefined);
    assert.equal(world.entra.verify(token.replace('Bearer ', 'Basic '), [vault]), undefined);
    assert.equal(world.entra.verify(token.slice(0, -20), [vault]), undefined);
    assert.equal((await World.start()).entra.verify(token, [vault]), undefined, 'another world has another key');
    world.clock.advance(3_597_000);
    assert.equal(world.entra.verify(token, [vault])?.audience, vault);
    world.clock.advance(2_000);
    assert.equal(world.entra.verify(token, [vault]), undefined, 'expired');
  });

  it('takes the life of tokens from knobs, by the kind of principal', async () => {
    world.entra.knobs.tokenLifeSeconds = 60;
    assert.equal(json(await world.post(secret)).expires_in, 60);
    world.trust();
    assert.equal(json(await world.federate()).expires_in, 86_399);
  });

  for (const [scope, aud] of [
    ['https://management.azure.com/.default', 'https://management.azure.com'],
    ['https://management.azure.com//.default', 'https://management.azure.com/'],
    ['https://management.core.windows.net//.default', 'https://management.core.windows.net/'],
    ['https://containerregistry.azure.net/.default', 'https://containerregistry.azure.net'],
    ['6dae42f8-4368-4678-94ff-3960e28e3630/.default', '6dae42f8-4368-4678-94ff-3960e28e3630'],
    ['https://graph.microsoft.com/.default', 'https://graph.microsoft.com'],
  ] as const) {
    it(`gives ${scope} the audience ${aud}`, async () => {
      const token = String(json(await world.post({ ...secret, scope })).access_token);
      assert.equal(decodeJwt(token)?.claims.aud, aud);
    });
  }

  it('takes resources that were added', async () => {
    const scope = 'https://localhost:44301/.default';
    assert.equal(verdict(await world.post({ ...secret, scope })), '400 invalid_resource 500011');
    world.entra.resources.add('https://localhost:44301/');
    assert.equal(verdict(await world.post({ ...secret, scope })), '200');
  });

  const refusals: readonly (readonly [what: string, fields: Record<string, string | undefined>, expected: string])[] = [
    ['a wrong secret', { client_secret: 'bad' }, '401 invalid_client 7000215'],
    ['no secret and no assertion', {}, '400 invalid_request 7000216'],
    ['an assertion of an unknown type', { client_assertion: 'a.b.c', client_assertion_type: 'saml' }, '400 invalid_request 7000216'],
    ['a text that is no token', { client_assertion: 'nonsense', client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' }, '400 invalid_request 50027'],
    ['an unknown application', { ...secret, client_id: '00000000-0000-4000-8000-000000000009' }, '400 unauthorized_client 700016'],
    ['no client id', { ...secret, client_id: undefined }, '400 invalid_request 900144'],
    ['no scope', { ...secret, scope: undefined }, '400 invalid_request 900144'],
    ['no grant type', { ...secret, grant_type: '' }, '400 invalid_request 900144'],
    ['another grant type', { ...secret, grant_type: 'password' }, '400 unsupported_grant_type 70003'],
    ['a scope without /.default', { ...secret, scope: `${vault}/user_impersonation` }, '400 invalid_scope 1002012'],
    ['two resources', { ...secret, scope: `${vault}/.default https://graph.microsoft.com/.default` }, '400 invalid_scope 70011'],
    ['an unknown resource', { ...secret, scope: 'https://contoso.azurecr.io/.default' }, '400 invalid_resource 500011'],
  ];
  for (const [what, fields, expected] of refusals) {
    it(`refuses ${what}: ${expected}`, async () => {
      assert.equal(verdict(await world.post(fields)), expected);
    });
  }

  it('writes refusals as the service does', async () => {
    const response = await world.post({ client_secret: 'bad' }, { headers: { 'client-request-id': 'corr-1' } });
    const body = json(response);
    assert.match(
      String(body.error_description),
      /^AADSTS7000215: Invalid client secret provided\. .* Trace ID: [0-9a-f-]{36} Correlation ID: corr-1 Timestamp: \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/,
    );
    assert.equal(body.correlation_id, 'corr-1');
    assert.equal(body.error_uri, 'https://login.microsoftonline.com/error?code=7000215');
    assert.equal(response.principal, undefined);
  });

  it('wants a form', async () => {
    const response = await world.post(secret, { headers: { 'content-type': 'application/json' } });
    assert.equal(verdict(response), '400 invalid_request 900144');
  });

  it('knows one tenant, in any case', async () => {
    assert.equal(verdict(await world.post(secret, { tenant: tenantId.toUpperCase() })), '200');
    const other = '00000000-0000-4000-8000-00000000000a';
    assert.equal(verdict(await world.post(secret, { tenant: other })), '400 invalid_request 90002');
    assert.equal(verdict(await world.send('GET', `/${other}/v2.0/.well-known/openid-configuration`)), '400 invalid_request 90002');
  });

  it('does not know a principal before it has replicated', async () => {
    world.directory.replicationMs = 1000;
    assert.equal(verdict(await world.post(secret)), '400 unauthorized_client 700016');
    world.clock.advance(1000);
    assert.equal(verdict(await world.post(secret)), '200');
  });

  it('names what it does not simulate', async () => {
    const response = await world.send('GET', `/${tenantId}/oauth2/v2.0/authorize`);
    assert.equal(response.status, 501);
    assert.match(JSON.stringify(response.body), /GET .*authorize is not simulated/);
  });
});
