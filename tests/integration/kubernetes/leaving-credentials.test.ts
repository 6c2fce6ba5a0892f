import assert from 'node:assert/strict';
import type { NamedCredential } from '../../../tasks/_shared/kubernetes/named-credentials.js';
import { PullRehearsal, type PullSettings } from '../../../tasks/_shared/kubernetes/pull-rehearsal.js';
import type { Writer } from '../../../tasks/_shared/reconcile/resource.js';
import { itemsAt, textAt } from '../../simulators/kubernetes/objects/values.js';
import { writesOf } from '../../unit/kubernetes/cluster-world.js';
import { deployed } from '../../unit/kubernetes/set-world.js';
import { workloadManifests } from '../../unit/tasks/workload-manifests.js';
import { eachWithCluster, title, type Cluster } from './backend.js';

const image = 'contoso.azurecr.io/orders/api:fresh';
const without: readonly NamedCredential[] = [{ kind: 'env', name: 'PASSWORD' }, { kind: 'mount', name: 'docker' }, { kind: 'imagePullSecret', name: 'acr' }];
const manifests = workloadManifests(`      imagePullSecrets:
      - name: acr
      containers:
      - name: main
        image: "api:1"
        env:
        - name: PASSWORD
          valueFrom: {secretKeyRef: {name: acr, key: password, optional: true}}
        volumeMounts:
        - {name: docker, mountPath: /docker}
      volumes:
      - name: docker
        emptyDir: {}
`, 'imagePullSecrets:\n- name: acr\n');

describe(`leaving registry credentials on ${title}`, () => {
  let cluster: Cluster;
  eachWithCluster((given) => {
    cluster = given;
  });

  const deploy = (given: readonly NamedCredential[]): ReturnType<typeof deployed> => deployed(cluster, { manifests, namespace: cluster.namespace, ...(given.length === 0 ? {} : { without: given }) });
  const writer = (): Writer => ({ signal: cluster.abort.signal, permit: () => undefined, progress: () => undefined, write: (_intent, send) => send(() => undefined) });
  const rehearsal = (more: Partial<PullSettings> = {}): PullRehearsal => new PullRehearsal({ connection: cluster.connection, clock: cluster.clock, namespace: cluster.namespace, release: 'orders', serviceAccount: 'api', image, without: ['acr'], timeoutMs: 200_000, ...more });
  const wanted = { templates: [{ spec: {} }], accountLoses: false, pools: [] };

  it('takes out the only items of their lists, writes nothing the second time, and puts them back', async () => {
    const had = async (): Promise<number[]> => {
      const spec = await cluster.find('Deployment', 'api');
      const [container] = itemsAt(spec, 'spec', 'template', 'spec', 'containers');
      const account = await cluster.find('ServiceAccount', 'api');
      return [itemsAt(container, 'env'), itemsAt(container, 'volumeMounts'), itemsAt(spec, 'spec', 'template', 'spec', 'volumes'), itemsAt(spec, 'spec', 'template', 'spec', 'imagePullSecrets'), itemsAt(account, 'imagePullSecrets')].map(({ length }) => length);
    };
    await deploy([]);
    assert.deepEqual(await had(), [1, 1, 1, 1, 1]);
    await deploy(without);
    assert.deepEqual(await had(), [0, 0, 0, 0, 0]);
    cluster.network.log.clear();
    assert.equal((await deploy(without)).action, 'keep');
    assert.deepEqual(writesOf(cluster), []);
    assert.match((await deploy([])).reason, /^the registry credentials that were taken out come back/);
    assert.deepEqual(await had(), [1, 1, 1, 1, 1]);
  });

  it('tries a pull that is admitted under the level restricted, and leaves no pod behind', async () => {
    const { namespace } = cluster;
    await cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } });
    await cluster.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: 'api' } });
    await rehearsal().run(wanted, writer());
    assert.deepEqual((await cluster.list('Pod')).filter(({ metadata }) => metadata.deletionTimestamp === undefined), []);
  });

  it('finds the secret that a service account gives, and none in a pod that names another one', async () => {
    const { namespace } = cluster;
    await cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await cluster.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: 'api' }, imagePullSecrets: [{ name: 'acr' }] });
    await assert.rejects(rehearsal().run(wanted, writer()), (error: { code?: string }) => error.code === 'WI4807');
    await rehearsal().run({ ...wanted, accountLoses: true }, writer());
  });

  it('tells what the kubelet says of a pull that fails', async () => {
    const { namespace } = cluster;
    cluster.failImage(/:fresh$/);
    await cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await cluster.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: 'api' } });
    await assert.rejects(rehearsal({ timeoutMs: 5_000 }).run(wanted, writer()), (error: { code?: string; parts?: { because: string } }) => error.code === 'WI4803' && /ErrImagePull|ImagePullBackOff/.test(error.parts?.because ?? ''));
    assert.deepEqual((await cluster.list('Pod')).filter((pod) => textAt(pod, 'metadata', 'deletionTimestamp') === ''), []);
  });
});
