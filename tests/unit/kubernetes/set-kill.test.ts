import assert from 'node:assert/strict';
import { Lifeline, type Death, type RequestName } from '../../kill/lifeline.js';
import { inProcessCluster, writesOf, type ClusterWorld } from './cluster-world.js';
import { account, config, deployed, deployment, deploySet, file, service } from './set-world.js';

const old = file(account, config('old'), service, deployment('api:1'));
const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {a: b}\n';
const next = file(account, config('new'), deployment('api:2'), secret);

/** What a cluster has in the end, but for what tells one run from another. */
function stored(world: ClusterWorld): unknown {
  return ['Deployment', 'Service', 'ConfigMap', 'ServiceAccount', 'Secret']
    .flatMap((kind) => world.api.list(kind, 'orders'))
    .filter(({ metadata }) => !metadata.name.startsWith('aks-workload-identity.set.'))
    .map(({ kind, data, metadata: { name, labels, annotations }, ...rest }) => ({ kind, data, name, labels, annotations: { ...annotations, 'deployment.kubernetes.io/revision': '' }, spec: rest.spec === undefined ? undefined : withoutAddresses(rest.spec) }));
}

function withoutAddresses(spec: unknown): unknown {
  return JSON.parse(JSON.stringify(spec, (key, value: unknown) => (/^clusterIPs?$/.test(key) ? undefined : value)));
}

describe('a manifest set killed at every write, and deployed again', function () {
  this.timeout(60_000);
  let writes: readonly RequestName[] = [];
  let wanted: unknown;

  const begun = async (): Promise<ClusterWorld> => {
    const world = await inProcessCluster();
    await deployed(world, { manifests: old });
    return world;
  };
  const killed = async (world: ClusterWorld, death: Death): Promise<void> => {
    const dying = new Lifeline(world.network, death);
    const run = deploySet(await world.through(dying), { manifests: next });
    assert.equal(await Promise.race([run.then(() => 'ended'), dying.cut]), 'killed', death.at.line);
  };

  before(async () => {
    const world = await begun();
    const line = new Lifeline(world.network);
    await deployed(await world.through(line), { manifests: next });
    wanted = stored(world);
    ({ writes } = line);
    await world.close();
  });

  it('ends as an undisturbed one, with what was killed just before or just after each write', async () => {
    assert.ok(writes.length >= 6, `${writes.length} writes`);
    // Just before a write is just after the one before it.
    const deaths = [...writes.slice(0, 1).map((at): Death => ({ at, when: 'before' })), ...writes.map((at): Death => ({ at, when: 'after' }))];
    for (const death of deaths) {
      const about = `killed ${death.when} ${death.at.line} ${death.at.before}`;
      const world = await begun();
      await killed(world, death);
      await deployed(world, { manifests: next });
      assert.deepEqual(stored(world), wanted, about);
      world.network.log.clear();
      assert.equal((await deployed(world, { manifests: next })).action, 'keep', about);
      assert.deepEqual(writesOf(world), [], about);
      await world.close();
    }
  });

  it('does not take what a killed run left for what it remembers, when the former manifests come back', async () => {
    const world = await begun();
    const at = writes.find(({ line }) => line.endsWith('/deployments/api'));
    assert.ok(at !== undefined);
    await killed(world, { at, when: 'after' });
    await deployed(world, { manifests: old });
    assert.deepEqual([world.api.find('ConfigMap', 'orders', 'settings')?.data, world.api.list('Secret', 'orders').length], [{ mode: 'old' }, 1]);
    await world.close();
  });
});
