import assert from 'node:assert/strict';
import { at, itemsAt, textAt, type Fields } from './objects/values.js';
import { configMap, configMaps, deployment, deployments, TestCluster } from './test-cluster.js';
import { decodeFields, encodeFields } from './writing/field-sets.js';

const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';

function managers(object: Fields): string[] {
  return itemsAt(object, 'metadata', 'managedFields').map((entry) => `${textAt(entry, 'manager')}:${textAt(entry, 'operation')}${entry.subresource === undefined ? '' : ':status'}`);
}

describe('kubernetes simulator: patches', () => {
  it('takes JSON patches and merge patches', async () => {
    const cluster = new TestCluster();
    await cluster.ask(201, 'POST', configMaps, { body: configMap({ a: '1', b: '2' }) });
    const merged = await cluster.ask(200, 'PATCH', `${configMaps}/cm`, { type: merge, body: { data: { a: null, c: '3' } } });
    assert.deepEqual(merged.data, { b: '2', c: '3' });
    const type = 'application/json-patch+json';
    const patched = await cluster.ask(200, 'PATCH', `${configMaps}/cm`, { type, body: [{ op: 'replace', path: '/data/b', value: '9' }] });
    assert.deepEqual(patched.data, { b: '9', c: '3' });
    assert.match(await cluster.refusal(400, 'PATCH', `${configMaps}/cm`, { type, body: {} }), /cannot unmarshal object/);
    await cluster.refusal(422, 'PATCH', `${configMaps}/cm`, { type, body: [{ op: 'remove', path: '/data/zz' }] });
    await cluster.refusal(409, 'PATCH', `${configMaps}/cm`, { type: merge, body: { metadata: { resourceVersion: '1' } } });
    const version = textAt(patched, 'metadata', 'resourceVersion');
    const same = await cluster.ask(200, 'PATCH', `${configMaps}/cm`, { type: merge, body: { data: { b: '9' } } });
    assert.equal(textAt(same, 'metadata', 'resourceVersion'), version);
  });

  it('takes strategic patches with every directive', async () => {
    const cluster = new TestCluster();
    const body = deployment();
    const [app] = itemsAt(body, 'spec', 'template', 'spec', 'containers');
    Object.assign(at(body, 'spec', 'template', 'spec') ?? {}, { containers: [{ ...app, env: [{ name: 'X', value: '1' }, { name: 'Z', value: '2' }] }, { name: 'b', image: 'b:1' }] });
    await cluster.ask(201, 'POST', deployments, { body });
    const containers = [{ name: 'app', '$setElementOrder/env': [{ name: 'Q' }, { name: 'Z' }], env: [{ name: 'Q', value: '3' }, { $patch: 'delete', name: 'X' }] }, { $patch: 'delete', name: 'b' }];
    const patch = { metadata: { finalizers: ['keep/me', 'drop/me'] }, spec: { strategy: { $retainKeys: ['type'], rollingUpdate: null, type: 'Recreate' }, template: { spec: { '$setElementOrder/containers': [{ name: 'app' }], containers } } } };
    const patched = await cluster.ask(200, 'PATCH', `${deployments}/web`, { type: strategic, body: patch });
    assert.deepEqual(at(patched, 'spec', 'strategy'), { type: 'Recreate' });
    const after = itemsAt(patched, 'spec', 'template', 'spec', 'containers');
    assert.deepEqual(after.map((container) => container.name), ['app']);
    assert.deepEqual(after[0]?.env, [{ name: 'Q', value: '3' }, { name: 'Z', value: '2' }]);
    assert.deepEqual(after[0].ports, [{ containerPort: 80, protocol: 'TCP' }]);
    const dropped = await cluster.ask(200, 'PATCH', `${deployments}/web`, { type: strategic, body: { metadata: { '$deleteFromPrimitiveList/finalizers': ['drop/me'] } } });
    assert.deepEqual(at(dropped, 'metadata', 'finalizers'), ['keep/me']);
    const replaced = await cluster.ask(200, 'PATCH', `${deployments}/web`, { type: strategic, body: { spec: { template: { metadata: { labels: { $patch: 'replace', app: 'web' } }, spec: { containers: [{ $patch: 'replace' }, { name: 'only', image: 'o:1' }] } } } } });
    assert.deepEqual(itemsAt(replaced, 'spec', 'template', 'spec', 'containers').map((container) => container.name), ['only']);
  });
});

describe('kubernetes simulator: server-side apply', () => {
  const path = `${configMaps}/cm`;

  it('creates, shares equal values, refuses others and names them, and forces', async () => {
    const cluster = new TestCluster();
    const created = await cluster.apply(201, path, 'm1', configMap({ a: '1', b: '1' }));
    assert.deepEqual(itemsAt(created, 'metadata', 'managedFields')[0]?.fieldsV1, { 'f:data': { 'f:a': {}, 'f:b': {} } });
    const shared = await cluster.apply(200, path, 'm2', configMap({ a: '1' }));
    assert.deepEqual(managers(shared), ['m1:Apply', 'm2:Apply']);
    const clash = await cluster.apply(409, path, 'm3', configMap({ a: '2', b: '2' }));
    assert.equal(clash.message, 'Apply failed with 3 conflicts: conflicts with "m1":\n- .data.a\n- .data.b\nconflict with "m2": .data.a');
    const forced = await cluster.apply(200, path, 'm3', configMap({ a: '2' }), true);
    assert.deepEqual([forced.data, managers(forced)], [{ a: '2', b: '1' }, ['m1:Apply', 'm3:Apply']]);
  });

  it('takes out what only the applier owned, and leaves the rest', async () => {
    const cluster = new TestCluster();
    await cluster.apply(201, path, 'm1', configMap({ a: '1', b: '1' }));
    await cluster.ask(200, 'PATCH', `${path}?fieldManager=editor`, { type: merge, body: { data: { c: '3' } } });
    const less = await cluster.apply(200, path, 'm1', configMap({ b: '1' }));
    assert.deepEqual(less.data, { b: '1', c: '3' });
    const clash = await cluster.apply(409, path, 'm1', configMap({ b: '1', c: '4' }));
    assert.equal(clash.message, 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.c');
    assert.deepEqual(at(clash, 'details', 'causes'), [{ reason: 'FieldManagerConflict', message: 'conflict with "editor" using v1', field: '.data.c' }]);
    await cluster.ask(200, 'PATCH', `${path}?fieldManager=editor`, { type: merge, body: { data: { b: '5' } } });
    const handedOver = await cluster.apply(200, path, 'm1', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm' } });
    assert.deepEqual([handedOver.data, managers(handedOver)], [{ b: '5', c: '3' }, ['editor:Update']]);
  });

  it('merges keyed lists and keeps the resource version of an equal apply', async () => {
    const cluster = new TestCluster();
    const first = await cluster.apply(201, `${deployments}/web`, 'helm', deployment());
    const owned = JSON.stringify(at(first, 'metadata', 'managedFields'));
    assert.ok(owned.includes(JSON.stringify('k:{"containerPort":80,"protocol":"TCP"}')), owned);
    const sidecar = { ...deployment(), spec: { template: { spec: { containers: [{ name: 'side', image: 's:1' }] } } } };
    const both = await cluster.apply(200, `${deployments}/web`, 'other', sidecar);
    assert.deepEqual(itemsAt(both, 'spec', 'template', 'spec', 'containers').map((container) => container.name).sort(), ['app', 'side']);
    cluster.clock.advance(60_000);
    const before = cluster.api.find('Deployment', 'ns', 'web')?.metadata.resourceVersion;
    const again = await cluster.apply(200, `${deployments}/web`, 'helm', deployment());
    assert.equal(textAt(again, 'metadata', 'resourceVersion'), before);
    const without = await cluster.apply(200, `${deployments}/web`, 'other', { ...deployment(), spec: {} });
    assert.deepEqual(itemsAt(without, 'spec', 'template', 'spec', 'containers').map((container) => container.name), ['app']);
    assert.equal(await cluster.refusal(409, 'PATCH', `${deployments}/web?fieldManager=x`, { type: 'application/apply-patch+yaml', body: { ...deployment('web', 'nginx:2') } }), 'Apply failed with 1 conflict: conflict with "helm": .spec.template.spec.containers[name="app"].image');
  });

  it('moves the time of a Secret that is applied with stringData', async () => {
    const cluster = new TestCluster();
    const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { a: 'b' } };
    const first = await cluster.apply(201, '/api/v1/namespaces/ns/secrets/s', 'helm', body);
    cluster.clock.advance(2000);
    const second = await cluster.apply(200, '/api/v1/namespaces/ns/secrets/s', 'helm', body);
    assert.notEqual(textAt(second, 'metadata', 'resourceVersion'), textAt(first, 'metadata', 'resourceVersion'));
  });

  it('refuses misuse', async () => {
    const cluster = new TestCluster();
    const type = 'application/apply-patch+yaml';
    assert.match(await cluster.refusal(422, 'PATCH', path, { type, body: configMap({}) }), /fieldManager: Required value/);
    await cluster.refusal(400, 'PATCH', `${path}?fieldManager=m`, { type, body: configMap({}, 'cm', { managedFields: [] }) });
    assert.match(await cluster.refusal(500, 'PATCH', `${path}?fieldManager=m`, { type, body: { ...configMap({}), bogus: 1 } }), /\.bogus: field not declared in schema/);
    await cluster.ask(201, 'PATCH', `${path}?fieldManager=m`, { type, body: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata: {a: "1"}\n' });
    assert.match(await cluster.refusal(422, 'PATCH', `${path}?force=true`, { type: merge, body: {} }), /force: Forbidden/);
  });

  it('encodes field sets and reads them back', () => {
    const paths = ['f:data\nf:a', 'f:spec\nf:c\nk:{"name":"x"}', 'f:spec\nf:c\nk:{"name":"x"}\nf:image'];
    const encoded = encodeFields(paths);
    assert.deepEqual(encoded, { 'f:data': { 'f:a': {} }, 'f:spec': { 'f:c': { 'k:{"name":"x"}': { '.': {}, 'f:image': {} } } } });
    assert.deepEqual(decodeFields(encoded).sort(), paths);
  });
});
