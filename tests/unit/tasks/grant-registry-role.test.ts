import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import { roles } from '../../../tasks/_shared/azure/roles.js';
import { writes } from '../../../tasks/_shared/reconcile/resource.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { clusterId, identityId, problemOf, Rig, subscriptionId, type RunChoices } from '../azure/azure-world.js';

const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const given = { ...workload, registry: 'rg-dev/crunit', repositories: 'orders/api' };

describe('GrantRegistryRole', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    await rig.addRegistry();
  });
  type End = Promise<{ result: RunResult; outputs: Readonly<Record<string, string>> }>;
  const run = (inputs: Record<string, string> = {}, clusters: string | readonly string[] = ['aks-1'], choices: RunChoices = {}): End =>
    rig.runTask(grantRegistryRole, clusters, { ...given, ...inputs }, choices);
  const federate = async (clusters: readonly string[] = ['aks-1'], inputs: Record<string, string> = {}): Promise<void> => {
    assert.equal((await rig.runTask(federateServiceAccount, clusters, { ...workload, ...inputs })).result.result, 'succeeded');
    rig.network.log.clear();
  };
  const granted = (role: keyof typeof roles): string[] => rig.world.roles.assignments().filter(({ roleDefinitionId }) => roleDefinitionId === roles[role]).map(({ principalId, scope }) => `${principalId} ${scope.split('/').at(-1) ?? ''}`);
  const outcomes = (result: RunResult): string[] => result.proofs.map(({ proof, outcome }) => `${proof.cluster ?? ''} ${proof.title}: ${outcome.level}: ${'problem' in outcome ? outcome.problem.code : outcome.summary}`);
  const principal = (name = 'id-orders-aks-1'): string => rig.world.arm.identities.find(name).principalId;
  const kubelet = (name = 'aks-1'): string => JSON.stringify(rig.world.arm.clusters.find(name).resource.properties.identityProfile).replace(/.*"objectId":"([^"]+)".*/, '$1');

  it('grants AcrPull to the workload’s identity and proves it by a token', async () => {
    await federate();
    const { result, outputs } = await run();
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(granted('AcrPull'), [`${principal()} crunit`]);
    assert.deepEqual(outcomes(result), ['aks-1 orders/api: exercised: registry token for crunit carries pull on orders/api, push refused (as it should be)']);
    assert.deepEqual(outputs, { registries: JSON.stringify({ 'aks-1': 'registry.crunit.sim' }) });
    assert.deepEqual(rig.writes().map((line) => line.split('/')[0]), ['PUT roleAssignments']);
  });

  it('writes nothing the second time, and proves again', async () => {
    await federate();
    const first = await run();
    rig.network.log.clear();
    const second = await run();
    assert.deepEqual([second.result.result, rig.writes(), second.outputs, outcomes(second.result)], ['succeeded', [], first.outputs, outcomes(first.result)]);
  });

  it('grants AcrPush, and proves pull and push', async () => {
    await federate();
    const { result } = await run({ role: 'acrpush' });
    assert.deepEqual([result.result, granted('AcrPush').length, granted('AcrPull').length], ['succeeded', 1, 0]);
    assert.match(outcomes(result)[0] ?? '', /carries pull and push on orders\/api, delete refused \(as it should be\)$/);
  });

  it('plans in a dry run exactly what it then does', async () => {
    await federate();
    const dry = await run({}, ['aks-1'], { dryRun: true });
    assert.deepEqual([dry.result.result, rig.writes(), dry.result.proofs], ['succeeded', [], []]);
    const real = await run();
    assert.deepEqual(dry.result.plan.map(({ resource, change }) => [resource.key, change]), real.result.plan.map(({ resource, change }) => [resource.key, change]));
    assert.deepEqual(rig.journal.slice(-1).map(({ resource }) => resource), dry.result.plan.filter(({ change }) => writes(change)).map(({ resource }) => resource.key));
    assert.deepEqual(dry.outputs, real.outputs);
  });

  it('waits for FederateServiceAccount: a note in a dry run, an obstacle in a real one', async () => {
    const dry = await run({}, ['aks-1'], { dryRun: true });
    assert.deepEqual([dry.result.result, dry.result.preflight.findings.map(({ problem, awaits }) => [problem.code, awaits])], ['succeeded', [['WI2202', true]]]);
    const real = await run();
    assert.deepEqual([real.result.result, rig.writes(), outcomes(real.result)], ['failed', [], ['aks-1 orders/api: skipped: WI9003']]);
  });

  it('grants once for an identity that clusters share by its ARM id, and proves it from each', async () => {
    await rig.addCluster('aks-2', 'ready');
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-shared', 'westeurope');
    const identity = identityId('id-shared');
    await federate(['aks-1', 'aks-2'], { identity });
    const { result, outputs } = await run({ identity }, ['aks-1', 'aks-2']);
    assert.equal(result.result, 'succeeded');
    assert.deepEqual([granted('AcrPull'), rig.writes().length], [[`${principal('id-shared')} crunit`], 1]);
    assert.deepEqual(outcomes(result).map((line) => line.split(':').slice(0, 2).join(':')), ['aks-1 orders/api: exercised', 'aks-2 orders/api: exercised']);
    assert.deepEqual(Object.keys(JSON.parse(outputs.registries ?? '') as object), ['aks-1', 'aks-2']);
  });

  it('takes each cluster’s own registry from the list', async () => {
    await rig.addCluster('aks-2', 'ready');
    const other = await rig.addRegistry('crother');
    await federate(['aks-1', 'aks-2']);
    const { result, outputs } = await run({}, JSON.stringify([clusterId('aks-1'), { cluster: clusterId('aks-2'), registry: other }]));
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(granted('AcrPull').sort(), [`${principal()} crunit`, `${principal('id-orders-aks-2')} crother`].sort());
    assert.deepEqual(JSON.parse(outputs.registries ?? ''), { 'aks-1': 'registry.crunit.sim', 'aks-2': 'registry.crother.sim' });
  });

  it('waits until the grant acts', async () => {
    await federate();
    rig.clock.advance(600_000);
    rig.world.roles.effectMs = 240_000;
    const { result } = await run();
    assert.deepEqual([result.result, outcomes(result).length], ['succeeded', 1]);
    assert.ok(rig.clock.monotonic() >= 840_000);
    assert.ok(rig.progress.some((line) => line.endsWith('AcrPull is assigned, the registry does not act on it yet')));
  });

  it('fails when the way from the service account to the identity is cut, and names where', async () => {
    await federate();
    rig.world.arm.identities.find('id-orders-aks-1').credentials.remove();
    const { result } = await run();
    assert.deepEqual([result.result, outcomes(result)], ['failed', ['aks-1 orders/api: failed: WI2301']]);
  });

  it('says that nothing was exercised where the service account does not exist', async () => {
    await federate(['aks-1'], { createServiceAccount: 'false' });
    const { result } = await run();
    assert.equal(result.result, 'succeeded');
    assert.match(outcomes(result)[0] ?? '', /observed: .*nothing exercised, since the service account does not exist/);
  });

  it('grants to the kubelets: each cluster’s own, observed, never claimed to be exercised', async () => {
    await rig.addCluster('aks-2');
    for (const name of ['aks-1', 'aks-2']) rig.world.directory.add({ displayName: `${name}-agentpool`, objectId: kubelet(name), kind: 'managedIdentity' });
    const inputs = { principal: 'kubelet', registry: 'rg-dev/crunit' };
    const { result, outputs } = await rig.runTask(grantRegistryRole, ['aks-1', 'aks-2'], inputs);
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(granted('AcrPull'), [`${kubelet('aks-1')} crunit`, `${kubelet('aks-2')} crunit`]);
    assert.deepEqual(outcomes(result), ['aks-1', 'aks-2'].map((name) => `${name} kubelet of ${name}: observed: AcrPull on crunit read back; only a node could exercise it`));
    assert.deepEqual(JSON.parse(outputs.registries ?? ''), { 'aks-1': 'registry.crunit.sim', 'aks-2': 'registry.crunit.sim' });
    rig.network.log.clear();
    const second = await rig.runTask(grantRegistryRole, ['aks-1', 'aks-2'], inputs);
    assert.deepEqual([second.result.result, rig.writes(), rig.network.log.all('kubernetes').length], ['succeeded', [], 0]);
  });

  it('grants to the other kubelets when a cluster has none', async () => {
    await rig.addCluster('aks-2', 'ready', { properties: { identityProfile: { kubeletidentity: { objectId: '' } } } });
    rig.world.directory.add({ displayName: 'agentpool', objectId: kubelet(), kind: 'managedIdentity' });
    const { result } = await rig.runTask(grantRegistryRole, ['aks-1', 'aks-2'], { principal: 'kubelet', registry: 'rg-dev/crunit' });
    assert.equal(result.result, 'failed');
    assert.deepEqual(result.preflight.findings.map(({ cluster, problem }) => [cluster, problem.code]), [['aks-2', 'WI2110']]);
    assert.deepEqual(granted('AcrPull'), [`${kubelet()} crunit`]);
    assert.deepEqual(outcomes(result).map((line) => line.split(':')[1]), [' observed', ' skipped']);
  });

  it('is blocked by a registry that is not there, and by missing rights', async () => {
    await federate();
    const codes = async (inputs: Record<string, string> = {}): Promise<string[]> => (await run(inputs)).result.preflight.findings.map(({ problem }) => problem.code);
    assert.deepEqual([await codes({ registry: 'rg-dev/crnobody' }), rig.statuses('arm', 'PUT', /./)], [['WI2501'], []]);
    for (const { name, principalId } of rig.world.roles.assignments()) if (principalId === rig.deployer.objectId) rig.world.roles.remove(name);
    rig.world.assign(rig.deployer.objectId, 'Contributor', `/subscriptions/${subscriptionId}`);
    assert.deepEqual(await codes(), ['WI3001', 'WI3001'], 'neither the grant nor its proof is allowed');
    assert.deepEqual(granted('AcrPull'), []);
  });

  it('refuses inputs that do not fit together, naming each', async () => {
    const mistakes = async (inputs: Record<string, string>): Promise<(string | undefined)[]> => ((await problemOf(rig.runTask(grantRegistryRole, ['aks-1'], inputs))).details ?? []).map(({ parts }) => parts.what);
    assert.deepEqual(await mistakes({ ...workload, role: 'Owner' }), ['Input registry is empty', 'Input role is "Owner"', 'Input repositories is empty']);
    assert.deepEqual(await mistakes({ ...given, repositories: 'Orders/API', registry: 'crunit' }), ['Input registry is "crunit"', 'Input repositories is "Orders/API"']);
    assert.deepEqual(await mistakes({ principal: 'kubelet' }), ['Input registry is empty']);
    assert.equal(rig.network.log.all().length, 0);
  });
});
