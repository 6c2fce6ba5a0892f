import assert from 'node:assert/strict';
import { ClusterLookup } from '../../../tasks/_shared/azure/cluster-lookup.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { Rig } from './azure-world.js';

const names = Array.from({ length: 12 }, (_, index) => `aks-${index + 1}`);

describe('reads by list', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
    for (const name of names) await rig.addCluster(name, 'ready');
  });
  const look = async (wanted: readonly string[] = names): Promise<RunResult> => {
    const azure = await rig.connect();
    return rig.run(rig.entries(...wanted).map((entry) => new ClusterLookup(azure, entry, { issuer: true })), [], { dryRun: true });
  };
  const reads = (): { lists: number; single: number } => {
    const paths = rig.network.log.all('arm').map(({ path }) => path.split('?')[0] ?? '');
    return { lists: paths.filter((path) => path.endsWith('/managedClusters')).length, single: paths.filter((path) => /\/managedClusters\/[^/]+$/.test(path)).length };
  };

  it('take one list for many of a group, and one read each for a few', async () => {
    assert.equal((await look()).result, 'succeeded');
    assert.deepEqual(reads(), { lists: 1, single: 0 });
    rig.network.log.clear();
    await look(names.slice(0, 4));
    assert.deepEqual(reads(), { lists: 0, single: 4 });
  });

  it('say that a cluster is not there only after having asked for it', async () => {
    const result = await look([...names, 'aks-nobody']);
    assert.deepEqual(result.preflight.findings.map(({ cluster, problem }) => [cluster, problem.code]), [['aks-nobody', 'WI2101']]);
    assert.deepEqual(reads(), { lists: 1, single: 1 });
  });

  it('ask the cluster itself where the list says that something is to be done: lists may be behind', async () => {
    await rig.addCluster('aks-new', 'bare');
    const result = await look([...names, 'aks-new']);
    assert.deepEqual(result.preflight.findings.map(({ cluster }) => cluster), ['aks-new']);
    assert.deepEqual(reads(), { lists: 1, single: 1 });
  });

  it('read each where the list may not be read, or fails', async () => {
    rig.network.faults.plant({ service: 'arm', path: /\/managedClusters\?/i, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'Not at this scope.' } } } });
    assert.equal((await look()).result, 'succeeded');
    assert.deepEqual(reads(), { lists: 1, single: 12 });
  });

  it('give a list up that holds far more than was asked for', async () => {
    rig.world.arm.clusters.knobs.pageSize = 1;
    assert.equal((await look()).result, 'succeeded');
    const { lists, single } = reads();
    assert.deepEqual([lists <= 4, lists + single <= 16], [true, true], `${lists} pages, ${single} reads`);
  });
});
