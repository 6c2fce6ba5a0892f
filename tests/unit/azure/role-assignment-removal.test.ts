import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { printCondition } from '../../../tasks/_shared/azure/repository-conditions.js';
import { RoleAssignmentRemoval } from '../../../tasks/_shared/azure/role-assignment-removal.js';
import { listAssignments } from '../../../tasks/_shared/azure/role-assignments.js';
import { roles } from '../../../tasks/_shared/azure/roles.js';
import { describeGrant } from '../../../tasks/_shared/fleet/marks.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import type { IdentityRecord } from '../../simulators/arm/identities.js';
import { idOf } from '../../simulators/azure/directory.js';
import { identityId, Rig, verdictOf } from './azure-world.js';

const actions = ['Microsoft.ContainerRegistry/registries/repositories/content/read', 'Microsoft.ContainerRegistry/registries/repositories/metadata/read'];

describe('removal of a role that is limited to repositories', () => {
  let rig: Rig;
  let azure: Azure;
  let registry: string;
  let identity: IdentityRecord;
  beforeEach(async () => {
    ({ rig, azure, identity } = await Rig.withIdentity());
    registry = await rig.addRegistry('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
  });
  const name = idOf('limited');
  const condition = (...repositories: string[]): string => printCondition({ actions, repositories });
  const plant = (text: string): void => void rig.world.roles.add({
    name, scope: registry, principalId: identity.principalId, principalType: 'ServicePrincipal', roleDefinitionId: roles['Container Registry Repository Reader'],
    description: describeGrant({ workload: 'orders/api', principal: identityId('id-orders'), run: 'long ago' }), condition: text, conditionVersion: '2.0',
  });
  const remove = async (...repositories: string[]): Promise<{ result: RunResult; removal: RoleAssignmentRemoval }> => {
    const [found] = await listAssignments(azure, registry, identity.principalId);
    const removal = new RoleAssignmentRemoval(azure, found!, 'it is withdrawn', {}, undefined, { repositories, principalType: 'ServicePrincipal' });
    return { removal, result: await rig.run([removal]) };
  };
  const now = (): string | undefined => rig.world.roles.find(name)?.condition;

  it('takes its repositories out of the condition, and leaves the others', async () => {
    plant(condition('orders/api', 'billing/*', 'orders/web'));
    const { result } = await remove('orders/api', 'orders/web');
    assert.deepEqual([result.result, now()], ['succeeded', condition('billing/*')]);
    const change = result.plan[0]?.change;
    assert.ok(change?.action === 'update' && !change.widens);
    assert.deepEqual(change.fields, [{ field: 'repositories', before: 'orders/api, billing/*, orders/web', after: 'billing/*' }]);
    assert.deepEqual(rig.journal.map(({ action, before, outcome }) => [action, before, outcome]), [['update', condition('orders/api', 'billing/*', 'orders/web'), 'done']]);
    assert.deepEqual(result.preflight.permissions.map(({ action }) => action), ['Microsoft.Authorization/roleAssignments/write', 'Microsoft.Authorization/roleAssignments/read']);
    rig.network.log.clear();
    const again = await remove('orders/api', 'orders/web');
    assert.deepEqual([again.result.result, rig.writes()], ['succeeded', []]);
  });

  it('removes the assignment with the last of its repositories, and as a whole when none is named', async () => {
    plant(condition('orders/api'));
    assert.equal((await remove('orders/api')).result.result, 'succeeded');
    assert.equal(rig.world.roles.find(name), undefined);
    plant(condition('orders/api', 'billing/*'));
    assert.equal((await remove()).result.result, 'succeeded');
    assert.equal(rig.world.roles.find(name), undefined);
  });

  it('writes what is right when another run changed the condition after the plan', async () => {
    plant(condition('orders/api', 'billing/*'));
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /permissions/, times: 1, then: () => {
      rig.world.roles.remove(name);
      plant(condition('orders/api', 'billing/*', 'shop/*'));
    } });
    assert.equal((await remove('orders/api')).result.result, 'succeeded');
    assert.equal(now(), condition('billing/*', 'shop/*'));
  });

  it('changes no condition that it cannot read, and says so', async () => {
    plant("@Resource[Microsoft.ContainerRegistry/registries:name] StringEquals 'x'");
    const before = now();
    const { result, removal } = await remove('orders/api');
    assert.deepEqual([verdictOf(result, removal).action, rig.writes(), now()], ['keep', [], before]);
    assert.deepEqual((result.plan[0]?.observed as { left?: { code: string }[] }).left?.map(({ code }) => code), ['WI2317']);
  });
});
