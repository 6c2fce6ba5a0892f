import assert from 'node:assert/strict';
import { Namespace } from '../../../tasks/_shared/kubernetes/namespace.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { inProcessCluster, plantNamespace, writesOf, type ClusterWorld } from './cluster-world.js';

const enforce = 'pod-security.kubernetes.io/enforce';

describe('kubernetes: labels of a namespace', () => {
  let world: ClusterWorld;
  beforeEach(async () => {
    world = await inProcessCluster();
  });
  afterEach(() => world.close());

  const apply = (labels: Record<string, string>, release = 'shop'): Promise<RunResult> => world.run([new Namespace(world.connection, 'orders', {}, [], { labels, part: `namespace.${release}` })]);
  const changeOf = ({ plan }: RunResult): string => plan.map(({ change }) => `${change.action}${'widens' in change && change.widens ? ' widens' : ''}`).join();
  const live = (): Record<string, string> => {
    const labels = { ...world.api.find('Namespace', undefined, 'orders')?.metadata.labels };
    delete labels['kubernetes.io/metadata.name'];
    return labels;
  };

  it('are there from the first moment of one that is made, and left alone the second time', async () => {
    const first = await apply({ team: 'orders', [enforce]: 'restricted' });
    assert.deepEqual([changeOf(first), live(), writesOf(world).length], ['create', { team: 'orders', [enforce]: 'restricted' }, 1]);
    assert.equal(changeOf(await apply({ team: 'orders', [enforce]: 'restricted' })), 'keep');
    assert.equal(writesOf(world).length, 1);
  });

  it('change and go with what is asked for, and no other label does', async () => {
    plantNamespace(world.api);
    world.api.edit('Namespace', undefined, 'orders', (found) => {
      found.metadata.labels = { ...found.metadata.labels, owner: 'platform' };
    });
    await apply({ team: 'orders', tier: 'gold' });
    const result = await apply({ team: 'sales' });
    assert.equal(changeOf(result), 'update');
    const [planned] = result.plan;
    assert.deepEqual(planned?.change.action === 'update' ? planned.change.fields : [], [{ field: 'team', before: 'orders', after: 'sales' }, { field: 'tier', before: 'gold', after: '(removed)' }]);
    assert.deepEqual(live(), { owner: 'platform', team: 'sales' });
  });

  it('of several releases stand side by side', async () => {
    await apply({ team: 'orders' });
    await apply({ tier: 'gold', team: 'orders' }, 'billing');
    assert.equal(changeOf(await apply({ team: 'orders' })), 'keep');
    assert.deepEqual(live(), { team: 'orders', tier: 'gold' });
  });

  it('that somebody else set otherwise are a conflict that names who, and nothing is written', async () => {
    await apply({ team: 'orders' });
    world.network.log.clear();
    const result = await apply({ team: 'sales' }, 'billing');
    const [finding] = result.preflight.findings;
    assert.deepEqual([finding?.problem.code, finding?.problem.because], ['WI4140', 'aks-workload-identity.namespace.shop set team to orders, and not to sales']);
    assert.deepEqual(writesOf(world), []);
  });

  it('that are there with the same value count as present', async () => {
    plantNamespace(world.api);
    world.api.edit('Namespace', undefined, 'orders', (found) => {
      found.metadata.labels = { team: 'orders' };
    });
    assert.equal(changeOf(await apply({ team: 'orders' })), 'keep');
  });

  it('mark what lets pods do more', async () => {
    assert.equal(changeOf(await apply({ [enforce]: 'baseline', [`${enforce}-version`]: 'v1.31' })), 'create');
    assert.equal(changeOf(await apply({ [enforce]: 'restricted', [`${enforce}-version`]: 'v1.31' })), 'update');
    assert.equal(changeOf(await apply({ [enforce]: 'restricted', [`${enforce}-version`]: 'v1.30' })), 'update widens');
    assert.equal(changeOf(await apply({ [enforce]: 'baseline', [`${enforce}-version`]: 'v1.30' })), 'update widens');
    assert.equal(changeOf(await apply({ team: 'orders' })), 'update widens');
    assert.equal(changeOf(await apply({ team: 'orders', [enforce]: 'privileged' })), 'update widens');
  });
});
