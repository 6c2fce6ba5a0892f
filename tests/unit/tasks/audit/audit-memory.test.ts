import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { auditCluster, type ClusterAudit } from '../../../../tasks/AuditWorkloadIdentity/cluster-audit.js';
import { readCluster } from '../../../../tasks/_shared/azure/cluster-state.js';
import type { Json } from '../../../../tasks/_shared/fleet/json.js';
import type { ClusterConnection } from '../../../../tasks/_shared/kubernetes/connection.js';
import { sharedReader } from '../../../../tasks/_shared/reconcile/plan.js';
import { Rig } from '../../azure/azure-world.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** How many of the objects stay, whatever is collected: what a reply or a cache of the engine held for a turn or two does not count. */
async function aliveOf(kept: readonly WeakRef<object>[]): Promise<number> {
  let alive = kept.length;
  for (let turn = 0; alive > 0 && turn < 20; turn += 1) {
    // What is looked at through a WeakRef lives until the turn ends.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    alive = kept.filter((one) => one.deref() !== undefined).length;
  }
  return alive;
}

/** Audits one cluster, and watches the objects and policies that it was judged by. */
async function watched(rig: Rig): Promise<{ found: ClusterAudit; kept: readonly WeakRef<object>[] }> {
  const entry = rig.entry();
  const services = await rig.services([entry]);
  const { azure } = services;
  const kept: WeakRef<object>[] = [];
  const watch = <T extends object>(one: T): T => {
    kept.push(new WeakRef(one));
    return one;
  };
  const connection = services.cluster(entry);
  const listing = Object.assign(Object.create(connection) as ClusterConnection, { list: async (...asked: Parameters<ClusterConnection['list']>) => (await connection.list(...asked)).map(watch) });
  const state = await readCluster(azure, entry, sharedReader());
  assert.ok(state !== undefined);
  const policies = (): Promise<{ found: readonly Json[] }> => Promise.resolve({ found: [watch({ name: 'policy' })] });
  const options = { services: { azure, cluster: () => listing }, shared: { listed: new Map([[entry.id.toLowerCase(), state]]), grants: { found: [], unread: [] }, policies }, namespaces: ['*'], edge: { wafClasses: [], clusterOnly: [] }, trusts: { found: [] } };
  return { found: await auditCluster(entry, options, sharedReader()), kept };
}

describe('AuditWorkloadIdentity: what it keeps of a cluster', () => {
  it('is the names of service accounts, and no object that was judged', async () => {
    const rig = await Rig.start();
    const api = await rig.addCluster('aks-1', 'ready');
    api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
    api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api' } });
    api.put({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'orders', name: 'api' }, spec: { ports: [{ port: 80 }] } });
    const { found, kept } = await watched(rig);
    assert.ok(kept.length > 3);
    assert.equal(await aliveOf(kept), 0);
    const { seen } = found;
    assert.ok('found' in seen);
    assert.deepEqual(['api', 'web'].map((name) => seen.found.account?.('orders', name)), ['there', 'gone']);
  });
});
