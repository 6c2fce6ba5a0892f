import assert from 'node:assert/strict';
import { enableWorkloadIdentity } from '../../../tasks/EnableWorkloadIdentity/enable-workload-identity.js';
import { readInputs } from '../../../tasks/EnableWorkloadIdentity/inputs.js';
import { InputReader } from '../../../tasks/_shared/agent/inputs.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { problemOf, Rig } from '../azure/azure-world.js';
import { FakeAgent } from '../agent/fake-agent.js';

describe('EnableWorkloadIdentity', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
  });
  const run = (clusters: readonly string[], inputs = {}, choices = {}): Promise<{ result: RunResult; outputs: Readonly<Record<string, string>> }> => rig.runTask(enableWorkloadIdentity, clusters, inputs, choices);

  it('reads its inputs, with defaults, and says what is wrong with them', () => {
    const read = (inputs: Record<string, string>): unknown => {
      const agent = new FakeAgent();
      try {
        Object.assign(agent.inputs, inputs);
        const reader = new InputReader(agent);
        const rules = readInputs(reader, { connection: rig.connection });
        reader.finish();
        return rules;
      } finally {
        agent.dispose();
      }
    };
    assert.deepEqual(read({}), { minimumKubernetesVersion: '1.27', deadlineMs: 1_800_000, more: [], proveFrom: 'agent' });
    assert.deepEqual(read({ minimumKubernetesVersion: '1.30.4', timeoutInMinutes: '5' }), { minimumKubernetesVersion: '1.30.4', deadlineMs: 300_000, more: [], proveFrom: 'agent' });
    for (const bad of ['1', 'v1.27', '1.27.x', '1.27.1.1']) assert.throws(() => read({ minimumKubernetesVersion: bad }), /WI1000/);
    assert.throws(() => read({ timeoutInMinutes: '0' }), /WI1000/);
  });

  it('works on a fleet side by side and gives the issuers, once the clusters have them', async () => {
    await rig.addCluster('aks-1');
    await rig.addCluster('aks-2');
    await rig.addCluster('aks-3', 'ready');
    const { result, outputs } = await run(['aks-1', 'aks-2', 'aks-3']);
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(JSON.parse(outputs.issuers ?? ''), Object.fromEntries(['aks-1', 'aks-2', 'aks-3'].map((name) => [name, rig.issuer(name)])));
    assert.equal(outputs.issuerUrl, '');
    assert.deepEqual(rig.writes().sort(), ['PUT managedClusters/aks-1', 'PUT managedClusters/aks-2']);
    assert.ok(rig.clock.monotonic() < 40_000, 'the two operations ran at the same time');
  });

  it('gives the issuer of a single cluster as it is, trailing slash included', async () => {
    await rig.addCluster();
    const { outputs } = await run(['aks-1']);
    assert.deepEqual(outputs, { issuerUrl: rig.issuer(), issuers: JSON.stringify({ 'aks-1': rig.issuer() }) });
    assert.ok(outputs.issuerUrl.endsWith('/'));
  });

  it('goes on waiting for an update that an ended run left behind, and claims nothing when it fails', async () => {
    for (const [fails, expected] of [[false, 'succeeded'], [true, 'failed']] as const) {
      rig = await Rig.start();
      await rig.addCluster('aks-1');
      if (fails) rig.world.arm.clusters.knobs.failNext.set('aks-1', { code: 'CreateVMSSAgentPoolFailed', message: 'Quota exceeded.' });
      const { faults } = rig.network;
      const undo = faults.plant({ service: 'arm', path: /\/operations\//, then: () => rig.abort.abort(new Error('killed')) });
      await run(['aks-1']);
      undo();
      const { result } = await rig.restarted().runTask(enableWorkloadIdentity, ['aks-1']);
      assert.equal(result.result, expected);
      assert.equal(rig.writes().length, 1);
      if (fails) assert.deepEqual(result.proofs.map(({ outcome }) => ('problem' in outcome ? outcome.problem.code : outcome.level)), ['WI2111']);
    }
  });

  it('writes nothing the second time, and gives the same outputs', async () => {
    await rig.addCluster();
    const first = await run(['aks-1']);
    rig.network.log.clear();
    const second = await run(['aks-1']);
    assert.deepEqual([second.result.result, rig.writes(), second.outputs], ['succeeded', [], first.outputs]);
  });

  it('plans in a dry run exactly what it then does', async () => {
    await rig.addCluster('aks-1');
    await rig.addCluster('aks-2', 'ready');
    const dry = await run(['aks-1', 'aks-2'], {}, { dryRun: true });
    assert.deepEqual([dry.result.result, rig.writes()], ['succeeded', []]);
    assert.deepEqual(JSON.parse(dry.outputs.issuers ?? ''), { 'aks-2': rig.issuer('aks-2') });
    const real = await run(['aks-1', 'aks-2']);
    assert.deepEqual(dry.result.plan.map(({ change }) => change), real.result.plan.map(({ change }) => change));
    assert.deepEqual(rig.writes(), ['PUT managedClusters/aks-1']);
  });

  it('finishes the others when one cannot be changed, and fails naming it', async () => {
    await rig.addCluster('aks-1', 'bare', { properties: { powerState: { code: 'Stopped' } } });
    await rig.addCluster('aks-2');
    await rig.addCluster('aks-3', 'bare', { properties: { currentKubernetesVersion: '1.26.9' } });
    const { result, outputs } = await run(['aks-1', 'aks-2', 'aks-3']);
    assert.equal(result.result, 'failed');
    assert.deepEqual(result.preflight.findings.map(({ scope, cluster, problem }) => [scope, cluster, problem.code]), [['cluster', 'aks-1', 'WI2102'], ['cluster', 'aks-3', 'WI2104']]);
    assert.deepEqual([rig.writes(), Object.keys(JSON.parse(outputs.issuers ?? '') as object)], [['PUT managedClusters/aks-2'], ['aks-2']]);
    assert.match(result.preflight.findings[0]?.problem.remedy ?? '', /az aks start --resource-group rg-dev --name aks-1/);
  });

  it('changes nothing at all with failFast when one cannot be changed', async () => {
    await rig.addCluster('aks-1', 'bare', { properties: { provisioningState: 'Failed' } });
    await rig.addCluster('aks-2');
    const { result } = await run(['aks-1', 'aks-2'], {}, { failFast: true });
    assert.deepEqual([result.result, rig.writes()], ['failed', []]);
  });

  it('says before the first write that a right is missing', async () => {
    await rig.addCluster();
    for (const { name } of rig.world.roles.assignments()) rig.world.roles.remove(name);
    for (const role of ['Reader', 'Azure Kubernetes Service Cluster User Role', 'Azure Kubernetes Service RBAC Reader']) rig.world.assign(rig.deployer.objectId, role, rig.world.arm.clusters.find('aks-1').id);
    const { result } = await run(['aks-1']);
    assert.deepEqual([result.result, rig.writes(), result.preflight.findings[0]?.problem.code], ['failed', [], 'WI3001']);
    assert.match(result.preflight.findings.map(({ problem }) => problem.because).join(), /lacks Microsoft\.ContainerService\/managedClusters\/write at .*lacks create pods at /);
  });

  it('blocks every cluster with one clear problem when the connection cannot sign in', async () => {
    await rig.addCluster();
    rig.deployer.secrets.length = 0;
    const { result } = await run(['aks-1']);
    assert.deepEqual([result.result, result.preflight.findings[0]?.problem.code], ['failed', 'WI2007']);
    assert.equal((await problemOf((await rig.connect()).token('https://vault.azure.net'))).code, 'WI2007');
  });
});
