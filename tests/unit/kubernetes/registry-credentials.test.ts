import assert from 'node:assert/strict';
import { accountRights, accountUsers } from '../../../tasks/_shared/kubernetes/registry-credentials.js';
import { inProcessCluster, type ClusterWorld } from './cluster-world.js';

const account = { loginServer: 'crunit.azurecr.io', user: 'crunit' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const auth = base64('crunit:canary-password');

type Data = Readonly<Record<string, string>>;

describe('users of a registry account in a cluster', () => {
  let world: ClusterWorld;
  beforeEach(async () => {
    world = await inProcessCluster();
    for (const name of ['orders', 'billing']) world.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  });
  const put = (kind: string, name: string, rest: object, namespace = 'orders', apiVersion = 'v1'): void => {
    world.api.put({ apiVersion, kind, metadata: { name, namespace }, ...rest });
  };
  const secret = (name: string, data: Data, type = 'Opaque', namespace = 'orders'): void => {
    put('Secret', name, { type, data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])) }, namespace);
  };
  const pullSecret = (name: string, config: object, namespace = 'orders'): void => secret(name, { '.dockerconfigjson': JSON.stringify(config) }, 'kubernetes.io/dockerconfigjson', namespace);
  const pod = (name: string, spec: object, container: object = {}): void => put('Pod', name, { spec: { containers: [{ name: 'app', image: 'nginx:1', ...container }], ...spec } });
  const deployment = (name: string, spec: object, container: object = {}): void => {
    const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image: 'nginx:1', ...container }], ...spec } };
    put('Deployment', name, { spec: { replicas: 2, selector: { matchLabels: { app: name } }, template } }, 'orders', 'apps/v1');
  };
  const users = (): Promise<readonly string[]> => accountUsers(world.connection, account);

  it('finds pull secrets of both forms, by host or URL, by user name or by its base64', async () => {
    pullSecret('by-name', { auths: { 'crunit.azurecr.io': { username: 'crunit', password: 'canary-password' } } });
    pullSecret('by-auth', { auths: { 'https://CRUNIT.azurecr.io/v2/': { auth } } }, 'billing');
    secret('old-form', { '.dockercfg': JSON.stringify({ 'crunit.azurecr.io': { username: 'CrUnit', password: 'x' } }) }, 'kubernetes.io/dockercfg');
    secret('builder', { 'config.json': JSON.stringify({ auths: { 'crunit.azurecr.io': { auth } } }) });
    assert.deepEqual(await users(), ['billing/secret/by-auth', 'orders/secret/builder', 'orders/secret/by-name', 'orders/secret/old-form'].map((place) => `${place}: signs in with it`));
  });

  it('takes no other registry, no other user and no lesser likeness for it', async () => {
    pullSecret('other-registry', { auths: { 'crunit2.azurecr.io': { username: 'crunit' }, 'xcrunit.azurecr.io': { auth } } });
    pullSecret('token', { auths: { 'crunit.azurecr.io': { username: '00000000-0000-0000-0000-000000000000', password: 'x' } } });
    secret('server-only', { url: 'crunit.azurecr.io/orders/api', note: 'crunit2, crunit-x, my.crunit' });
    secret('user-only', { user: 'crunit', host: 'crunit.azurecr.io.example' });
    put('Secret', 'broken', { type: 'Opaque', data: { a: base64('{"auths": 7}'), b: 'AA==' } });
    put('Secret', 'empty', { type: 'Opaque' });
    pod('plain', { imagePullSecrets: [{ name: 'token' }, { name: 'gone' }] }, { env: [{ name: 'NAME', value: 'crunit' }], image: 'crunit.azurecr.io/orders/api:1' });
    assert.deepEqual(await users(), []);
  });

  it('finds other secrets that have both, and what brings them into pods: variables and volumes', async () => {
    secret('creds', { REGISTRY_SERVER: 'https://crunit.azurecr.io', REGISTRY_USERNAME: 'crunit', REGISTRY_PASSWORD: 'canary-password' });
    deployment('single', {}, { env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'creds', key: 'REGISTRY_PASSWORD' } } }] });
    pod('whole', {}, { envFrom: [{ prefix: 'ACR_', secretRef: { name: 'creds' } }] });
    pod('mounted', { volumes: [{ name: 'a', secret: { secretName: 'creds' } }, { name: 'b', projected: { sources: [{ secret: { name: 'creds' } }, { configMap: { name: 'creds' } }] } }] });
    const found = await users();
    assert.deepEqual(found, [
      'orders/deployment/single: variable PASSWORD from secret creds of container app',
      'orders/pod/mounted: a volume from secret creds',
      'orders/pod/whole: variable ACR_REGISTRY_SERVER from secret creds of container app, variable ACR_REGISTRY_USERNAME from secret creds of container app, variable ACR_REGISTRY_PASSWORD from secret creds of container app',
      'orders/secret/creds: has the login server and the user name',
    ]);
    assert.ok(!found.join().includes('canary'));
  });

  it('finds the user name beside the registry where the two come from different places', async () => {
    secret('bundle-credentials', { REGISTRY_USERNAME: 'crunit', REGISTRY_PASSWORD: 'canary-password' });
    const fromSecret = { name: 'REGISTRY_USERNAME', valueFrom: { secretKeyRef: { name: 'bundle-credentials', key: 'REGISTRY_USERNAME' } } };
    deployment('worker', {}, { env: [fromSecret, { name: 'REGISTRY', value: 'crunit.azurecr.io/bundles' }] });
    deployment('of-image', {}, { env: [fromSecret], image: 'crunit.azurecr.io/orders/api:1' });
    deployment('elsewhere', {}, { env: [fromSecret] });
    deployment('literal', {}, { env: [{ name: 'USER', value: 'crunit' }, { name: 'REGISTRY', value: 'crunit.azurecr.io' }, { name: 'URL', value: 'https://crunit:canary-password@crunit.azurecr.io' }] });
    assert.deepEqual(await users(), [
      'orders/deployment/literal: variable USER of container app, variable URL of container app',
      'orders/deployment/of-image: variable REGISTRY_USERNAME from secret bundle-credentials of container app',
      'orders/deployment/worker: variable REGISTRY_USERNAME from secret bundle-credentials of container app',
    ]);
  });

  it('finds service accounts and every kind that makes pods, and names what controls a pod in the place of the pod', async () => {
    pullSecret('acr', { auths: { 'crunit.azurecr.io': { auth } } });
    pullSecret('acr', { auths: { 'other.azurecr.io': { auth } } }, 'billing');
    put('ServiceAccount', 'builder', { imagePullSecrets: [{ name: 'acr' }] });
    put('ServiceAccount', 'builder', { imagePullSecrets: [{ name: 'acr' }] }, 'billing');
    const spec = { imagePullSecrets: [{ name: 'acr' }], containers: [{ name: 'app', image: 'nginx:1' }], restartPolicy: 'Never' };
    deployment('api', { imagePullSecrets: [{ name: 'acr' }] });
    const template = { metadata: { labels: { app: 'web' } }, spec: { ...spec, restartPolicy: 'Always' } };
    put('ReplicaSet', 'web-1', { spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template } }, 'orders', 'apps/v1');
    put('StatefulSet', 'store', { spec: { replicas: 1, serviceName: 'store', selector: { matchLabels: { app: 'store' } }, template: { ...template, metadata: { labels: { app: 'store' } } } } }, 'orders', 'apps/v1');
    put('DaemonSet', 'agent', { spec: { selector: { matchLabels: { app: 'agent' } }, template: { ...template, metadata: { labels: { app: 'agent' } } } } }, 'orders', 'apps/v1');
    deployment('by-account', { serviceAccountName: 'builder' });
    put('CronJob', 'nightly', { spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template: { spec } } } } }, 'orders', 'batch/v1');
    put('Job', 'once', { spec: { template: { spec } } }, 'orders', 'batch/v1');
    await world.clock.sleep(10_000);
    assert.deepEqual(await users(), [
      'orders/cronjob/nightly: imagePullSecrets acr',
      'orders/daemonset/agent: imagePullSecrets acr',
      'orders/deployment/api: imagePullSecrets acr',
      'orders/deployment/by-account: its pods: imagePullSecrets acr',
      'orders/job/once: imagePullSecrets acr',
      'orders/replicaset/web-1: its pods: imagePullSecrets acr',
      'orders/secret/acr: signs in with it',
      'orders/serviceaccount/builder: imagePullSecrets acr',
      'orders/statefulset/store: imagePullSecrets acr',
    ]);
  });

  it('leaves releases of Helm out, and asks for exactly the rights that it declares', async () => {
    secret('sh.helm.release.v1.api.v1', { release: 'crunit.azurecr.io crunit' }, 'helm.sh/release.v1');
    const asked = new Set<string>();
    world.knobs.allows = ({ verb, group, resource }) => {
      asked.add(`${verb} ${resource}${group === '' ? '' : `.${group}`}`);
      return true;
    };
    assert.deepEqual(await users(), []);
    assert.deepEqual([...asked].sort(), accountRights(world.connection).map(({ action }) => action).sort());
    assert.ok(asked.has('list secrets') && asked.has('list cronjobs.batch'));
    assert.ok(accountRights(world.connection).every(({ plane, scope }) => plane === 'kubernetes' && scope === world.connection.clusterId));
  });
});
