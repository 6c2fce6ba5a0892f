import assert from 'node:assert/strict';
import type { SimResponse } from '../kernel/service.js';
import { group, identity, items, message, propertiesOf, record, subscription, verdict, World } from './test-world.js';

const credentials = `${identity}/federatedIdentityCredentials`;
const audiences = ['api://AzureADTokenExchange'];
const subject = 'system:serviceaccount:shop:web';
const issuer = 'https://issuer.sim/t/u/';

describe('arm: user-assigned identities', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
  });

  it('creates, shows, tags, lists and deletes', async () => {
    const created = await world.send('PUT', identity, { location: 'westeurope', tags: { a: '1' } });
    assert.equal(created.status, 201);
    assert.equal(created.wrote, identity);
    const body = record(created.body);
    assert.equal(body.id, identity.replace('resourceGroups', 'resourcegroups'));
    assert.deepEqual(Object.keys(propertiesOf(created)), ['tenantId', 'principalId', 'clientId']);
    const again = await world.send('PUT', identity.toUpperCase(), { location: 'WestEurope', tags: { b: '2' }, properties: { isolationScope: 'Regional' } });
    assert.equal(again.status, 200);
    const shown = await world.send('GET', identity);
    assert.deepEqual(record(shown.body).tags, { b: '2' });
    assert.deepEqual(propertiesOf(shown), { ...propertiesOf(created), isolationScope: 'Regional' });
    for (const scope of [group, subscription]) {
      assert.deepEqual(items(await world.send('GET', `${scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`)).map(({ name }) => name), ['id-shop']);
    }
    const gone = await world.send('DELETE', identity);
    assert.equal(gone.status, 200);
    assert.equal(gone.wrote, identity);
    const nothing = await world.send('DELETE', identity);
    assert.equal(nothing.status, 204);
    assert.equal(nothing.wrote, undefined);
    assert.equal(verdict(await world.send('GET', identity)), '404 ResourceNotFound');
  });

  it('refuses what cannot be stored', async () => {
    assert.equal(verdict(await world.send('PUT', identity, {})), '400 LocationRequired');
    assert.equal(verdict(await world.send('PUT', identity.replace('rg-shop', 'rg-none'), { location: 'westeurope' })), '404 ResourceGroupNotFound');
    assert.equal(verdict(await world.send('PUT', identity, { location: 'westeurope', properties: { isolationScope: 'x' } })), '400 BadRequest');
    world.addIdentity();
    assert.equal(verdict(await world.send('PUT', identity, { location: 'northeurope' })), '409 InvalidResourceLocation');
  });

  it('makes a service principal, known after the replication time', async () => {
    world.directory.replicationMs = 1000;
    const { principalId, clientId } = propertiesOf(await world.send('PUT', identity, { location: 'westeurope' }));
    assert.equal(world.directory.byObjectId(String(principalId)), undefined);
    world.clock.advance(1000);
    assert.equal(world.directory.byAppId(String(clientId))?.kind, 'managedIdentity');
    await world.send('DELETE', identity);
    assert.equal(world.directory.byObjectId(String(principalId)), undefined);
  });

  it('gives an identity that is made anew new ids, so that old grants do not fit', async () => {
    const first = propertiesOf(await world.send('PUT', identity, { location: 'westeurope' }));
    world.assign({ objectId: String(first.principalId) }, 'Reader', group);
    world.arm.identities.remove('id-shop');
    const second = propertiesOf(await world.send('PUT', identity, { location: 'westeurope' }));
    assert.notEqual(second.principalId, first.principalId);
    assert.notEqual(second.clientId, first.clientId);
    assert.equal(world.roles.assignments().some(({ principalId }) => principalId === first.principalId), true, 'the assignment is orphaned');
    assert.throws(() => world.arm.identities.find('id-none'), /no identity id-none/);
  });
});

describe('arm: federated credentials', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
    world.addIdentity();
  });

  const put = (name: string, properties: Record<string, unknown> = {}): Promise<SimResponse> =>
    world.send('PUT', `${credentials}/${name}`, { properties: { issuer, subject, audiences, ...properties } });

  it('creates, updates, shows, lists and deletes', async () => {
    const created = await put('shop-web');
    assert.equal(created.status, 201);
    assert.equal(created.wrote, `${credentials}/shop-web`);
    assert.deepEqual(propertiesOf(created), { issuer, subject, audiences });
    const updated = await put('SHOP-web', { subject: 'system:serviceaccount:shop:api' });
    assert.equal(updated.status, 200, 'names are compared without case');
    assert.equal(record(updated.body).name, 'shop-web');
    assert.equal(propertiesOf(await world.send('GET', `${credentials}/Shop-Web`)).subject, 'system:serviceaccount:shop:api');
    assert.equal((await world.send('DELETE', `${credentials}/shop-web`)).status, 200);
    const nothing = await world.send('DELETE', `${credentials}/shop-web`);
    assert.deepEqual([nothing.status, nothing.wrote], [204, undefined]);
    assert.equal(verdict(await world.send('GET', `${credentials}/shop-web`)), '404 NotFound');
  });

  it('pages by $top and $skiptoken', async () => {
    for (const name of ['one', 'two', 'three']) world.arm.identities.find('id-shop').credentials.set(name, issuer, name);
    const first = await world.send('GET', `${credentials}?$top=2`);
    assert.equal(items(first).length, 2);
    assert.deepEqual(items(await world.follow(record(first.body).nextLink)).map(({ name }) => name), ['three']);
    for (const top of ['0', '-1', 'x']) assert.equal(verdict(await world.send('GET', `${credentials}?$top=${top}`)), '400 BadRequest', top);
  });

  const refusals: readonly (readonly [what: string, name: string, properties: Record<string, unknown>, expected: string])[] = [
    ['two audiences', 'abc', { audiences: [...audiences, 'b'] }, 'Federated identity credentials must have exactly one audience.'],
    ['no audience', 'abc', { audiences: [] }, 'Federated identity credentials must have exactly one audience.'],
    ['an audience that is no text', 'abc', { audiences: [1] }, 'Federated identity credentials must have exactly one audience.'],
    ['no subject', 'abc', { subject: '' }, "The request format was unexpected. Federated Identity Credential must specify 'issuer', 'subject' and 'audience'."],
    ['no issuer', 'abc', { issuer: undefined }, "The request format was unexpected. Federated Identity Credential must specify 'issuer', 'subject' and 'audience'."],
    ['a short name', 'ab', {}, "Federated Identity Credential name 'ab' is invalid."],
    ['a name with a dot', 'a.bc', {}, "Federated Identity Credential name 'a.bc' is invalid."],
    ['a name that begins with a hyphen', '-abc', {}, "Federated Identity Credential name '-abc' is invalid."],
    ['a long name', 'a'.repeat(121), {}, `Federated Identity Credential name '${'a'.repeat(121)}' is invalid.`],
    ['a long subject', 'abc', { subject: 's'.repeat(601) }, 'Values must not be longer than 600 characters.'],
  ];
  for (const [what, name, properties, expected] of refusals) {
    it(`refuses ${what}`, async () => {
      const response = await put(name, properties);
      assert.equal(verdict(response), '400 BadRequest');
      assert.equal(message(response), expected);
      assert.equal(response.wrote, undefined);
    });
  }

  it('takes the longest name and texts', async () => {
    assert.equal((await put('a'.repeat(120), { subject: 's'.repeat(600) })).status, 201);
  });

  it('refuses a body without properties, an identity that is not there, an unsupported region', async () => {
    const empty = await world.send('PUT', `${credentials}/abc`, {});
    assert.equal(message(empty), 'Federated Identity Credential from HTTP body has empty properties');
    const elsewhere = `${identity}-none/federatedIdentityCredentials`;
    assert.equal(verdict(await world.send('PUT', `${elsewhere}/abc`, { properties: {} })), '404 ResourceNotFound');
    assert.equal(verdict(await world.send('GET', elsewhere)), '404 ResourceNotFound');
    world.addIdentity('id-far', 'NewZealandNorth');
    const far = await world.send('PUT', `${identity.replace('id-shop', 'id-far')}/federatedIdentityCredentials/abc`, { properties: { issuer, subject, audiences } });
    assert.equal(far.status, 405);
    assert.equal(message(far), 'The request format was unexpected: Support for federated identity credentials not enabled.');
  });

  it('refuses a pair of issuer and subject under another name, byte for byte', async () => {
    await put('one');
    const twin = await put('two');
    assert.equal(verdict(twin), '400 BadRequest');
    assert.equal(message(twin), 'Issuer and subject combination already exists for this Managed Identity.');
    assert.equal((await put('two', { issuer: issuer.replace(/\/$/, '') })).status, 201, 'a slash makes another issuer');
    assert.equal((await put('one')).status, 200, 'the same name is an update');
  });

  it('holds twenty', async () => {
    for (let count = 0; count < 20; count += 1) assert.equal((await put(`name-${count}`, { subject: `s${count}` })).status, 201);
    assert.equal(verdict(await put('one-more')), '400 BadRequest');
    world.arm.identities.knobs.limitRefusal = { status: 409, code: 'LimitExceeded' };
    assert.equal(verdict(await put('one-more')), '409 LimitExceeded');
    assert.equal((await put('name-3', { subject: 'new' })).status, 200, 'updates are possible');
    world.arm.identities.find('id-shop').credentials.remove('NAME-4');
    assert.equal((await put('one-more')).status, 201);
  });

  it('refuses writes of one identity that overlap, deletes too', async () => {
    world.addIdentity('id-two');
    world.arm.identities.find('id-shop').credentials.set('old', issuer, 'old');
    world.arm.identities.knobs.writeMs = 500;
    const other = world.send('PUT', `${identity.replace('id-shop', 'id-two')}/federatedIdentityCredentials/abc`, { properties: { issuer, subject, audiences } });
    const answers = await Promise.all([put('one', { subject: '1' }), put('two', { subject: '2' }), world.send('DELETE', `${credentials}/old`), other]);
    const code = '409 ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity';
    assert.deepEqual(answers.map(verdict), ['201', code, code, '201']);
    assert.ok(message(answers[1]).startsWith(`Too many Federated Identity Credentials are written concurrently for the managed identity '${identity}'.`));
    assert.deepEqual(items(await world.send('GET', credentials)).map(({ name }) => name), ['old', 'one']);
    assert.equal((await put('two', { subject: '2' })).status, 201, 'one after the other is fine');
  });

  it('throttles by the published rates when told so', async () => {
    world.arm.identities.knobs.buckets = true;
    assert.equal((await put('one')).status, 201);
    const refused = await put('two', { subject: '2' });
    assert.equal(verdict(refused), '429 TooManyRequests');
    assert.equal(refused.headers?.['retry-after'], '4');
    assert.equal((await world.send('GET', `${credentials}/one`)).status, 200);
    assert.equal((await world.send('GET', `${credentials}/one`)).headers?.['retry-after'], '2');
    assert.equal((await world.send('GET', credentials)).status, 200);
    assert.equal((await world.send('GET', credentials)).headers?.['retry-after'], '4');
    world.clock.advance(4000);
    assert.equal((await put('two', { subject: '2' })).status, 201);
  });

  it('shows the directory what is stored now', async () => {
    const { principalId } = world.arm.identities.find('id-shop');
    const trusts = (): readonly unknown[] | undefined => world.directory.byObjectId(principalId)?.federatedCredentials().map((entry) => [entry.issuer, entry.subject, entry.audience]);
    await put('one');
    assert.deepEqual(trusts(), [[issuer, subject, audiences[0]]]);
    world.arm.identities.find('id-shop').credentials.remove();
    assert.deepEqual(trusts(), []);
  });
});
