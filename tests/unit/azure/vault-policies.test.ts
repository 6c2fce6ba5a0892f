import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { getEntry, VaultPolicies } from '../../../tasks/_shared/azure/vault-policies.js';
import { VaultPolicy } from '../../../tasks/_shared/azure/vault-policy.js';
import type { VaultSection } from '../../../tasks/_shared/azure/vault-state.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import { idOf } from '../../simulators/azure/directory.js';
import { group, problemOf, Rig, tenantId, verdictOf } from './azure-world.js';

describe('access policies of a vault', () => {
  let rig: Rig;
  let azure: Azure;
  let policies: VaultPolicies;
  const foreign = { tenantId, objectId: idOf('somebody'), permissions: { secrets: ['Get', 'List', 'Set'], storage: ['regeneratekey'] }, note: 'kept byte for byte' };
  beforeEach(async () => {
    rig = await Rig.start();
    azure = await rig.connect();
    const id = await rig.addVault('kv-unit', { enableRbacAuthorization: false, accessPolicies: [foreign] });
    policies = new VaultPolicies(azure, { id, name: 'kv-unit' });
  });

  const entries = (): { objectId: string; permissions: Record<string, string[]> }[] => rig.world.arm.vaults.find('kv-unit').properties.accessPolicies as { objectId: string; permissions: Record<string, string[]> }[];
  const of = (who: string): Record<string, string[]> | undefined => entries().find(({ objectId }) => objectId === idOf(who))?.permissions;
  const policy = (who: string, sections: readonly VaultSection[] = ['secrets'], tenant = tenantId): VaultPolicy =>
    new VaultPolicy(azure, policies, sections, { id: who, name: who }, { principalId: value(idOf(who)), tenantId: value(tenant), vaultTenantId: value(tenantId) }, undefined);
  const calls = (): number[] => rig.statuses('arm', 'PUT', /accessPolicies/);

  it('get one entry each, beside those of others, and nothing the second time', async () => {
    const result = await rig.run([policy('a', ['secrets', 'certificates'])]);
    const change = result.plan[0]?.change;
    assert.ok(result.result === 'succeeded' && change?.action === 'create' && change.widens);
    assert.deepEqual(change.fields.map(({ field, after }) => [field, after]), [['secrets', 'get'], ['certificates', 'get'], ['reach', 'everything of that kind in the vault: access policies know no single items']]);
    assert.deepEqual(result.preflight.permissions.map(({ action }) => action), ['Microsoft.KeyVault/vaults/accessPolicies/write']);
    assert.deepEqual(of('a'), { secrets: ['get'], keys: [], certificates: ['get'] });
    assert.deepEqual(entries()[0], foreign);
    rig.network.log.clear();
    assert.deepEqual([(await rig.run([policy('a', ['secrets', 'certificates'])])).plan[0]?.change.action, calls()], ['keep', []]);
  });

  it('are written sixteen a call at most, however many identities there are', async () => {
    const wanted = Array.from({ length: 40 }, (_item, index) => policy(`id-${index}`));
    assert.equal((await rig.run(wanted)).result, 'succeeded');
    assert.equal(entries().length, 41);
    assert.ok(calls().every((status) => status === 200), 'none was too large');
    assert.ok(calls().length <= 5, `${calls().length} calls for 40 identities`);
  });

  for (const addJoins of [true, false]) {
    it(`leave a principal what it has already, ${addJoins ? 'where add joins' : 'where add replaces its entry'}`, async () => {
      rig.world.arm.vaults.knobs.addJoins = addJoins;
      rig.world.arm.vaults.edit('kv-unit', { accessPolicies: [{ tenantId, objectId: idOf('a'), permissions: { secrets: ['List'], keys: ['sign'] } }] });
      const change = (await rig.run([policy('a'), policy('a', ['certificates'])])).plan[0]?.change;
      assert.ok(change?.action === 'update');
      assert.deepEqual(change.fields[0], { field: 'secrets', before: 'List', after: 'List, get' });
      const { secrets, keys, certificates } = of('a') ?? {};
      assert.deepEqual([secrets?.slice().sort(), keys, certificates], [['List', 'get'], ['sign'], ['get']]);
    });
  }

  it('count “all” and other spellings as get, and never the entry of an application', async () => {
    const own = { tenantId, objectId: idOf('a'), permissions: { secrets: ['All'] } };
    rig.world.arm.vaults.edit('kv-unit', { accessPolicies: [{ ...own, objectId: idOf('b'), permissions: { secrets: ['GET'] } }, own, { ...own, objectId: idOf('c'), applicationId: idOf('app') }] });
    const result = await rig.run(['a', 'b', 'c'].map((who) => policy(who)));
    assert.deepEqual(result.plan.map(({ change }) => change.action), ['keep', 'keep', 'create']);
    assert.equal(entries().length, 4);
  });

  it('are counted before the first write', async () => {
    const many = Array.from({ length: 1023 }, (_item, index) => ({ ...foreign, objectId: idOf(`filler ${index}`) }));
    rig.world.arm.vaults.edit('kv-unit', { accessPolicies: many });
    const result = await rig.run([policy('a'), policy('b')]);
    assert.deepEqual([result.result, calls(), result.preflight.findings[0]?.problem.code], ['failed', [], 'WI2414']);
    assert.equal((await rig.run([policy('a')])).result, 'succeeded');
    assert.equal((await rig.run([policy('a')])).result, 'succeeded', 'what is there takes no room');
  });

  it('wait for another run that writes to the same vault', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', path: /accessPolicies/, times: 2, respond: { status: 409, body: { error: { code: 'ConflictError', message: 'A conflict occurred.' } } } });
    assert.equal((await rig.run([policy('a')])).result, 'succeeded');
    assert.deepEqual(calls(), [409, 409, 200]);
  });

  it('say what keeps them away: a lock, a missing right, another tenant', async () => {
    assert.equal(verdictOf(await rig.run([policy('a', ['secrets'], idOf('tenant'))]), policy('a')).problem?.code, 'WI2413');
    rig.world.arm.locks.all.push({ name: 'frozen', level: 'ReadOnly', scope: group });
    const seen = await rig.run([policy('a')]);
    assert.match(seen.preflight.findings[0]?.problem.because ?? '', /frozen|lock/);
    assert.deepEqual(calls(), [], 'seen before the write');
    rig.world.arm.locks.all.length = 0;
    const unplant = rig.network.faults.plant({ service: 'arm', method: 'PUT', path: /accessPolicies/, respond: { status: 409, body: { error: { code: 'ScopeLocked', message: 'The scope is locked.' } } } });
    const locked = verdictOf(await rig.run([policy('a')]), policy('a'));
    assert.deepEqual([locked.outcome, locked.problem?.serviceCode], ['failed', 'ScopeLocked']);
    assert.equal(calls().length, 1, 'a lock is not waited for');
    unplant();
    for (const { name } of rig.world.roles.assignments()) rig.world.roles.remove(name);
    rig.world.assign(rig.deployer.objectId, 'Reader', group);
    const result = await rig.run([policy('a')]);
    assert.deepEqual([result.preflight.findings[0]?.problem.code, calls().length], ['WI3001', 1]);
  });

  it('fail together with their call, and each says so', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', path: /accessPolicies/, respond: { status: 400, body: { error: { code: 'BadRequest', message: 'No.' } } } });
    const result = await rig.run([policy('a'), policy('b')]);
    assert.deepEqual(result.applied.map(({ outcome }) => outcome.result), ['failed', 'failed']);
    assert.deepEqual([...new Set(rig.journal.map(({ outcome }) => outcome))], ['failed']);
  });

  it('claim no success that a fresh read does not show', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', path: /accessPolicies/, respond: { status: 200, body: {} } });
    const { outcome, problem } = verdictOf(await rig.run([policy('a')]), policy('a'));
    assert.deepEqual([outcome, problem?.code], ['failed', 'WI3002']);
  });

  it('lose what is taken from them, and no more', async () => {
    await Promise.all([policies.add(getEntry(tenantId, idOf('a'), ['secrets', 'keys'])), policies.add(getEntry(tenantId, idOf('b'), ['secrets']))]);
    await Promise.all([policies.remove(getEntry(tenantId, idOf('a'), ['keys'])), policies.remove(getEntry(tenantId, idOf('b'), ['secrets'])), policies.remove(getEntry(tenantId, foreign.objectId, ['keys']))]);
    assert.deepEqual([of('a')?.secrets, of('a')?.keys, of('b')], [['get'], [], undefined]);
    assert.deepEqual(of('somebody')?.secrets, ['Get', 'List', 'Set']);
    rig.abort.abort();
    await assert.rejects(policies.remove(getEntry(tenantId, idOf('a'), ['secrets'])));
    assert.deepEqual(of('a')?.secrets, ['get']);
    assert.equal((await problemOf(policies.entries({ strong: true, once: (_key, load) => load() }))).code, 'WI9002');
  });
});
