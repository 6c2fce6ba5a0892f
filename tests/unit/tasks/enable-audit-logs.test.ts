import assert from 'node:assert/strict';
import { enableWorkloadIdentity } from '../../../tasks/EnableWorkloadIdentity/enable-workload-identity.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { clusterId, group, Rig } from '../azure/azure-world.js';

const workspace = `${group}/providers/Microsoft.OperationalInsights/workspaces/law-audit`;
const other = workspace.replace('law-audit', 'law-other');
const log = (category: string, enabled = true): object => ({ category, enabled });

describe('EnableWorkloadIdentity, auditWorkspace', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
  });
  const run = async (auditWorkspace = 'rg-dev/law-audit'): Promise<RunResult> => (await rig.runTask(enableWorkloadIdentity, ['aks-1'], { auditWorkspace })).result;
  const settings = (): Readonly<Record<string, Record<string, unknown>>> => rig.world.arm.diagnosticSettings.of(clusterId());
  const writes = (): string[] => rig.writes().map((line) => line.replace(/ .*diagnosticSettings\//, ' '));

  it('sends who changed what and who signed in to the workspace, in a setting of its own, once', async () => {
    const result = await run();
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(settings(), { 'aks-workload-identity': { workspaceId: workspace, logs: [log('kube-audit-admin'), log('guard')], logAnalyticsDestinationType: 'Dedicated' } });
    rig.network.log.clear();
    assert.deepEqual([(await run()).result, rig.writes()], ['succeeded', []]);
  });

  it('counts what settings of others send there, and adds only what is missing', async () => {
    rig.world.arm.diagnosticSettings.add(clusterId(), 'theirs', { workspaceId: workspace.toUpperCase(), logs: [log('kube-audit'), log('guard', false)] });
    rig.world.arm.diagnosticSettings.add(clusterId(), 'elsewhere', { workspaceId: other, logs: [log('guard')] });
    const result = await run();
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(settings()['aks-workload-identity']?.logs, [log('guard')]);
    assert.deepEqual(Object.keys(settings()).length, 3);
  });

  it('adds to its own setting and keeps what somebody else put into it', async () => {
    rig.world.arm.diagnosticSettings.add(clusterId(), 'aks-workload-identity', { workspaceId: workspace, logs: [log('cluster-autoscaler'), log('guard', false)], metrics: [{ category: 'AllMetrics', enabled: true }] });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual(settings()['aks-workload-identity'], { workspaceId: workspace, logs: [log('cluster-autoscaler'), log('kube-audit-admin'), log('guard')], metrics: [{ category: 'AllMetrics', enabled: true }] });
  });

  it('asks for nothing where all logs go there', async () => {
    rig.world.arm.diagnosticSettings.add(clusterId(), 'all', { workspaceId: workspace, logs: [{ categoryGroup: 'allLogs', enabled: true }] });
    rig.network.log.clear();
    assert.deepEqual([(await run()).result, writes()], ['succeeded', []]);
  });

  it('does not take the logs from another workspace, and says when there is no room', async () => {
    rig.world.arm.diagnosticSettings.add(clusterId(), 'aks-workload-identity', { workspaceId: other, logs: [log('guard')] });
    const refused = async (): Promise<string> => {
      const { result, preflight } = await run();
      return `${result}: ${preflight.findings.map(({ problem }) => `${problem.code} ${problem.what}: ${problem.because}`).join()}`;
    };
    assert.equal(await refused(), `failed: WI2119 The audit logs of cluster aks-1 go to another workspace: its diagnostic setting aks-workload-identity sends them to ${other}`);
    rig.world.arm.diagnosticSettings.clear();
    for (const name of ['a', 'b', 'c', 'd', 'e']) rig.world.arm.diagnosticSettings.add(clusterId(), name, { workspaceId: `${other}-${name}`, logs: [] });
    assert.equal(await refused(), 'failed: WI2119 There is no room for another diagnostic setting of cluster aks-1: it has 5, and 5 is the most');
    assert.deepEqual(writes(), []);
  });

  it('says before the first write that a right is missing', async () => {
    for (const { name } of rig.world.roles.assignments()) rig.world.roles.remove(name);
    for (const role of ['Reader', 'Azure Kubernetes Service Cluster User Role', 'Azure Kubernetes Service RBAC Writer']) rig.world.assign(rig.deployer.objectId, role, clusterId());
    const result = await run();
    assert.deepEqual([result.result, rig.writes()], ['failed', []]);
    assert.match(result.preflight.findings.map(({ problem }) => problem.because).join(), /lacks Microsoft\.Insights\/diagnosticSettings\/write at /);
  });
});
