import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HelmRelease } from '../../../tasks/_shared/kubernetes/helm-release.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { kubeTools } from '../../tools/kube-tools.js';
import { clientId, loopbackCluster, plantNamespace, plantServiceAccount, tenantId, verdictOf, writesOf, type ClusterWorld } from './cluster-world.js';
import { deployRelease, told } from './release-world.js';

const use = 'azure.workload.identity/use';
const template = (account: string, label = `, ${use}: "true"`): string =>
  `template: {metadata: {labels: {app: a${label}}}, spec: {serviceAccountName: ${account}, restartPolicy: NAME, containers: [{name: a, image: contoso/a:1}]}}`;
const deployment = (name: string, account: string, label?: string): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\nspec: {replicas: 1, selector: {matchLabels: {app: a}}, ${template(account, label).replace('NAME', 'Always')}}\n`;
const cronJob = (name: string): string =>
  `apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: ${name}}\nspec: {schedule: "0 3 * * *", jobTemplate: {spec: {${template('api').replace('NAME', 'Never')}}}}\n`;
const gateway = 'apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: web}\nspec: {}\n';

/** Charts of other shapes than one Deployment under the service account. */
describe('helm release of other charts', () => {
  let world: ClusterWorld;
  let chart: string;
  let helmPath: string;
  let release: HelmRelease;
  before(async () => {
    helmPath = (await kubeTools()).helm3;
  });
  beforeEach(async () => {
    world = await loopbackCluster();
    chart = await mkdtemp(join(tmpdir(), 'aks-wi-chart-'));
    plantNamespace(world.api);
    plantServiceAccount(world.api, { 'azure.workload.identity/client-id': clientId, 'azure.workload.identity/tenant-id': tenantId });
    world.api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'cache' } });
  });
  afterEach(async () => {
    await rm(chart, { recursive: true });
    await world.close();
  });

  const charted = async (...manifests: readonly string[]): Promise<void> => {
    await mkdir(join(chart, 'templates'), { recursive: true });
    await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: shapes\nversion: 1.0.0\n');
    await writeFile(join(chart, 'templates/all.yaml'), manifests.join('---\n'));
  };
  const deploy = async (dryRun = false): Promise<RunResult> => {
    const run = await deployRelease(world, { helmPath, release: 'orders', chart: { folder: chart, valuesFiles: [], values: '' }, dryRun });
    release = run.release;
    return run.result;
  };
  const succeeds = async (): Promise<{ action: string; reason: string; summary: string }> => {
    const result = await deploy();
    assert.equal(result.result, 'succeeded', told(result));
    const change = result.plan.find(({ resource }) => resource.key === release.key)?.change;
    const outcome = result.proofs[0]?.outcome;
    assert.ok(change !== undefined && change.action !== 'blocked' && outcome !== undefined && 'summary' in outcome);
    assert.equal(outcome.level, 'observed');
    return { action: change.action, reason: change.reason, summary: outcome.summary };
  };

  it('deploys a chart of cron jobs only, and does nothing the second time', async () => {
    await charted(cronJob('nightly'));
    const first = await succeeds();
    assert.equal(first.action, 'create');
    assert.match(first.summary, /^no pod runs now, but for what cron job orders\/nightly may have started; .* the pod template of cron job orders\/nightly has the label$/);
    world.network.log.clear();
    assert.equal((await succeeds()).action, 'keep');
    assert.deepEqual(writesOf(world), []);
  });

  it('does not call it drift that a deployment runs as another account and only a cron job as this one', async () => {
    await charted(deployment('cache', 'cache', ''), cronJob('nightly'));
    await succeeds();
    const { action, reason } = await succeeds();
    assert.equal(action, 'keep', reason);
  });

  it('mends a deployment that somebody gave another account, whatever others run as this one', async () => {
    await charted(deployment('api', 'api'), deployment('worker', 'api').replaceAll('app: a', 'app: b'));
    await succeeds();
    world.api.edit('Deployment', 'orders', 'api', (object) => {
      const { template: live } = object.spec as { template: { spec: { serviceAccountName: string } } };
      live.spec.serviceAccountName = 'cache';
    });
    assert.deepEqual((({ action, reason }) => ({ action, reason }))(await succeeds()), {
      action: 'update',
      reason: 'deployment orders/api does not run as service account api any more',
    });
  });

  it('succeeds and stays content while an autoscaler keeps the workload at zero', async () => {
    await charted(deployment('api', 'api'));
    await succeeds();
    world.api.edit('Deployment', 'orders', 'api', (object) => {
      (object.spec as { replicas: number }).replicas = 0;
    });
    const { action, summary } = await succeeds();
    assert.equal(action, 'keep');
    assert.match(summary, /^no pod runs now; .* the pod template of deployment orders\/api has the label$/);
  });

  it('looks no right up whose resource name it would have to guess', async () => {
    await charted(deployment('api', 'api'), gateway);
    const asked: string[] = [];
    world.knobs.allows = ({ resource, verb }) => {
      asked.push(`${verb} ${resource}`);
      return !resource.startsWith('gate');
    };
    const result = await deploy(true);
    assert.equal(verdictOf(result, release.key).action, 'create');
    assert.deepEqual(result.preflight.lacking, []);
    assert.ok(asked.includes('patch deployments'));
  });

  it('never takes over a release that is half uninstalled', async () => {
    await charted(deployment('api', 'api'));
    const labels = { owner: 'helm', name: 'orders', status: 'uninstalling', version: '4', modifiedAt: String(Math.floor(Date.now() / 1000) - 86_400) };
    world.api.put({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'orders', name: 'sh.helm.release.v1.orders.v4', labels }, type: 'helm.sh/release.v1' });
    const { action, problem } = verdictOf(await deploy(), release.key);
    assert.equal(action, 'blocked');
    assert.equal(problem?.code, 'WI4208');
    assert.match(problem.because, /revision 4 has been uninstalling for 86\d{3} s/);
    assert.match(problem.remedy, /helm uninstall orders --namespace orders.*helm rollback orders/);
    assert.doesNotMatch(problem.remedy, /takes over/);
    assert.deepEqual(writesOf(world), []);
  });
});
