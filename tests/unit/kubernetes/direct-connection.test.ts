import { ResponseContext, wrapHttpLibrary } from '@kubernetes/client-node';
import assert from 'node:assert/strict';
import { openDirect } from '../../../tasks/_shared/kubernetes/direct-connection.js';
import { kinds } from '../../../tasks/_shared/kubernetes/objects.js';
import { newestRevision } from '../../../tasks/_shared/kubernetes/release-revisions.js';
import { lackedRights, rights, rolloutRights, tokenRights } from '../../../tasks/_shared/kubernetes/permissions.js';
import { clusterId, inProcessCluster, plantNamespace, plantServiceAccount, problemOf, writesOf, type ClusterWorld } from './cluster-world.js';

const account = { ...kinds.serviceAccount, namespace: 'orders', name: 'api' };
const wanted = { ...kinds.serviceAccount, metadata: { namespace: 'orders', name: 'api', annotations: { colour: 'blue' } } };

describe('direct connection', () => {
  let world: ClusterWorld;
  beforeEach(async () => {
    world = await inProcessCluster();
  });
  afterEach(() => world.close());

  it('reads objects and tells absent ones', async () => {
    plantNamespace(world.api);
    plantServiceAccount(world.api);
    assert.equal((await world.connection.get(account))?.metadata.name, 'api');
    assert.equal(await world.connection.get({ ...account, name: 'other' }), undefined);
    assert.equal(await world.connection.version(), 'v1.33.2');
  });

  it('lists by label across pages', async () => {
    plantNamespace(world.api);
    for (let index = 0; index < 501; index += 1) {
      world.api.put({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'orders', name: `s-${index}`, labels: { part: index % 2 === 0 ? 'even' : 'odd' } } });
    }
    assert.equal((await world.connection.list(kinds.secret, 'orders')).length, 501);
    const odd = await world.connection.list(kinds.secret, 'orders', 'part=odd');
    assert.equal(odd.length, 250);
    assert.equal(odd[0]?.kind, 'Secret');
    assert.deepEqual(await world.connection.list(kinds.secret, 'nowhere'), []);
  });

  it('lists by field what the kind offers for it, and takes no other answer for a list', async () => {
    plantNamespace(world.api);
    for (const type of ['Opaque', 'helm.sh/release.v1']) world.api.put({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'orders', name: type.toLowerCase().replace('/', '.') }, type });
    const found = await world.connection.list(kinds.secret, 'orders', undefined, { fieldSelector: 'type!=helm.sh/release.v1' });
    assert.deepEqual(found.map(({ metadata }) => metadata.name), ['opaque']);
    const refused = await problemOf(world.connection.list(kinds.pod, 'orders', undefined, { fieldSelector: 'type!=x' }));
    assert.deepEqual([refused.code, refused.because], ['WI4005', 'field label not supported: type']);
    for (const body of ['<html>sign in</html>', {}, { kind: 'Secret', items: [] }]) {
      world.network.faults.plant({ times: 1, respond: { status: 200, body } });
      assert.equal((await problemOf(world.connection.list(kinds.secret, 'orders'))).because, 'the answer is no list');
    }
  });

  it('applies with its field manager, creates and changes only its fields', async () => {
    plantNamespace(world.api);
    const created = await world.connection.apply(wanted);
    assert.equal(created.kind, 'ServiceAccount');
    world.api.edit('ServiceAccount', 'orders', 'api', (object) => {
      object.metadata.annotations = { ...object.metadata.annotations, shape: 'round' };
    });
    await world.connection.apply({ ...wanted, metadata: { ...wanted.metadata, annotations: { colour: 'red' } } });
    assert.deepEqual(world.api.find('ServiceAccount', 'orders', 'api')?.metadata.annotations, { colour: 'red', shape: 'round' });
    assert.match(world.network.log.writes()[0]?.path ?? '', /fieldManager=aks-workload-identity&force=false/);
  });

  it('names the other manager and the field of a conflict, and forces only when asked', async () => {
    plantNamespace(world.api);
    world.api.put({ ...wanted, metadata: { namespace: 'orders', name: 'api', annotations: { colour: 'red' } } }, 'kubectl-annotate');
    const problem = await problemOf(world.connection.apply(wanted));
    assert.equal(problem.code, 'WI4004');
    assert.match(problem.because, /kubectl-annotate owns .*colour.* with another value/);
    await world.connection.apply(wanted, { force: true });
    assert.equal(world.api.find('ServiceAccount', 'orders', 'api')?.metadata.annotations?.colour, 'blue');
  });

  it('removes, and counts absent as removed', async () => {
    plantNamespace(world.api);
    plantServiceAccount(world.api);
    await world.connection.remove(account);
    await world.connection.remove(account);
    assert.deepEqual(writesOf(world), ['DELETE /api/v1/namespaces/orders/serviceaccounts/api']);
  });

  it('asks for tokens without writing', async () => {
    plantNamespace(world.api);
    plantServiceAccount(world.api);
    const [, claims = ''] = (await world.connection.serviceAccountToken('orders', 'api', 'api://AzureADTokenExchange', 600)).split('.');
    const parsed = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub: string; aud: string[] };
    assert.equal(parsed.sub, 'system:serviceaccount:orders:api');
    assert.deepEqual(parsed.aud, ['api://AzureADTokenExchange']);
    assert.deepEqual(writesOf(world), []);
    const problem = await problemOf(world.connection.serviceAccountToken('orders', 'nobody', 'x', 600));
    assert.equal(problem.code, 'WI4009');
    assert.match(problem.because, /nobody/);
  });

  it('reviews its own access, and finds the rights that it lacks', async () => {
    world.knobs.allows = ({ verb, resource }) => verb !== 'patch' || resource !== 'deployments';
    assert.equal(await world.connection.can({ verb: 'create', group: '', resource: 'secrets', namespace: 'orders' }), true);
    const asked = [...rights(world.connection, ['get', 'patch'], kinds.deployment, 'orders'), ...rights(world.connection, ['create'], kinds.namespace)];
    assert.deepEqual((await lackedRights(world.connection, asked)).map(({ action, scope }) => `${action} ${scope.split('/').slice(-2).join('/')}`), ['patch deployments.apps namespaces/orders']);
    assert.deepEqual(await lackedRights(world.connection, [{ plane: 'azure', action: 'x', scope: world.connection.clusterId }]), []);
  });

  it('waits out passing refusals as long as they ask for', async () => {
    world.network.faults.plant({ times: 2, respond: { status: 429, headers: { 'retry-after': '7' }, body: { message: 'slow down' } } });
    assert.equal(await world.connection.version(), 'v1.33.2');
    assert.ok(world.clock.monotonic() >= 14_000);
  });

  it('asks again when a connection never answers, and says so when that goes on', async () => {
    world.network.faults.plant({ times: 1, delayMs: 3_600_000 });
    assert.equal(await world.connection.version(), 'v1.33.2');
    assert.equal(world.clock.monotonic(), 30_500);
    world.network.faults.plant({ delayMs: 3_600_000 });
    const problem = await problemOf(world.connection.get(account));
    assert.equal(problem.code, 'WI4001');
    assert.equal(problem.because, 'no complete answer came within 30 s');
    assert.ok(world.clock.monotonic() <= 30_500 + 92_000);
  });

  it('ends a request that does not answer when the run is cancelled', async () => {
    const reason = new Error('cancelled by the pipeline');
    world.network.faults.plant({ delayMs: 3_600_000 });
    const pending = world.connection.version();
    setImmediate(() => {
      world.abort.abort(reason);
    });
    await assert.rejects(pending, reason);
    assert.ok(world.clock.monotonic() < 30_000);
  });

  it('asks again when the connection breaks in the middle of an answer', async () => {
    const broken = (): Promise<never> => Promise.reject(new Error('read ECONNRESET'));
    let asked = 0;
    const http = wrapHttpLibrary({
      send: () => {
        asked += 1;
        const whole = { text: () => Promise.resolve('{"gitVersion": "v1.33.2"}'), binary: broken };
        return Promise.resolve(new ResponseContext(200, {}, asked === 1 ? { text: broken, binary: broken } : whole));
      },
    });
    const endpoint = { label: 'aks-dev-weu-1', clusterId, server: 'https://aks.sim', certificateAuthority: '', token: () => Promise.resolve('t') };
    const connection = await openDirect(endpoint, { clock: world.clock, signal: world.abort.signal, environment: {}, tempDirectory: world.temp, http });
    assert.equal(await connection.version(), 'v1.33.2');
    assert.equal(asked, 2);
  });

  it('leaves the content of releases on the server, where it can', async () => {
    plantNamespace(world.api);
    const labels = { owner: 'helm', name: 'orders', version: '3', status: 'deployed', modifiedAt: '1767600000' };
    const metadata = { namespace: 'orders', name: 'sh.helm.release.v1.orders.v3', labels };
    world.api.put({ apiVersion: 'v1', kind: 'Secret', metadata, data: { release: 'AAAA' } });
    const [whole] = await world.connection.list(kinds.secret, 'orders', 'owner=helm', { metadataOnly: true });
    assert.deepEqual(Object.keys(whole ?? {}).sort(), ['apiVersion', 'kind', 'metadata'], 'a server that sends whole objects does no harm');
    const fromWhole = await newestRevision(world.connection, 'orders', 'orders');
    let accept: string | undefined;
    const items = [{ apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata }];
    const body = { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadataList', metadata: {}, items };
    world.network.faults.plant({
      respond: (request) => {
        accept = request.headers.accept;
        return { status: 200, body };
      },
    });
    assert.deepEqual(await newestRevision(world.connection, 'orders', 'orders'), fromWhole);
    assert.equal(fromWhole?.number, 3);
    assert.equal(accept, 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json');
  });

  it('knows the rights that proofs need', async () => {
    const proofs = [...tokenRights(world.connection, 'orders'), ...rolloutRights(world.connection, 'orders')];
    world.knobs.allows = ({ resource, subresource, verb, namespace }) =>
      namespace === 'orders' && !(verb === 'create' && resource === 'serviceaccounts' && subresource === 'token') && !(verb === 'list' && resource === 'replicasets');
    assert.deepEqual((await lackedRights(world.connection, proofs)).map(({ action }) => action), ['create serviceaccounts/token', 'list replicasets.apps']);
    assert.deepEqual(proofs.map(({ action }) => action), [
      'get serviceaccounts',
      'create serviceaccounts/token',
      'list deployments.apps',
      'list statefulsets.apps',
      'list daemonsets.apps',
      'list replicasets.apps',
      'list pods',
    ]);
  });

  it('gives up on a server that stays away, and says where it looked', async () => {
    world.network.faults.plant({ drop: 'before' });
    const problem = await problemOf(world.connection.get(account));
    assert.equal(problem.code, 'WI4001');
    assert.match(problem.what, /aks-dev-weu-1/);
    assert.match(problem.because, /hang up/);
    assert.match(problem.remedy, /private cluster/);
  });

  it('survives a short restart of the API server', async () => {
    world.network.faults.plant({ times: 3, drop: 'before' });
    assert.equal(await world.connection.version(), 'v1.33.2');
  });

  it('tells 401, 403, 404 of a namespace, 422 and admission apart', async () => {
    world.knobs.token = 'another';
    assert.equal((await problemOf(world.connection.get(account))).code, 'WI4002');
    world.knobs.token = 'entra-token-of-the-deployer';
    world.knobs.allows = ({ verb }) => verb !== 'list';
    const forbidden = await problemOf(world.connection.list(kinds.secret, 'orders'));
    assert.equal(forbidden.code, 'WI4003');
    assert.match(forbidden.because, /cannot list resource "secrets".*in the namespace "orders"/);
    world.knobs.allows = () => true;
    assert.equal((await problemOf(world.connection.apply(wanted))).code, 'WI4006');
    const invalid = { ...kinds.namespace, metadata: { name: 'Not_Valid' } };
    assert.equal((await problemOf(world.connection.apply(invalid))).code, 'WI4005');
    const denied = { kind: 'Status', reason: 'Forbidden', message: 'admission webhook "policy.example" denied the request: no', code: 403 };
    world.network.faults.plant({ times: 1, respond: { status: 403, body: denied } });
    const refused = await problemOf(world.connection.apply({ ...kinds.namespace, metadata: { name: 'fine' } }));
    assert.equal(refused.code, 'WI4008');
    assert.match(refused.because, /policy\.example/);
  });

  it('stops asking when the run is cancelled', async () => {
    world.network.faults.plant({ respond: { status: 503, body: {} } });
    const reason = new Error('cancelled by the pipeline');
    const pending = world.connection.version();
    world.abort.abort(reason);
    await assert.rejects(pending, reason);
  });
});
