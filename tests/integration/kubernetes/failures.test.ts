import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import { helmOf } from '../../tools/kube-tools.js';
import { writeFiles } from '../../tools/write-files.js';
import { chartShapes } from '../../unit/kubernetes/chart-shapes.js';
import { verdictOf } from '../../unit/kubernetes/cluster-world.js';
import { deployRelease, told, type ReleaseRun } from '../../unit/kubernetes/release-world.js';
import { eachWithCluster, real, title, type Cluster } from './backend.js';

const plain = chartShapes.find(({ title: shape }) => shape === 'a service account without annotations') ?? assert.fail();
/** Long enough for the controllers to say why no pod comes. Milliseconds. */
const timeoutMs = real ? 6_000 : 2_000;

for (const major of real ? ([3, 4] as const) : ([4] as const)) {
  describe(`what helm ${major} cannot deploy to ${title}`, () => {
    let cluster: Cluster;
    let helmPath: string;
    let folder: string;
    before(async () => {
      helmPath = await helmOf(major);
      folder = await mkdtemp(join(tmpdir(), 'aks-wi-chart-'));
      await writeFiles(folder, plain.files);
    });
    after(() => rm(folder, { recursive: true }));
    eachWithCluster((given) => {
      cluster = given;
    });

    const makeNamespace = (labels: Record<string, string> = {}): Promise<void> => cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: cluster.namespace, labels } });
    const deploy = (limitMs = timeoutMs): Promise<ReleaseRun> =>
      deployRelease(cluster, { helmPath, release: 'orders', namespace: cluster.namespace, chart: { folder, valuesFiles: [], values: '' }, timeoutMs: limitMs });
    const failure = async (): Promise<ProblemParts> => {
      const { result, release } = await deploy();
      assert.equal(result.result, 'failed', told(result));
      return verdictOf(result, release.key).problem ?? assert.fail(told(result));
    };

    /** Does something once, when the deployment has been stored: helm 3 posts it, helm 4 applies it. */
    const whenDeployed = (act: () => void): void => {
      let done = false;
      const path = /\/deployments/;
      for (const method of ['POST', 'PATCH']) {
        cluster.network.faults.plant({ method, path, times: 1, then: () => {
          if (!done) act();
          done = true;
        } });
      }
    };

    it('is told to exceed a quota', async () => {
      await makeNamespace();
      await cluster.put({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'few', namespace: cluster.namespace }, spec: { hard: { pods: '0' } } });
      const { code, because } = await failure();
      assert.equal(code, 'WI4209');
      assert.match(because, /deployment orders-\d+\/app: FailedCreate \(.*exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0/);
    });

    it('is told to break the Pod Security level of its namespace', async () => {
      await makeNamespace({ 'pod-security.kubernetes.io/enforce': 'restricted' });
      const { code, because } = await failure();
      assert.equal(code, 'WI4209');
      assert.match(because, /deployment orders-\d+\/app: FailedCreate \(.*violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "app" must set securityContext\.allowPrivilegeEscalation=false\)/);
    });

    // The rest costs a helm each, and is tried on the simulator in tests/unit/kubernetes/release-rollback.test.ts and rollout-proof.test.ts.
    if (!real) return;

    it('is told to have no webhook that answers', async () => {
      await makeNamespace();
      cluster.knobs.webhook.reachable = false;
      const { code, because } = await failure();
      assert.equal(code, 'WI4209');
      assert.match(because, /deployment orders-\d+\/app: FailedCreate \(.*failed calling webhook "mutation\.azure-workload-identity\.io"/);
    });

    it('is told to wait for a node that never comes', async () => {
      await makeNamespace();
      cluster.holdImage(/contoso\/app/, '0/2 nodes are available: 2 Insufficient cpu.');
      const { code, because } = await failure();
      assert.equal(code, 'WI4209');
      assert.match(because, /pod app-\S+: Unschedulable \(0\/2 nodes are available: 2 Insufficient cpu\.\)/);
    });

    it('is told to lack rights that were taken away in the middle of the rollout', async () => {
      await makeNamespace();
      cluster.slowImage(/contoso\/app/, 4_000);
      let revoked = false;
      whenDeployed(() => {
        revoked = true;
      });
      cluster.knobs.allows = () => !revoked;
      const { result, release } = await deploy(20_000);
      assert.equal(result.result, 'failed', told(result));
      const { problem } = verdictOf(result, release.key);
      assert.match(`${problem?.what ?? ''} ${problem?.because ?? ''}`, /forbidden/, told(result));
    });

    it('survives an API server that is restarted in the middle of the rollout', async () => {
      await makeNamespace();
      cluster.slowImage(/contoso\/app/, 8_000);
      let back = Promise.resolve();
      whenDeployed(() => {
        back = cluster.restart();
      });
      const { result } = await deploy(60_000);
      await back;
      assert.equal(result.result, 'succeeded', told(result));
    });

    // It takes two minutes, in which helm has no part.
    if (major === 3) return;

    it('is told to be unknown where the API server is gone past the deadline', async () => {
      await makeNamespace();
      cluster.slowImage(/contoso\/app/, 60_000);
      whenDeployed(() => void cluster.network.faults.plant({ drop: 'before' }));
      const { result, release } = await deploy(6_000);
      assert.equal(result.result, 'failed', told(result));
      const { code, because, remedy } = verdictOf(result, release.key).problem ?? assert.fail(told(result));
      assert.equal(code, 'WI4213');
      assert.match(because, /then the rollback failed: .*failed, reason: socket hang up/s);
      assert.match(remedy, /neither the old nor the new one for certain$/);
    });
  });
}
