import assert from 'node:assert/strict';
import { Namespace } from '../../../tasks/_shared/kubernetes/namespace.js';
import { ServiceAccount } from '../../../tasks/_shared/kubernetes/service-account.js';
import { output, unknown, value } from '../../../tasks/_shared/reconcile/ref.js';
import {
  clientId,
  inProcessCluster,
  otherClientId,
  plantNamespace,
  plantServiceAccount,
  tenantId,
  verdictOf,
  writesOf,
  type ClusterWorld,
} from './cluster-world.js';

const clientIdKey = 'azure.workload.identity/client-id';
const tenantIdKey = 'azure.workload.identity/tenant-id';
const account = '/api/v1/namespaces/orders/serviceaccounts/api';

describe('namespace and service account', () => {
  let world: ClusterWorld;
  let namespace: Namespace;
  const desired = (id = clientId): ServiceAccount =>
    new ServiceAccount(
      world.connection,
      { namespace: 'orders', name: 'api' },
      { namespace: output(namespace, (state) => state.name), clientId: value(id), tenantId: value(tenantId) },
    );

  beforeEach(async () => {
    world = await inProcessCluster();
    namespace = new Namespace(world.connection, 'orders');
  });
  afterEach(() => world.close());

  it('makes both, marks what it made, and writes nothing the second time', async () => {
    const first = await world.run([desired(), namespace]);
    assert.equal(first.result, 'succeeded');
    assert.deepEqual(first.plan.map(({ change }) => change.action), ['create', 'create']);
    assert.deepEqual(writesOf(world), ['PATCH /api/v1/namespaces/orders', `PATCH ${account}`]);
    const made = world.api.find('ServiceAccount', 'orders', 'api');
    assert.deepEqual(made?.metadata.annotations, { [clientIdKey]: clientId, [tenantIdKey]: tenantId });
    assert.deepEqual(made.metadata.labels, { 'aks-workload-identity/managed': 'true' });
    world.network.log.clear();
    const second = await world.run([desired(), namespace]);
    assert.equal(second.result, 'succeeded');
    assert.deepEqual(writesOf(world), []);
  });

  it('shows old and new when the identity changes, and changes its own without asking', async () => {
    await world.run([namespace, desired()]);
    world.api.edit('ServiceAccount', 'orders', 'api', (object) => {
      object.metadata.annotations = { ...object.metadata.annotations, [clientIdKey]: 'by-hand' };
    }, 'kubectl-edit');
    const result = await world.run([namespace, desired(otherClientId)]);
    const change = result.plan[1]?.change;
    assert.ok(change?.action === 'update');
    assert.deepEqual(change.fields, [{ field: clientIdKey, before: 'by-hand', after: otherClientId }]);
    assert.equal(result.result, 'succeeded');
    assert.equal(world.api.find('ServiceAccount', 'orders', 'api')?.metadata.labels?.['aks-workload-identity/managed'], 'true');
  });

  it('annotates a foreign service account and leaves everything else of it alone', async () => {
    plantNamespace(world.api);
    plantServiceAccount(world.api, { team: 'orders' }, { app: 'api' });
    const result = await world.run([namespace, desired()]);
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(writesOf(world), [`PATCH ${account}`]);
    const found = world.api.find('ServiceAccount', 'orders', 'api');
    assert.deepEqual(found?.metadata.labels, { app: 'api' });
    assert.deepEqual(found.metadata.annotations, { team: 'orders', [clientIdKey]: clientId, [tenantIdKey]: tenantId });
  });

  it('keeps an equal annotation whoever made it', async () => {
    plantNamespace(world.api);
    plantServiceAccount(world.api, { [clientIdKey]: clientId, [tenantIdKey]: tenantId });
    const result = await world.run([namespace, desired()]);
    assert.equal(verdictOf(result, desired().key).action, 'keep');
    assert.deepEqual(writesOf(world), []);
  });

  it('does not take a foreign service account from another identity', async () => {
    plantNamespace(world.api);
    plantServiceAccount(world.api, { [clientIdKey]: otherClientId });
    const refused = await world.run([namespace, desired()]);
    const { action, problem } = verdictOf(refused, desired().key);
    assert.equal(action, 'blocked');
    assert.equal(problem?.code, 'WI4102');
    assert.match(problem.because, /test sets azure\.workload\.identity\/client-id/);
    assert.deepEqual(writesOf(world), []);
  });

  it('plans with an identity that is not made yet', () => {
    const change = desired().plan(undefined, { namespace: 'orders', clientId: unknown, tenantId });
    assert.ok(change.action === 'create');
    assert.deepEqual(change.fields[0], { field: clientIdKey, after: '(known after apply)' });
  });

  it('is blocked by a namespace that is being deleted', async () => {
    world.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders', finalizers: ['example/wait'] } });
    world.api.remove('Namespace', undefined, 'orders');
    const result = await world.run([namespace, desired()]);
    assert.equal(verdictOf(result, namespace.key).problem?.code, 'WI4101');
    assert.equal(verdictOf(result, desired().key).problem?.code, 'WI9003');
    assert.deepEqual(writesOf(world), []);
  });

  it('writes nothing in a dry run, nor when a right is missing', async () => {
    const dry = await world.run([namespace, desired()], [], true);
    assert.equal(dry.result, 'succeeded');
    world.knobs.allows = ({ verb, resource }) => verb !== 'create' || resource !== 'serviceaccounts';
    const lacking = await world.run([namespace, desired()]);
    assert.equal(lacking.result, 'failed');
    const finding = lacking.preflight.findings[0];
    assert.equal(finding?.problem.code, 'WI3001');
    assert.match(finding.problem.because, /create serviceaccounts at .*\/namespaces\/orders/);
    assert.deepEqual(writesOf(world), []);
  });

  it('journals each write before it is sent', async () => {
    await world.run([namespace, desired()]);
    assert.deepEqual(
      world.journal.map(({ action, object, after, cluster }) => ({ action, object, after, cluster })),
      [
        { action: 'create', object: '/api/v1/namespaces/orders', after: undefined, cluster: 'aks-dev-weu-1' },
        { action: 'create', object: account, after: `${clientIdKey}=${clientId} ${tenantIdKey}=${tenantId}`, cluster: 'aks-dev-weu-1' },
      ],
    );
  });
});
