import assert from 'node:assert/strict';
import { logWatcher, publish } from '../../../tasks/_shared/agent/run-log.js';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { RoleAssignment, type GrantRules } from '../../../tasks/_shared/azure/role-assignment.js';
import { existingName } from '../../../tasks/_shared/azure/role-assignment-write.js';
import { roles } from '../../../tasks/_shared/azure/roles.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import { managementGroupId } from '../../simulators/arm/hierarchy.js';
import type { IdentityRecord } from '../../simulators/arm/identities.js';
import { idOf } from '../../simulators/azure/directory.js';
import { role } from '../../simulators/azure/role-definitions.js';
import type { RoleAssignment as Stored } from '../../simulators/azure/roles.js';
import type { SimRequest } from '../../simulators/kernel/service.js';
import { FakeAgent } from '../agent/fake-agent.js';
import { group, identityId, Rig, subscriptionId, verdictOf } from './azure-world.js';
import { resourceEnd } from '../../../tasks/_shared/azure/accesses.js';

const secretsUser = roles['Key Vault Secrets User'];

describe('role assignment: traps', () => {
  let rig: Rig;
  let azure: Azure;
  let vault: string;
  let identity: IdentityRecord;
  beforeEach(async () => {
    ({ rig, azure, identity } = await Rig.withIdentity());
    vault = await rig.addVault();
  });
  const grant = (secret = 'orders-db', rules: GrantRules = {}, wanted = 'Key Vault Secrets User', { name, principalId } = identity): RoleAssignment =>
    new RoleAssignment(azure, { scope: `${vault}/secrets/${secret}`, listScope: vault, label: secret }, wanted, { id: name, name }, { principalId: value(principalId), target: value(vault) }, undefined, 'made by a test', resourceEnd(identityId(name)), rules);
  const plant = (name: string, more: Partial<Stored> = {}): void =>
    void rig.world.roles.add({ name: idOf(name), scope: `${vault}/secrets/orders-db`, principalId: identity.principalId, principalType: 'ServicePrincipal', roleDefinitionId: secretsUser, ...more });
  const puts = (): number[] => rig.statuses('arm', 'PUT', /roleAssignments/);
  const counted = (): number => rig.network.log.all('arm').filter(({ path }) => path.startsWith(`/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleAssignments?`)).length;

  /** Makes the deployer one that may assign roles under a condition only. */
  function constrain(condition: string): void {
    for (const { name, principalId } of rig.world.roles.assignments()) if (principalId === rig.deployer.objectId) rig.world.roles.remove(name);
    rig.world.assign(rig.deployer.objectId, 'Reader', group);
    rig.world.roles.add({ name: idOf('constrained'), scope: group, principalId: rig.deployer.objectId, principalType: 'ServicePrincipal', roleDefinitionId: 'f58310d9-a9f6-439a-9e8d-f62e7b41a168', condition, conditionVersion: '2.0', createdAt: Number.NEGATIVE_INFINITY });
  }

  /** Azure never learns of the principal. */
  function neverFound(asked: (request: SimRequest) => void = () => undefined): void {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', path: /roleAssignments/, respond: (request) => {
      asked(request);
      return { status: 400, body: { error: { code: 'PrincipalNotFound', message: 'Principal does not exist in the directory.' } } };
    } });
  }

  it('a deployer who may assign to service principals only is let through, since the principal type is sent', async () => {
    constrain("((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.Authorization/roleAssignments:PrincipalType] StringEqualsIgnoreCase 'ServicePrincipal'))");
    assert.deepEqual([(await rig.run([grant()])).result, puts()], ['succeeded', [201]]);
  });

  it('PrincipalNotFound with the principal type sent is waited out, and is no success at the deadline', async () => {
    const types: unknown[] = [];
    neverFound(({ body }) => types.push((JSON.parse(body.toString()) as { properties: { principalType?: string } }).properties.principalType));
    const { outcome, problem } = verdictOf(await rig.run([grant()]), grant());
    assert.deepEqual([outcome, problem?.serviceCode], ['failed', 'PrincipalNotFound']);
    assert.ok(puts().length > 5, 'it was tried again');
    assert.deepEqual([types.length, [...new Set(types)]], [puts().length, ['ServicePrincipal']]);
    assert.deepEqual(rig.journal.map((entry) => entry.outcome).filter((word) => word === 'done'), []);
  });

  it('the log says that a write failed when every try of it failed, and nothing in it speaks of success', async () => {
    neverFound();
    const result = await rig.run([grant()]);
    const agent = new FakeAgent();
    try {
      logWatcher(agent, false).applied(result.applied, 290_000);
      const end = publish(agent, result, { task: agent.task, startedAt: '', run: 'unit 1', signIn: 'deployer', correlation: '', clusters: [] }, {});
      assert.deepEqual(agent.log.slice(0, 2), [
        'Apply    0 of 1 done in 4 min 50 s, 1 failed',
        '  ! shared  grant  Key Vault Secrets User on orders-db  Principal does not exist in the directory. (PrincipalNotFound)',
      ]);
      assert.ok(agent.log.some((line) => /^WI\d{4} {2}The grant Key Vault Secrets User on orders-db was not made\.$/.test(line)), agent.log.join('\n'));
      assert.deepEqual([agent.log.slice(1).filter((line) => /\b(done|succeeded|success)\b/i.test(line)), end.result], [[], 'Failed']);
      assert.match(end.message, /PrincipalNotFound/);
    } finally {
      agent.dispose();
    }
  });

  it('RoleAssignmentExists names the assignment without dashes: it is read by its name and adopted', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /roleAssignments\?/, times: 1, then: () => plant('made meanwhile') });
    const result = await rig.run([grant()]);
    assert.deepEqual([result.result, puts()], ['succeeded', [409]]);
    assert.ok(rig.statuses('arm', 'GET', new RegExp(`roleAssignments/${idOf('made meanwhile')}`)).length > 0);
    const [applied] = result.applied;
    assert.ok(applied !== undefined && 'state' in applied.outcome && 'id' in applied.outcome.state);
    assert.ok(String(applied.outcome.state.id).endsWith(idOf('made meanwhile')));
  });

  it('RoleAssignmentExists in the older words, which name none, is resolved by a list', async () => {
    const answer = { status: 409, body: { error: { code: 'RoleAssignmentExists', message: 'The role assignment already exists.' } } };
    rig.network.faults.plant({ service: 'arm', method: 'PUT', path: /roleAssignments/, respond: () => {
      plant('made meanwhile');
      return answer;
    } });
    assert.equal((await rig.run([grant()])).result, 'succeeded');
  });

  it('RoleAssignmentExists of one that cannot be found is explained, and no success', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', path: /roleAssignments/, respond: { status: 409, body: { error: { code: 'RoleAssignmentExists', message: `The role assignment already exists. The ID of the existing role assignment is ${idOf('gone').replaceAll('-', '')}.` } } } });
    const { outcome, problem } = verdictOf(await rig.run([grant()]), grant());
    assert.deepEqual([outcome, problem?.code], ['failed', 'WI2613']);
    assert.ok(problem?.because.includes(idOf('gone')), problem?.because);
  });

  it('reads names with and without dashes, and none where none is', () => {
    const name = '716c4d15-9bc8-476d-a3c1-6ccb70082517';
    for (const text of [name, name.replaceAll('-', ''), name.replaceAll('-', '').toUpperCase()]) assert.equal(existingName(`The ID of the existing role assignment is ${text}.`), name);
    assert.equal(existingName('The role assignment already exists.'), undefined);
  });

  it('names do not collide: equal ones of two principals differ, and a name that means something else is refused, not overwritten', async () => {
    const other = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-other', 'westeurope');
    const both = ['orders-db', 'orders-api-key'].flatMap((secret) => ['Key Vault Secrets User', 'Key Vault Reader'].flatMap((wanted) => [identity, other].map((whose) => grant(secret, {}, wanted, whose))));
    assert.equal((await rig.run(both)).result, 'succeeded');
    const names = rig.world.roles.assignments().filter(({ principalId }) => [identity, other].some((whose) => whose.principalId === principalId)).map(({ name }) => name);
    assert.deepEqual([names.length, new Set(names).size], [8, 8], 'two principals, two scopes and two roles');
    for (const name of names) rig.world.roles.remove(name);
    await rig.run([grant()]);
    const [own] = rig.world.roles.assignments().filter(({ principalId }) => principalId === identity.principalId);
    assert.ok(own !== undefined);
    rig.world.roles.remove(own.name);
    rig.world.roles.add({ ...own, principalId: idOf('somebody else') });
    const { outcome, problem } = verdictOf(await rig.run([grant()]), grant());
    assert.deepEqual([outcome, problem?.serviceCode], ['failed', 'RoleAssignmentUpdateNotPermitted']);
    assert.equal(rig.world.roles.find(own.name)?.principalId, idOf('somebody else'));
  });

  it('too many are found before the first write, counted once, without those above the subscription', async () => {
    rig.world.assign(identity.principalId, 'Reader', managementGroupId('nonprod'));
    const present = rig.world.roles.assignments().filter(({ scope }) => scope.startsWith('/subscriptions/')).length;
    const wanted = ['a', 'b', 'c'].map((name) => grant(name, { limit: present + 2 }));
    const result = await rig.run(wanted);
    assert.deepEqual([result.result, puts(), counted()], ['failed', [], 1]);
    const problem = result.preflight.findings[0]?.problem;
    assert.equal(problem?.code, 'WI2621');
    assert.equal(problem.because, `there are ${present}, this run would add 3, and ${present + 2} is the most`);
    assert.equal((await rig.run(['a', 'b'].map((name) => grant(name, { limit: present + 2 })))).result, 'succeeded');
    rig.network.log.clear();
    assert.equal((await rig.run(['a', 'b'].map((name) => grant(name, { limit: 1 })))).result, 'succeeded');
    assert.equal(counted(), 0, 'a run that makes none does not count');
  });

  it('a limit that Azure knows better has words of its own', async () => {
    rig.world.arm.authorization.knobs.perSubscription = 1;
    const { outcome, problem } = verdictOf(await rig.run([grant()]), grant());
    assert.deepEqual([outcome, problem?.code, problem?.serviceCode], ['failed', 'WI2622', 'RoleAssignmentLimitExceeded']);
    assert.match(problem?.remedy ?? '', /roleAssignmentLimit/);
  });

  it('a list that may not be read is said, and does not stop the run', async () => {
    rig.network.faults.plant({ service: 'arm', path: new RegExp(`^/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleAssignments\\?`), respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'No.' } } } });
    const result = await rig.run([grant()]);
    assert.equal(result.result, 'succeeded');
    assert.ok(result.preflight.notes.some((note) => note.includes('could not be counted')), result.preflight.notes.join());
  });

  it('a role that hands out access is refused whatever it is called, before anything is written', async () => {
    rig.world.roles.define(role(idOf('harmless'), 'Harmless Reader', { actions: ['*/read', 'Microsoft.Authorization/roleAssignments/write'] }));
    for (const name of ['Harmless Reader', 'Owner', 'Key Vault Data Access Administrator', '8e3af657-a8ff-443c-a75c-2fe8c4bcb635']) {
      const { action, problem } = verdictOf(await rig.run([grant('orders-db', {}, name)]), grant('orders-db', {}, name));
      assert.deepEqual([action, problem?.code], ['blocked', 'WI2612'], name);
    }
    rig.world.roles.define(role(secretsUser, 'Key Vault Secrets User', { actions: ['*'] }));
    assert.equal(verdictOf(await rig.run([grant()]), grant()).problem?.code, 'WI2612', 'a role of the table is looked at as well');
    assert.deepEqual(puts(), []);
  });

  it('a rule of the task can object to a role', async () => {
    const objection = (): Problem => new Problem({ code: 'WI2614', what: 'no', because: 'no', remedy: 'no' });
    assert.equal(verdictOf(await rig.run([grant('orders-db', { objection })]), grant()).problem?.code, 'WI2614');
  });

  it('a lock that is set after the preflight keeps the assignment away, in words of its own', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /\/locks\?/, times: 1, then: () => void rig.world.arm.locks.all.push({ name: 'frozen', level: 'ReadOnly', scope: group }) });
    const { outcome, problem } = verdictOf(await rig.run([grant()]), grant());
    assert.deepEqual([outcome, problem?.serviceCode], ['failed', 'ScopeLocked']);
    assert.notEqual(problem?.code, 'WI2005', 'it has words of its own');
  });
});
