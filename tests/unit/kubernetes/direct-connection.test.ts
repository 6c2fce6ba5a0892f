import assert from 'node:assert/strict';
import { kinds } from '../../../tasks/_shared/kubernetes/objects.js';
import { lackedRights, rights } from '../../../tasks/_shared/kubernetes/permissions.js';
import { inProcessCluster, plantNamespace, plantServiceAccount, problemOf, writesOf, type ClusterWorld } from './cluster-world.js';

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
