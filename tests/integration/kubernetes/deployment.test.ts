import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Namespace } from '../../../tasks/_shared/kubernetes/namespace.js';
import { ServiceAccount } from '../../../tasks/_shared/kubernetes/service-account.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { itemsAt, textAt, type KubernetesObject } from '../../simulators/kubernetes/objects/values.js';
import { helmOf } from '../../tools/kube-tools.js';
import { writeFiles } from '../../tools/write-files.js';
import { chartShapes } from '../../unit/kubernetes/chart-shapes.js';
import { clientId, otherClientId, tenantId, verdictOf, writesOf } from '../../unit/kubernetes/cluster-world.js';
import { deployRelease, told, type ReleaseRun, type ReleaseWish } from '../../unit/kubernetes/release-world.js';
import { eachWithCluster, real, title, type Cluster } from './backend.js';

const folder = fileURLToPath(new URL('../../fixtures/contoso/charts/orders-api/', import.meta.url));
const values = (tag: string): string => `{serviceAccount: {create: true}, image: {tag: ${tag}}}`;

/** The client id that each container of the running pods has. */
async function identities(cluster: Cluster): Promise<string[]> {
  const pods = (await cluster.list('Pod')).filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && textAt(status, 'phase') === 'Running');
  const variables = pods.flatMap((pod) => itemsAt(pod, 'spec', 'containers')).map((container) => itemsAt(container, 'env').find(({ name }) => name === 'AZURE_CLIENT_ID'));
  return variables.map((variable) => textAt(variable, 'value'));
}

// tests/unit/kubernetes runs the same with both majors on the simulator, and every chart shape; here it has one of each, to keep the suite itself right.
for (const major of real ? ([3, 4] as const) : ([4] as const)) {
  describe(`deployments with helm ${major} to ${title}`, () => {
    let cluster: Cluster;
    let helmPath: string;
    let files: string;
    before(async () => {
      helmPath = await helmOf(major);
    });
    eachWithCluster((given) => {
      cluster = given;
    });
    beforeEach(async () => {
      files = await mkdtemp(join(tmpdir(), 'aks-wi-chart-'));
    });
    afterEach(() => rm(files, { recursive: true }));

    const deploy = (wish: Partial<ReleaseWish> & Pick<ReleaseWish, 'chart'>): Promise<ReleaseRun> => deployRelease(cluster, { helmPath, release: 'orders', namespace: cluster.namespace, ...wish });
    const orders = (tag: string, more: Partial<ReleaseWish> = {}): Promise<ReleaseRun> => deploy({ chart: { folder, valuesFiles: [], values: values(tag) }, ...more });
    const succeeded = ({ result }: ReleaseRun): void => assert.equal(result.result, 'succeeded', told(result));
    const revisions = async (): Promise<string[]> => (await cluster.list('Secret')).map(({ metadata: { labels } }) => `${labels?.version ?? ''} ${labels?.status ?? ''}`).sort();
    const federate = (): Promise<RunResult> => {
      const inputs = { clientId: value(clientId), tenantId: value(tenantId) };
      const { connection, namespace } = cluster;
      return cluster.run([new Namespace(connection, namespace), new ServiceAccount(connection, { namespace, name: 'api' }, inputs)]);
    };

    it('install, are proven by their pods, write nothing the second time, and roll the pods for another identity', async () => {
      succeeded(await orders('1.0.0'));
      assert.deepEqual(await identities(cluster), [clientId, clientId]);
      cluster.network.log.clear();
      succeeded(await orders('1.0.0'));
      assert.deepEqual(writesOf(cluster), []);
      succeeded(await orders('1.0.1', { clientId: otherClientId }));
      assert.deepEqual(await identities(cluster), [otherClientId, otherClientId]);
      assert.deepEqual(await revisions(), ['1 superseded', '2 deployed']);
    });

    // On the simulator: tests/unit/kubernetes/helm-release.test.ts, release-rollback.test.ts and chart-shapes.test.ts.
    if (!real) return;

    it('adopt the service account that FederateServiceAccount made, and then let it be', async () => {
      assert.equal((await federate()).result, 'succeeded');
      succeeded(await orders('1.0.0'));
      assert.equal((await cluster.find('ServiceAccount', 'api'))?.metadata.annotations?.['meta.helm.sh/release-name'], 'orders');
      cluster.network.log.clear();
      succeeded(await orders('1.0.0'));
      assert.deepEqual(writesOf(cluster), []);
    });

    it('go back to what was deployed before when an image is missing, and have nothing to do then', async () => {
      succeeded(await orders('1.0.0'));
      cluster.failImage(/:missing$/);
      const { result, release } = await orders('missing', { timeoutMs: 5_000 });
      const { problem } = verdictOf(result, release.key);
      assert.equal(problem?.code, 'WI4209', told(result));
      assert.match(problem.because, /pod orders-\S+ container api: (ErrImagePull|ImagePullBackOff) /);
      assert.match(problem.remedy, /the release has what revision 1 had, as revision 3$/);
      assert.equal((await revisions()).at(-1), '3 deployed');
      cluster.network.log.clear();
      succeeded(await orders('1.0.0'));
      assert.deepEqual(writesOf(cluster), []);
    });

    it('leave nothing behind when the first one crashes', async () => {
      cluster.crashImage(/:crashing$/);
      const { result, release } = await orders('crashing', { timeoutMs: 5_000 });
      const { problem } = verdictOf(result, release.key);
      assert.equal(problem?.code, 'WI4209', told(result));
      assert.match(problem.because, /container api: CrashLoopBackOff/);
      assert.match(problem.remedy, /it was the first revision, and nothing of the release is left$/);
      assert.deepEqual(await revisions(), []);
      const left = (await Promise.all(['Deployment', 'Service', 'ServiceAccount'].map((kind) => cluster.list(kind)))).flat();
      assert.deepEqual(left.map(({ metadata }: KubernetesObject) => metadata.name).filter((name) => name !== 'default'), []);
    });

    for (const shape of chartShapes.filter(({ hooks }) => hooks !== true || major === 4)) {
      it(`give ${shape.title} its identity, and write nothing the second time`, async () => {
        await writeFiles(files, shape.files);
        if (shape.federated === true) assert.equal((await federate()).result, 'succeeded');
        const wish = { chart: { folder: files, valuesFiles: [], values: shape.values ?? '' } };
        succeeded(await deploy(wish));
        const workloads = (await Promise.all(['Deployment', 'StatefulSet', 'DaemonSet'].map((kind) => cluster.list(kind)))).flat();
        assert.equal(workloads.length, shape.rolls);
        assert.ok((await identities(cluster)).includes(clientId));
        cluster.network.log.clear();
        succeeded(await deploy(wish));
        assert.deepEqual(writesOf(cluster), []);
      });
    }
  });
}
