import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import type { KubernetesObject } from '../../simulators/kubernetes/objects/values.js';
import { itemsAt, textAt } from '../../simulators/kubernetes/objects/values.js';
import { DeployWorld } from './deploy-world.js';
import { workloadManifests } from './workload-manifests.js';

const image = 'contoso.azurecr.io/orders/api:fresh';

interface Landing {
  readonly account?: string;
  readonly spec?: string;
}

const manifests = ({ account = '', spec = '' }: Landing): string => workloadManifests(
  `${spec}      imagePullSecrets:
      - name: acr
      containers:
      - {name: api, image: "contoso.azurecr.io/orders/api:1", env: [{name: REGISTRY_PASSWORD, value: x}]}
`,
  account,
);

const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
const nodeOf = (pool: string, more: { readonly labels?: Record<string, string>; readonly taints?: object[]; readonly status?: object } = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: `aks-${pool}-0`, labels: { 'kubernetes.azure.com/agentpool': pool, 'kubernetes.io/os': 'linux', ...more.labels } },
  spec: more.taints === undefined ? {} : { taints: more.taints },
  status: { ...ready, ...more.status },
});
const cachedThere = { images: [{ names: [image], sizeBytes: 1 }] };
const withoutSecret = (pod: KubernetesObject): boolean => itemsAt(pod, 'spec', 'imagePullSecrets').every((one) => textAt(one, 'name') !== 'acr');

describe('pulling without an image pull secret', function () {
  this.timeout(20_000);
  let world: DeployWorld;
  let folder: string;
  let seen: { node: string; labels: string[]; secrets: string[] }[];
  let onPull: () => void = () => undefined;
  const inputs = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({ source: 'manifests', manifests: join(folder, 'api.yaml'), chart: '', values: '', releaseName: 'orders', plainSecrets: 'warn', removeCredentials: 'env:REGISTRY_PASSWORD, imagePullSecret:acr', pullProofImage: image, timeoutInMinutes: '3', ...more });
  const write = (landing: Landing = {}): void => writeFileSync(join(folder, 'api.yaml'), manifests(landing));
  const secrets = (): string[] => itemsAt(world.api.find('Deployment', 'orders', 'api'), 'spec', 'template', 'spec', 'imagePullSecrets').map((one) => textAt(one, 'name'));
  const failing = async (code: string): Promise<ProblemParts> => {
    const problem = await world.fails('', inputs());
    assert.equal(problem.code, code, JSON.stringify(problem));
    assert.match(problem.remedy, /; env:REGISTRY_PASSWORD, imagePullSecret:acr are taken out only after that$/);
    assert.deepEqual(secrets(), ['acr']);
    assert.deepEqual(world.api.list('Pod', 'orders').filter(({ metadata }) => metadata.name.startsWith('wi-pull-')), []);
    return problem;
  };
  const place = (node: KubernetesObject): void => {
    if (world.api.list('Node', undefined).some(({ metadata }) => metadata.name === node.metadata.name)) world.api.remove('Node', undefined, node.metadata.name);
    world.api.put(node);
  };
  before(async () => {
    world = await DeployWorld.start();
    folder = mkdtempSync(join(tmpdir(), 'aks-wi-pull-'));
    world.rig.network.faults.plant({
      service: 'kubernetes',
      method: 'PATCH',
      path: /\/pods\/wi-pull-/,
      then: (_request, { body }) => {
        const pod = body as KubernetesObject;
        onPull();
        seen.push({ node: textAt(pod, 'spec', 'nodeName'), labels: Object.keys(pod.metadata.labels ?? {}), secrets: itemsAt(pod, 'spec', 'imagePullSecrets').map((one) => textAt(one, 'name')) });
      },
    });
    write();
    await world.succeeds('', inputs({ registryAuth: 'admin-user' }));
  });
  beforeEach(() => (seen = []));
  after(() => rmSync(folder, { recursive: true }));

  it('leaves everything in where a pool of two cannot pull, and names it', async () => {
    place(nodeOf('user'));
    const undo = world.api.failImage(/:fresh$/, 'ErrImagePull', '401 Unauthorized', (pod) => textAt(pod, 'spec', 'nodeName').includes('-user-') && withoutSecret(pod));
    const problem = await failing('WI4803');
    undo();
    assert.match(`${problem.what} ${problem.because}`, /^Node pool user of aks-1 cannot pull .* without acr pod wi-pull-orders-user container pull: ImagePullBackOff/);
    assert.deepEqual(seen.map(({ node }) => node).sort(), ['aks-nodepool1-12345678-vmss000000', 'aks-user-0']);
  });

  it('leaves everything in where every node of a pool has the image', async () => {
    place(nodeOf('user', { status: cachedThere }));
    const problem = await failing('WI4805');
    assert.match(problem.what, /^Every node of pool user of aks-1 has contoso\.azurecr\.io\/orders\/api:fresh already/);
    assert.deepEqual(seen, []);
  });

  it('leaves everything in where a pool has no ready node, and passes over pools that the pods are kept off', async () => {
    place(nodeOf('user', { status: { conditions: [{ type: 'Ready', status: 'False' }] } }));
    assert.match((await failing('WI4806')).because, /^none of its 1 nodes/);
    place(nodeOf('user', { taints: [{ key: 'sku', value: 'gpu', effect: 'NoSchedule' }], status: { conditions: [] } }));
    const undo = world.api.failImage(/:fresh$/, 'ErrImagePull', 'down', withoutSecret);
    await failing('WI4803');
    undo();
    assert.deepEqual(seen.map(({ node }) => node), ['aks-nodepool1-12345678-vmss000000']);
  });

  it('leaves everything in where a pool that Azure has is empty at the moment', async () => {
    const { arm } = world.rig.world;
    const pools = arm.clusters.find('aks-1').resource.properties.agentPoolProfiles as object[];
    arm.clusters.edit('aks-1', { agentPoolProfiles: [...pools, { name: 'gpu', count: 0, nodeTaints: ['sku=gpu:NoSchedule'] }, { name: 'batch', count: 0 }] });
    const problem = await failing('WI4806');
    assert.match(`${problem.what} ${problem.because}`, /^Node pool batch of aks-1 has no ready node .* it has no node at the moment/);
    arm.clusters.edit('aks-1', { agentPoolProfiles: pools });
  });

  it('leaves everything in where the service account gives its pods the secret', async () => {
    world.api.edit('ServiceAccount', 'orders', 'api', (account) => void Object.assign(account, { imagePullSecrets: [{ name: 'acr' }] }));
    assert.match((await failing('WI4807')).because, /service account orders\/api names it in imagePullSecrets/);
    world.api.edit('ServiceAccount', 'orders', 'api', (account) => { delete account.imagePullSecrets; });
  });

  it('removes what a killed run left, pulls, and takes all of it out', async () => {
    world.api.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'wi-pull-orders-old', namespace: 'orders', labels: { 'aks-workload-identity/pull': 'orders' } }, spec: { nodeName: 'gone', containers: [{ name: 'pull', image }] } });
    const result = await world.succeeds('', inputs());
    assert.deepEqual(seen, [{ node: 'aks-nodepool1-12345678-vmss000000', labels: ['aks-workload-identity/pull'], secrets: [] }]);
    assert.deepEqual(secrets(), []);
    assert.deepEqual(world.api.list('Pod', 'orders').filter(({ metadata }) => metadata.name.startsWith('wi-pull-')), []);
    const change = result.plan.find(({ resource }) => resource.kind.endsWith('without registry credentials'))?.change;
    assert.deepEqual(change !== undefined && 'fields' in change ? change.fields.map(({ field }) => field) : [], ['env:REGISTRY_PASSWORD', 'imagePullSecret:acr']);
    seen = [];
    const again = await world.succeeds('', inputs());
    assert.ok(again.applied.every(({ outcome }) => outcome.result === 'kept'));
    assert.deepEqual(seen, []);
  });

  it('asks without the secrets of a service account that loses them together with the pods', async () => {
    write({ account: 'imagePullSecrets:\n- name: acr\n' });
    await world.succeeds('', inputs({ registryAuth: 'admin-user' }));
    await world.succeeds('', inputs());
    assert.deepEqual(seen.map(({ secrets: names }) => names), [['wi-pull-no-secret']]);
    assert.deepEqual(itemsAt(world.api.find('ServiceAccount', 'orders', 'api'), 'imagePullSecrets'), []);
    assert.deepEqual(secrets(), []);
  });

  it('asks for the rights beforehand', async () => {
    const { result } = await world.deploy('', inputs({ removeCredentials: 'imagePullSecret:acr' }), { dryRun: true });
    const asked = result.preflight.permissions.map(({ action, scope }) => `${action} ${scope.split('/').slice(-2).join('/')}`);
    assert.deepEqual(asked.filter((one) => / (nodes|pods) /.test(one) && !one.startsWith('list pods')), ['list nodes managedClusters/aks-1', ...['get', 'create', 'patch', 'delete'].map((verb) => `${verb} pods namespaces/orders`)]);
  });

  it('removes its pods where the run is cancelled', async () => {
    onPull = () => world.rig.abort.abort(new Error('cancelled'));
    const { result } = await world.deploy('', inputs({ removeCredentials: 'imagePullSecret:acr' }));
    assert.equal(result.result, 'failed');
    assert.deepEqual(world.api.list('Pod', 'orders').filter(({ metadata }) => metadata.name.startsWith('wi-pull-')), []);
    assert.deepEqual(secrets(), ['acr']);
  });
});
