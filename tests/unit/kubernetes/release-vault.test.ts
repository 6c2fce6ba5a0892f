import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { object, objects } from '../../../tasks/_shared/fleet/json.js';
import { mountsOf, type VaultSecrets } from '../../../tasks/_shared/kubernetes/vault-secrets.js';
import { helmOf } from '../../tools/kube-tools.js';
import { clientId, loopbackCluster, plantNamespace, tenantId, type ClusterWorld } from './cluster-world.js';
import { deployRelease, told, type ReleaseRun } from './release-world.js';

const one: VaultSecrets = { vault: 'kv-orders', cloud: '', objects: [{ objectName: 'orders-db', objectType: 'secret' }], paths: { api: '/mnt/secrets', migrate: '/mnt/secrets' } };
const two: VaultSecrets = { ...one, objects: [...one.objects, { objectName: 'tls', objectType: 'cert' }] };
const chart = `apiVersion: v1
kind: ServiceAccount
metadata: {name: api}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: post-install}}
spec: {template: {spec: {serviceAccountName: api, restartPolicy: Never, containers: [{name: migrate, image: contoso/m:1}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 1
  selector: {matchLabels: {app: a}}
  template:
    metadata:
      labels: {app: a}
    spec:
      serviceAccountName: api
      containers:
        - name: api
          image: contoso/a:1
        - name: proxy
          image: contoso/p:1
`;

describe('helm release with secrets of a vault', () => {
  let world: ClusterWorld;
  let folder: string;
  beforeEach(async () => {
    world = await loopbackCluster();
    plantNamespace(world.api);
    folder = await mkdtemp(join(tmpdir(), 'aks-wi-vault-'));
    await mkdir(join(folder, 'templates'));
    await writeFile(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: vault\nversion: 1.0.0\n');
    await writeFile(join(folder, 'templates/all.yaml'), chart);
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
    await world.close();
  });

  const deploy = async (vaultSecrets: VaultSecrets, helmPath: string, dryRun = false): Promise<ReleaseRun> => deployRelease(world, { helmPath, release: 'orders', chart: { folder, valuesFiles: [], values: '' }, vaultSecrets, dryRun });

  /** What pods of a kind have mounted: the class, and the containers with their paths. */
  const mountedBy = (pods: readonly unknown[]): unknown[] =>
    pods.map((pod) => {
      const spec = object(object(pod).spec);
      const names = objects(spec.volumes).flatMap((volume) => object(object(volume.csi).volumeAttributes).secretProviderClass ?? []);
      const paths = objects(spec.containers).flatMap(({ name, volumeMounts }) => objects(volumeMounts).filter((mount) => mount.name === 'aks-wi-vault').map(({ mountPath, readOnly }) => [name, mountPath, readOnly]));
      return { names, paths };
    });
  const podsOf = (container: string): readonly unknown[] => world.api.list('Pod', 'orders').filter(({ spec }) => objects(object(spec).containers)[0]?.name === container);

  it('mounts them into the containers that are named, those of hooks too, and rolls the pods when they change', async () => {
    const helmPath = await helmOf(4);
    const first = await deploy(one, helmPath);
    assert.equal(first.result.result, 'succeeded', told(first.result));
    const named = (secrets: VaultSecrets): string => mountsOf('orders', secrets, { clientId, tenantId }).secretProviderClass;
    assert.deepEqual(mountedBy(podsOf('api')), [{ names: [named(one)], paths: [['api', '/mnt/secrets', true]] }]);
    assert.deepEqual(mountedBy(podsOf('migrate')), [{ names: [named(one)], paths: [['migrate', '/mnt/secrets', true]] }]);
    const [proof] = first.result.proofs;
    assert.match(JSON.stringify(proof?.outcome), /and the secrets of key vault kv-orders are mounted/);

    world.api.edit('Deployment', 'orders', 'api', ({ spec }) => {
      Object.assign(object(object(object(spec).template).spec), { volumes: [] });
      for (const container of objects(object(object(object(spec).template).spec).containers)) Object.assign(container, { volumeMounts: [] });
    });
    const drifted = (await deploy(one, helmPath, true)).result.plan.find(({ resource }) => resource.kind === 'helm release')?.change;
    assert.ok(drifted?.action === 'update' && drifted.reason === 'the pod template of deployment orders/api lost the secrets of the vault', JSON.stringify(drifted));

    const second = await deploy(two, helmPath);
    assert.equal(second.result.result, 'succeeded', told(second.result));
    assert.deepEqual(mountedBy(podsOf('api')), [{ names: [named(two)], paths: [['api', '/mnt/secrets', true]] }]);
  });
});
