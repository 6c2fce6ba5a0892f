import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { FederatedCredential } from '../../../tasks/_shared/azure/federated-credential.js';
import { listCredentials } from '../../../tasks/_shared/azure/federated-credentials.js';
import { unknown, value } from '../../../tasks/_shared/reconcile/ref.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import type { IdentityRecord } from '../../simulators/arm/identities.js';
import { clusterId, identityId, problemOf, Rig, subscriptionId, verdictOf } from './azure-world.js';

const issuer = 'https://issuer.example/tenant/cluster/';
const subject = 'system:serviceaccount:orders:api';
const audience = 'api://AzureADTokenExchange';

describe('federated credential', () => {
  let rig: Rig;
  let azure: Azure;
  let identity: IdentityRecord;
  beforeEach(async () => {
    ({ rig, azure, identity } = await Rig.withIdentity());
  });
  const desired = (name = 'wi-aks-1', from = issuer, on = identityId(), whose = subject): FederatedCredential =>
    new FederatedCredential(azure, name, on, { name, subject: whose }, { identityId: value(on), issuer: value(from) }, clusterId(name));
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
    assert.deepEqual(result.preflight.permissions.filter(({ action }) => !action.endsWith('/read')), [{ plane: 'azure', action: 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write', scope: identityId() }]);
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

  it('shows what a repair replaces, in the plan and in the ledger', async () => {
    identity.credentials.set('wi-aks-1', issuer.slice(0, -1), subject);
    const change = (await run()).plan[0]?.change;
    assert.ok(change?.action === 'update');
    assert.deepEqual([change.fields, change.reason], [[{ field: 'issuer', before: issuer.slice(0, -1), after: issuer }], 'credential wi-aks-1 has another issuer']);
    assert.deepEqual(rig.journal.map(({ before, after }) => [before, after]), [[issuer.slice(0, -1), `${issuer} ${subject}`]]);
  });

  it('repairs ours when the cluster was rebuilt and has wholly another issuer, and shows the old one in the plan', async () => {
    const old = 'https://elsewhere.example/tenant/before/';
    identity.credentials.set('wi-aks-1', old, subject);
    const dry = await rig.run([desired()], [], { dryRun: true });
    const change = dry.plan[0]?.change;
    assert.ok(change?.action === 'update' && change.widens);
    assert.deepEqual([change.fields, change.reason, rig.writes()], [[{ field: 'issuer', before: old, after: issuer }], 'credential wi-aks-1 has another issuer', []]);
    assert.deepEqual([(await run()).result, stored()], ['succeeded', [`wi-aks-1 ${issuer} ${subject} ${audience}`]]);
  });

  it('names one of somebody else that only seems to serve, and leaves it alone', async () => {
    const lookalikes: [string, string, RegExp][] = [
      [issuer, 'system:serviceaccount:Orders:api', /its subject system:serviceaccount:Orders:api differs in case from system:serviceaccount:orders:api/],
      [issuer.slice(0, -1), subject, /its issuer \S+ differs by the slash/],
    ];
    for (const [from, whose, flaw] of lookalikes) {
      identity.credentials.remove();
      identity.credentials.set('made-by-hand', from, whose);
      const result = await run();
      const change = result.plan[0]?.change;
      assert.ok(change?.action === 'create' && result.result === 'succeeded');
      assert.match(change.reason, /credential made-by-hand does not serve: /);
      assert.match(change.reason, flaw);
      assert.deepEqual(stored(), [`made-by-hand ${from} ${whose} ${audience}`, `wi-aks-1 ${issuer} ${subject} ${audience}`]);
    }
    identity.credentials.set('unrelated', issuer, 'system:serviceaccount:orders:web');
    assert.equal((await run()).plan[0]?.change.action, 'keep');
  });

  it('is blocked by one of somebody else that has issuer and subject for another audience', async () => {
    identity.credentials.set('theirs', issuer, subject, 'api://other');
    const { action, problem } = verdictOf(await run(), desired());
    assert.deepEqual([action, problem?.code, rig.writes(), stored().length], ['blocked', 'WI2215', [], 1]);
    assert.match(problem?.what ?? '', /theirs/);
  });

  it('leaves the credential of an identity binding alone', async () => {
    const bound = ['aks-identity-binding', 'https://ib.oic.prod-aks.azure.com/tenant/client', 'system:serviceaccount:orders:api'] as const;
    identity.credentials.set(...bound);
    await run();
    assert.deepEqual(stored()[0], `${bound.join(' ')} ${audience}`);
    assert.deepEqual(rig.network.log.writes('arm').map(({ path }) => path.includes('aks-identity-binding')), [false]);
  });

  it('does not touch those of others, also not for the same service account of another cluster', async () => {
    identity.credentials.set('theirs', 'https://issuer.example/tenant/other/', subject);
    identity.credentials.set('slash', issuer.slice(0, -1), subject);
    await run();
    assert.deepEqual(stored().map((entry) => entry.split(' ')[0]), ['theirs', 'slash', 'wi-aks-1']);
    assert.deepEqual(puts(), [201]);
  });

  it('is stopped at twenty, unless one of them is its own', async () => {
    for (let n = 0; n < 20; n += 1) identity.credentials.set(`c-${n}-name`, issuer, `system:serviceaccount:other:${n}`);
    const { action, outcome, problem } = verdictOf(await run(), desired());
    assert.deepEqual([action, outcome, problem?.code, rig.writes()], ['create', 'skipped', 'WI2203', []]);
    assert.match(problem?.because ?? '', /there are 20, this run would add 1, and 20 is the most/);
    assert.match(problem?.remedy ?? '', /remove credentials.*\{cluster\}.*each boundary or ring/);
    identity.credentials.remove('c-19-name');
    identity.credentials.set('wi-aks-1', 'https://old/', subject);
    assert.equal((await run()).result, 'succeeded');
    identity.credentials.set('wi-aks-1', 'https://old/', subject);
    identity.credentials.remove('c-0-name');
    assert.equal((await run()).result, 'succeeded');
  });

  it('counts what a whole plan adds to one identity, before the first write', async () => {
    for (let n = 0; n < 17; n += 1) identity.credentials.set(`c-${n}-name`, issuer, `system:serviceaccount:other:${n}`);
    const fleet = (size: number): FederatedCredential[] => Array.from({ length: size }, (_, n) => desired(`wi-${n}-x`, `https://issuer-${n}/`));
    const over = await run(...fleet(4));
    assert.deepEqual([over.result, rig.writes(), new Set(over.preflight.findings.map(({ problem }) => problem.because)).size], ['failed', [], 1]);
    assert.match(over.preflight.findings[0]?.problem.because ?? '', /there are 17, this run would add 4/);
    const fits = await run(...fleet(3));
    assert.deepEqual([fits.result, fits.preflight.notes, stored().length], ['succeeded', ['federated credentials of id-orders: 20 of 20 after this run'], 20]);
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

  it('does not begin a write to an identity before the last one has ended, also where one takes longer than the published rate asks for', async () => {
    Object.assign(rig.world.arm.identities.knobs, { writeMs: 6_000, buckets: true });
    const result = await run(desired('wi-1-a', 'https://a/'), desired('wi-2-b', 'https://b/'), desired('wi-3-c', 'https://c/'));
    const ends = rig.network.log.writes('arm').map(({ at }) => at);
    assert.deepEqual([result.result, ends, puts()], ['succeeded', [6_000, 12_000, 18_000], [201, 201, 201]]);
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
    const theirs = new FederatedCredential(other, 'aks-2', identityId(), { name: 'wi-aks-2', subject }, { identityId: value(identityId()), issuer: value('https://two/') }, clusterId('aks-2'));
    const results = await Promise.all([run(), rig.run([theirs])]);
    assert.deepEqual(results.map(({ result }) => result), ['succeeded', 'succeeded']);
    assert.ok(puts().includes(409));
    assert.equal(stored().length, 2);
  });

  it('fills a shared identity from two runs at once, each waiting for the other', async () => {
    Object.assign(rig.world.arm.identities.knobs, { writeMs: 1_500, buckets: true });
    const half = (azureOfRun: Azure, from: number): FederatedCredential[] => Array.from({ length: 10 }, (_, index) => {
      const n = String(from + index);
      return new FederatedCredential(azureOfRun, `aks-${n}`, identityId(), { name: `wi-aks-${n}`, subject }, { identityId: value(identityId()), issuer: value(`https://issuer-${n}/`) }, clusterId(`aks-${n}`));
    });
    const other = await rig.connect();
    const results = await Promise.all([rig.run(half(azure, 0)), rig.run(half(other, 10))]);
    assert.deepEqual([results.map(({ result }) => result), stored().length], [['succeeded', 'succeeded'], 20]);
    assert.ok(puts().some((status) => status === 409 || status === 429), 'they met');
    assert.equal(puts().filter((status) => status === 201).length, 20);
  });

  it('obeys 429, for reads and for writes', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', times: 2, respond: { status: 429, headers: { 'retry-after': '9' } } });
    rig.network.faults.plant({ service: 'arm', method: 'GET', times: 1, respond: { status: 429, headers: { 'retry-after': '5' } } });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual(puts(), [429, 429, 201]);
    assert.ok(rig.clock.monotonic() >= 23_000);
  });

  it('does not repeat what Azure refuses for good', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', respond: { status: 400, body: { error: { code: 'BadRequest', message: 'Not so.' } } } });
    const { problem } = verdictOf(await run(), desired());
    assert.deepEqual([problem?.code, problem?.serviceCode, problem?.because, puts()], ['WI2005', 'BadRequest', 'Not so.', [400]]);
  });

  it('names the input that helps where a region has no federation', async () => {
    const there = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-south', 'malaysiasouth');
    const one = desired('wi-aks-1', issuer, identityId('id-south'));
    const { outcome, problem } = verdictOf(await run(one), one);
    assert.deepEqual([outcome, problem?.code, problem?.status, puts(), there.credentials.trusts()], ['failed', 'WI2212', 405, [405], []]);
    assert.match(problem?.because ?? '', /region of identity id-south has no federated credentials: .*not enabled/);
    assert.match(problem?.remedy ?? '', /identityLocation/);
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
