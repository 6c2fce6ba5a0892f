import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { openByRunCommand } from '../../../tasks/_shared/kubernetes/run-command-connection.js';
import { runInPod } from '../../simulators/world/command-pod.js';
import { helmOf } from '../../tools/kube-tools.js';
import { token, verdictOf, writesOf, type ClusterSession } from '../../unit/kubernetes/cluster-world.js';
import { deployRelease, told, type ReleaseRun } from '../../unit/kubernetes/release-world.js';
import { account, config, deployed, deployment, file, refused, service } from '../../unit/kubernetes/set-world.js';
import { eachWithCluster, real, title, type Cluster } from './backend.js';

const folder = fileURLToPath(new URL('../../fixtures/contoso/charts/orders-api/', import.meta.url));
/** Time goes twenty times as fast on the simulator, and commands take as long as they take. */
const failingMs = real ? 20_000 : 240_000;
const values = (tag: string): string => `{serviceAccount: {create: true}, image: {tag: ${tag}}}`;

// A shell, kubectl and helm stand in for the pod in which AKS runs commands. The agent's helm only renders; the one in the pod is of the other major.
for (const major of process.platform === 'win32' ? [] : real ? ([3, 4] as const) : ([3] as const)) {
  describe(`deployments by run command with helm ${major} to ${title}`, () => {
    let cluster: Cluster;
    let world: ClusterSession;
    let helmPath: string;
    before(async () => {
      helmPath = await helmOf(major === 3 ? 4 : 3);
    });
    eachWithCluster((given) => {
      cluster = given;
      const { place, clock, abort: { signal }, connection: { label, clusterId }, temp: tempDirectory } = given;
      const run = async (command: string, context: string): Promise<{ exitCode: number; logs: string }> => {
        const { exitCode, output } = await runInPod(major, place, { command, context: Buffer.from(context, 'base64'), token });
        return { exitCode, logs: output };
      };
      world = { ...given, connection: openByRunCommand({ label, clusterId, rights: [], clock, signal, run, progress: () => undefined, environment: process.env, tempDirectory }) };
    });

    const orders = (tag: string, timeoutMs = 240_000): Promise<ReleaseRun> => deployRelease(world, { helmPath, release: 'orders', namespace: cluster.namespace, chart: { folder, valuesFiles: [], values: values(tag) }, timeoutMs });
    const succeeded = ({ result }: ReleaseRun): void => assert.equal(result.result, 'succeeded', told(result));
    const revisions = async (): Promise<string[]> => (await cluster.list('Secret')).map(({ metadata: { labels } }) => `${labels?.version ?? ''} ${labels?.status ?? ''}`).sort();
    const deploy = (manifests: string, more: { timeoutMs?: number } = {}): ReturnType<typeof deployed> => deployed(world, { manifests, namespace: cluster.namespace, timeoutMs: 240_000, ...more });
    const mode = async (): Promise<unknown> => (await cluster.find('ConfigMap', 'settings'))?.data;

    // On the simulator: tests/unit/tasks/deploy-by-run-command.test.ts, which goes the whole way from the inputs.
    if (real) it('install a chart, write nothing the second time, neither directly, and go back from an image that is missing', async () => {
      succeeded(await orders('1.0.0'));
      cluster.network.log.clear();
      succeeded(await orders('1.0.0'));
      succeeded(await deployRelease(cluster, { helmPath, release: 'orders', namespace: cluster.namespace, chart: { folder, valuesFiles: [], values: values('1.0.0') } }));
      assert.deepEqual(writesOf(cluster), []);
      cluster.failImage(/:missing$/);
      const { result, release } = await orders('missing', failingMs);
      const { problem } = verdictOf(result, release.key);
      assert.match(problem?.because ?? told(result), /pod orders-\S+ container api: (ErrImagePull|ImagePullBackOff) /);
      assert.match(problem?.remedy ?? '', /the release has what revision 1 had, as revision 3/);
      assert.deepEqual(await revisions(), ['1 superseded', '2 superseded', '3 deployed']);
    });

    it('apply manifests, write nothing the second time, delete what is gone from them, and go back to what ran before', async () => {
      const all = file(account, config(), service, deployment());
      assert.equal((await deploy(all)).action, 'create');
      cluster.network.log.clear();
      assert.equal((await deploy(all)).reason, 'its 4 objects are as they were applied (revision 1)');
      assert.equal((await deployed(cluster, { manifests: all, namespace: cluster.namespace })).action, 'keep');
      assert.deepEqual(writesOf(cluster), []);
      const { fields } = await deploy(file(account, config('b'), deployment()));
      assert.deepEqual(fields.map(({ field, after }) => [field.split(' ')[0], after === 'deleted']), [['config', false], ['service', true]]);
      assert.deepEqual([await mode(), await cluster.find('Service', 'api')], [{ mode: 'b' }, undefined]);
      cluster.failImage(/broken/);
      const { remedy } = await refused(world, { manifests: file(account, config('c'), deployment('broken:1')), namespace: cluster.namespace, timeoutMs: failingMs });
      assert.match(remedy, /the set is as revision 2 was again/);
      assert.deepEqual(await mode(), { mode: 'b' });
    });

    it('refuse manifests whose Secrets have values, and remember nothing of them that a command would print', async () => {
      const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {key: canary-value}\n';
      const problem = await refused(world, { manifests: file(account, config(), deployment(), secret), namespace: cluster.namespace });
      assert.ok([problem, ...(problem.details ?? []).map(({ parts }) => parts)].some(({ code }) => code === 'WI4510'), JSON.stringify(problem));
      assert.deepEqual(writesOf(cluster), []);
      await deployed(cluster, { manifests: file(account, config(), deployment(), secret), namespace: cluster.namespace });
      const unread = await refused(world, { manifests: file(account, config(), deployment()), namespace: cluster.namespace });
      assert.equal(unread.code, 'WI4511');
    });
  });
}
