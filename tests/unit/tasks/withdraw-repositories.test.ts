import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import type { ServiceConnection } from '../../../tasks/_shared/azure/connection.js';
import { conditionedActions, parseCondition, printCondition } from '../../../tasks/_shared/azure/repository-conditions.js';
import { roles, roleTitle } from '../../../tasks/_shared/azure/roles.js';
import { describeGrant } from '../../../tasks/_shared/fleet/marks.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { identityId, Rig, subscriptionId, type RunChoices } from '../azure/azure-world.js';

const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const given = { ...workload, registry: 'rg-dev/crunit', repositories: 'orders/api' };
const other = idOf('subscription of the registries');

describe('GrantRegistryRole, state absent: repositories, object ids and other connections', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start(undefined, [subscriptionId, other]);
    await rig.addCluster('aks-1', 'ready');
    await rig.addRegistry('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
  });
  const run = async (inputs: Record<string, string>, choices: RunChoices = {}): Promise<RunResult> => (await rig.runTask(grantRegistryRole, ['aks-1'], { ...given, ...inputs }, choices)).result;
  const absent = (inputs: Record<string, string> = {}, choices: RunChoices = {}): Promise<RunResult> => run({ ...inputs, state: 'absent' }, choices);
  const federate = async (): Promise<void> => assert.equal((await rig.runTask(federateServiceAccount, ['aks-1'], workload)).result.result, 'succeeded');
  const grants = (): string[] => rig.world.roles.assignments()
    .filter(({ scope }) => scope.includes('/registries/'))
    .map(({ roleDefinitionId, condition = '', principalType }) => `${roleTitle(roleDefinitionId)} for ${principalType}: ${parseCondition(condition)?.repositories.join(', ') ?? 'all'}`);

  it('takes out the repositories of the run, and the assignment with the last of them', async () => {
    await federate();
    assert.equal((await run({ repositories: 'orders/api, backend/*' })).result, 'succeeded');
    rig.network.log.clear();
    const first = await absent({ repositories: 'orders/api' });
    assert.deepEqual([first.result, grants()], ['succeeded', ['Container Registry Repository Reader for ServicePrincipal: backend/*']]);
    assert.deepEqual(first.plan.map(({ change }) => (change.action === 'update' ? change.fields : change.action)), [[{ field: 'repositories', before: 'orders/api, backend/*', after: 'backend/*' }]]);
    rig.network.log.clear();
    const stranger = await absent({ repositories: 'billing/*' });
    assert.deepEqual([stranger.result, rig.writes(), grants().length], ['succeeded', [], 1]);
    assert.deepEqual([(await absent({ repositories: 'backend/*' })).result, grants()], ['succeeded', []]);
    rig.network.log.clear();
    assert.deepEqual([(await absent({ repositories: 'backend/*' })).result, rig.writes()], ['succeeded', []]);
  });

  it('takes them from the repository role of the run, and not from another', async () => {
    await federate();
    assert.deepEqual([(await run({})).result, (await run({ role: 'AcrPush' })).result], ['succeeded', 'succeeded']);
    const [reader, writer] = ['Container Registry Repository Reader for ServicePrincipal: orders/api', 'Container Registry Repository Writer for ServicePrincipal: orders/api'];
    assert.deepEqual(grants().sort(), [reader, writer]);
    assert.deepEqual([(await absent({ role: 'AcrPush', repositories: '' })).result, grants()], ['succeeded', [reader]]);
  });

  it('takes all repositories where none is named', async () => {
    await federate();
    assert.equal((await run({ repositories: 'orders/api, backend/*' })).result, 'succeeded');
    assert.deepEqual([(await absent({ repositories: '' })).result, grants()], ['succeeded', []]);
  });

  it('says how an assignment goes of which Azure changes nothing any more, since its principal is gone', async () => {
    const scope = rig.world.arm.registries.find('crunit').id;
    const gone = idOf('principal that is gone');
    const condition = printCondition({ actions: conditionedActions['Container Registry Repository Reader'], repositories: ['orders/api', 'web'] });
    rig.world.roles.add({ name: idOf('of one that is gone'), scope, principalId: gone, principalType: 'ServicePrincipal', roleDefinitionId: roles['Container Registry Repository Reader'], condition, conditionVersion: '2.0', description: describeGrant({ workload: `ServicePrincipal ${gone}`, run: 'long ago' }) });
    const named = { principal: 'objectId', principalId: gone, principalType: 'ServicePrincipal' };
    const { result, applied } = await absent(named);
    const [problem] = applied.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem] : []));
    assert.deepEqual([result, problem?.serviceCode, problem?.what], ['failed', 'PrincipalNotFound', 'The grant Container Registry Repository Reader on crunit keeps its repositories']);
    assert.match(problem?.remedy ?? '', /run again without the input repositories/);
    assert.deepEqual([(await absent({ ...named, repositories: '' })).result, grants()], ['succeeded', []]);
  });

  it('takes them from a group, sending the type of the principal', async () => {
    const { objectId: principalId } = rig.world.directory.add({ displayName: 'developers', kind: 'group' });
    const group = { principal: 'objectId', principalId, principalType: 'Group' };
    assert.equal((await run({ ...group, repositories: 'orders/*, web' })).result, 'succeeded');
    assert.deepEqual([(await absent({ ...group, repositories: 'web' })).result, grants()], ['succeeded', ['Container Registry Repository Reader for Group: orders/*']]);
    assert.deepEqual([(await absent({ ...group, repositories: 'orders/*' })).result, grants()], ['succeeded', []]);
  });

  describe('with another connection', () => {
    let connection: ServiceConnection;
    let caller: string;
    const inputs = { registry: 'rg-dev/crshared', registryConnection: 'registries' };
    beforeEach(async () => {
      (await rig.world.addRegistry({ subscriptionId: other, group: 'rg-dev', name: 'crshared', location: 'westeurope', properties: { roleAssignmentMode: 'AbacRepositoryPermissions' } })).addImage('orders/api', '1.0.0');
      for (const { name, principalId, scope } of rig.world.roles.assignments()) if (principalId === rig.deployer.objectId && scope.endsWith(other)) rig.world.roles.remove(name);
      connection = rig.otherConnection('registries', other);
      const { signIn } = connection;
      caller = (signIn.kind === 'secret' ? rig.world.directory.byAppId(signIn.clientId)?.objectId : undefined) ?? '';
      for (const role of ['Reader', 'User Access Administrator'] as const) rig.world.assign(caller, role, `/subscriptions/${other}`);
      await federate();
      rig.network.log.clear();
    });
    const throughIt = (more: Record<string, string>): Promise<RunResult> => run({ ...inputs, ...more }, { connections: [connection] });
    const byIt = (): boolean => rig.network.log.writes('arm').length > 0 && rig.network.log.writes('arm').every(({ principal }) => principal === caller);

    it('withdraws with that connection', async () => {
      assert.equal((await throughIt({ repositories: 'orders/api, web' })).result, 'succeeded');
      rig.network.log.clear();
      const narrower = await throughIt({ repositories: 'web', state: 'absent' });
      assert.deepEqual([narrower.result, grants(), byIt()], ['succeeded', ['Container Registry Repository Reader for ServicePrincipal: orders/api'], true]);
      assert.ok(narrower.preflight.permissions.filter(({ action }) => action.startsWith('Microsoft.Authorization/roleAssignments/')).every(({ via }) => via === 'registries'));
      rig.network.log.clear();
      assert.deepEqual([(await throughIt({ state: 'absent' })).result, grants(), byIt()], ['succeeded', [], true]);
    });

    it('prunes with that connection, and reads identities with the run’s own', async () => {
      const orphan = (name: string, identity: string, principalId: string): void => void rig.world.roles.add({
        name: idOf(name), scope: rig.world.arm.registries.find('crshared').id, principalId, principalType: 'ServicePrincipal', roleDefinitionId: roles.AcrPull,
        description: describeGrant({ workload: 'orders/api', principal: identityId(identity), run: 'long ago' }),
      });
      orphan('of one that is gone', 'id-gone', idOf('gone'));
      orphan('of one that is there', 'id-orders-aks-1', rig.world.arm.identities.find('id-orders-aks-1').principalId);
      assert.deepEqual([(await throughIt({ prune: 'true' })).result, grants()], ['succeeded', ['AcrPull for ServicePrincipal: all', 'Container Registry Repository Reader for ServicePrincipal: orders/api']]);
      assert.ok(rig.network.log.writes('arm').some(({ method }) => method === 'DELETE') && byIt());
    });
  });
});
