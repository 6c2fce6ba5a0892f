import assert from 'node:assert/strict';
import { resourceEnd } from '../../../tasks/_shared/azure/accesses.js';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { RoleAssignment } from '../../../tasks/_shared/azure/role-assignment.js';
import { gives } from '../../../tasks/_shared/azure/role-assignments.js';
import { roles, type RoleName } from '../../../tasks/_shared/azure/roles.js';
import { sharedReader } from '../../../tasks/_shared/reconcile/plan.js';
import { unknown, value } from '../../../tasks/_shared/reconcile/ref.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { managementGroupId } from '../../simulators/arm/hierarchy.js';
import type { IdentityRecord } from '../../simulators/arm/identities.js';
import { idOf } from '../../simulators/azure/directory.js';
import type { RoleAssignment as Stored } from '../../simulators/azure/roles.js';
import { group, identityId, Rig, subscriptionId, verdictOf } from './azure-world.js';

describe('role assignment', () => {
  let rig: Rig;
  let azure: Azure;
  let vault: string;
  let identity: IdentityRecord;
  beforeEach(async () => {
    ({ rig, azure, identity } = await Rig.withIdentity());
    vault = await rig.addVault();
  });
  const scope = (): string => `${vault}/secrets/orders-db`;
  const desired = (at = scope(), role: RoleName = 'Key Vault Secrets User', principalId = identity.principalId): RoleAssignment =>
    new RoleAssignment(azure, { scope: at, listScope: vault, label: 'kv-unit / secrets / orders-db' }, role, { id: 'id-orders', name: 'id-orders' }, { principalId: value(principalId), target: value(vault) }, 'aks-1', 'made by a test', resourceEnd(identityId()));
  const run = (...grants: RoleAssignment[]): Promise<RunResult> => rig.run(grants.length === 0 ? [desired()] : grants);
  const mine = (): Stored[] => rig.world.roles.assignments().filter(({ principalId }) => principalId === identity.principalId);
  const plant = (at: string, more: Partial<Stored> = {}): void =>
    void rig.world.roles.add({ name: idOf(`planted ${at}`), scope: at, principalId: identity.principalId, principalType: 'ServicePrincipal', roleDefinitionId: roles['Key Vault Secrets User'], ...more });
  const puts = (): number[] => rig.statuses('arm', 'PUT', /roleAssignments/);

  it('is made with principal type and description under a name that follows from scope, role and principal', async () => {
    let body = '';
    rig.network.faults.plant({ service: 'arm', method: 'PUT', then: (request) => void (body = request.body.toString()) });
    const result = await run();
    const change = result.plan[0]?.change;
    assert.ok(result.result === 'succeeded' && change?.action === 'create' && change.widens);
    assert.deepEqual(change.fields, [{ field: 'principal', after: identity.principalId }]);
    assert.deepEqual(JSON.parse(body), { properties: {
      roleDefinitionId: `/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${roles['Key Vault Secrets User']}`,
      principalId: identity.principalId,
      principalType: 'ServicePrincipal',
      description: 'made by a test',
    } });
    assert.deepEqual(mine().map((entry) => entry.scope), [scope()]);
    assert.deepEqual(result.preflight.permissions.filter(({ action }) => !action.endsWith('/read')), [{ plane: 'azure', action: 'Microsoft.Authorization/roleAssignments/write', scope: scope() }]);
    rig.network.log.clear();
    assert.deepEqual([(await run()).plan[0]?.change.action, rig.writes()], ['keep', []]);
  });

  it('has the same name in every run and spelling, and another for everything else', async () => {
    const nameOf = async (grant: RoleAssignment): Promise<string> => {
      await rig.run([grant]);
      const made = mine().at(-1)?.name ?? '';
      for (const { name } of mine()) rig.world.roles.remove(name);
      return made;
    };
    const first = await nameOf(desired());
    assert.match(first, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(await nameOf(desired(scope().replace('resourceGroups', 'RESOURCEGROUPS'))), first);
    assert.notEqual(await nameOf(desired(`${vault}/secrets/other`)), first);
    assert.notEqual(await nameOf(desired(scope(), 'AcrPull')), first);
  });

  it('adopts an equal one under another name', async () => {
    plant(scope().replace('resourceGroups', 'resourcegroups'));
    const change = (await run()).plan[0]?.change;
    assert.ok(change?.action === 'keep');
    assert.deepEqual([change.reason, rig.writes()], [`assignment ${idOf(`planted ${scope().replace('resourceGroups', 'resourcegroups')}`)}, made under another name, is adopted`, []]);
  });

  it('counts an inherited one as present, wherever above it lies, and says that it is broader', async () => {
    for (const above of [vault, group, `/subscriptions/${subscriptionId}`, managementGroupId('nonprod'), '/']) {
      for (const { name } of mine()) rig.world.roles.remove(name);
      plant(above);
      const change = (await run()).plan[0]?.change;
      assert.ok(change?.action === 'keep', above);
      assert.match(change.reason, /inherited from .*broader than asked/);
    }
    plant(scope());
    const exact = (await run()).plan[0]?.change;
    assert.ok(exact?.action === 'keep');
    assert.doesNotMatch(exact.reason, /inherited/);
    assert.deepEqual(rig.writes(), []);
  });

  it('does not count other roles, other principals, other secrets, those below, or those under a condition', async () => {
    plant(`${vault}/secrets/orders-db2`);
    plant(`${scope()}/versions`);
    plant(vault, { roleDefinitionId: roles.AcrPull });
    plant(group, { condition: "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'x'", conditionVersion: '2.0' });
    plant(`/subscriptions/${subscriptionId}`, { principalId: idOf('somebody') });
    const result = await run();
    assert.deepEqual([result.plan[0]?.change.action, result.result, puts()], ['create', 'succeeded', [201]]);
    assert.ok(!gives({ id: '', scope: vault, principalId: '', role: roles.AcrPull, condition: 'x' }, [roles.AcrPull], scope()));
  });

  it('claims no success where one under a condition stands in the way', async () => {
    plant(scope(), { condition: "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'x'", conditionVersion: '2.0' });
    const { action, problem } = verdictOf(await run(), desired());
    assert.deepEqual([action, rig.writes(), puts()], ['blocked', [], []]);
    assert.equal(problem?.code, 'WI2601');
    assert.match(problem.because, /gives the same role there under a condition/);
  });

  const condition = "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'x'";
  /** Puts a condition on the assignment that we made. */
  function limitOwn(): void {
    const [own] = mine();
    assert.ok(own !== undefined);
    rig.world.roles.remove(own.name);
    rig.world.roles.add({ ...own, condition, conditionVersion: '2.0' });
  }

  it('does not write over a condition that somebody put on the assignment of our own name', async () => {
    await run();
    limitOwn();
    rig.network.log.clear();
    const { action, problem } = verdictOf(await run(), desired());
    assert.deepEqual([action, problem?.code, puts(), mine()[0]?.condition], ['blocked', 'WI2601', [], condition]);
  });

  it('does not write over one that was put on it after the plan', async () => {
    await run();
    const [own] = mine();
    assert.ok(own !== undefined);
    rig.world.roles.remove(own.name);
    rig.network.log.clear();
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /roleAssignments\?/, times: 1, then: () => void rig.world.roles.add({ ...own, condition, conditionVersion: '2.0' }) });
    const { outcome, problem } = verdictOf(await run(), desired());
    assert.deepEqual([outcome, problem?.code, puts(), mine()[0]?.condition], ['failed', 'WI2601', [], condition]);
  });

  it('takes object ids that differ in case only for the same principal', async () => {
    plant(scope());
    const result = await run(desired(scope(), 'Key Vault Secrets User', identity.principalId.toUpperCase()));
    assert.deepEqual([result.plan[0]?.change.action, puts()], ['keep', []]);
  });

  it('waits until Azure knows a principal that was made just now', async () => {
    rig.world.directory.replicationMs = 45_000;
    rig.clock.advance(45_000);
    identity = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-new', 'westeurope');
    assert.equal((await run()).result, 'succeeded');
    const statuses = puts();
    assert.ok(statuses.length > 2 && statuses.slice(0, -1).every((status) => status === 400) && statuses.at(-1) === 201);
    assert.ok(rig.progress.includes('grant Key Vault Secrets User on kv-unit / secrets / orders-db: Azure does not know the principal of id-orders yet'));
  });

  it('does not wait for ever, and says whom Azure does not know', async () => {
    const { outcome, problem } = verdictOf(await run(desired(scope(), 'AcrPull', idOf('nobody'))), desired(scope(), 'AcrPull'));
    assert.deepEqual([outcome, problem?.serviceCode], ['failed', 'PrincipalNotFound']);
    assert.match(problem?.tried ?? '', /grant AcrPull to id-orders/);
    assert.ok(rig.clock.monotonic() <= 300_000 && rig.clock.monotonic() > 200_000);
  });

  it('resolves RoleAssignmentExists by looking again', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /roleAssignments\?/, times: 1, then: () => plant(scope()) });
    const result = await run();
    assert.deepEqual([result.result, puts(), mine().length], ['succeeded', [409], 1]);
  });

  it('survives the loss of its answer and throttling, with one assignment in the end', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', times: 1, respond: { status: 429, headers: { 'retry-after': '30' } } });
    rig.network.faults.plant({ service: 'arm', method: 'PUT', times: 1, drop: 'after' });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual([puts(), mine().length], [[429, 201, 200], 1]);
  });

  it('does not repeat what Azure refuses for good, and names the missing right', async () => {
    for (const { name } of rig.world.roles.assignments()) rig.world.roles.remove(name);
    rig.world.assign(rig.deployer.objectId, 'Reader', group);
    const services = await rig.services([]);
    const result = await rig.run([desired()], [], {}, { ...services, permissions: { missing: () => Promise.resolve([]) } });
    const { problem } = verdictOf(result, desired());
    assert.deepEqual([problem?.code, problem?.serviceCode, puts()], ['WI2002', 'AuthorizationFailed', [403]]);
  });

  it('lists once for all secrets of a vault', async () => {
    await rig.run(['a', 'b', 'c'].map((name) => desired(`${vault}/secrets/${name}`)), [], { dryRun: true });
    const reads = rig.network.log.all('arm').filter(({ path }) => path.includes('roleAssignments?') && path.includes('/vaults/'));
    assert.equal(reads.length, 1);
    assert.match(decodeURIComponent(reads[0]!.path), new RegExp(`principalId eq '${identity.principalId}'`));
  });

  it('says what it may not read', async () => {
    rig.network.faults.plant({ service: 'arm', path: /roleAssignments/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'Not allowed.' } } } });
    const { action, problem } = verdictOf(await run(), desired());
    assert.deepEqual([action, problem?.code], ['blocked', 'WI2002']);
  });

  it('plans for a principal that is yet to be made', async () => {
    const known = { principalId: unknown, target: vault } as const;
    assert.equal(await desired().observe(sharedReader(), known), undefined);
    assert.deepEqual(rig.network.log.all('arm').filter(({ path }) => path.includes('roleAssignments')), []);
    const change = desired().plan(undefined, known);
    assert.ok(change.action === 'create');
    assert.deepEqual(change.fields[0], { field: 'principal', after: '(known after apply)' });
  });
});
