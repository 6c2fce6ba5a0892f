import assert from 'node:assert/strict';
import { ClusterFeatures, type FeatureRules } from '../../../tasks/_shared/azure/cluster-features.js';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { poolsIn } from '../../../tasks/_shared/azure/node-pools.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { jsonBody, type SimRequest } from '../../simulators/kernel/service.js';
import { clusterId, Rig, verdictOf } from './azure-world.js';
import { part, stored, withoutEtags } from './stored-cluster.js';

const minute = 60_000;
const cluster = /managedClusters\/aks-1\?/;

describe('cluster features', () => {
  let rig: Rig;
  let azure: Azure;
  beforeEach(async () => {
    rig = await Rig.start();
    azure = await rig.connect();
  });
  const desired = (rules: Partial<FeatureRules> = {}): ClusterFeatures =>
    new ClusterFeatures(azure, rig.entry(), { minimumKubernetesVersion: '1.27', deadlineMs: 30 * minute, more: [], ...rules });
  const run = (feature = desired(), dryRun = false): Promise<RunResult> => rig.run([feature], [], { dryRun });
  const puts = (): number[] => rig.statuses('arm', 'PUT', cluster);

  it('switches both on, waits for the end of the operation, and writes nothing the second time', async () => {
    await rig.addCluster();
    const result = await run();
    assert.equal(result.result, 'succeeded');
    const change = result.plan[0]?.change;
    assert.ok(change?.action === 'update');
    assert.deepEqual(change.fields, [{ field: 'OIDC issuer', before: 'off', after: 'on (restarts the API server, cannot be undone)' }, { field: 'workload identity', before: 'off', after: 'on' }]);
    assert.equal(part(stored(rig), 'properties').provisioningState, 'Succeeded');
    assert.ok(rig.clock.monotonic() >= 20_000);
    assert.ok(rig.progress.some((line) => /^cluster features aks-1: InProgress for \d+ s$/.test(line)));
    assert.deepEqual(rig.journal.map(({ action, object, before, after, widens, outcome }) => ({ action, object, before, after, widens, outcome })), [
      { action: 'update', object: clusterId(), before: 'OIDC issuer off, workload identity off', after: 'OIDC issuer on, workload identity on', widens: false, outcome: 'done' },
    ]);
    rig.network.log.clear();
    const second = await run();
    assert.deepEqual([second.result, second.plan[0]?.change.action, rig.writes()], ['succeeded', 'keep', []]);
  });

  it('sends back exactly what it read but for the two flags, what it does not know included', async () => {
    const properties = {
      quantumProfile: { entanglement: [{ a: null, b: 0, c: false, d: '' }] },
      oidcIssuerProfile: { enabled: false, laterField: { x: 1 } },
      securityProfile: { defender: { securityMonitoring: { enabled: true } }, workloadIdentity: { enabled: false, laterField: 'y' }, laterProfile: [] },
      agentPoolProfiles: [{ name: 'p', count: 0, eTag: 'pool', laterField: { deep: [1, [2]] } }],
    };
    await rig.addCluster('aks-1', 'bare', { properties, extendedLocation: { name: 'edge' }, laterTopLevel: { z: [] }, tags: { 'a b': '' } });
    const before = stored(rig);
    const requests: SimRequest[] = [];
    rig.network.faults.plant({ service: 'arm', method: 'PUT', then: (request) => void requests.push(request) });
    assert.equal((await run()).result, 'succeeded');
    const [request, ...more] = requests;
    assert.ok(request !== undefined && more.length === 0);
    const sent = jsonBody(request);
    const wanted = structuredClone(before);
    part(part(wanted, 'properties'), 'oidcIssuerProfile').enabled = true;
    part(part(part(wanted, 'properties'), 'securityProfile'), 'workloadIdentity').enabled = true;
    assert.deepEqual(sent, wanted);
    assert.equal(request.headers['if-match'], before.eTag);
    const after = stored(rig);
    const { oidcIssuerProfile, securityProfile, ...rest } = part(after, 'properties');
    const others = Object.entries(part(before, 'properties')).filter(([key]) => key !== 'oidcIssuerProfile' && key !== 'securityProfile');
    assert.equal(withoutEtags({ ...after, properties: rest }), withoutEtags({ ...before, properties: Object.fromEntries(others) }));
    assert.deepEqual([part({ oidcIssuerProfile }, 'oidcIssuerProfile').issuerURL, part(securityProfile, 'defender')], [rig.issuer(), { securityMonitoring: { enabled: true } }]);
  });

  it('never switches the issuer off, and keeps its URL, where only workload identity is missing', async () => {
    await rig.addCluster();
    rig.world.arm.clusters.edit('aks-1', { oidcIssuerProfile: { enabled: true, issuerURL: rig.issuer() } });
    const result = await run();
    const change = result.plan[0]?.change;
    assert.ok(result.result === 'succeeded' && change?.action === 'update');
    assert.deepEqual([change.fields.map(({ field }) => field), change.reason], [['workload identity'], 'workload identity missing']);
    assert.deepEqual(part(part(stored(rig), 'properties'), 'oidcIssuerProfile'), { enabled: true, issuerURL: rig.issuer() });
  });

  it('reads again when somebody changed the cluster in between (412), and keeps their change', async () => {
    await rig.addCluster();
    await azure.token('https://management.azure.com');
    let reads = 0;
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: cluster, then: () => {
      reads += 1;
      // The first read makes the plan, the second the body, the third compares the pools right before the PUT.
      if (reads === 3) rig.world.arm.clusters.edit('aks-1', { theirs: { kept: true } });
    } });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual(puts(), [412, 200]);
    assert.deepEqual(part(part(stored(rig), 'properties'), 'theirs'), { kept: true });
  });

  it('reads again when a node pool was scaled between its read and the PUT, which the cluster’s etag does not show, and keeps its size', async () => {
    await rig.addCluster();
    await azure.token('https://management.azure.com');
    let reads = 0;
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: cluster, then: () => {
      reads += 1;
      if (reads === 2) rig.world.arm.clusters.editPool('aks-1', 'nodepool1', { count: 7 });
    } });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual(puts(), [200]);
    assert.deepEqual(poolsIn(stored(rig)).map(({ name, count }) => [name, count]), [['nodepool1', 7]]);
    assert.ok(rig.progress.includes('cluster features aks-1: a node pool changed meanwhile, reading the cluster again'), rig.progress.join('\n'));
  });

  it('does nothing when somebody else switched both on in between, but waits for the end of their operation', async () => {
    await rig.addCluster();
    let reads = 0;
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: cluster, then: () => {
      reads += 1;
      if (reads !== 1) return;
      rig.world.arm.clusters.edit('aks-1', { oidcIssuerProfile: { enabled: true, issuerURL: rig.issuer() }, securityProfile: { workloadIdentity: { enabled: true } } });
      rig.world.arm.clusters.begin('aks-1', 'update managed cluster', 40_000);
    } });
    const result = await run();
    assert.deepEqual([result.result, rig.writes()], ['succeeded', []]);
    assert.ok(rig.clock.monotonic() >= 40_000);
  });

  it('waits for other operations on the cluster: 409 OperationNotAllowed in both wordings, and EtagMismatch', async () => {
    await rig.addCluster();
    rig.world.arm.clusters.begin('aks-1', 'upgrade managed cluster', 90_000);
    const wordings = [
      { code: 'OperationNotAllowed', message: 'Operation is not allowed: Another operation (Updating) is in progress, please wait for it to finish.' },
      { code: 'EtagMismatch', message: 'Operation is not allowed: Another operation' },
    ];
    for (const body of wordings) rig.network.faults.plant({ service: 'arm', method: 'PUT', times: 1, respond: { status: 409, body } });
    assert.equal((await run()).result, 'succeeded');
    const statuses = puts();
    assert.ok(statuses.length > 3 && statuses.slice(0, -1).every((status) => status === 409) && statuses.at(-1) === 200);
    assert.ok(rig.progress.includes('cluster features aks-1: waiting for another operation on the cluster'), rig.progress.join('\n'));
    assert.ok(rig.progress.includes('cluster features aks-1: waiting for another operation (Updating) on the cluster'));
    assert.ok(rig.progress.some((line) => line.endsWith('waiting for another operation (upgrade managed cluster, for 1 min) on the cluster')));
  });

  it('does not repeat what a 409 refuses for good', async () => {
    await rig.addCluster();
    rig.network.faults.plant({ service: 'arm', method: 'PUT', respond: { status: 409, body: { code: 'OperationNotAllowed', message: 'Operation is not allowed: the cluster is being deleted.' } } });
    const { outcome, problem } = verdictOf(await run(), desired());
    assert.deepEqual([outcome, problem?.code, problem?.serviceCode, problem?.status], ['failed', 'WI2005', 'OperationNotAllowed', 409]);
    assert.match(problem?.because ?? '', /being deleted/);
    assert.deepEqual(puts(), [409]);
  });

  it('gives up on another operation at the deadline, in the words of the service', async () => {
    await rig.addCluster();
    rig.world.arm.clusters.begin('aks-1', 'upgrade managed cluster', 999 * minute);
    const { outcome, problem } = verdictOf(await run(desired({ deadlineMs: 5 * minute })), desired());
    assert.deepEqual([outcome, problem?.serviceCode], ['failed', 'OperationNotAllowed']);
    assert.match(problem?.because ?? '', /in progress upgrade managed cluster/);
    assert.ok(rig.clock.monotonic() <= 5 * minute);
  });

  it('obeys the published rate of writes', async () => {
    await rig.addCluster();
    rig.network.faults.plant({ service: 'arm', method: 'PUT', times: 1, respond: { status: 429, headers: { 'retry-after': '60' } } });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual(puts(), [429, 200]);
    assert.ok(rig.clock.monotonic() >= 60_000);
  });

  it('survives the loss of the answer to its own write, and still waits for the end', async () => {
    await rig.addCluster();
    rig.network.faults.plant({ service: 'arm', method: 'PUT', times: 1, drop: 'after' });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual([puts(), part(stored(rig), 'properties').provisioningState], [[200, 412], 'Succeeded']);
    assert.ok(rig.clock.monotonic() >= 20_000);
  });

  it('reports an operation that ends badly, with code and message', async () => {
    await rig.addCluster();
    rig.world.arm.clusters.knobs.failNext.set('aks-1', { code: 'CreateVMSSAgentPoolFailed', message: 'Quota exceeded.' });
    const { outcome, problem } = verdictOf(await run(), desired());
    assert.deepEqual([outcome, problem?.code, problem?.serviceCode, problem?.because], ['failed', 'WI2106', 'CreateVMSSAgentPoolFailed', 'Quota exceeded.']);
    assert.match(problem?.correlation ?? '', /^[0-9a-f-]{36}$/);
    const again = verdictOf(await run(), desired());
    assert.deepEqual([again.action, again.problem?.code], ['blocked', 'WI2103']);
  });

  it('takes status words that it does not know for "running", and obeys Retry-After', async () => {
    await rig.addCluster();
    for (const body of [{ status: 'Reconciling' }, { status: 'succeeded-ish' }, {}]) {
      rig.network.faults.plant({ service: 'arm', path: /\/operations\//, times: 1, respond: { status: 200, headers: { 'retry-after': '50' }, body } });
    }
    assert.equal((await run()).result, 'succeeded');
    assert.equal(rig.statuses('arm', 'GET', /\/operations\/.*api-version=2016-03-30$/).length, 4);
    assert.ok(rig.clock.monotonic() >= 150_000);
    assert.deepEqual(rig.progress.map((line) => line.replace(/ for.*/, '')), ['Reconciling', 'succeeded-ish', 'InProgress'].map((word) => `cluster features aks-1: ${word}`));
  });

  it('does not take an unreadable state for a failed operation', async () => {
    await rig.addCluster();
    rig.network.faults.plant({ service: 'arm', path: /\/operations\//, times: 7, respond: { status: 503 } });
    rig.network.faults.plant({ service: 'arm', path: /\/operations\//, times: 1, respond: { status: 404, body: { error: { code: 'NotFound', message: 'Not there.' } } } });
    assert.equal((await run()).result, 'succeeded');
    rig.world.arm.clusters.edit('aks-1', { securityProfile: { workloadIdentity: { enabled: false } } });
    rig.network.faults.plant({ service: 'arm', path: /\/operations\//, times: 1, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'Not allowed.' } } } });
    assert.equal(verdictOf(await run(), desired()).problem?.code, 'WI2002');
  });

  it('takes a cancelled operation for a failed one', async () => {
    await rig.addCluster();
    rig.network.faults.plant({ service: 'arm', path: /\/operations\//, respond: { status: 200, body: { status: 'Canceled', error: { code: 'OperationPreempted', message: 'Aborted.' } } } });
    const { problem } = verdictOf(await run(), desired());
    assert.deepEqual([problem?.code, problem?.serviceCode], ['WI2106', 'OperationPreempted']);
  });

  it('keeps one deadline for everything on a cluster: foreign operation and own one together', async () => {
    await rig.addCluster();
    rig.world.arm.clusters.knobs.updateMs = 999 * minute;
    rig.world.arm.clusters.begin('aks-1', 'upgrade managed cluster', 6 * minute);
    const { problem } = verdictOf(await run(desired({ deadlineMs: 10 * minute })), desired());
    assert.deepEqual([problem?.code, problem?.because], ['WI2107', 'its state is still InProgress']);
    assert.ok(rig.clock.monotonic() <= 10 * minute);
    assert.match(problem?.remedy ?? '', /goes on in Azure without this run/);
  });

  it('stops waiting when the run is cancelled, and says so', async () => {
    await rig.addCluster();
    rig.network.faults.plant({ service: 'arm', path: /\/operations\//, then: () => rig.abort.abort(new Error('stop')), delayMs: 0 });
    const { problem } = verdictOf(await run(), desired());
    assert.equal(problem?.code, 'WI9002');
    assert.deepEqual(puts(), [200]);
  });

  it('is blocked by clusters that cannot be changed, each for its own reason', async () => {
    const cases: [Record<string, unknown> | undefined, string, RegExp][] = [
      [undefined, 'WI2101', /there is no such resource/],
      [{ powerState: { code: 'Stopped' } }, 'WI2102', /accepts nothing but start/],
      [{ provisioningState: 'Failed' }, 'WI2103', /did not succeed/],
      [{ provisioningState: 'Canceled' }, 'WI2103', /./],
      [{ provisioningState: 'Deleting' }, 'WI2103', /./],
      [{ currentKubernetesVersion: '1.26.12' }, 'WI2104', /at least 1\.27/],
      [{ currentKubernetesVersion: undefined, kubernetesVersion: '1.9' }, 'WI2104', /./],
    ];
    for (const [properties, code, because] of cases) {
      rig = await Rig.start();
      azure = await rig.connect();
      if (properties !== undefined) await rig.addCluster('aks-1', 'bare', { properties });
      const { action, problem } = verdictOf(await run(), desired());
      assert.deepEqual([action, problem?.code], ['blocked', code]);
      assert.match(problem?.because ?? '', because);
      assert.deepEqual(rig.writes(), []);
    }
  });

  it('is blocked as well when the cluster breaks between plan and write', async () => {
    await rig.addCluster();
    let reads = 0;
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: cluster, then: () => {
      reads += 1;
      if (reads === 1) rig.world.arm.clusters.edit('aks-1', { powerState: { code: 'Stopped' } });
    } });
    const { outcome, problem } = verdictOf(await run(), desired());
    assert.deepEqual([outcome, problem?.code, puts()], ['failed', 'WI2102', []]);
  });

  it('asks for the rights that it needs and nothing else, and writes nothing in a dry run', async () => {
    await rig.addCluster();
    const result = await run(desired(), true);
    assert.deepEqual(result.preflight.permissions.map(({ plane, action, scope }) => [plane, action, scope]), ['read', 'write'].map((verb) => ['azure', `Microsoft.ContainerService/managedClusters/${verb}`, clusterId()]));
    assert.deepEqual([result.result, rig.writes()], ['succeeded', []]);
    assert.deepEqual(desired().permissions({ action: 'keep', reason: '' }), []);
  });
});
