import assert from 'node:assert/strict';
import { RolloutProof } from '../../../tasks/_shared/kubernetes/rollout-proof.js';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import { clientId, inProcessCluster, plantNamespace, plantServiceAccount, tenantId, type ClusterWorld } from './cluster-world.js';
import { workload } from './rollout-workloads.js';

describe('a rollout that cannot end', () => {
  let world: ClusterWorld;
  beforeEach(async () => {
    world = await inProcessCluster();
    plantNamespace(world.api);
    plantServiceAccount(world.api, { 'azure.workload.identity/client-id': clientId });
  });
  afterEach(() => world.close());

  const prove = async (timeoutMs: number): Promise<ProblemParts | undefined> => {
    const { connection, clock } = world;
    const settings = { connection, clock, signal: world.abort.signal, release: 'orders', namespace: 'orders', serviceAccount: 'api', timeoutMs };
    const proof = new RolloutProof(settings, { namespace: value('orders'), clientId: value(clientId), tenantId: value(tenantId) }, []);
    const outcome = (await world.run([], [proof])).proofs[0]?.outcome;
    assert.ok(outcome !== undefined);
    return 'problem' in outcome ? outcome.problem : undefined;
  };
  const event = (kind: string, name: string, reason: string, message: string): void => {
    const { metadata: { uid = '' } = {} } = world.api.find(kind, 'orders', name) ?? {};
    world.api.put({ apiVersion: 'v1', kind: 'Event', metadata: { namespace: 'orders', name: `${name}.${reason.toLowerCase()}` }, type: 'Warning', reason, message, involvedObject: { kind, namespace: 'orders', name, uid } });
  };
  const minutes = 60_000;
  /** Fails the rollout well before its ten minutes are over, and not sooner than the cause deserves. */
  const endsAfter = async (least: number, most: number): Promise<ProblemParts> => {
    const problem = await prove(10 * minutes);
    assert.ok(problem?.code === 'WI4306', JSON.stringify(problem));
    const waited = world.clock.monotonic();
    assert.ok(waited >= least * minutes && waited < most * minutes, `${waited} ms`);
    return problem;
  };

  it('names pod, container and reason of an image that cannot be pulled', async () => {
    world.api.failImage(/broken/);
    world.api.put(workload('Deployment', 'api', { image: 'contoso/broken:1' }));
    assert.match((await endsAfter(2, 3)).because, /pod api-\S+ container api: ImagePullBackOff \(Back-off pulling image "contoso\/broken:1"\)/);
  });

  it('names an image whose name is none, at once', async () => {
    world.api.failImage(/broken/, 'InvalidImageName', 'couldn’t parse image name');
    world.api.put(workload('Deployment', 'api', { image: 'contoso/broken:1' }));
    assert.match((await endsAfter(0, 1)).because, /InvalidImageName/);
  });

  it('names a container that crashes, with the last lines of its log and without the secrets in them', async () => {
    world.api.crashImage(/broken/);
    world.api.setLogs('orders', 'api-0', ['starting', 'db: postgres://orders:hunter2@db/orders', 'token=s3cr3t-of-orders', 'no database']);
    world.api.put(workload('StatefulSet', 'api', { image: 'contoso/broken:1' }));
    const { because } = await endsAfter(3, 4);
    assert.match(because, /pod api-0 container api: CrashLoopBackOff \(back-off 10s restarting failed container=api; Error, exit code 1, 1 restarts\)/);
    assert.match(because, /last lines of container api: starting \| db: postgres:\/\/\*\*\*@db\/orders \| token=\*\*\* \| no database$/);
  });

  it('says that log and events may not be read, and goes on', async () => {
    world.api.crashImage(/broken/);
    world.api.put(workload('StatefulSet', 'api', { image: 'contoso/broken:1' }));
    world.knobs.allows = ({ resource }) => resource !== 'pods/log' && resource !== 'events';
    assert.match((await endsAfter(3, 4)).because, /CrashLoopBackOff .*; its events may not be read; the log of container api may not be read \(get pods\/log\)$/);
  });

  it('says so too where the way to the cluster has no logs', async () => {
    world.api.crashImage(/broken/);
    world.api.put(workload('StatefulSet', 'api', { image: 'contoso/broken:1' }));
    Object.assign(world.connection, { podLog: undefined });
    assert.match((await endsAfter(3, 4)).because, /the log of container api cannot be read through this connection$/);
  });

  it('names a pod that finds no node, after the time that an autoscaler needs, with what the scheduler says', async () => {
    world.api.holdPods(/big/, '0/2 nodes are available: 2 Insufficient memory.');
    world.api.put(workload('Deployment', 'api', { image: 'contoso/big:1' }));
    const { because } = await endsAfter(5, 6);
    assert.match(because, /^pod api-\S+: Unschedulable \(0\/2 nodes are available: 2 Insufficient memory\.\)/);
  });

  it('tells the warnings of a pod beside its own state', async () => {
    world.api.failImage(/broken/);
    world.api.put(workload('StatefulSet', 'api', { image: 'contoso/broken:1', replicas: 1 }));
    event('Pod', 'api-0', 'Failed', 'Failed to pull image "contoso/broken:1": 401 Unauthorized');
    assert.match((await endsAfter(2, 3)).because, /; events of pod api-0: Failed: Failed to pull image "contoso\/broken:1": 401 Unauthorized$/);
  });

  it('names the quota that refuses the pods of a deployment', async () => {
    world.api.refusePods(/api/, 'pods "api-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4');
    world.api.put(workload('Deployment', 'api', {}));
    assert.match((await endsAfter(2, 3)).because, /^deployment orders\/api: FailedCreate \(pods "api-x" is forbidden: exceeded quota: small/);
  });

  for (const kind of ['StatefulSet', 'DaemonSet'] as const) {
    it(`names the policy that refuses the pods of a ${kind}, which only its events tell`, async () => {
      world.api.refusePods(/api/, 'admission webhook "validation.gatekeeper.sh" denied the request: no');
      world.api.put(workload(kind, 'api', {}));
      event(kind, 'api', 'FailedCreate', 'create Pod api-0 failed error: admission webhook "validation.gatekeeper.sh" denied the request: no');
      assert.match((await endsAfter(2, 3)).because, /orders\/api: FailedCreate \(create Pod api-0 failed error: admission webhook "validation\.gatekeeper\.sh" denied the request: no\)/);
    });
  }

  it('passes over what passes: a trouble that ends in time', async () => {
    const undo = world.api.failImage(/late/);
    world.api.put(workload('Deployment', 'api', { image: 'contoso/late:1' }));
    void world.clock.sleep(90_000).then(undo);
    assert.equal(await prove(10 * minutes), undefined);
  });

  it('passes over pods of the former template: the new ones decide', async () => {
    world.api.crashImage(/old/);
    world.api.put(workload('Deployment', 'api', { image: 'contoso/old:1' }));
    await world.clock.sleep(60_000);
    world.api.list('Pod', 'orders');
    world.api.edit('Deployment', 'orders', 'api', ({ spec }) => {
      const [container] = (spec as { template: { spec: { containers: { image: string }[] } } }).template.spec.containers;
      if (container !== undefined) container.image = 'contoso/new:1';
    });
    assert.equal(await prove(10 * minutes), undefined);
  });
});
