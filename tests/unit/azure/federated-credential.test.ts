import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { FederatedCredential } from '../../../tasks/_shared/azure/federated-credential.js';
import { listCredentials } from '../../../tasks/_shared/azure/federated-credentials.js';
import { unknown, value } from '../../../tasks/_shared/reconcile/ref.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import type { IdentityRecord } from '../../simulators/arm/identities.js';
import { identityId, problemOf, Rig, subscriptionId, verdictOf } from './azure-world.js';

const issuer = 'https://issuer.example/tenant/cluster/';
const subject = 'system:serviceaccount:orders:api';
const audience = 'api://AzureADTokenExchange';

describe('federated credential', () => {
  let rig: Rig;
  let azure: Azure;
  let identity: IdentityRecord;
  beforeEach(async () => {
    rig = await Rig.start();
    azure = await rig.connect();
    identity = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders', 'westeurope');
  });
  const desired = (name = 'wi-aks-1', from = issuer, on = identityId(), whose = subject): FederatedCredential =>
    new FederatedCredential(azure, name, on, { name, subject: whose }, { identityId: value(on), issuer: value(from) });
  const run = (...credentials: FederatedCredential[]): Promise<RunResult> => rig.run(credentials.length === 0 ? [desired()] : credentials);
  const stored = (): string[] => identity.credentials.trusts().map((entry) => `${entry.name} ${entry.issuer} ${entry.subject} ${entry.audience}`);
  const puts = (): number[] => rig.statuses('arm', 'PUT', /federatedIdentityCredentials/);

  it('is made with issuer, subject and the one audience, byte for byte, and once', async () => {
    const result = await run();
    const change = result.plan[0]?.change;
    assert.ok(result.result === 'succeeded' && change?.action === 'create' && change.widens);
    assert.deepEqual(change.fields, [{ field: 'issuer', after: issuer }, { field: 'subject', after: subject }, { field: 'audience', after: audience }]);
    assert.deepEqual(stored(), [`wi-aks-1 ${issuer} ${subject} ${audience}`]);
    assert.deepEqual(rig.journal.map(({ object, widens, cluster, outcome }) => [object, widens, cluster, outcome]), [[`${identityId()}/federatedIdentityCredentials/wi-aks-1`, true, 'wi-aks-1', 'done']]);
    assert.deepEqual(result.preflight.permissions, [{ plane: 'azure', action: 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write', scope: identityId() }]);
    rig.network.log.clear();
    assert.equal((await run()).plan[0]?.change.action, 'keep');
    assert.deepEqual(rig.writes(), []);
  });

  it('adopts an equal one under another name', async () => {
    identity.credentials.set('made-by-terraform', issuer, subject);
    const result = await run();
    const change = result.plan[0]?.change;
    assert.ok(change?.action === 'keep' && result.result === 'succeeded');
    assert.match(change.reason, /made-by-terraform/);
    assert.deepEqual([rig.writes(), stored().length], [[], 1]);
  });

  it('repairs ours where anything differs, a trailing slash included', async () => {
    const wrong: [string, string, string, string][] = [
      [issuer.slice(0, -1), subject, audience, 'issuer'],
      [issuer, 'system:serviceaccount:Orders:api', audience, 'subject'],
      [issuer, subject, 'api://other', 'audience'],
    ];
    for (const [from, whose, toWhom, field] of wrong) {
      identity.credentials.remove();
      identity.credentials.set('wi-aks-1', from, whose, toWhom);
      const result = await run();
      const change = result.plan[0]?.change;
      assert.ok(change?.action === 'update' && change.widens);
      assert.deepEqual(change.fields.map((entry) => [entry.field, entry.before !== undefined]), [[field, true]]);
      assert.deepEqual([result.result, stored()], ['succeeded', [`wi-aks-1 ${issuer} ${subject} ${audience}`]]);
    }
  });

  it('does not touch those of others, also not for the same service account of another cluster', async () => {
    identity.credentials.set('theirs', 'https://issuer.example/tenant/other/', subject);
    identity.credentials.set('slash', issuer.slice(0, -1), subject);
    await run();
    assert.deepEqual(stored().map((entry) => entry.split(' ')[0]), ['theirs', 'slash', 'wi-aks-1']);
    assert.deepEqual(puts(), [201]);
  });

  it('is blocked at twenty, unless one of them is its own', async () => {
    for (let n = 0; n < 20; n += 1) identity.credentials.set(`c-${n}-name`, issuer, `system:serviceaccount:other:${n}`);
    const { action, problem } = verdictOf(await run(), desired());
    assert.deepEqual([action, problem?.code, rig.writes()], ['blocked', 'WI2203', []]);
    assert.match(problem?.because ?? '', /20 of at most 20/);
    identity.credentials.remove('c-19-name');
    identity.credentials.set('wi-aks-1', 'https://old/', subject);
    assert.equal((await run()).result, 'succeeded');
    identity.credentials.set('wi-aks-1', 'https://old/', subject);
    identity.credentials.remove('c-0-name');
    assert.equal((await run()).result, 'succeeded');
  });

  it('writes those of one identity one after another at the published rate, those of others side by side', async () => {
    rig.world.arm.identities.knobs.writeMs = 3_000;
    rig.world.arm.identities.knobs.buckets = true;
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-other', 'westeurope');
    const result = await run(desired('wi-1-a', 'https://a/'), desired('wi-2-b', 'https://b/'), desired('wi-3-c', 'https://c/'), desired('wi-4-d', 'https://d/', identityId('id-other')));
    assert.equal(result.result, 'succeeded');
    const writes = rig.network.log.writes('arm').map(({ path, at }) => [path.split('?')[0]!.split('/').at(-1), at - 3_000]);
    assert.deepEqual(writes, [['wi-1-a', 0], ['wi-4-d', 0], ['wi-2-b', 4_000], ['wi-3-c', 8_000]]);
    assert.deepEqual(puts(), [201, 201, 201, 201], 'no write was refused');
  });

  it('does not wait for conflicts of another kind, such as a lock', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', respond: { status: 409, body: { error: { code: 'ScopeLocked', message: 'The scope is locked.' } } } });
    const { outcome, problem } = verdictOf(await run(), desired());
    assert.deepEqual([outcome, problem?.serviceCode, puts()], ['failed', 'ScopeLocked', [409]]);
  });

  it('waits out the writes of another run (409), at most three minutes', async () => {
    const conflict = { status: 409, body: { error: { code: 'ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity', message: 'Too many.' } } };
    rig.network.faults.plant({ service: 'arm', method: 'PUT', times: 3, respond: conflict });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual(puts(), [409, 409, 409, 201]);
    assert.ok(rig.progress.includes('federated credential orders/api: another run writes credentials of identity id-orders'));
    identity.credentials.remove();
    rig.network.faults.plant({ service: 'arm', method: 'PUT', respond: conflict });
    const before = rig.clock.monotonic();
    const { outcome, problem } = verdictOf(await run(), desired());
    assert.deepEqual([outcome, problem?.status, problem?.because], ['failed', 409, 'Too many.']);
    assert.ok(rig.clock.monotonic() - before <= 184_000);
  });

  it('really overlaps with another run, and both win', async () => {
    rig.world.arm.identities.knobs.writeMs = 5_000;
    const other = await rig.connect();
    const theirs = new FederatedCredential(other, 'aks-2', identityId(), { name: 'wi-aks-2', subject }, { identityId: value(identityId()), issuer: value('https://two/') });
    const results = await Promise.all([run(), rig.run([theirs])]);
    assert.deepEqual(results.map(({ result }) => result), ['succeeded', 'succeeded']);
    assert.ok(puts().includes(409));
    assert.equal(stored().length, 2);
  });

  it('obeys 429, for reads and for writes', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', times: 2, respond: { status: 429, headers: { 'retry-after': '9' } } });
    rig.network.faults.plant({ service: 'arm', method: 'GET', times: 1, respond: { status: 429, headers: { 'retry-after': '5' } } });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual(puts(), [429, 429, 201]);
    assert.ok(rig.clock.monotonic() >= 23_000);
  });

  it('does not repeat what Azure refuses for good', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', respond: { status: 405, body: { error: { code: 'MethodNotAllowed', message: 'Not in this region.' } } } });
    const { problem } = verdictOf(await run(), desired());
    assert.deepEqual([problem?.serviceCode, problem?.because, puts()], ['MethodNotAllowed', 'Not in this region.', [405]]);
  });

  it('plans on an identity that is yet to be made', async () => {
    const known = { identityId: unknown, issuer: unknown } as const;
    assert.equal(await desired().observe({ strong: false, once: () => assert.fail('nothing to ask') }, known), undefined);
    const change = desired().plan(undefined, known);
    assert.ok(change.action === 'create');
    assert.deepEqual(change.fields[0], { field: 'issuer', after: '(known after apply)' });
  });

  it('lists page by page, gives none for an identity that is not there, and says what it may not read', async () => {
    for (let n = 0; n < 12; n += 1) identity.credentials.set(`c-${n}-name`, issuer, `s:${n}:x`);
    rig.network.faults.plant({ service: 'arm', times: 1, respond: { status: 200, body: { value: [{ name: 'first' }], nextLink: `${rig.world.origins.arm}${identityId()}/federatedIdentityCredentials?api-version=2024-11-30` } } });
    const found = await listCredentials(azure, identityId());
    assert.deepEqual([found.length, found[0]], [13, { name: 'first', issuer: '', subject: '', audiences: [] }]);
    assert.deepEqual([await listCredentials(azure, identityId('nobody')), await listCredentials(azure, 'no id')], [[], []]);
    rig.network.faults.plant({ service: 'arm', respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'Not allowed.' } } } });
    assert.deepEqual((await problemOf(listCredentials(azure, identityId()))).code, 'WI2002');
  });

  it('reads the list once for all service accounts of an identity', async () => {
    await rig.run([desired('wi-1-a', 'https://a/'), desired('wi-2-b', 'https://b/')], [], { dryRun: true });
    assert.equal(rig.network.log.all('arm').filter(({ method, path }) => method === 'GET' && path.includes('federatedIdentityCredentials')).length, 1);
  });
});
