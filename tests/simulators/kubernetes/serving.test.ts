import assert from 'node:assert/strict';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import protobuf from 'protobufjs';
import { isRecord } from '../kernel/service.js';
import { at, fieldsAt, itemsAt, textAt, type Fields } from './objects/values.js';
import { configMap, configMaps, deployment, deployments, TestCluster } from './test-cluster.js';

/** The first `count` events of a watch. */
async function events(cluster: TestCluster, path: string, count: number, during?: () => Promise<unknown>): Promise<Fields[]> {
  const gone = new AbortController();
  const response = await cluster.raw('GET', path, { signal: gone.signal });
  assert.equal(response.status, 200);
  const { body } = response;
  assert.ok(typeof body === 'object' && Symbol.asyncIterator in body);
  const seen: Fields[] = [];
  const acting = during?.();
  for await (const line of body) {
    const event: unknown = JSON.parse(line.toString());
    if (isRecord(event)) seen.push(event);
    if (seen.length === count) break;
  }
  gone.abort();
  await acting;
  return seen;
}

function brief(seen: readonly Fields[]): string[] {
  return seen.map((event) => `${textAt(event, 'type')} ${textAt(event, 'object', 'metadata', 'name')}`);
}

describe('kubernetes simulator: watches', () => {
  it('starts with what is there, marks the end, and goes on with changes', async () => {
    const cluster = new TestCluster();
    await cluster.ask(201, 'POST', configMaps, { body: configMap({}, 'a', { labels: { x: 'y' } }) });
    const path = `${configMaps}?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&labelSelector=x`;
    const seen = await events(cluster, path, 5, async () => {
      await cluster.ask(201, 'POST', configMaps, { body: configMap({}, 'b') });
      await cluster.ask(200, 'PATCH', `${configMaps}/b`, { body: { metadata: { labels: { x: '1' } } }, type: 'application/merge-patch+json' });
      await cluster.ask(200, 'PATCH', `${configMaps}/a`, { body: { metadata: { labels: null } }, type: 'application/merge-patch+json' });
      await cluster.ask(200, 'DELETE', `${configMaps}/b`);
    });
    assert.deepEqual(brief(seen), ['ADDED a', 'BOOKMARK ', 'ADDED b', 'DELETED a', 'DELETED b']);
    assert.deepEqual(at(seen[1], 'object', 'metadata', 'annotations'), { 'k8s.io/initial-events-end': 'true' });
    await cluster.refusal(422, 'GET', `${configMaps}?watch=true&sendInitialEvents=true`);
  });

  it('resumes from a version, says when it is too old, and ends at its timeout', async () => {
    const cluster = new TestCluster();
    const version = textAt(await cluster.ask(200, 'GET', configMaps), 'metadata', 'resourceVersion');
    await cluster.ask(201, 'POST', configMaps, { body: configMap({}, 'a') });
    assert.deepEqual(brief(await events(cluster, `${configMaps}?watch=true&resourceVersion=${version}`, 1)), ['ADDED a']);
    cluster.api.compact();
    const [expired] = await events(cluster, `${configMaps}?watch=true&resourceVersion=${version}`, 9);
    assert.deepEqual([expired?.type, at(expired, 'object', 'code'), at(expired, 'object', 'reason')], ['ERROR', 410, 'Expired']);
    const before = cluster.clock.monotonic();
    assert.deepEqual(await events(cluster, `${configMaps}?watch=true&resourceVersion=${cluster.api.find('ConfigMap', 'ns', 'a')?.metadata.resourceVersion ?? ''}&timeoutSeconds=30`, 9), []);
    assert.equal(cluster.clock.monotonic() - before, 30_000);
  });

  it('shows the controllers at work as time passes, without anybody asking', async () => {
    const cluster = new TestCluster();
    await cluster.ask(201, 'POST', deployments, { body: deployment('web', 'nginx:1', 1) });
    const path = `${deployments}?watch=true&fieldSelector=metadata.name%3Dweb`;
    const seen = await events(cluster, path, 2);
    assert.equal(at(seen[1], 'object', 'status', 'availableReplicas'), 1);
    assert.equal(cluster.clock.monotonic(), 2000);
  });
});

describe('kubernetes simulator: callers', () => {
  it('tells the unknown, the nameless and the forbidden apart', async () => {
    const cluster = new TestCluster();
    assert.equal(await cluster.refusal(401, 'GET', configMaps, { token: 'forged' }), 'Unauthorized');
    assert.match(await cluster.refusal(403, 'GET', configMaps, { token: '' }), /User "system:anonymous" cannot list resource "configmaps"/);
    assert.equal(await cluster.refusal(403, 'GET', '/api/v1/namespaces/ns/secrets', { token: 'dev' }), 'secrets is forbidden: User "dev" cannot list resource "secrets" in API group "" in the namespace "ns"');
    assert.equal(await cluster.refusal(403, 'GET', '/metrics', { token: 'dev' }), 'forbidden: User "dev" cannot get path "/metrics"');
    assert.equal((await cluster.raw('GET', '/version', { token: '' })).status, 200);
    assert.equal((await cluster.raw('GET', '/apis', { token: '' })).status, 403);
  });

  it('asks for the right before it says what it does not know', async () => {
    const cluster = new TestCluster();
    const unknown = ['/apis/security.istio.io/v1/namespaces/ns/peerauthentications', '/apis/apps/v1/namespaces/ns/nonsense'] as const;
    for (const path of unknown) assert.match(await cluster.refusal(403, 'GET', path, { token: 'dev' }), /User "dev" cannot list resource .* in the namespace "ns"/);
    assert.equal((await cluster.raw('GET', unknown[0])).body, '404 page not found\n');
    assert.equal(await cluster.refusal(404, 'GET', unknown[1]), 'the server could not find the requested resource');
  });

  it('counts a namespace as in itself', async () => {
    const cluster = new TestCluster();
    const own = '/api/v1/namespaces/ns';
    assert.equal(await cluster.refusal(403, 'GET', own, { token: 'dev' }), 'namespaces "ns" is forbidden: User "dev" cannot get resource "namespaces" in API group "" in the namespace "ns"');
    const binding = { metadata: { name: 'dev' }, roleRef: { kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'User', name: 'dev' }] };
    await cluster.ask(201, 'POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/ns/rolebindings', { body: binding });
    await cluster.ask(200, 'GET', own, { token: 'dev' });
    await cluster.refusal(403, 'GET', '/api/v1/namespaces/default', { token: 'dev' });
    assert.match(await cluster.refusal(403, 'GET', '/api/v1/namespaces', { token: 'dev' }), /at the cluster scope$/);
  });

  it('signs tokens that verify, and lets their bearers do what RBAC allows', async () => {
    const cluster = new TestCluster();
    cluster.api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'sa', namespace: 'ns' } });
    const path = '/api/v1/namespaces/ns/serviceaccounts/sa/token';
    const answer = await cluster.raw('POST', path, { body: { spec: { audiences: ['api://AzureADTokenExchange'], expirationSeconds: 600 } } });
    assert.deepEqual([answer.status, answer.wrote], [201, undefined]);
    const token = textAt(answer.body, 'status', 'token');
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: cluster.api.jwks().keys.map((key) => ({ kty: 'RSA', ...key })) }), { issuer: cluster.issuer, currentDate: cluster.clock.now() });
    assert.deepEqual([payload.sub, payload.aud, (payload.exp ?? 0) - (payload.iat ?? 0), typeof payload.jti], ['system:serviceaccount:ns:sa', ['api://AzureADTokenExchange'], 600, 'string']);
    assert.deepEqual(Object.keys(decodeProtectedHeader(token)), ['alg', 'kid']);
    assert.equal(await cluster.refusal(401, 'GET', configMaps, { token }), 'Unauthorized');
    const own = textAt(await cluster.ask(201, 'POST', path, { body: {} }), 'status', 'token');
    assert.match(await cluster.refusal(403, 'GET', configMaps, { token: own }), /system:serviceaccount:ns:sa/);
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/ns';
    await cluster.ask(201, 'POST', `${rbac}/roles`, { body: { metadata: { name: 'r' }, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }] } });
    await cluster.ask(201, 'POST', `${rbac}/rolebindings`, { body: { metadata: { name: 'r' }, roleRef: { kind: 'Role', name: 'r' }, subjects: [{ kind: 'ServiceAccount', name: 'sa', namespace: 'ns' }] } });
    await cluster.ask(200, 'GET', configMaps, { token: own });
    const question = { spec: { resourceAttributes: { namespace: 'ns', verb: 'list', resource: 'configmaps' } } };
    const review = await cluster.raw('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { token: own, body: question });
    assert.deepEqual([review.status, review.wrote, at(review.body, 'status', 'allowed')], [201, undefined, true]);
    const self = await cluster.ask(201, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { token: own, body: {} });
    assert.equal(textAt(self, 'status', 'userInfo', 'username'), 'system:serviceaccount:ns:sa');
    const rules = await cluster.ask(201, 'POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { token: own, body: { spec: { namespace: 'ns' } } });
    assert.ok(itemsAt(rules, 'status', 'resourceRules').some((rule) => JSON.stringify(rule.resources) === '["configmaps"]'));
    cluster.clock.advance(3_600_000);
    assert.equal(await cluster.refusal(401, 'GET', configMaps, { token: own }), 'Unauthorized');
  });

  it('bounds token lifetimes, binds tokens to pods, and follows the issuer', async () => {
    const cluster = new TestCluster();
    const path = '/api/v1/namespaces/ns/serviceaccounts/default/token';
    assert.equal(await cluster.refusal(422, 'POST', path, { body: { spec: { expirationSeconds: 60 } } }), 'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes');
    assert.equal(await cluster.refusal(404, 'POST', path.replace('default', 'nosa'), { body: {} }), 'serviceaccounts "nosa" not found');
    cluster.api.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    const bound = { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } };
    const token = textAt(await cluster.ask(201, 'POST', path, { body: { spec: bound } }), 'status', 'token');
    assert.match(await cluster.refusal(403, 'GET', configMaps, { token }), /cannot list/);
    cluster.api.remove('Pod', 'ns', 'p');
    await cluster.refusal(401, 'GET', configMaps, { token });
    cluster.issuer = 'https://issuer.test/two/';
    const page = await cluster.ask(200, 'GET', '/.well-known/openid-configuration');
    assert.deepEqual([page.issuer, page.jwks_uri], [cluster.issuer, 'https://issuer.test/two/openid/v1/jwks']);
    await cluster.refusal(403, 'GET', '/openid/v1/jwks', { token: '' });
  });

  it('reads protobuf bodies and refuses those it does not know', async () => {
    const cluster = new TestCluster();
    const source = 'syntax = "proto2"; message M { optional string name = 1; optional string uid = 5; } message C { optional M metadata = 1; map<string, string> data = 2; optional string more = 9; } message T { optional string apiVersion = 1; optional string kind = 2; } message U { optional T typeMeta = 1; optional bytes raw = 2; }';
    const { root } = protobuf.parse(source, { keepCase: true });
    const wrap = (kind: string): Buffer => {
      const more = kind === 'ServiceAccount' ? { more: 'x' } : { data: { a: '', b: '2' } };
      const raw = root.lookupType('C').encode({ metadata: { name: 'pb', uid: '' }, ...more }).finish();
      return Buffer.concat([Buffer.from('k8s\0'), root.lookupType('U').encode({ typeMeta: { apiVersion: 'v1', kind }, raw }).finish()]);
    };
    const type = 'application/vnd.kubernetes.protobuf';
    const made = await cluster.ask(201, 'POST', configMaps, { body: wrap('ConfigMap'), type });
    assert.deepEqual([made.data, fieldsAt(made, 'metadata').name], [{ a: '', b: '2' }, 'pb']);
    await cluster.refusal(415, 'POST', deployments, { body: wrap('StatefulSet'), type });
    assert.match(await cluster.refusal(501, 'POST', configMaps, { body: wrap('ServiceAccount'), type }), /protobuf of kind ServiceAccount with fields that this simulator does not know/);
    await cluster.refusal(400, 'POST', configMaps, { body: Buffer.from('nonsense'), type });
  });

  it('acts as somebody else for who may, and for nobody else', async () => {
    const cluster = new TestCluster();
    const as = (name: string, group?: string): { headers: Record<string, string> } => ({ headers: { 'impersonate-user': name, ...(group === undefined ? {} : { 'impersonate-group': group }) } });
    assert.match(await cluster.refusal(403, 'GET', configMaps, as('dev')), /User "dev" cannot list resource "configmaps"/);
    assert.match(await cluster.refusal(403, 'GET', configMaps, as('system:serviceaccount:ns:sa')), /User "system:serviceaccount:ns:sa" cannot list/);
    await cluster.ask(200, 'GET', configMaps, as('dev', 'system:masters'));
    const me = await cluster.ask(201, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { ...as('system:serviceaccount:ns:sa'), body: {} });
    assert.deepEqual(at(me, 'status', 'userInfo', 'groups'), ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated']);
    assert.match(await cluster.refusal(403, 'GET', configMaps, { token: 'dev', ...as('admin') }), /users "admin" is forbidden: User "dev" cannot impersonate resource "users"/);
    assert.match(await cluster.refusal(400, 'GET', configMaps, { headers: { 'impersonate-group': 'system:masters' } }), /groups without impersonating a user/);
  });
});
