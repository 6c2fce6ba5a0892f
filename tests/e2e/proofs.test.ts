import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startContoso, type ContosoRun, type ContosoStage } from '../demo/contoso-run.js';
import { fieldsAt } from '../simulators/kubernetes/objects/values.js';
import type { KubernetesApi } from '../simulators/kubernetes/kubernetes-api.js';
import { clusters } from '../simulators/world/contoso.js';
import { builtTasks, root } from './built-tasks.js';
import { assertError, made, proofsOf } from './run-facts.js';

const dev = clusters.dev.name;
const test = clusters.test.name;
const prd = clusters.prd.name;
const silent = (): void => undefined;
const use = 'azure.workload.identity/use';
const clientId = 'azure.workload.identity/client-id';

/** A pipeline of one job over all three clusters: the four tasks that apply, or one of them. */
function pipeline(only: { readonly task?: string; readonly replicas?: number } = {}): string {
  const common = 'azureSubscription: contoso-all, clusters: $(clusters)';
  const workload = `${common}, boundaryPolicy: none, namespace: orders, serviceAccount: api, workload: orders, identity: "id-{workload}-{cluster}"`;
  const values = `replicaCount: ${only.replicas ?? 2}\\nimage: { repository: $(imageRepository) }`;
  const tasks = {
    EnableWorkloadIdentity: common,
    FederateServiceAccount: `${workload}, keyVault: $(keyVault), secrets: orders-db`,
    GrantRegistryRole: `${workload}, registry: $(registry), role: AcrPull, repository: orders/api`,
    DeployWithIdentity: `${workload}, chart: tests/fixtures/contoso/charts/orders-api, releaseName: orders-api, values: "${values}"`,
  };
  const steps = Object.entries(tasks).filter(([name]) => only.task === undefined || name === only.task);
  const lines = steps.map(([name, inputs]) => `  - { task: ${name}@1, condition: succeededOrFailed(), inputs: { ${inputs} } }`);
  return ['variables: [{ group: wi-all }]', 'steps:', ...lines, ''].join('\n');
}

describe('every proof depends on what it proves', function () {
  this.timeout(180_000);
  let stage: ContosoStage;
  let folder: string;
  /** Takes away, at the moment that a test waits for. */
  let hooks: (() => void)[] = [];

  before(async () => {
    await builtTasks();
    folder = mkdtempSync(join(root, 'build/e2e-'));
    stage = await startContoso();
    const run = await runWith({});
    assert.equal(run.result.result, 'Succeeded', run.lines.join('\n'));
    assert.equal(proofsOf(run).length, 12);
  });

  afterEach(() => {
    for (const undo of hooks) undo();
    hooks = [];
    stage.world.network.latency = () => 0;
  });

  after(async () => {
    await stage.close();
    rmSync(folder, { recursive: true });
  });

  function runWith(options: Parameters<typeof pipeline>[0]): Promise<ContosoRun> {
    const file = join(folder, 'pipeline.yml');
    writeFileSync(file, pipeline(options));
    return stage.run(silent, { file });
  }

  function api(cluster: string): KubernetesApi {
    return stage.world.clusters.get(cluster) ?? assert.fail(cluster);
  }

  function removeCredential(cluster: string): void {
    stage.world.arm.identities.find(`id-orders-${cluster}`).credentials.remove();
  }

  /** Takes the roles of a cluster's identity away, at scopes that end so. */
  function removeRole(cluster: string, scopeEnd: string): void {
    const { roles, arm } = stage.world;
    const { principalId } = arm.identities.find(`id-orders-${cluster}`);
    const found = roles.assignments().filter((entry) => entry.principalId === principalId && entry.scope.endsWith(scopeEnd));
    assert.equal(found.length, 1, `${cluster} ${scopeEnd}`);
    for (const { name } of found) roles.remove(name);
  }

  /** Does something when a cluster has answered the first token request, with which every proof by exchange begins. */
  function whenProving(cluster: string, act: () => void): void {
    hooks.push(stage.world.network.faults.plant({ service: `kubernetes/${cluster}`, method: 'POST', path: /\/serviceaccounts\/api\/token$/, times: 1, then: act }));
  }

  function releaseOf(cluster: string): { revision: number; status: string } {
    const secrets = api(cluster).list('Secret', 'orders').flatMap(({ metadata: { labels = {} } }) => (labels.owner === 'helm' ? [labels] : []));
    const [newest] = secrets.sort((one, other) => Number(other.version) - Number(one.version));
    return { revision: Number(newest?.version), status: newest?.status ?? '' };
  }

  /**
   * Does something before the first look of the rollout proof. After Helm has finished, the deployments are listed twice: once to
   * confirm the change, once by the proof.
   */
  function whenPodsAreLookedAt(acts: Readonly<Record<string, () => void>>): void {
    const looks = new Map(Object.keys(acts).map((cluster) => [cluster, { before: releaseOf(cluster).revision, readBack: false, count: 0 }]));
    stage.world.network.latency = (service, { method, url }) => {
      const cluster = service.replace('kubernetes/', '');
      const look = looks.get(cluster);
      const kind = /\/namespaces\/orders\/(secrets|deployments)$/.exec(url.pathname)?.[1];
      if (look === undefined || method !== 'GET' || kind === undefined || url.searchParams.has('watch')) return 0;
      const { revision, status } = releaseOf(cluster);
      if (revision === look.before || status !== 'deployed') return 0;
      // While helm is still ending, the task may look at what helm waits for; the revision is read back after that.
      look.readBack ||= kind === 'secrets';
      if (kind === 'deployments' && look.readBack) look.count += 1;
      if (kind === 'deployments' && look.count === 2) acts[cluster]?.();
      return 0;
    };
  }

  function removeLabel(cluster: string): void {
    api(cluster).edit('Deployment', 'orders', 'orders-api', (deployment) => {
      const labels = fieldsAt(deployment, 'spec', 'template', 'metadata', 'labels');
      assert.equal(labels[use], 'true');
      Reflect.deleteProperty(labels, use);
    });
  }

  function removeAnnotation(cluster: string): void {
    api(cluster).edit('ServiceAccount', 'orders', 'api', ({ metadata: { annotations = {} } }) => {
      assert.notEqual(annotations[clientId], undefined);
      Reflect.deleteProperty(annotations, clientId);
    });
  }

  function restartPods(cluster: string): void {
    for (const { metadata } of api(cluster).list('Pod', 'orders')) api(cluster).remove('Pod', 'orders', metadata.name);
  }

  function levels(run: ContosoRun): string[] {
    return proofsOf(run).map(({ cluster, level }) => `${cluster ?? ''} ${level}`).sort();
  }

  /** The objects that a run wrote for one cluster, by kind. */
  function written(run: ContosoRun): string[] {
    return [...new Set(run.result.stages.flatMap(({ name }) => made(run, name)).map(({ cluster, kind }) => `${cluster ?? ''} ${kind}`))].sort();
  }

  it('GrantRegistryRole: without the grant no registry token with the right in it', async () => {
    removeRole(test, '/crcontosodev');
    whenProving(test, () => removeRole(test, '/crcontosodev'));
    const run = await runWith({ task: 'GrantRegistryRole' });
    assert.deepEqual(written(run), [`${test} grant`]);
    assert.equal(run.result.result, 'Failed');
    assert.deepEqual(levels(run), [`${dev} exercised`, `${prd} exercised`, `${test} failed`].sort());
    assertError(run, '(WI2503)', test, 'no role assignment gives it AcrPull on the registry', 'crcontosodev');
  });

  it('DeployWithIdentity: without the label or the annotation no identity in the pods', async () => {
    const noAnnotation = (): void => {
      removeAnnotation(prd);
      restartPods(prd);
    };
    whenPodsAreLookedAt({ [dev]: () => removeLabel(dev), [prd]: noAnnotation });
    const run = await runWith({ task: 'DeployWithIdentity', replicas: 3 });
    assert.equal(run.result.result, 'Failed');
    assert.deepEqual(written(run), [dev, prd, test].map((name) => `${name} helm release`).sort());
    assert.deepEqual(levels(run), [`${dev} failed`, `${prd} failed`, `${test} exercised`].sort());
    assertError(run, '(WI4301)', dev, `lacks the label ${use}`);
    assertError(run, '(WI4302)', prd, `service account orders/api has no annotation ${clientId}`);
  });

  it('FederateServiceAccount: without the credential no token, without the grant no secret', async () => {
    removeCredential(dev);
    removeRole(prd, '/secrets/orders-db');
    whenProving(dev, () => removeCredential(dev));
    whenProving(prd, () => removeRole(prd, '/secrets/orders-db'));
    const run = await runWith({ task: 'FederateServiceAccount' });
    assert.equal(run.result.result, 'Failed');
    assert.deepEqual(written(run), [`${dev} federated credential`, `${prd} grant`, `${prd} service account`], 'both were written again before they were taken away');
    assert.deepEqual(levels(run), [`${dev} failed`, `${prd} failed`, `${test} exercised`].sort());
    assertError(run, '(WI2301)', dev, `identity id-orders-${dev} has no federated credential at all`, 'AADSTS');
    assertError(run, '(WI2403)', prd, `no role assignment gives it Key Vault Secrets User on secret orders-db`);
  });

  it('the next run repairs all of that, what was taken back included, and restarts once the pods that were made meanwhile', async () => {
    const run = await runWith({ replicas: 3 });
    const releases = [dev, prd].map((name) => `${name} helm release`);
    assert.deepEqual(written(run), [`${dev} federated credential`, ...releases, `${prd} grant`, `${prd} rollout restart`, `${test} grant`].sort(), run.lines.join('\n'));
    assert.deepEqual(levels(run).map((line) => line.split(' ')[1]), Array.from({ length: 12 }, () => 'exercised'));
    const again = await runWith({ task: 'DeployWithIdentity', replicas: 3 });
    assert.equal(again.result.result, 'Succeeded', again.lines.join('\n'));
    assert.deepEqual(again.writes, []);
    assert.deepEqual(levels(again), [dev, prd, test].map((name) => `${name} exercised`).sort());
  });
});
