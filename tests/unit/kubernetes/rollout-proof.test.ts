import assert from 'node:assert/strict';
import { RolloutProof } from '../../../tasks/_shared/kubernetes/rollout-proof.js';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import type { KubernetesObject } from '../../simulators/kubernetes/kubernetes-api.js';
import {
  clientId,
  inProcessCluster,
  otherClientId,
  plantNamespace,
  plantServiceAccount,
  tenantId,
  writesOf,
  type ClusterWorld,
} from './cluster-world.js';
import { workload } from './rollout-workloads.js';

const use = 'azure.workload.identity/use';
const annotation = 'azure.workload.identity/client-id';

function cronJob(name: string, labels: Record<string, string>): KubernetesObject {
  const { metadata, spec } = workload('Deployment', name, { labels });
  const { template } = spec as { template: object };
  return { apiVersion: 'batch/v1', kind: 'CronJob', metadata, spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template } } } };
}

describe('rollout proof', () => {
  let world: ClusterWorld;
  beforeEach(async () => {
    world = await inProcessCluster();
    plantNamespace(world.api);
  });
  afterEach(() => world.close());

  const annotated = (id = clientId): unknown => plantServiceAccount(world.api, { [annotation]: id });
  const prove = async (timeoutMs = 120_000): Promise<{ summary: string } | { problem: ProblemParts }> => {
    const { connection, clock } = world;
    const settings = { connection, clock, signal: world.abort.signal, release: 'orders', namespace: 'orders', serviceAccount: 'api', timeoutMs };
    const proof = new RolloutProof(settings, { namespace: value('orders'), clientId: value(clientId), tenantId: value(tenantId) }, []);
    const [result] = (await world.run([], [proof])).proofs;
    assert.ok(result !== undefined);
    const { outcome } = result;
    if ('problem' in outcome) return { problem: outcome.problem };
    assert.equal(outcome.level, 'observed');
    return { summary: outcome.summary };
  };
  const fails = async (timeoutMs?: number): Promise<ProblemParts> => {
    const result = await prove(timeoutMs);
    assert.ok('problem' in result, 'the proof should have failed');
    return result.problem;
  };
  const passes = async (): Promise<string> => {
    const result = await prove();
    assert.ok('summary' in result, JSON.stringify(result));
    return result.summary;
  };

  for (const version of ['1.5.1', '1.6.0'] as const) {
    for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet'] as const) {
      it(`waits for a ${kind} and sees the identity that webhook ${version} injects`, async () => {
        world.knobs.webhook.version = version;
        annotated();
        world.api.put(workload(kind, 'api', { sidecar: true }));
        assert.match(await passes(), new RegExp(`2 of 2 running pods of orders/orders have client id ${clientId}`));
        assert.deepEqual(writesOf(world), []);
      });
    }
  }

  it('counts pods of other service accounts and other releases apart', async () => {
    annotated();
    world.api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'cache' } });
    world.api.put(workload('Deployment', 'api', { replicas: 3 }));
    world.api.put(workload('Deployment', 'cache', { serviceAccount: 'cache', labels: {} }));
    const foreign = workload('Deployment', 'foreign', { labels: {} });
    foreign.metadata.annotations = { 'meta.helm.sh/release-name': 'other', 'meta.helm.sh/release-namespace': 'orders' };
    world.api.put(foreign);
    assert.match(await passes(), /^3 of 3 running pods .*; 2 more of the release run as other service accounts$/);
  });

  it('honours the containers that the pod itself excludes', async () => {
    annotated();
    world.api.put(workload('Deployment', 'api', { sidecar: true, annotations: { 'azure.workload.identity/skip-containers': 'sidecar' } }));
    await passes();
  });

  it('says that the label is missing, and where', async () => {
    annotated();
    world.api.put(workload('Deployment', 'api', { labels: {} }));
    const problem = await fails();
    assert.equal(problem.code, 'WI4301');
    assert.match(problem.what, /2 of 2 running pods of orders\/orders on aks-dev-weu-1/);
    assert.match(problem.because, /lacks the label azure\.workload\.identity\/use: "true", and so does the template of deployment orders\/api/);
  });

  it('says that the annotation is missing', async () => {
    plantServiceAccount(world.api);
    world.api.put(workload('Deployment', 'api', {}));
    const problem = await fails();
    assert.equal(problem.code, 'WI4302');
    assert.match(problem.because, /service account orders\/api has no annotation azure\.workload\.identity\/client-id/);
  });

  it('says that the annotation names another identity', async () => {
    annotated(otherClientId);
    world.api.put(workload('Deployment', 'api', {}));
    const problem = await fails();
    assert.equal(problem.code, 'WI4302');
    assert.match(problem.because, new RegExp(`carries .*${otherClientId}, another identity than ${clientId}`));
  });

  it('says that the webhook did not act, and names it', async () => {
    world.knobs.webhook.enabled = false;
    annotated();
    world.api.put(workload('Deployment', 'api', {}));
    const problem = await fails();
    assert.equal(problem.code, 'WI4303');
    assert.match(problem.because, /mutating webhook mutation\.azure-workload-identity\.io did not act on pod api-/);
    assert.match(problem.because, /no MutatingWebhookConfiguration of the cluster has it/);
  });

  it('says so also when the webhook came after the pods, or its configuration may not be read', async () => {
    world.knobs.webhook.enabled = false;
    annotated();
    world.api.put(workload('Deployment', 'api', {}));
    world.clock.monotonic();
    await fails();
    world.knobs.webhook.enabled = true;
    assert.match((await fails()).because, /it is registered in azure-wi-webhook-mutating-webhook-configuration/);
    world.knobs.allows = ({ resource }) => resource !== 'mutatingwebhookconfigurations';
    assert.match((await fails()).because, /its configuration may not be read/);
  });

  it('says that pods predate the annotation', async () => {
    plantServiceAccount(world.api);
    world.api.put(workload('Deployment', 'api', {}));
    await fails();
    world.api.edit('ServiceAccount', 'orders', 'api', (object) => {
      object.metadata.annotations = { [annotation]: clientId };
    });
    const problem = await fails();
    assert.equal(problem.code, 'WI4304');
    assert.match(problem.because, /was created at .*, before the service account carried this identity: container api has no AZURE_CLIENT_ID/);
    assert.match(problem.remedy, /kubectl rollout restart deployment api/);
  });

  it('says that the chart sets the variable itself', async () => {
    annotated();
    world.api.put(workload('Deployment', 'api', { env: [{ name: 'AZURE_CLIENT_ID', value: otherClientId }] }));
    const problem = await fails();
    assert.equal(problem.code, 'WI4308');
    assert.match(problem.because, /deployment orders\/api itself sets AZURE_CLIENT_ID of container api/);
  });

  it('says that a token file is not what it should be', async () => {
    annotated();
    world.api.put(workload('Deployment', 'api', { env: [{ name: 'AZURE_FEDERATED_TOKEN_FILE', value: '/tmp/token' }] }));
    const problem = await fails();
    assert.equal(problem.code, 'WI4309');
    assert.match(problem.because, /has no volume mounted at \/tmp\/token/);
  });

  it('says that nothing runs where something should', async () => {
    annotated();
    world.api.put(workload('Deployment', 'api', {}));
    await passes();
    world.network.faults.plant({ path: /\/pods\?/, respond: { status: 200, body: { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [] } } });
    const none = await fails();
    assert.equal(none.code, 'WI4305');
    assert.match(none.because, /^deployment orders\/api has no running pod$/);
  });

  it('looks at the templates of what is scaled down to zero', async () => {
    annotated();
    world.api.put(workload('Deployment', 'api', { replicas: 0 }));
    world.api.put(workload('StatefulSet', 'queue', { replicas: 0 }));
    const carried = `service account orders/api carries client id ${clientId}`;
    assert.equal(await passes(), `no pod runs now; ${carried} and the pod template of deployment orders/api, stateful set orders/queue has the label`);
    world.api.put(workload('StatefulSet', 'bare', { replicas: 0, labels: {} }));
    const bare = await fails();
    assert.equal(bare.code, 'WI4301');
    assert.match(bare.because, /^the pod template of stateful set orders\/bare lacks the label/);
    assert.match(bare.what, /^The next pods of orders\/orders on aks-dev-weu-1 would not have this identity$/);
    assert.deepEqual(writesOf(world), []);
  });

  it('looks at the service account where nothing runs', async () => {
    annotated(otherClientId);
    world.api.put(workload('Deployment', 'api', { replicas: 0 }));
    assert.match((await fails()).because, new RegExp(`carries .*${otherClientId}, another identity than ${clientId}`));
    world.api.remove('ServiceAccount', 'orders', 'api');
    const gone = await fails();
    assert.equal(gone.code, 'WI4302');
    assert.match(gone.because, /does not exist any more/);
  });

  it('looks at the templates of jobs where no workload runs as the service account', async () => {
    annotated();
    world.api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'cache' } });
    world.api.put(workload('Deployment', 'cache', { serviceAccount: 'cache', labels: {} }));
    assert.match(await passes(), /^no pod runs now; .*; nothing else to look at is left in the cluster$/);
    world.api.put(cronJob('nightly', { [use]: 'true' }));
    world.api.put({ ...cronJob('foreign', {}), metadata: { namespace: 'orders', name: 'foreign', labels: { 'app.kubernetes.io/managed-by': 'Helm' } } });
    assert.match(await passes(), /^no pod runs now, but for what cron job orders\/nightly may have started; .* and the pod template of cron job orders\/nightly has the label$/);
    world.api.put(cronJob('hourly', {}));
    assert.match((await fails()).because, /^the pod template of cron job orders\/hourly lacks the label/);
    world.knobs.allows = ({ resource, verb }) => !(resource === 'cronjobs' && verb === 'list');
    assert.match(await passes(), /nothing else to look at is left/);
  });

  it('says how far a rollout came that does not end, and what refuses its pods', async () => {
    world.knobs.webhook.reachable = false;
    annotated();
    world.api.put(workload('Deployment', 'api', {}));
    const problem = await fails(30_000);
    assert.equal(problem.code, 'WI4307');
    assert.match(problem.because, /0 of 2 pods updated, 0 ready/);
    assert.match(problem.because, /failed calling webhook/);
    assert.ok(world.clock.monotonic() <= 30_000);
  });
});
