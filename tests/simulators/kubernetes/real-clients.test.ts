import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { AuthenticationV1TokenRequest, CoreV1Api, KubeConfig, KubernetesObjectApi, V1ConfigMap, V1Namespace, V1ObjectMeta, V1TokenRequestSpec, Watch } from '@kubernetes/client-node';
import { itemsAt, textAt } from './objects/values.js';
import { realClientsWorld, type RealClientsWorld } from './real-clients-world.js';

function made<Type extends object>(type: new () => Type, fields: Partial<Type>): Type {
  return Object.assign(new type(), fields);
}

describe('kubernetes simulator: real clients', function () {
  this.timeout(120_000);
  let world: RealClientsWorld;
  before(async () => {
    world = await realClientsWorld();
  });
  after(() => world.close());

  function writes(): string[] {
    return world.network.log.writes().map((entry) => entry.wrote ?? '');
  }
  const revisions = (): string[] => world.api.list('Secret').map((secret) => `${secret.metadata.name} ${secret.metadata.labels?.status ?? ''}`).filter((text) => text.startsWith('sh.helm'));

  for (const major of [3, 4] as const) {
    it(`serves helm ${major}: install with a hook, upgrades, rollback, uninstall`, async () => {
      const program = major === 3 ? world.tools.helm3 : world.tools.helm4;
      const namespace = `h${major}`;
      const helm = (expected: number, ...args: string[]): Promise<{ stdout: string }> => world.run(expected, program, [...args, '--namespace', namespace]);
      await helm(0, 'install', 'rel', world.chart, '--create-namespace', '--wait', '--timeout', '30s');
      const pods = world.api.list('Pod', namespace);
      assert.equal(pods.length, 2);
      assert.ok(itemsAt(itemsAt(pods[0], 'spec', 'containers')[0], 'env').some((variable) => variable.name === 'AZURE_CLIENT_ID' && variable.value === 'client-1'));
      assert.equal(world.api.find('Job', namespace, 'rel-hook'), undefined);
      const before = world.api.find('Deployment', namespace, 'rel')?.metadata.resourceVersion;
      await helm(0, 'upgrade', 'rel', world.chart);
      assert.equal(world.api.find('Deployment', namespace, 'rel')?.metadata.resourceVersion, before);
      await helm(0, 'upgrade', 'rel', world.chart, '--set', 'greeting=ho', '--wait', '--timeout', '30s');
      assert.equal(textAt(world.api.find('ConfigMap', namespace, 'rel-cm'), 'data', 'greeting'), 'ho');
      await helm(0, 'rollback', 'rel', '1');
      assert.equal(textAt(world.api.find('ConfigMap', namespace, 'rel-cm'), 'data', 'greeting'), 'hi');
      assert.deepEqual(revisions(), [1, 2, 3, 4].map((number) => `sh.helm.release.v1.rel.v${number} ${number === 4 ? 'deployed' : 'superseded'}`));
      assert.match((await helm(0, 'history', 'rel')).stdout, /Rollback to 1/);
      assert.match((await helm(0, 'list')).stdout, /rel\s+h\d\s+4\s/);
      assert.match((await helm(0, 'status', 'rel')).stdout, /STATUS: deployed/);
      await helm(0, 'uninstall', 'rel', '--wait');
      assert.deepEqual([revisions(), world.api.list('Pod', namespace)], [[], []]);
    });
  }

  it('lets helm 4 take a release of helm 3 over, server-side', async () => {
    const { helm3, helm4 } = world.tools;
    await world.run(0, helm3, ['install', 'old', world.chart, '-n', 'take', '--create-namespace', '--no-hooks']);
    await world.run(0, helm4, ['upgrade', 'old', world.chart, '-n', 'take', '--server-side=true', '--set', 'replicas=1', '--wait', '--timeout', '30s']);
    assert.equal(world.api.list('Pod', 'take').length, 1);
  });

  it('lets helm fail where the real server would make it fail', async () => {
    const { helm4, kubectl } = world.tools;
    const undo = world.api.failImage(/broken/, 'ErrImagePull');
    await world.run(1, helm4, ['install', 'bad', world.chart, '-n', 'bad', '--create-namespace', '--no-hooks', '--set', 'image=broken:1', '--wait', '--timeout', '2s']);
    assert.match((await world.run(0, kubectl, ['get', 'pods', '-n', 'bad'])).stdout, /ImagePullBackOff/);
    undo();
    const denied = await world.run(1, helm4, ['list', '-n', 'bad', '--kubeconfig', world.kubeconfig('dev')]);
    assert.match(denied.stderr, /User "dev" cannot list resource "secrets"/);
  });

  it('serves kubectl', async () => {
    const { kubectl } = world.tools;
    const run = (expected: number, args: string[], input?: string): Promise<{ stdout: string; stderr: string }> => world.run(expected, kubectl, args, input);
    const configMap = (value: string): string => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm', namespace: 'kt' }, data: { a: value } });
    const labels = { app: 'web' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'nginx:1', ports: [{ containerPort: 80 }] }] } };
    const web = JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'kt' }, spec: { replicas: 2, selector: { matchLabels: labels }, template } });
    await run(0, ['create', 'namespace', 'kt']);
    await run(0, ['create', 'serviceaccount', 'sa', '-n', 'kt']);
    assert.match((await run(0, ['apply', '-f', '-'], configMap('1'))).stdout, /created/);
    world.network.log.clear();
    assert.match((await run(0, ['apply', '-f', '-'], configMap('1'))).stdout, /unchanged/);
    assert.deepEqual(writes(), []);
    assert.match((await run(1, ['diff', '-f', '-'], configMap('2'))).stdout, /\+ {2}a: "2"/);
    assert.deepEqual(writes(), []);
    assert.match((await run(0, ['apply', '-f', '-'], configMap('2'))).stdout, /configured/);
    assert.deepEqual(writes(), ['configmaps kt/cm']);
    await run(0, ['apply', '--server-side', '--field-manager', 'm1', '-f', '-'], configMap('2'));
    assert.match((await run(1, ['apply', '--server-side', '--field-manager', 'm2', '-f', '-'], configMap('3'))).stderr, /conflict with "m1": \.data\.a/);
    await run(0, ['apply', '--server-side', '--field-manager', 'm2', '--force-conflicts', '-f', '-'], configMap('3'));
    assert.equal(textAt(world.api.find('ConfigMap', 'kt', 'cm'), 'data', 'a'), '3');
    await run(0, ['apply', '-f', '-'], web);
    assert.match((await run(0, ['rollout', 'status', 'deployment/web', '-n', 'kt', '--timeout', '20s'])).stdout, /successfully rolled out/);
    assert.match((await run(0, ['get', 'deployments', '-n', 'kt'])).stdout, /web\s+2\/2\s+2\s+2/);
    await run(0, ['wait', 'deployment/web', '-n', 'kt', '--for=condition=Available', '--timeout', '20s']);
    await run(0, ['annotate', 'serviceaccount', 'sa', '-n', 'kt', 'azure.workload.identity/client-id=abc']);
    assert.deepEqual(world.api.find('ServiceAccount', 'kt', 'sa')?.metadata.annotations, { 'azure.workload.identity/client-id': 'abc' });
    world.network.log.clear();
    assert.match((await run(0, ['create', 'token', 'sa', '-n', 'kt', '--audience', 'api://AzureADTokenExchange'])).stdout, /^ey[\w-]+\.[\w-]+\.[\w-]+\s*$/);
    assert.equal((await run(0, ['auth', 'can-i', 'create', 'deployments', '-n', 'kt'])).stdout.trim(), 'yes');
    assert.equal((await run(1, ['auth', 'can-i', 'create', 'deployments', '-n', 'kt', '--kubeconfig', world.kubeconfig('dev')])).stdout.trim(), 'no');
    assert.match((await run(0, ['auth', 'whoami', '--kubeconfig', world.kubeconfig('dev')])).stdout, /Username\s+dev/);
    assert.deepEqual(writes(), []);
    assert.match((await run(1, ['apply', '-f', '-'], configMap('1').replace('"data"', '"bogus"'))).stderr, /unknown field "bogus"/);
    await run(0, ['delete', 'deployment', 'web', '-n', 'kt']);
    await run(0, ['delete', 'namespace', 'kt', '--timeout', '20s']);
    assert.match((await run(1, ['get', 'configmap', 'cm', '-n', 'kt'])).stderr, /namespaces "kt" not found|configmaps "cm" not found/);
  });

  it('serves the JavaScript client: typed, by object, and watching', async () => {
    const config = new KubeConfig();
    config.loadFromString(await readFile(world.kubeconfig('admin'), 'utf8'));
    const core = config.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: made(V1Namespace, { metadata: made(V1ObjectMeta, { name: 'js' }) }) });
    const resourceVersion = (await core.listNamespacedConfigMap({ namespace: 'js' })).metadata?.resourceVersion ?? '';
    const watch = new Watch(config);
    const seen: string[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      const onEvent = (type: string, object: V1ConfigMap): void => {
        seen.push(`${type} ${object.metadata?.name ?? ''}`);
        if (type === 'DELETED') resolve();
      };
      watch.watch('/api/v1/namespaces/js/configmaps', { labelSelector: 'mine', resourceVersion }, onEvent, (error: unknown) => reject(error instanceof Error ? error : new Error(String(error)))).then(
        (controller) => {
          void ended.then(() => controller.abort());
        },
        reject,
      );
    });
    await core.createNamespacedConfigMap({ namespace: 'js', body: made(V1ConfigMap, { metadata: made(V1ObjectMeta, { name: 'cm', labels: { mine: '' } }), data: { a: '1' } }) });
    const objects = KubernetesObjectApi.makeApiClient(config);
    const spec = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm', namespace: 'js' }, data: { b: '2' } };
    const patched = await objects.patch(spec);
    assert.deepEqual(patched.data, { a: '1', b: '2' });
    const list = await core.listNamespacedConfigMap({ namespace: 'js', labelSelector: 'mine' });
    assert.deepEqual(list.items.map((item) => item.metadata?.name), ['cm']);
    await assert.rejects(core.readNamespacedConfigMap({ namespace: 'js', name: 'none' }), (error: unknown) => textAt(error, 'body').includes('configmaps \\"none\\" not found'));
    await core.deleteNamespacedConfigMap({ namespace: 'js', name: 'cm' });
    await ended;
    assert.deepEqual(seen, ['ADDED cm', 'MODIFIED cm', 'DELETED cm']);
    const token = await core.createNamespacedServiceAccountToken({ namespace: 'js', name: 'default', body: made(AuthenticationV1TokenRequest, { spec: made(V1TokenRequestSpec, { audiences: ['api://AzureADTokenExchange'] }) }) });
    assert.ok((token.status?.token ?? '').length > 100);
  });
});
