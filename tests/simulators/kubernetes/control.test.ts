import assert from 'node:assert/strict';
import { at, itemsAt, numberAt, textAt, type KubernetesObject } from './objects/values.js';
import { deployment, deployments, TestCluster } from './test-cluster.js';

function conditions(object: KubernetesObject | undefined): string[] {
  return itemsAt(object, 'status', 'conditions').map((condition) => `${textAt(condition, 'type')}=${textAt(condition, 'status')} ${textAt(condition, 'reason')}`);
}

function template(restartPolicy: string, image = 'job:1'): object {
  return { metadata: { labels: { app: 'x' } }, spec: { restartPolicy, containers: [{ name: 'c', image }] } };
}

describe('kubernetes simulator: controllers', () => {
  it('rolls a deployment out, over and back', async () => {
    const cluster = new TestCluster();
    await cluster.ask(201, 'POST', deployments, { body: deployment() });
    const fresh = cluster.api.find('Deployment', 'ns', 'web');
    assert.deepEqual(conditions(fresh), ['Available=False MinimumReplicasUnavailable', 'Progressing=True ReplicaSetUpdated']);
    assert.equal(at(fresh, 'status', 'observedGeneration'), 1);
    cluster.clock.advance(2000);
    const ready = cluster.api.find('Deployment', 'ns', 'web');
    assert.deepEqual(['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas'].map((field) => numberAt(ready, ['status', field], 0)), [2, 2, 2, 2]);
    assert.deepEqual(conditions(ready), ['Available=True MinimumReplicasAvailable', 'Progressing=True NewReplicaSetAvailable']);
    const [set] = cluster.api.list('ReplicaSet', 'ns');
    assert.equal(set?.metadata.ownerReferences?.[0]?.uid, ready?.metadata.uid);
    assert.match(set?.metadata.labels?.['pod-template-hash'] ?? '', /^[a-z0-9]{10}$/);
    const body = { spec: { template: { spec: { containers: [{ name: 'app', image: 'nginx:2' }] } } } };
    await cluster.ask(200, 'PATCH', `${deployments}/web`, { body, type: 'application/strategic-merge-patch+json' });
    assert.equal(cluster.api.list('Pod', 'ns').length, 4);
    cluster.clock.advance(2000);
    const images = (): string[] => cluster.api.list('Pod', 'ns').map((pod) => textAt(itemsAt(pod, 'spec', 'containers')[0], 'image'));
    assert.deepEqual(images(), ['nginx:2', 'nginx:2']);
    assert.equal(cluster.api.find('Deployment', 'ns', 'web')?.metadata.annotations?.['deployment.kubernetes.io/revision'], '2');
    cluster.api.edit('Deployment', 'ns', 'web', (object) => {
      object.spec = deployment().spec;
    });
    assert.equal(cluster.api.list('ReplicaSet', 'ns').length, 2);
    cluster.clock.advance(2000);
    assert.deepEqual(images(), ['nginx:1', 'nginx:1']);
  });

  it('shows failing images and crashes, keeps the old pods, and gives up at the deadline', async () => {
    const cluster = new TestCluster();
    const undo = cluster.api.failImage(/broken/, 'ErrImagePull', '401 Unauthorized');
    cluster.api.crashImage(/crash/);
    await cluster.ask(201, 'POST', deployments, { body: deployment('web', 'broken:1', 1) });
    await cluster.ask(201, 'POST', deployments, { body: deployment('bad', 'crash:1', 1) });
    const waiting = (name: string): unknown => {
      const pod = cluster.api.list('Pod', 'ns').find((each) => each.metadata.name.startsWith(name));
      return at(itemsAt(pod, 'status', 'containerStatuses')[0], 'state', 'waiting');
    };
    cluster.clock.advance(1000);
    assert.deepEqual(waiting('web'), { reason: 'ErrImagePull', message: '401 Unauthorized' });
    cluster.clock.advance(1000);
    assert.equal(textAt(waiting('web'), 'reason'), 'ImagePullBackOff');
    assert.equal(textAt(waiting('bad'), 'reason'), 'CrashLoopBackOff');
    cluster.clock.advance(600_000);
    assert.deepEqual(conditions(cluster.api.find('Deployment', 'ns', 'web')), ['Available=False MinimumReplicasUnavailable', 'Progressing=False ProgressDeadlineExceeded']);
    undo();
    assert.deepEqual(conditions(cluster.api.find('Deployment', 'ns', 'web'))[0], 'Available=True MinimumReplicasAvailable');
  });

  it('runs stateful sets in order, daemon sets on each node, and jobs to their end', () => {
    const cluster = new TestCluster({ nodes: ['n1', 'n2', 'n3'] });
    const { api, clock } = cluster;
    const selector = { matchLabels: { app: 'x' } };
    api.put({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 's', namespace: 'ns' }, spec: { replicas: 2, serviceName: 's', selector, template: template('Always') } });
    api.put({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'd', namespace: 'ns' }, spec: { selector, template: template('Always') } });
    api.put({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', namespace: 'ns' }, spec: { template: template('Never') } });
    const names = (prefix: string): string[] => api.list('Pod', 'ns').map((pod) => pod.metadata.name).filter((name) => name.startsWith(prefix));
    assert.deepEqual(names('s-'), ['s-0']);
    clock.advance(2000);
    assert.deepEqual(names('s-'), ['s-0', 's-1']);
    clock.advance(2000);
    assert.deepEqual([at(api.find('StatefulSet', 'ns', 's'), 'status', 'readyReplicas'), at(api.find('DaemonSet', 'ns', 'd'), 'status', 'numberReady')], [2, 3]);
    assert.deepEqual(conditions(api.find('Job', 'ns', 'j')).map((text) => text.split(' ')[0]), ['SuccessCriteriaMet=True', 'Complete=True']);
    api.remove('Job', 'ns', 'j');
    assert.deepEqual(names('j-'), []);
    const crash = api.crashImage(/bad/);
    api.put({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'k', namespace: 'ns' }, spec: { backoffLimit: 1, template: template('Never', 'bad:1') } });
    for (let step = 0; step < 3; step += 1) {
      clock.advance(2000);
      api.list('Job');
    }
    assert.ok(conditions(api.find('Job', 'ns', 'k')).includes('Failed=True BackoffLimitExceeded'));
    crash();
  });
});

describe('kubernetes simulator: workload identity', () => {
  const pod = (name: string, extra: object = {}, annotations: Record<string, string> = {}): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ns', labels: { 'azure.workload.identity/use': 'true' }, annotations },
    spec: { serviceAccountName: 'wi', initContainers: [{ name: 'init', image: 'i' }], containers: [{ name: 'c', image: 'i' }, { name: 'skipped', image: 'i' }], ...extra },
  });
  const env = (object: KubernetesObject | undefined, field: string, index: number): unknown =>
    Object.fromEntries(itemsAt(itemsAt(object, 'spec', field)[index], 'env').map((variable) => [textAt(variable, 'name'), variable.value]));

  function prepared(annotations: Record<string, string> = { 'azure.workload.identity/client-id': 'client-1' }): TestCluster {
    const cluster = new TestCluster();
    cluster.api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'wi', namespace: 'ns', annotations } });
    return cluster;
  }

  it('injects variables and token in the shape of each version', () => {
    for (const [version, path, file] of [['1.6.0', '/var/run/secrets/azure/wi', '/var/run/secrets/azure/wi/token/azure-identity-token'], ['1.5.1', '/var/run/secrets/azure/tokens', '/var/run/secrets/azure/tokens/azure-identity-token']] as const) {
      const cluster = prepared();
      cluster.webhook = { ...cluster.webhook, version };
      const made = cluster.api.put(pod('p', {}, { 'azure.workload.identity/skip-containers': 'skipped' }));
      const wanted = { AZURE_CLIENT_ID: 'client-1', AZURE_TENANT_ID: 'tenant-1', AZURE_FEDERATED_TOKEN_FILE: file, AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.com/' };
      assert.deepEqual(env(made, 'containers', 0), wanted);
      assert.deepEqual(env(made, 'initContainers', 0), wanted);
      assert.deepEqual(env(made, 'containers', 1), {});
      const volume = itemsAt(made, 'spec', 'volumes').at(-1);
      const name = textAt(volume, 'name');
      assert.equal(version === '1.6.0' ? name.length : name, version === '1.6.0' ? 63 : 'azure-identity-token');
      const [source] = itemsAt(volume, 'projected', 'sources');
      assert.deepEqual(source?.serviceAccountToken, { audience: 'api://AzureADTokenExchange', expirationSeconds: 3600, path: file.slice(path.length + 1) });
      assert.ok(itemsAt(itemsAt(made, 'spec', 'containers')[0], 'volumeMounts').some((mount) => mount.mountPath === path && mount.readOnly === true));
    }
  });

  it('leaves out the client id without annotation, keeps set variables, and takes the lifetime from the pod first', () => {
    const cluster = prepared({ 'azure.workload.identity/service-account-token-expiration': '7200' });
    const made = cluster.api.put(pod('p', { containers: [{ name: 'c', image: 'i', env: [{ name: 'AZURE_TENANT_ID', value: 'mine' }] }] }, { 'azure.workload.identity/service-account-token-expiration': '4000' }));
    assert.deepEqual(Object.keys(Object(env(made, 'containers', 0)) as object), ['AZURE_TENANT_ID', 'AZURE_FEDERATED_TOKEN_FILE', 'AZURE_AUTHORITY_HOST']);
    assert.equal(at(itemsAt(itemsAt(made, 'spec', 'volumes').at(-1), 'projected', 'sources')[0], 'serviceAccountToken', 'expirationSeconds'), 4000);
  });

  it('denies bad lifetimes, missing accounts and everything when it cannot be reached', async () => {
    const cluster = prepared();
    const pods = '/api/v1/namespaces/ns/pods?dryRun=All';
    assert.match(await cluster.refusal(400, 'POST', pods, { body: pod('p', {}, { 'azure.workload.identity/service-account-token-expiration': '60' }) }), /admission webhook "mutation\.azure-workload-identity\.io" denied the request: token expiration 60/);
    assert.match(await cluster.refusal(403, 'POST', pods, { body: pod('p', { serviceAccountName: 'nobody' }) }), /serviceaccount "nobody" not found/);
    const dry = await cluster.ask(201, 'POST', pods, { body: pod('p') });
    assert.ok(JSON.stringify(dry).includes('AZURE_FEDERATED_TOKEN_FILE'));
    cluster.webhook = { ...cluster.webhook, reachable: false };
    assert.match(await cluster.refusal(500, 'POST', pods, { body: pod('p') }), /failed calling webhook/);
    cluster.api.put({ ...deployment('web', 'i', 1, { 'azure.workload.identity/use': 'true' }), apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'ns' } });
    assert.ok(conditions(cluster.api.find('Deployment', 'ns', 'web')).includes('ReplicaFailure=True FailedCreate'));
    cluster.webhook = { ...cluster.webhook, enabled: false };
    assert.equal(JSON.stringify(cluster.api.list('Pod', 'ns')).includes('AZURE_FEDERATED_TOKEN_FILE'), false);
    assert.equal(cluster.api.find('Deployment', 'kube-system', 'azure-wi-webhook-controller-manager'), undefined);
  });
});
