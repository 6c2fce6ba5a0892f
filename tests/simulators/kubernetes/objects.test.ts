import assert from 'node:assert/strict';
import { at, itemsAt, textAt } from './objects/values.js';
import { configMap, configMaps, deployment, deployments, TestCluster } from './test-cluster.js';

describe('kubernetes simulator: objects', () => {
  it('creates, reads, replaces and deletes, and counts only accepted writes', async () => {
    const cluster = new TestCluster();
    const created = await cluster.raw('POST', configMaps, { body: { metadata: { name: 'cm' }, data: { a: '1' } } });
    assert.equal(created.status, 201);
    assert.equal(created.wrote, 'configmaps ns/cm');
    assert.equal(created.principal, 'admin');
    const read = await cluster.ask(200, 'GET', `${configMaps}/cm`);
    assert.equal(read.kind, 'ConfigMap');
    assert.match(textAt(read, 'metadata', 'uid'), /^[0-9a-f]{8}-/);
    assert.equal(textAt(read, 'metadata', 'creationTimestamp'), '2026-01-05T08:00:00Z');
    assert.equal(at(read, 'metadata', 'generation'), undefined);
    const same = await cluster.ask(200, 'PUT', `${configMaps}/cm`, { body: read });
    assert.equal(textAt(same, 'metadata', 'resourceVersion'), textAt(read, 'metadata', 'resourceVersion'));
    const dry = await cluster.raw('POST', `${configMaps}?dryRun=All`, { body: configMap({}, 'dry') });
    assert.equal(dry.status, 201);
    assert.equal(dry.wrote, undefined);
    assert.equal(textAt(dry.body, 'metadata', 'resourceVersion'), '');
    assert.equal(cluster.api.find('ConfigMap', 'ns', 'dry'), undefined);
    const gone = await cluster.ask(200, 'DELETE', `${configMaps}/cm`);
    assert.equal(gone.status, 'Success');
    assert.equal(await cluster.refusal(404, 'GET', `${configMaps}/cm`), 'configmaps "cm" not found');
  });

  it('refuses as the real server does', async () => {
    const cluster = new TestCluster();
    await cluster.ask(201, 'POST', configMaps, { body: configMap({ a: '1' }) });
    const refusals: [number, string, string, unknown, string][] = [
      [409, 'POST', configMaps, configMap({}), 'configmaps "cm" already exists'],
      [404, 'PUT', `${configMaps}/zz`, configMap({}, 'zz'), 'configmaps "zz" not found'],
      [404, 'GET', `${deployments}/zz`, undefined, 'deployments.apps "zz" not found'],
      [404, 'POST', '/api/v1/namespaces/nowhere/configmaps', configMap({}), 'namespaces "nowhere" not found'],
      [400, 'GET', '/api/v1/namespaces/%E0%A4/pods', undefined, 'invalid URL escape in "%E0%A4"'],
      [404, 'GET', '/api/v1/namespaces/ns/things', undefined, 'the server could not find the requested resource'],
      [400, 'PUT', `${configMaps}/cm`, configMap({}, 'other'), 'the name of the object (other) does not match the name on the URL (cm)'],
      [409, 'PUT', `${configMaps}/cm`, configMap({}, 'cm', { resourceVersion: '1' }), 'Operation cannot be fulfilled on configmaps "cm": the object has been modified; please apply your changes to the latest version and try again'],
      [400, 'POST', `${configMaps}?fieldValidation=Strict`, { ...configMap({}, 'x'), bogus: 1 }, 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "bogus"'],
      [400, 'POST', configMaps, { metadata: { name: 'x' }, data: { a: 1 } }, 'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data.a of type string'],
      [422, 'POST', configMaps, configMap({}, ''), 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'],
    ];
    for (const [status, method, path, body, message] of refusals) assert.equal(await cluster.refusal(status, method, path, { body }), message);
    assert.match(await cluster.refusal(415, 'PATCH', `${configMaps}/cm`, { body: {} }), /accepted media types include: application\/json-patch\+json/);
    const unknownGroup = await cluster.raw('GET', '/apis/nope.example/v1/things');
    assert.deepEqual([unknownGroup.status, unknownGroup.body], [404, '404 page not found\n']);
  });

  it('finds unknown fields at any depth, warns of them or drops them', async () => {
    const cluster = new TestCluster();
    const body = deployment();
    const container = itemsAt(body, 'spec', 'template', 'spec', 'containers')[0] ?? {};
    container.imagePullPolizy = 'Always';
    const where = 'unknown field "spec.template.spec.containers[0].imagePullPolizy"';
    assert.match(await cluster.refusal(400, 'POST', `${deployments}?fieldValidation=Strict`, { body }), new RegExp(where.replace(/[.[\]]/g, '\\$&')));
    const warned = await cluster.raw('POST', deployments, { body });
    assert.equal(warned.headers?.warning, `299 - ${JSON.stringify(where)}`);
    assert.equal(JSON.stringify(cluster.api.find('Deployment', 'ns', 'web')).includes('imagePullPolizy'), false);
  });

  it('sets the defaults and counts generations by spec only', async () => {
    const cluster = new TestCluster();
    const made = await cluster.ask(201, 'POST', deployments, { body: deployment() });
    assert.equal(at(made, 'metadata', 'generation'), 1);
    assert.equal(at(made, 'spec', 'progressDeadlineSeconds'), 600);
    assert.equal(at(made, 'spec', 'strategy', 'rollingUpdate', 'maxSurge'), '25%');
    const [container] = itemsAt(made, 'spec', 'template', 'spec', 'containers');
    assert.deepEqual(container?.ports, [{ containerPort: 80, protocol: 'TCP' }]);
    assert.equal(container.imagePullPolicy, 'IfNotPresent');
    const merge = { type: 'application/merge-patch+json' };
    const labelled = await cluster.ask(200, 'PATCH', `${deployments}/web`, { ...merge, body: { metadata: { labels: { a: 'b' } } } });
    assert.equal(at(labelled, 'metadata', 'generation'), 1);
    const scaled = await cluster.ask(200, 'PATCH', `${deployments}/web/scale`, { ...merge, body: { spec: { replicas: 5 } } });
    assert.deepEqual([scaled.kind, at(scaled, 'spec', 'replicas')], ['Scale', 5]);
    assert.equal(cluster.api.find('Deployment', 'ns', 'web')?.metadata.generation, 2);
    const secret = await cluster.ask(201, 'POST', '/api/v1/namespaces/ns/secrets', { body: { metadata: { generateName: 's-' }, stringData: { k: 'v' } } });
    assert.deepEqual([secret.type, secret.data, secret.stringData], ['Opaque', { k: 'dg==' }, undefined]);
    assert.match(textAt(secret, 'metadata', 'name'), /^s-[a-z0-9]{5}$/);
    const message = await cluster.refusal(422, 'PATCH', `${deployments}/web`, { ...merge, body: { spec: { selector: { matchLabels: { x: 'y' } } } } });
    assert.match(message, /`selector` does not match template `labels`.*spec\.selector: Invalid value: .*field is immutable/);
  });

  it('lists by labels and fields, in pages, and as a table', async () => {
    const cluster = new TestCluster();
    for (const [name, tier] of [['a', 'x'], ['b', 'y'], ['c', 'x']] as const) await cluster.ask(201, 'POST', configMaps, { body: configMap({}, name, { labels: { tier, [name]: '' } }) });
    const names = async (query: string): Promise<string[]> => itemsAt(await cluster.ask(200, 'GET', `${configMaps}?${query}`), 'items').map((item) => textAt(item, 'metadata', 'name'));
    assert.deepEqual(await names('labelSelector=tier%3Dx'), ['a', 'c']);
    assert.deepEqual(await names('labelSelector=tier+in+(x,y),!c'), ['a', 'b']);
    assert.deepEqual(await names('labelSelector=tier,tier+notin+(x)'), ['b']);
    assert.deepEqual(await names('labelSelector=tier!%3Dx'), ['b', 'kube-root-ca.crt']);
    assert.deepEqual(await names('fieldSelector=metadata.name%3Db'), ['b']);
    assert.equal(await cluster.refusal(400, 'GET', `${configMaps}?fieldSelector=data.x%3Db`), '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"');
    const secrets = '/api/v1/namespaces/ns/secrets';
    for (const type of ['Opaque', 'helm.sh/release.v1']) await cluster.ask(201, 'POST', secrets, { body: { metadata: { generateName: 's-' }, type } });
    for (const [selector, type] of [['type!=helm.sh/release.v1', 'Opaque'], ['type=helm.sh/release.v1', 'helm.sh/release.v1']] as const) {
      assert.deepEqual(itemsAt(await cluster.ask(200, 'GET', `${secrets}?fieldSelector=${encodeURIComponent(selector)}`), 'items').map((item) => item.type), [type]);
    }
    assert.equal(await cluster.refusal(400, 'GET', `${secrets}?fieldSelector=data%3Dx`), 'field label not supported: data');
    const page = await cluster.ask(200, 'GET', `${configMaps}?limit=3`);
    assert.equal(at(page, 'metadata', 'remainingItemCount'), 1);
    assert.deepEqual(await names(`limit=3&continue=${textAt(page, 'metadata', 'continue')}`), ['kube-root-ca.crt']);
    assert.equal(itemsAt(page, 'items')[0]?.kind, undefined);
    cluster.clock.advance(368_000);
    const table = await cluster.ask(200, 'GET', `${configMaps}/a`, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' } });
    assert.deepEqual(itemsAt(table, 'columnDefinitions').map((column) => column.name), ['Name', 'Data', 'Age']);
    assert.deepEqual(itemsAt(table, 'rows')[0]?.cells, ['a', 0, '6m8s']);
    assert.deepEqual(await cluster.ask(200, 'GET', '/api/v1/namespaces/nowhere/secrets').then((list) => list.items), []);
  });

  it('keeps what has finalizers, cascades, orphans, and empties namespaces', async () => {
    const cluster = new TestCluster();
    const owner = await cluster.ask(201, 'POST', configMaps, { body: configMap({}, 'owner', { finalizers: ['x/y'] }) });
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: textAt(owner, 'metadata', 'uid') }];
    await cluster.ask(201, 'POST', configMaps, { body: configMap({}, 'child', { ownerReferences }) });
    const lingering = await cluster.ask(200, 'DELETE', `${configMaps}/owner`, { body: { propagationPolicy: 'Foreground' } });
    assert.notEqual(textAt(lingering, 'metadata', 'deletionTimestamp'), '');
    assert.equal(cluster.api.find('ConfigMap', 'ns', 'child'), undefined);
    await cluster.ask(200, 'PATCH', `${configMaps}/owner`, { body: { metadata: { finalizers: null } }, type: 'application/merge-patch+json' });
    assert.equal(cluster.api.find('ConfigMap', 'ns', 'owner'), undefined);
    await cluster.ask(201, 'POST', deployments, { body: deployment() });
    await cluster.ask(200, 'DELETE', `${deployments}/web`, { body: { propagationPolicy: 'Orphan' } });
    assert.equal(cluster.api.list('ReplicaSet', 'ns').length, 1);
    const ending = await cluster.ask(200, 'DELETE', '/api/v1/namespaces/ns');
    assert.equal(textAt(ending, 'status', 'phase'), 'Terminating');
    assert.match(await cluster.refusal(403, 'POST', configMaps, { body: configMap({}, 'late') }), /because it is being terminated/);
    cluster.clock.advance(2000);
    assert.equal(cluster.api.find('Namespace', undefined, 'ns'), undefined);
    assert.deepEqual(cluster.api.list('Pod', 'ns'), []);
  });

  it('serves the kinds of stored definitions', async () => {
    const cluster = new TestCluster();
    const path = '/apis/secrets-store.csi.x-k8s.io/v1/namespaces/ns/secretproviderclasses';
    await cluster.ask(201, 'POST', path, { body: { metadata: { name: 'kv' }, spec: { provider: 'azure' } } });
    assert.deepEqual(itemsAt(await cluster.ask(200, 'GET', path), 'items').map((item) => [item.kind, item.spec]), [['SecretProviderClass', { provider: 'azure' }]]);
    assert.match(await cluster.refusal(415, 'PATCH', `${path}/kv`, { body: {}, type: 'application/strategic-merge-patch+json' }), /merge-patch/);
    cluster.api.remove('CustomResourceDefinition', undefined, 'secretproviderclasses.secrets-store.csi.x-k8s.io');
    assert.equal((await cluster.raw('GET', path)).status, 404);
  });

  it('is discovered both ways and answers what is out of scope by name', async () => {
    const cluster = new TestCluster();
    assert.equal((await cluster.ask(200, 'GET', '/version')).gitVersion, 'v1.33.2');
    const legacy = await cluster.ask(200, 'GET', '/apis/apps/v1');
    assert.ok(itemsAt(legacy, 'resources').some((row) => row.name === 'deployments/status'));
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    const modern = await cluster.raw('GET', '/apis', { headers: { accept } });
    assert.equal(modern.headers?.['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    const index = await cluster.ask(200, 'GET', '/openapi/v3');
    assert.match(textAt(index, 'paths', 'apis/apps/v1', 'serverRelativeURL'), /^\/openapi\/v3\/apis\/apps\/v1\?hash=/);
    assert.equal((await cluster.raw('GET', '/openapi/v2')).status, 404);
    cluster.api.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    const pods = '/api/v1/namespaces/ns/pods/p';
    assert.equal((await cluster.raw('POST', `${pods}/exec`)).status, 501);
    assert.equal((await cluster.raw('GET', `${pods}/log`)).status, 501);
    cluster.api.setLogs('ns', 'p', ['one', 'two']);
    assert.equal((await cluster.raw('GET', `${pods}/log`)).body, 'one\ntwo\n');
  });
});
