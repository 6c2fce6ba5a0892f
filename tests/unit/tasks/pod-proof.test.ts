import assert from 'node:assert/strict';
import type { KubernetesObject } from '../../simulators/kubernetes/kubernetes-api.js';
import { fieldsAt, itemsAt, mapAt } from '../../simulators/kubernetes/objects/values.js';
import { judgeVerdict } from '../../../tasks/_shared/kubernetes/proof-verdict.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { DeployWorld } from './deploy-world.js';

const image = 'contoso.azurecr.io/tools/curl:8.10.1';
const good = 'token ok; secret orders-db 200';

/** Jobs and their pods that are still there. */
const left = ({ api }: DeployWorld): string[] => [...api.list('Job', 'orders'), ...api.list('Pod', 'orders')].map(({ metadata }) => metadata.name).filter((name) => name.startsWith('wi-proof'));

describe('a deployment that is proven from a pod', () => {
  let world: DeployWorld;
  let inputs: Record<string, string>;
  /** The pods that ran. */
  let ran: KubernetesObject[];
  beforeEach(async () => {
    world = await DeployWorld.start();
    inputs = { proveFrom: 'pod', proofImage: image, keyVault: await world.rig.addVault(), secrets: 'orders-db' };
    ran = [];
  });

  const says = (message: string, during: () => void = () => undefined): void => void world.api.runPods(/tools\/curl/, (pod) => {
    ran.push(pod);
    during();
    return Promise.resolve({ exitCode: message === good ? 0 : 1, message });
  });

  it('runs one with the workload’s labels and account, and nothing is left of it', async () => {
    says(good);
    const { proofs } = await world.succeeds('good', inputs);
    const outcome = proofs[0]?.outcome;
    assert.ok(outcome !== undefined && 'summary' in outcome);
    assert.match(outcome.summary, /^2 of 2 running pods of .*; token from inside a pod → orders-db readable there$/);
    assert.deepEqual([outcome.level, left(world), ran.length], ['exercised', [], 1]);
    const [pod] = ran;
    const labels = mapAt(pod, 'metadata', 'labels');
    const own = mapAt(world.api.find('Deployment', 'orders', 'orders-api'), 'spec', 'template', 'metadata', 'labels');
    assert.deepEqual({ ...labels, ...own, 'azure.workload.identity/use': 'true', 'aks-workload-identity/proof': 'orders-api' }, labels);
    assert.equal(fieldsAt(pod, 'spec').serviceAccountName, 'api');
    const told = world.rig.journal.filter(({ object }) => object.includes('/jobs/')).map(({ action, object, outcome }) => `${action} ${object} ${outcome}`);
    const path = '/apis/batch/v1/namespaces/orders/jobs/wi-proof-orders-api';
    assert.deepEqual(told, [`create ${path} done`, `delete ${path} done`]);
  });

  it('keeps to the level restricted, is never ready, and ends by itself', async () => {
    let job: KubernetesObject | undefined;
    says(good, () => {
      [job] = world.api.list('Job', 'orders');
    });
    await world.succeeds('good', inputs);
    assert.ok(job !== undefined);
    assert.deepEqual([fieldsAt(job, 'spec').backoffLimit, fieldsAt(job, 'spec').activeDeadlineSeconds, fieldsAt(job, 'spec').ttlSecondsAfterFinished], [0, 720, 600]);
    const [pod] = ran;
    const [container] = itemsAt(pod, 'spec', 'containers');
    assert.ok(container !== undefined);
    assert.deepEqual(fieldsAt(pod, 'spec', 'securityContext').seccompProfile, { type: 'RuntimeDefault' });
    assert.deepEqual(container.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: { drop: ['ALL'] } });
    assert.ok(Number(fieldsAt(container, 'readinessProbe').initialDelaySeconds) > Number(fieldsAt(job, 'spec').activeDeadlineSeconds));
    assert.ok(!JSON.stringify(pod).includes('canary'));
  });

  it('ends early where its image cannot be pulled', async () => {
    world.api.failImage(/tools\/curl/);
    const before = world.rig.clock.monotonic();
    const { code, because } = await world.fails('good', inputs);
    assert.equal(code, 'WI4311');
    assert.match(because, /ImagePullBackOff/);
    assert.ok(world.rig.clock.monotonic() - before < 5 * 60_000);
    assert.deepEqual(left(world), []);
  });

  it('removes first what a killed run left', async () => {
    await world.succeeds('good', { proveFrom: 'none' });
    const template = { metadata: { labels: { 'aks-workload-identity/proof': 'orders-api' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'proof', image: 'contoso/other:1' }] } };
    world.api.put({ apiVersion: 'batch/v1', kind: 'Job', metadata: { namespace: 'orders', name: 'wi-proof-orders-api' }, spec: { template } });
    assert.equal(left(world).length, 2);
    says(good);
    await world.succeeds('good', inputs);
    assert.deepEqual([ran.length, left(world)], [1, []]);
  });

  it('is taken away when the run is cancelled', async () => {
    says(good, () => world.rig.abort.abort(new Error('cancelled')));
    const { result } = await world.deploy('good', inputs);
    assert.equal(result.result, 'failed');
    assert.deepEqual([ran.length, left(world)], [1, []]);
    assert.equal(world.tag(), 'good', 'the release stays');
  });

  it('says that something of it is left, and fails for nothing else', async () => {
    says(good);
    world.rig.network.faults.plant({ service: 'kubernetes', method: 'DELETE', path: /\/jobs\//, respond: { status: 403, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'jobs is forbidden', reason: 'Forbidden', code: 403 } } });
    const { result } = await world.deploy('good', inputs);
    const outcome = result.proofs[0]?.outcome;
    assert.ok(outcome !== undefined && 'shortfall' in outcome, JSON.stringify(outcome));
    assert.deepEqual([result.result, outcome.shortfall.code], ['succeededWithIssues', 'WI4316']);
  });

  it('is not made where a Service would send the workload’s traffic to it', async () => {
    world.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
    world.api.put({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'orders', name: 'peers' }, spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: { 'app.kubernetes.io/name': 'orders-api' }, ports: [{ port: 80 }] } });
    says(good);
    const { code, because } = await world.fails('good', inputs);
    assert.deepEqual([code, ran.length], ['WI4314', 0], because);
    assert.match(because, /service peers selects these labels/);
  });
});

describe('a deployment that a pod proves wrong', () => {
  let world: DeployWorld;
  let inputs: Record<string, string>;
  before(async () => {
    world = await DeployWorld.start();
    inputs = { proveFrom: 'pod', proofImage: image, keyVault: await world.rig.addVault(), secrets: 'orders-db' };
    await world.succeeds('good', { proveFrom: 'none' });
  });

  for (const [verdict, code, because] of [
    ['token ok; secret orders-db 403', 'WI4313', /secret orders-db: the identity may not read it, .* \(HTTP 403\)/],
    ['token AADSTS700213', 'WI4312', /Entra gave no token: AADSTS700213/],
  ] as const) {
    it(`fails with ${code} where its pod says "${verdict}", and takes the release back`, async () => {
      const undo = world.api.runPods(/tools\/curl/, () => Promise.resolve({ exitCode: 1, message: verdict }));
      const problem = await world.fails('next', inputs).finally(undo);
      assert.equal(problem.code, code);
      assert.match(problem.because, because);
      assert.match(problem.remedy, /the release has what revision \d+ had, as revision \d+$/);
      assert.deepEqual([left(world), world.tag()], [[], 'good']);
    });
  }

  for (const [verdict, code, because] of [
    ['token ok; secret orders-db 000 curl 28', 'WI4313', /secret orders-db: no answer comes in time \(curl 28\)/],
    ['token 000 curl 6', 'WI4312', /its name is not known there \(DNS\) \(curl 6\)/],
    ['identity missing AZURE_CLIENT_ID', 'WI4312', /its pod has no AZURE_CLIENT_ID/],
    ['', 'WI4315', /it ended without a word/],
    ['sh: curl: not found', 'WI4315', /its last words are not those of the proof/],
  ] as const) {
    it(`is told ${code} by the verdict "${verdict}"`, () => {
      assert.throws(() => judgeVerdict(verdict, { secrets: ['orders-db'] }, { title: 'orders/orders-api on aks-1', clientId: world.identity.clientId }), (error) => error instanceof Problem && error.code === code && because.test(error.parts.because));
    });
  }
});
