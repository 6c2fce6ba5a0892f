import assert from 'node:assert/strict';
import { issueJwt, lifetime, publishedJwtKey, secretJwtKey } from '../kernel/jwt.js';
import { audience, json, verdict, World } from './test-world.js';

const subject = 'system:serviceaccount:shop:web';

describe('entra: federated assertions', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
  });

  for (const path of ['/tenant/uuid/', '/organisation', '', '/']) {
    it(`fetches the keys of an issuer with the path '${path}'`, async () => {
      world = await World.start(path);
      world.trust();
      const response = await world.federate();
      assert.equal(verdict(response), '200');
      assert.equal(response.principal, world.identity.objectId);
      const fetched = world.network.log.all('foreign-issuer').map((entry) => entry.path);
      assert.deepEqual(fetched, [`${path.replace(/\/$/, '')}/.well-known/openid-configuration`, '/keys']);
    });
  }

  it('takes an audience from a list, as Kubernetes writes it', async () => {
    world.trust();
    assert.equal(verdict(await world.federate(world.assertion({ aud: ['https://other', audience] }))), '200');
  });

  it('names issuer, subject or audience, whichever does not match', async () => {
    assert.equal(verdict(await world.federate()), '401 invalid_client 70025');
    world.trust({ issuer: world.issuer.issuer.replace(/\/$/, '') });
    assert.equal(verdict(await world.federate()), '401 invalid_client 700211', 'the trailing slash counts');
    world.trust({ subject: 'system:serviceaccount:shop:api' });
    assert.equal(verdict(await world.federate()), '401 invalid_client 700213');
    world.trust({ subject: subject.toUpperCase() });
    assert.equal(verdict(await world.federate()), '401 invalid_client 7002138', 'the case counts');
    world.trust({ audience: 'api://AKSIdentityBinding' });
    assert.equal(verdict(await world.federate()), '401 invalid_client 700212');
    world.trust();
    assert.equal(verdict(await world.federate()), '200');
  });

  it('says what was presented', async () => {
    world.trust({ subject: 'other' });
    const description = String(json(await world.federate()).error_description);
    assert.match(description, /^AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:shop:web'\. Check your federated/);
  });

  it('answers a mismatch as in 2022 when told so', async () => {
    world.entra.knobs.noMatch = { status: 400, error: 'invalid_request' };
    world.trust({ subject: 'other' });
    assert.equal(verdict(await world.federate()), '400 invalid_request 700213');
  });

  it('does not match across credentials', async () => {
    world.trust({ subject: 'other' });
    world.trust({ issuer: 'https://elsewhere.sim/' });
    assert.equal(verdict(await world.federate()), '401 invalid_client 700213');
  });

  it('refuses an assertion outside of its lifetime', async () => {
    world.trust();
    const assertion = world.assertion({}, 600);
    world.clock.advance(601_000);
    const response = await world.federate(assertion);
    assert.equal(verdict(response), '401 invalid_client 700024');
    assert.match(
      String(json(response).error_description),
      /Current time: \S+0000Z, assertion valid from \S+T\S+Z, expiry time of assertion \S+T\S+Z\. Trace/,
    );
    const early = world.assertion({ nbf: Math.floor(world.clock.now().getTime() / 1000) + 60 });
    assert.equal(verdict(await world.federate(early)), '401 invalid_client 700024');
    world.entra.knobs.clockSkewSeconds = 300;
    assert.equal(verdict(await world.federate(assertion)), '200');
    assert.equal(verdict(await world.federate(early)), '200');
    assert.equal(verdict(await world.federate(world.assertion({ exp: undefined }))), '401 invalid_client 700024');
  });

  it('verifies the signature with the published keys', async () => {
    world.trust();
    const [head = '', , signature = ''] = world.assertion().split('.');
    const body = Buffer.from(JSON.stringify({ iss: world.issuer.issuer, sub: subject, aud: audience, ...lifetime(world.clock.now(), 6000) })).toString('base64url');
    assert.equal(verdict(await world.federate(`${head}.${body}.${signature}`)), '401 invalid_client 50013', 'forged claims');
    const good = world.assertion();
    world.issuer.key = publishedJwtKey();
    assert.equal(verdict(await world.federate(good)), '401 invalid_client 50013', 'the key was rotated away');
    assert.equal(verdict(await world.federate(world.assertion())), '200', 'the new key is found at once');
    const claims = { iss: world.issuer.issuer, sub: subject, aud: audience, ...lifetime(world.clock.now(), 600) };
    assert.equal(verdict(await world.federate(issueJwt(secretJwtKey(), claims))), '401 invalid_client 50013', 'HS256');
    const unsigned = { ...secretJwtKey(), header: { alg: 'none' }, sign: () => Buffer.alloc(0) };
    assert.equal(verdict(await world.federate(issueJwt(unsigned, claims))), '401 invalid_client 50013', 'unsigned');
  });

  it('says when the issuer cannot be used', async () => {
    world.trust();
    const unreachable = '400 invalid_request 90061';
    const spoil: Record<string, unknown>[] = [{ issuer: 'https://elsewhere.sim/' }, { jwks_uri: undefined }, { jwks_uri: 'https://nowhere.sim/keys' }, { jwks_uri: 'no address' }];
    for (const discovery of spoil) {
      world.issuer.discovery = discovery;
      assert.equal(verdict(await world.federate()), unreachable, JSON.stringify(discovery));
    }
    world.issuer.discovery = {};
    for (const fault of [{ respond: { status: 500 } }, { drop: 'before' }, { respond: { status: 200, body: '<html>' } }] as const) {
      world.network.faults.plant({ service: 'foreign-issuer', times: 1, ...fault });
      assert.equal(verdict(await world.federate()), unreachable);
    }
    assert.equal(verdict(await world.federate()), '200');
  });

  it('refuses assertions without issuer or subject', async () => {
    world.trust();
    assert.equal(verdict(await world.federate(world.assertion({ iss: undefined }))), '400 invalid_request 50027');
    assert.equal(verdict(await world.federate(world.assertion({ sub: 5 }))), '400 invalid_request 50027');
  });

  it('learns of a new credential late', async () => {
    world.entra.knobs.credentialVisibleMs = 8000;
    world.trust();
    assert.equal(verdict(await world.federate()), '401 invalid_client 70025');
    world.trust({ subject: 'old', createdAt: world.clock.monotonic() - 8000 });
    assert.equal(verdict(await world.federate()), '401 invalid_client 700213');
    world.clock.advance(8000);
    assert.equal(verdict(await world.federate()), '200');
  });

  it('answers by replicas in turn, so that a failure can follow a success', async () => {
    Object.assign(world.entra.knobs, { replicas: 3, replicaLagMs: 2000, credentialVisibleMs: 1000 });
    world.trust();
    world.clock.advance(3000);
    const round = async (): Promise<string[]> => [verdict(await world.federate()), verdict(await world.federate()), verdict(await world.federate())];
    const failure = '401 invalid_client 70025';
    assert.deepEqual(await round(), ['200', '200', failure]);
    assert.deepEqual(await round(), ['200', '200', failure]);
    world.clock.advance(2000);
    assert.deepEqual(await round(), ['200', '200', '200']);
  });

  it('forgets a removed credential at once', async () => {
    world.trust();
    assert.equal(verdict(await world.federate()), '200');
    world.credentials.length = 0;
    assert.equal(verdict(await world.federate()), '401 invalid_client 70025');
  });
});
