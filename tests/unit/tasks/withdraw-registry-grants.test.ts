import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import { conditionedActions, printCondition } from '../../../tasks/_shared/azure/repository-conditions.js';
import { roles, roleTitle } from '../../../tasks/_shared/azure/roles.js';
import { describeGrant } from '../../../tasks/_shared/fleet/marks.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { takeKeysInTurn, takeKeysAgain } from '../../simulators/kernel/rsa-keys.js';
import { clusterId, identityId, Rig, type RunChoices } from '../azure/azure-world.js';

const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const given = { ...workload, registry: 'rg-dev/crunit', repositories: 'orders/api' };

describe('GrantRegistryRole, state absent', () => {
  let rig: Rig;
  let registry: string;
  beforeEach(async () => {
    takeKeysAgain();
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    registry = await rig.addRegistry();
    await federate();
  });
  after(takeKeysInTurn);
  type End = Promise<{ result: RunResult; outputs: Readonly<Record<string, string>> }>;
  const federate = async (inputs: Record<string, string> = {}, clusters: readonly string[] = ['aks-1']): Promise<void> => {
    assert.equal((await rig.runTask(federateServiceAccount, clusters, { ...workload, ...inputs })).result.result, 'succeeded');
    rig.network.log.clear();
  };
  const grant = async (inputs: Record<string, string> = {}, clusters: readonly string[] = ['aks-1']): Promise<void> => {
    assert.equal((await rig.runTask(grantRegistryRole, clusters, { ...given, ...inputs })).result.result, 'succeeded');
    rig.network.log.clear();
  };
  const absent = (inputs: Record<string, string> = {}, clusters: readonly string[] = ['aks-1'], choices: RunChoices = {}): End => rig.runTask(grantRegistryRole, clusters, { ...given, ...inputs, state: 'absent' }, choices);
  const here = (): string[] => rig.world.roles.assignments().filter(({ scope }) => scope.toLowerCase() === registry.toLowerCase()).map(({ name }) => name);
  const principal = (): string => rig.world.arm.identities.find('id-orders-aks-1').principalId;
  const kubeletOf = (name: string): string => JSON.stringify(rig.world.arm.clusters.find(name).resource.properties.identityProfile).replace(/.*"objectId":"([^"]+)".*/, '$1');
  const shortfalls = (result: RunResult): string => result.proofs.flatMap(({ outcome }) => ('shortfall' in outcome ? [`${outcome.shortfall.code} ${outcome.shortfall.what}`] : [])).join();
  const reasons = (result: RunResult): string => result.plan.map(({ resource, change }) => `${resource.kind} ${resource.name}: ${change.action}${'reason' in change ? `, ${change.reason}` : ''}`).join('\n');

  it('takes back what it granted, and writes nothing the second time', async () => {
    await grant();
    assert.equal(here().length, 1);
    const dry = await absent({}, ['aks-1'], { dryRun: true });
    assert.deepEqual([dry.result.result, rig.writes(), here().length], ['succeeded', [], 1]);
    const { result, outputs } = await absent();
    assert.deepEqual([result.result, here(), outputs.registries], ['succeeded', [], '{}']);
    assert.equal(reasons(result), reasons(dry.result));
    assert.deepEqual(result.preflight.permissions.filter(({ action }) => !action.endsWith('/read')).map(({ action, scope }) => [action, scope.toLowerCase()]), [['Microsoft.Authorization/roleAssignments/delete', registry.toLowerCase()]]);
    rig.network.log.clear();
    assert.deepEqual([(await absent()).result.result, rig.writes()], ['succeeded', []]);
  });

  it('finishes what a cancelled run began', async () => {
    await grant();
    rig.network.faults.plant({ service: 'arm', method: 'DELETE', times: 1, then: () => rig.abort.abort(new Error('stop')) });
    await absent().catch(() => undefined);
    const again = await rig.restarted().runTask(grantRegistryRole, ['aks-1'], { ...given, state: 'absent' });
    assert.deepEqual([again.result.result, here()], ['succeeded', []]);
  });

  it('leaves what somebody else granted to the same identity, and says so', async () => {
    const theirs = idOf('theirs');
    rig.world.roles.add({ name: theirs, scope: registry, principalId: principal(), principalType: 'ServicePrincipal', roleDefinitionId: roles.AcrPull, description: 'made by hand' });
    await grant();
    const { result } = await absent();
    assert.deepEqual([result.result, here(), rig.writes()], ['succeededWithIssues', [theirs], []]);
    assert.match(shortfalls(result), /^WI2312 Grant AcrPull on crunit for id-orders-aks-1 stays$/);
  });

  it('takes back what an identity had that is gone by now', async () => {
    rig.world.roles.add({ name: idOf('orphan'), scope: registry, principalId: idOf('gone'), principalType: 'ServicePrincipal', roleDefinitionId: roles.AcrPull, description: describeGrant({ workload: 'orders/api', principal: identityId('id-orders-aks-1'), run: 'long ago' }) });
    rig.world.arm.identities.remove('id-orders-aks-1');
    const { result } = await absent();
    assert.deepEqual([result.result, here()], ['succeeded', []]);
  });

  it('takes back as a whole what an identity had before it was made anew: Azure writes nothing for a principal that is gone', async () => {
    const condition = printCondition({ actions: conditionedActions['Container Registry Repository Reader'], repositories: ['orders/api', 'web'] });
    const description = describeGrant({ workload: 'orders/api', principal: identityId('id-orders-aks-1'), run: 'long ago' });
    rig.world.roles.add({ name: idOf('orphan'), scope: registry, principalId: idOf('gone'), principalType: 'ServicePrincipal', roleDefinitionId: roles['Container Registry Repository Reader'], description, condition, conditionVersion: '2.0' });
    const { result } = await absent();
    assert.deepEqual([result.result, here()], ['succeeded', []]);
  });

  it('takes back the role of the run, and no other of the same principal, whoever gave it', async () => {
    await grant();
    await grant({ role: 'AcrPush' });
    rig.world.roles.add({ name: idOf('delete'), scope: registry, principalId: principal(), principalType: 'ServicePrincipal', roleDefinitionId: roles.AcrDelete, description: 'made by hand' });
    const held = (): string[] => rig.world.roles.assignments().filter(({ principalId }) => principalId === principal()).map(({ roleDefinitionId }) => roleTitle(roleDefinitionId)).sort();
    assert.deepEqual(held(), ['AcrDelete', 'AcrPull', 'AcrPush']);
    const { result } = await absent({ role: 'AcrPush' });
    assert.deepEqual([result.result, held(), shortfalls(result)], ['succeeded', ['AcrDelete', 'AcrPull'], '']);
    assert.deepEqual([(await absent()).result.result, held()], ['succeeded', ['AcrDelete']]);
  });

  it('leaves the grant of a shared identity while other clusters use it', async () => {
    await rig.addCluster('aks-2', 'ready');
    const shared = { identity: 'id-shared', identityResourceGroup: 'rg-dev' };
    await federate(shared, ['aks-1', 'aks-2']);
    await grant(shared, ['aks-1', 'aks-2']);
    const first = await absent(shared, ['aks-1']);
    assert.deepEqual([first.result.result, here().length, rig.writes()], ['succeeded', 1, []]);
    assert.match(reasons(first.result), /keep, stays: others use the identity as well: federated credential wi-aks-2-orders-api/);
    assert.deepEqual([(await absent(shared, ['aks-1', 'aks-2'])).result.result, here()], ['succeeded', []]);
  });

  it('takes back what the nodes of a cluster were granted, also when the cluster is gone', async () => {
    const nodes = { principal: 'kubelet', repositories: '' };
    const objectId = kubeletOf('aks-1');
    rig.world.directory.add({ displayName: 'aks-1-agentpool', objectId, kind: 'managedIdentity' });
    await grant(nodes);
    assert.equal(here().length, 1);
    assert.deepEqual([(await absent(nodes)).result.result, here()], ['succeeded', []]);
    rig.world.roles.add({ name: idOf('of nodes'), scope: registry, principalId: idOf('kubelet of old'), principalType: 'ServicePrincipal', roleDefinitionId: roles.AcrPull, description: describeGrant({ workload: 'kubelet of aks-1', principal: clusterId(), run: 'long ago' }) });
    rig.world.removeCluster('aks-1');
    assert.deepEqual([(await absent(nodes)).result.result, here()], ['succeeded', []]);
  });

  it('leaves what the nodes of a cluster were granted while the nodes of another cluster run as the same identity', async () => {
    const nodes = { principal: 'kubelet', repositories: '' };
    const objectId = kubeletOf('aks-1');
    rig.world.directory.add({ displayName: 'shared-agentpool', objectId, kind: 'managedIdentity' });
    await grant(nodes);
    await rig.addCluster('aks-2', 'ready');
    rig.world.arm.clusters.find('aks-2').resource.properties.identityProfile = { kubeletidentity: { objectId: objectId.toUpperCase() } };
    rig.network.log.clear();
    const { result } = await absent(nodes);
    assert.deepEqual([result.result, here().length, rig.writes()], ['succeeded', 1, []]);
    assert.match(reasons(result), /keep, stays: the nodes of cluster aks-2 pull with the same identity/);
    rig.world.removeCluster('aks-2');
    assert.deepEqual([(await absent(nodes)).result.result, here()], ['succeeded', []]);
  });

  it('leaves what nodes were granted while a cluster does not say what its nodes run as', async () => {
    const nodes = { principal: 'kubelet', repositories: '' };
    rig.world.directory.add({ displayName: 'agentpool', objectId: kubeletOf('aks-1'), kind: 'managedIdentity' });
    await grant(nodes);
    await rig.addCluster('aks-2', 'ready');
    delete rig.world.arm.clusters.find('aks-2').resource.properties.identityProfile;
    const { result } = await absent(nodes);
    assert.deepEqual([result.result, here().length], ['succeeded', 1]);
    assert.match(reasons(result), /keep, stays: other nodes may pull with the same identity: cluster aks-2 does not say which identity its nodes run as/);
  });

  it('leaves what nodes were granted where it cannot be seen whether other clusters run as the same identity', async () => {
    const nodes = { principal: 'kubelet', repositories: '' };
    rig.world.roles.add({ name: idOf('of nodes'), scope: registry, principalId: idOf('kubelet'), principalType: 'ServicePrincipal', roleDefinitionId: roles.AcrPull, description: describeGrant({ workload: 'kubelet of aks-1', principal: clusterId(), run: 'long ago' }) });
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /subscriptions\/[^/]+\/providers\/Microsoft.ContainerService\/managedClusters/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no list' } } } });
    const { result } = await absent(nodes);
    assert.deepEqual([result.result, here().length, rig.writes(), result.preflight.findings.map(({ problem }) => problem.code)], ['failed', 1, [], ['WI2002']]);
  });

  it('removes nothing where the registry’s grants cannot be listed', async () => {
    await grant();
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /registries\/crunit\/providers\/Microsoft.Authorization\/roleAssignments\?/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no' } } } });
    const { result } = await absent();
    assert.deepEqual([result.result, here().length, result.preflight.findings.map(({ problem }) => problem.code)], ['failed', 1, ['WI2002']]);
  });

  it('comes before the identity goes: afterwards nothing refers to it any more', async () => {
    await grant();
    const early = await rig.runTask(federateServiceAccount, ['aks-1'], { ...workload, state: 'absent' });
    assert.match(shortfalls(early.result), /WI2313 Identity id-orders-aks-1 stays/);
    await absent();
    const { result } = await rig.runTask(federateServiceAccount, ['aks-1'], { ...workload, state: 'absent' });
    assert.deepEqual([result.result, rig.world.arm.identities.all().length, here()], ['succeeded', 0, []]);
  });
});
