import assert from 'node:assert/strict';
import { Namespace } from '../../../tasks/_shared/kubernetes/namespace.js';
import { unknown } from '../../../tasks/_shared/reconcile/ref.js';
import { inProcessCluster, plantNamespace, type ClusterWorld } from './cluster-world.js';

describe('kubernetes: a namespace', () => {
  let world: ClusterWorld;
  beforeEach(async () => {
    world = await inProcessCluster();
  });
  afterEach(() => world.close());

  it('is made where it is missing, and left alone the second time', async () => {
    const first = await world.run([new Namespace(world.connection, 'orders')]);
    assert.equal(first.result, 'succeeded');
    assert.equal(world.api.find('Namespace', undefined, 'orders')?.metadata.name, 'orders');
    const before = world.network.log.writes().length;
    const second = await world.run([new Namespace(world.connection, 'orders')]);
    assert.deepEqual(second.plan.map(({ change }) => change.action), ['keep']);
    assert.equal(world.network.log.writes().length, before);
  });

  it('waits for the task that makes it together with the identity, and needs nobody where it is there', () => {
    const namespace = new Namespace(world.connection, 'orders');
    const waiting = namespace.plan(undefined, { cluster: 'c', identity: unknown });
    assert.ok(waiting.action === 'blocked' && waiting.awaits);
    assert.equal(waiting.problem.code, 'WI4103');
    assert.equal(namespace.plan({ name: 'orders', terminating: false }, { cluster: 'c', identity: unknown }).action, 'keep');
  });

  it('is not touched while it is being deleted', async () => {
    plantNamespace(world.api);
    world.api.edit('Namespace', undefined, 'orders', (found) => {
      found.status = { phase: 'Terminating' };
    });
    const result = await world.run([new Namespace(world.connection, 'orders')]);
    assert.equal(result.result, 'failed');
    assert.deepEqual(result.preflight.findings.map(({ problem }) => problem.code), ['WI4101']);
  });
});
