import assert from 'node:assert/strict';
import { resourceEnd } from '../../../tasks/_shared/azure/accesses.js';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { RegistryGrant } from '../../../tasks/_shared/azure/registry-grant.js';
import { RegistryLookup } from '../../../tasks/_shared/azure/registry-lookup.js';
import type { RegistryRole } from '../../../tasks/_shared/azure/registry-roles.js';
import { conditionedActions, parseCondition, printCondition } from '../../../tasks/_shared/azure/repository-conditions.js';
import { RoleAssignment } from '../../../tasks/_shared/azure/role-assignment.js';
import { roles, roleTitle } from '../../../tasks/_shared/azure/roles.js';
import { parseArmId } from '../../../tasks/_shared/fleet/arm-id.js';
import { describeGrant } from '../../../tasks/_shared/fleet/marks.js';
import { output, value } from '../../../tasks/_shared/reconcile/ref.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import type { RoleAssignment as Stored } from '../../simulators/azure/roles.js';
import { idOf, type ServicePrincipal } from '../../simulators/azure/directory.js';
import { group, verdictOf, type Rig } from './azure-world.js';
import { start } from './proof-world.js';

const reader = 'Container Registry Repository Reader';
const mark = describeGrant({ workload: 'billing/api', principal: '/subscriptions/x', run: 'unit 0' });
const limitedTo = (...repositories: string[]): string => printCondition({ actions: conditionedActions[reader], repositories });

describe('grant on a registry', () => {
  let rig: Rig;
  let azure: Azure;
  let principal: ServicePrincipal;
  let id: string;
  beforeEach(async () => {
    ({ rig, azure, principal } = await start());
    id = await rig.addRegistry('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
  });
  const desired = (repositories: readonly string[] = ['orders/api'], role: RegistryRole = 'AcrPull', via = azure): { registry: RegistryLookup; grant: RegistryGrant } => {
    const place = parseArmId(id);
    assert.ok(place !== undefined);
    const registry = new RegistryLookup(via, place);
    const at = { scope: id, listScope: id, label: 'crunit' };
    const description = describeGrant({ workload: 'orders/api', principal: group, run: 'unit 1' });
    const named = { id: '/subscriptions/x/id-orders', name: 'id-orders', type: 'ServicePrincipal' } as const;
    const plain = new RoleAssignment(via, at, role, named, { principalId: value(principal.objectId), target: output(registry, (state) => state.id) }, undefined, description, resourceEnd(named.id));
    return { registry, grant: new RegistryGrant(via, plain, at, { role, repositories, principal: named, description }, { principalId: value(principal.objectId), registry: output(registry, (state) => state) }) };
  };
  const run = (repositories?: readonly string[], role?: RegistryRole, choices = {}): Promise<RunResult> => rig.run(Object.values(desired(repositories, role)), [], choices);
  const verdict = (result: RunResult): ReturnType<typeof verdictOf> => verdictOf(result, desired().grant);
  const planned = (result: RunResult): string => {
    const change = result.plan.find(({ resource }) => resource.kind === 'grant')?.change;
    assert.ok(change !== undefined);
    if (change.action === 'blocked') return `blocked ${change.problem.code}`;
    if (change.action === 'keep') return `keep: ${change.reason}`;
    return `${change.action}${change.widens ? ', widens' : ''}: ${change.fields.map(({ field, before, after }) => `${field} ${before === undefined ? '' : `${before} → `}${after}`).join(' · ')}`;
  };
  const plant = (role: keyof typeof roles, condition?: string, more: Partial<Stored> = {}): Stored =>
    rig.world.roles.add({ name: idOf(`planted ${role}`), scope: id, principalId: principal.objectId, principalType: 'ServicePrincipal', roleDefinitionId: roles[role], ...(condition === undefined ? {} : { condition, conditionVersion: '2.0' }), ...more });
  const mine = (): Stored[] => rig.world.roles.assignments().filter(({ principalId }) => principalId === principal.objectId);
  const allowed = (): (readonly string[] | undefined)[] => mine().map(({ condition }) => parseCondition(condition ?? '')?.repositories);

  it('makes one assignment of the repository role with the documented condition, marked as ours', async () => {
    const result = await run(['orders/api', 'backend/*']);
    assert.equal(planned(result), `create, widens: role ${reader} · principal ${principal.objectId} · repository orders/api allowed · repository backend/* allowed`);
    const [made] = mine();
    assert.deepEqual([result.result, mine().length], ['succeeded', 1]);
    assert.deepEqual([roleTitle(made?.roleDefinitionId ?? ''), made?.condition, made?.conditionVersion, made?.principalType], [reader, limitedTo('orders/api', 'backend/*'), '2.0', 'ServicePrincipal']);
    assert.match(made?.description ?? '', /^aks-workload-identity \| orders\/api \| /);
    rig.network.log.clear();
    const second = await run(['backend/*', 'orders/api']);
    assert.deepEqual([second.result, rig.writes()], ['succeeded', []]);
  });

  for (const [role, granted, action] of [['AcrPush', 'Container Registry Repository Writer', 'content/write'], ['AcrDelete', 'Container Registry Repository Contributor', 'content/delete']] as const) {
    it(`grants ${granted} for ${role}, and restricts every action of it`, async () => {
      assert.equal((await run(undefined, role)).result, 'succeeded');
      assert.deepEqual(mine().map(({ roleDefinitionId }) => roleTitle(roleDefinitionId)), [granted]);
      assert.ok(mine()[0]?.condition?.includes(`repositories/${action}'`));
    });
  }

  it('says of AcrDelete that it may pull and push as well, and is judged as the role that does', async () => {
    const { registry, grant } = desired(['orders/api'], 'AcrDelete');
    const result = await rig.run([registry, grant]);
    const contributor = 'Container Registry Repository Contributor';
    assert.equal(planned(result), `create, widens: role ${contributor} · principal ${principal.objectId} · reach Azure has no role there that only deletes: it may pull and push as well · repository orders/api allowed`);
    assert.deepEqual(grant.accesses.map(({ role, roleId, alsoAs }) => [role, roleId, alsoAs]), Array.from({ length: 2 }, () => [contributor, roles[contributor], undefined]));
  });

  it('names the actions that it knows as well where the definition of the role has a pattern', async () => {
    const [first = ''] = conditionedActions[reader];
    const more = first.replace('content/read', 'referrers/read');
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /roleDefinitions/, respond: { status: 200, body: { name: roles[reader], properties: { roleName: reader, type: 'BuiltInRole', permissions: [{ dataActions: [more, first.replace('content/read', 'content/*')] }] } } } });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual(parseCondition(mine()[0]?.condition ?? '')?.actions, [...conditionedActions[reader], more]);
  });

  it('takes object ids that differ in case only for the same principal', async () => {
    plant(reader, limitedTo('orders/api'), { principalId: principal.objectId.toUpperCase() });
    assert.match(planned(await run()), /^keep/);
    assert.deepEqual(rig.writes(), []);
  });

  it('merges what several calls grant into one condition, and takes nothing from another', async () => {
    await run(['orders/api']);
    const result = await run(['backend/*', 'orders/api', 'web']);
    assert.equal(planned(result), 'update, widens: repository backend/* allowed · repository web allowed');
    assert.deepEqual([result.result, allowed()], ['succeeded', [['orders/api', 'backend/*', 'web']]]);
    assert.equal(rig.journal.at(-1)?.before, limitedTo('orders/api'));
    rig.network.log.clear();
    for (const repositories of [['orders/api'], ['backend/*'], ['web', 'orders/api']]) assert.match(planned(await run(repositories)), /^keep/);
    assert.deepEqual(rig.writes(), []);
  });

  it('names what only the beginning of another run allows, so that it stays when that is taken back', async () => {
    await run(['backend/*']);
    const result = await run(['backend/api']);
    assert.equal(planned(result), 'update: repository backend/api allowed');
    assert.deepEqual([result.result, allowed()], ['succeeded', [['backend/*', 'backend/api']]]);
    rig.network.log.clear();
    assert.match(planned(await run(['backend/api'])), /^keep/);
    assert.deepEqual(rig.writes(), []);
  });

  it('leaves it to the beginning that somebody else granted', async () => {
    plant(reader, limitedTo('backend/*'));
    rig.network.log.clear();
    assert.match(planned(await run(['backend/api'])), /^keep/);
    assert.deepEqual(rig.writes(), []);
  });

  it('is blocked by a condition that it cannot read, shows it and the way out, and leaves it as it is', async () => {
    const condition = `${limitedTo('orders/api')} OR (@Environment[utcNow] DateTimeLessThan '2027-01-01T00:00:00Z')`;
    plant(reader, condition, { description: mark });
    const result = await run(['orders/api']);
    const { problem } = verdict(result);
    assert.deepEqual([problem?.code, rig.writes(), mine()[0]?.condition], ['WI2512', [], condition]);
    assert.ok(problem?.because.endsWith(condition));
    assert.match(problem?.remedy ?? '', /remove that assignment; this task changes no condition that it cannot read/);
  });

  it('counts a foreign assignment where it covers what is asked, and is blocked by it where it does not', async () => {
    plant(reader, limitedTo('orders/*', 'web'));
    assert.match(planned(await run(['orders/api', 'web'])), /^keep: Container Registry Repository Reader, assignment /);
    const { problem } = verdict(await run(['orders/api', 'billing']));
    assert.deepEqual([problem?.code, rig.writes()], ['WI2513', []]);
    assert.match(problem?.because ?? '', /somebody else made it, and it allows orders\/\*, web, not billing$/);
    assert.deepEqual(allowed(), [['orders/*', 'web']]);
  });

  it('adds to an assignment that is ours by its mark, whatever its name is', async () => {
    const { name } = plant(reader, limitedTo('billing'), { description: mark });
    assert.equal((await run(['orders/api'])).result, 'succeeded');
    assert.deepEqual(mine().map((entry) => [entry.name, parseCondition(entry.condition ?? '')?.repositories, entry.description]), [[name, ['billing', 'orders/api'], mark]]);
  });

  it('restricts the actions again that a condition of ours leaves open, which widens nothing', async () => {
    const [read = ''] = conditionedActions[reader];
    plant(reader, printCondition({ actions: [read], repositories: ['orders/api'] }), { description: mark });
    assert.equal(planned(await run()), 'update: metadata/read every repository → these repositories');
    assert.equal(mine()[0]?.condition, limitedTo('orders/api'));
  });

  it('takes an assignment without a condition, here or above, for present and broader than asked', async () => {
    const here = plant(reader);
    assert.equal(planned(await run()), `keep: ${reader}, assignment ${here.name}, without a condition and so for every repository: broader than asked`);
    rig.world.roles.remove(here.name);
    plant(reader, undefined, { scope: group });
    assert.match(planned(await run()), new RegExp(`inherited from ${group}, without a condition and so for every repository: broader than asked$`));
    assert.deepEqual(rig.writes(), []);
  });

  it('makes its own beside an inherited one whose condition does not allow the repositories', async () => {
    plant(reader, limitedTo('billing'), { scope: group });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual(allowed(), [['billing'], ['orders/api']]);
  });

  it('counts neither AcrPull, nor another role, principal or a registry below', async () => {
    plant('AcrPull');
    plant('Container Registry Repository Writer');
    plant(reader, undefined, { name: idOf('other'), principalId: rig.deployer.objectId });
    assert.match(planned(await run()), /^create/);
    assert.equal(allowed().length, 3);
  });

  it('asks for repositories where the registry needs them', async () => {
    const { problem } = verdict(await run([]));
    assert.deepEqual([problem?.code, rig.writes()], ['WI2511', []]);
    assert.match(problem?.remedy ?? '', /name them in the input repositories/);
  });

  it('says which grants of the other mode have no effect, in either direction', async () => {
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: 'LegacyRegistryPermissions' });
    assert.equal(planned(await run()), `create, widens: principal ${principal.objectId}`);
    const [old] = mine();
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
    const told = `AcrPull, assignment ${old?.name ?? ''}`;
    assert.match(planned(await run()), new RegExp(`^create, widens: .* · without effect in the mode AbacRepositoryPermissions ${told}$`));
    assert.match(planned(await run()), new RegExp(`^keep: .*; without effect in the mode AbacRepositoryPermissions: ${told}$`));
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: 'LegacyRegistryPermissions' });
    assert.match(planned(await run()), new RegExp(`^keep: assignment ${old?.name ?? ''}; without effect in the mode LegacyRegistryPermissions: ${reader}, assignment `));
  });

  it('plans in a dry run what it then does', async () => {
    await run(['web']);
    const [dry, real] = [await run(['orders/api'], 'AcrPull', { dryRun: true }), await run(['orders/api'])];
    assert.equal(planned(dry), planned(real));
  });

  describe('of two runs at once', () => {
    /** Lists of what the workload's principal has; others are the preflight's. */
    const listings = (): RegExp => new RegExp(`/crunit/providers/Microsoft.Authorization/roleAssignments\\?.*${principal.objectId}`);
    /** Lets another run go from its first read to its last just before ours writes. */
    const between = async (repositories: readonly string[], times = 1): Promise<void> => {
      const other = await rig.connect();
      let started = 0;
      rig.network.faults.plant({
        service: 'arm', method: 'GET', path: listings(), then: async () => {
          // Its own reads come here as well. The first list of ours is that of its plan.
          started += 1;
          if (started === 2) for (let time = 0; time < times; time += 1) await rig.restarted().run(Object.values(desired(repositories, 'AcrPull', other)));
        },
      });
    };

    it('makes one assignment for both, though both found none', async () => {
      await between(['web']);
      assert.equal((await run(['orders/api'])).result, 'succeeded');
      assert.deepEqual(allowed(), [['web', 'orders/api']]);
      assert.ok(rig.statuses('arm', 'PUT', /roleAssignments/).includes(409), 'Azure refused the second');
    });

    it('merges again what the other has overwritten', async () => {
      await run(['billing']);
      // The answer to our write is the last that we hear before the other overwrites the condition with what it had read.
      rig.network.faults.plant({ service: 'arm', method: 'PUT', times: 1, then: () => {
        const [present] = mine();
        if (present !== undefined) rig.world.roles.replace({ ...present, condition: limitedTo('billing', 'web') });
      } });
      assert.equal((await run(['orders/api'])).result, 'succeeded');
      assert.deepEqual(allowed(), [['billing', 'web', 'orders/api']]);
    });

    it('gives up where it is overwritten again and again', async () => {
      await run(['billing']);
      rig.network.log.clear();
      rig.network.faults.plant({ service: 'arm', method: 'PUT', then: () => {
        const [present] = mine();
        if (present !== undefined) rig.world.roles.replace({ ...present, condition: limitedTo('billing') });
      } });
      const { outcome, problem } = verdict(await run(['orders/api']));
      assert.deepEqual([outcome, problem?.code, rig.writes().length], ['failed', 'WI2515', 6]);
    });

    it('really at once: both are in the condition in the end', async () => {
      const other = await rig.connect();
      const results = await Promise.all([run(['orders/api']), rig.restarted().run(Object.values(desired(['web'], 'AcrPull', other)))]);
      assert.deepEqual(results.map(({ result }) => result), ['succeeded', 'succeeded']);
      assert.deepEqual(allowed().map((repositories) => [...(repositories ?? [])].sort()), [['orders/api', 'web']]);
    });

    it('changes nothing that nobody approved: what somebody else made meanwhile blocks', async () => {
      rig.network.faults.plant({ service: 'arm', method: 'GET', path: listings(), times: 1, then: () => void plant(reader, limitedTo('web')) });
      const { outcome, problem } = verdict(await run(['orders/api']));
      assert.deepEqual([outcome, problem?.code, allowed()], ['failed', 'WI2513', [['web']]]);
    });
  });
});
