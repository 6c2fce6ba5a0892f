import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChartSettings } from '../../../tasks/_shared/kubernetes/chart.js';
import { SecretValues } from '../../../tasks/_shared/kubernetes/secret-values.js';
import type { Change } from '../../../tasks/_shared/reconcile/resource.js';
import { chartPackage } from '../../tools/chart-package.js';
import { helmOf } from '../../tools/kube-tools.js';
import { loopbackCluster, writesOf, type ClusterWorld } from './cluster-world.js';
import { deployRelease, told, type ReleaseWish } from './release-world.js';
import { strictPolicy } from './send-policies.js';

const label = 'aks-workload-identity/secrets';
const files = {
  'Chart.yaml': 'apiVersion: v2\nname: orders\nversion: 1.0.0\n',
  'values.yaml': 'tag: "0"\npassword: none\n',
  'templates/account.yaml': 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: api}\n',
  'templates/secret.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: orders}\nstringData: {password: {{ .Values.password | quote }}}\n',
  'templates/job.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: {name: orders}
spec:
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec: {serviceAccountName: api, containers: [{name: api, image: {{ printf "orders:%v" .Values.tag | quote }}}]}
`,
};
const secret = (password: string): SecretValues => new SecretValues(() => `password: ${password}\n`);

describe('a release of a packed chart with single and secret values', () => {
  let world: ClusterWorld;
  let folder: string;
  let helmPath: string;
  beforeEach(async () => {
    [world, folder, helmPath] = await Promise.all([loopbackCluster(), mkdtemp(join(tmpdir(), 'aks-wi-test-')), helmOf(4)]);
  });
  afterEach(async () => {
    await world.close();
    await rm(folder, { recursive: true });
  });

  async function deploy(chart: Partial<ChartSettings> = {}, wish: Partial<ReleaseWish> = {}): Promise<Change> {
    const path = join(folder, 'orders-1.0.0.tgz');
    await writeFile(path, chartPackage('orders', files));
    world.network.log.clear();
    const { result, release } = await deployRelease(world, { helmPath, release: 'orders', chart: { folder: path, source: 'package', valuesFiles: [], values: 'tag: "1"', ...chart }, policy: { ...strictPolicy, plainSecrets: 'warn' }, ...wish });
    assert.equal(result.result, 'succeeded', told(result));
    const planned = result.plan.find(({ resource }) => resource.key === release.key);
    assert.ok(!`${told(result)}${JSON.stringify(world.journal)}`.includes('canary'), 'secret values are in no plan and no journal');
    return planned?.change ?? assert.fail();
  }

  it('takes secret values, tells when they change, and keeps no more revisions than it shall', async () => {
    const stored = (): string | undefined => world.api.list('Secret', 'orders').filter(({ metadata }) => metadata.labels?.owner === 'helm').at(-1)?.metadata.labels?.[label];
    await deploy({ set: 'tag: "1.10"\n', secretValues: secret('canary-one') });
    const deployed = JSON.stringify(world.api.find('Deployment', 'orders', 'orders'));
    assert.ok(deployed.includes('orders:1.10'), deployed);
    assert.match(JSON.stringify(world.api.find('Secret', 'orders', 'orders')), /canary-one|Y2FuYXJ5LW9uZQ==/);
    assert.match(stored() ?? '', /^[0-9a-f]{20}\.[0-9a-f]{40}$/);
    assert.equal((await deploy({ set: 'tag: "1.10"\n', secretValues: secret('canary-one') })).action, 'keep');
    assert.deepEqual(writesOf(world), []);
    const changed = await deploy({ set: 'tag: "1.10"\n', secretValues: secret('canary-two') }, { historyLimit: 1 });
    assert.deepEqual(changed.action === 'update' ? [changed.reason, changed.fields] : changed, ['the secret values are not those of revision 1', []]);
    const left = await deploy({ set: 'tag: "1.10"\n' }, { historyLimit: 1 });
    assert.equal(left.action === 'update' ? left.reason : left.action, 'revision 2 has secret values, and none are given');
    assert.equal(stored(), undefined);
    assert.deepEqual(world.api.list('Secret', 'orders').flatMap(({ metadata }) => metadata.labels?.version ?? []), ['2', '3'], 'besides the newest, Helm keeps the one that was deployed before');
    const always = await deploy({ set: 'tag: "1.10"\n' }, { alwaysUpgrade: true });
    assert.equal(always.action === 'update' ? always.reason : always.action, 'nothing changed, and alwaysUpgrade is set');
  });
});
