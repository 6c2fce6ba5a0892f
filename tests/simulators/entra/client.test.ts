import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { AuthenticationRequiredError, ClientAssertionCredential, ClientCertificateCredential, ClientSecretCredential, ManagedIdentityCredential, type ClientSecretCredentialOptions } from '@azure/identity';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { tenantId } from '../azure/authority.js';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { Directory } from '../azure/directory.js';
import { createCertificateAuthority } from '../kernel/certificate-authority.js';
import { LoopbackNetwork } from '../kernel/loopback-network.js';
import { inProcessHttpClient } from '../kernel-clients/in-process-http-client.js';
import { issueJwt, lifetime, publishedJwtKey } from '../kernel/jwt.js';
import { Entra } from './entra.js';
import { json, vault, verdict, World } from './test-world.js';

const scope = `${vault}/.default`;

/** An RSA certificate and its key in one PEM text. */
async function makeCertificate(now: Date): Promise<{ certificate: string; both: string }> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const life = { notBefore: new Date(now.getTime() - 60_000), notAfter: new Date(now.getTime() + 3_600_000) };
  const certificate = (await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=pipeline', keys, signingAlgorithm: algorithm, ...life })).toString('pem');
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${(pkcs8.match(/.{1,64}/g) ?? []).join('\n')}\n-----END PRIVATE KEY-----`;
  return { certificate, both: `${key}\n${certificate}\n` };
}

function code(expected: number): (error: unknown) => boolean {
  return (error) => error instanceof AuthenticationRequiredError && error.message.includes(`AADSTS${expected}:`);
}

describe('entra: the real credentials of @azure/identity', () => {
  let world: World;
  let options: ClientSecretCredentialOptions;
  beforeEach(async () => {
    world = await World.start();
    options = { authorityHost: world.origin, disableInstanceDiscovery: true, httpClient: inProcessHttpClient(world.network), retryOptions: { maxRetries: 0 } };
  });

  function principalOf(token: string): string | undefined {
    return world.entra.verify(`Bearer ${token}`, [vault])?.objectId;
  }

  it('ClientSecretCredential: metadata, then token', async () => {
    const { token } = await new ClientSecretCredential(tenantId, world.app.appId, 'good secret', options).getToken(scope);
    assert.equal(principalOf(token), world.app.objectId);
    const asked = world.network.log.all('entra').map(({ method, path }) => `${method} ${path.split('?')[0] ?? ''}`);
    assert.deepEqual(asked, [`GET /${tenantId}/v2.0/.well-known/openid-configuration`, `POST /${tenantId}/oauth2/v2.0/token`]);
    await assert.rejects(new ClientSecretCredential(tenantId, world.app.appId, 'bad', options).getToken(scope), code(7000215));
  });

  it('ClientSecretCredential: over HTTPS at an authority with a port', async () => {
    const clock = systemClock();
    const { server, certificate } = await createCertificateAuthority(clock.now());
    const network = new LoopbackNetwork(clock, server);
    const directory = new Directory({ clock });
    const { appId, objectId } = directory.add({ displayName: 'pipeline', kind: 'application', secrets: ['s'] });
    const entra = new Entra({ network, clock, directory });
    try {
      const real = { authorityHost: await network.attach(entra), disableInstanceDiscovery: true, tlsOptions: { ca: certificate } };
      assert.match(real.authorityHost, /^https:\/\/localhost:\d+$/);
      const { token } = await new ClientSecretCredential(tenantId.toUpperCase(), appId, 's', real).getToken(scope);
      assert.equal(entra.verify(`Bearer ${token}`, [vault])?.objectId, objectId);
    } finally {
      await network.close();
    }
  });

  it('ClientAssertionCredential: a federated token', async () => {
    const { appId } = world.identity;
    const credential = new ClientAssertionCredential(tenantId, appId, () => Promise.resolve(world.assertion()), options);
    world.trust({ subject: 'other' });
    await assert.rejects(credential.getToken(scope), code(700213));
    world.trust();
    const { token } = await credential.getToken(scope);
    assert.equal(principalOf(token), world.identity.objectId);
  });

  it('ClientCertificateCredential: an assertion signed by a certificate', async () => {
    const { certificate, both } = await makeCertificate(world.clock.now());
    const credential = new ClientCertificateCredential(tenantId, world.app.appId, { certificate: both }, options);
    await assert.rejects(credential.getToken(scope), code(700027));
    world.app.certificates.push(certificate);
    assert.equal(principalOf((await credential.getToken(scope)).token), world.app.objectId);
    const chained = new ClientCertificateCredential(tenantId, world.app.appId, { certificate: both }, { ...options, sendCertificateChain: true });
    assert.equal(principalOf((await chained.getToken(scope)).token), world.app.objectId);
  });

  it('refuses certificate assertions that are not in order', async () => {
    const { certificate } = await makeCertificate(world.clock.now());
    world.app.certificates.push(certificate);
    const thumbprint = new x509.X509Certificate(certificate);
    const x5t = Buffer.from(await thumbprint.getThumbprint('SHA-1')).toString('base64url');
    const key = publishedJwtKey();
    const { appId } = world.app;
    const post = async (claims: Record<string, unknown>): Promise<string> => {
      const assertion = issueJwt({ ...key, header: { alg: 'RS256', x5t } }, { iss: appId, sub: appId, ...lifetime(world.clock.now(), 600), ...claims });
      return verdict(await world.post({ client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: assertion }));
    };
    assert.equal(await post({}), '401 invalid_client 700027', 'signed by another key');
    assert.equal(await post({ sub: world.identity.appId }), '401 invalid_client 700021');
  });

  it('checks audience and lifetime of a certificate assertion', async () => {
    const { certificate, both } = await makeCertificate(world.clock.now());
    world.app.certificates.push(certificate);
    let body = '';
    world.network.faults.plant({ service: 'entra', method: 'POST', times: 1, respond: (request) => ((body = request.body.toString()), { status: 500 }) });
    const credential = new ClientCertificateCredential(tenantId, world.app.appId, { certificate: both }, options);
    await assert.rejects(credential.getToken(scope));
    const fields = Object.fromEntries(new URLSearchParams(body));
    assert.equal(verdict(await world.post(fields)), '200', 'the assertion itself is good');
    world.clock.advance(910_000);
    assert.equal(verdict(await world.post(fields)), '401 invalid_client 700024');
    world.clock.advance(3_600_000);
    assert.equal(verdict(await world.post(fields)), '401 invalid_client 700027', 'the certificate has expired too');
    const elsewhere = await World.start();
    elsewhere.app.certificates.push(certificate);
    elsewhere.origin = await elsewhere.network.attach({ name: 'other-address', handle: (request) => elsewhere.entra.handle(request) });
    assert.equal(verdict(await elsewhere.post(fields)), '401 invalid_client 700023', 'made for another address');
  });
});

describe('entra: managed identities of a host', () => {
  let world: World;
  const saved = { endpoint: process.env.IDENTITY_ENDPOINT, header: process.env.IDENTITY_HEADER };
  beforeEach(async () => {
    world = await World.start();
    world.entra.knobs.identityHeader = 'host secret';
    process.env.IDENTITY_ENDPOINT = `${world.origin}/msi/token`;
    process.env.IDENTITY_HEADER = 'host secret';
  });
  afterEach(() => {
    for (const [name, value] of [['IDENTITY_ENDPOINT', saved.endpoint], ['IDENTITY_HEADER', saved.header]] as const) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  });

  it('ManagedIdentityCredential: by client id and for the whole host', async () => {
    const options = { httpClient: inProcessHttpClient(world.network), retryOptions: { maxRetries: 0 } };
    const before = Date.now();
    const named = await new ManagedIdentityCredential({ clientId: world.identity.appId, ...options }).getToken(scope);
    assert.equal(world.entra.verify(`Bearer ${named.token}`, [vault])?.objectId, world.identity.objectId);
    assert.ok(named.expiresOnTimestamp > before + 86_000_000, 'about a day');
    await assert.rejects(new ManagedIdentityCredential(options).getToken('https://management.azure.com/.default'), /Unable to load the proper Managed Identity/);
    world.entra.knobs.systemIdentity = world.identity.appId;
    const own = await new ManagedIdentityCredential(options).getToken('https://management.azure.com/.default');
    assert.equal(world.entra.verify(`Bearer ${own.token}`, ['https://management.azure.com'])?.appId, world.identity.appId);
  });

  it('is strict about header, version, resource and kind', async () => {
    const get = async (query: Record<string, string>, header: string): Promise<number> => {
      const parameters = new URLSearchParams({ 'api-version': '2019-08-01', resource: vault, client_id: world.identity.appId, ...query });
      return (await world.send('GET', `/msi/token?${parameters.toString()}`, { 'x-identity-header': header })).status;
    };
    assert.equal(await get({}, 'host secret'), 200);
    assert.equal(await get({}, 'wrong'), 401);
    assert.equal(await get({ 'api-version': '2017-09-01' }, 'host secret'), 400);
    assert.equal(await get({ resource: 'https://unknown' }, 'host secret'), 400);
    assert.equal(await get({ client_id: world.app.appId }, 'host secret'), 400, 'an application is no managed identity');
    const without = await world.send('GET', '/msi/token?api-version=2019-08-01', { 'x-identity-header': 'host secret' });
    assert.equal(json(without).message, 'The resource parameter is missing.');
    world.entra.knobs.identityHeader = undefined;
    assert.equal(await get({}, 'host secret'), 404);
  });
});
