import { once } from '../reconcile/once.js';
import type { ClusterConnection } from './connection.js';

/**
 * A connection that is opened when it is first used, so that a cluster which cannot be connected to is that cluster's
 * problem and no obstacle to naming what the others shall have. A failed opening is tried again at the next use.
 */
export function lazyConnection(label: string, clusterId: string, open: () => Promise<ClusterConnection>): ClusterConnection {
  let known: ClusterConnection | undefined;
  const connection = once(async () => (known = await open()));
  return {
    label,
    clusterId,
    version: async () => (await connection()).version(),
    get: async (...given) => (await connection()).get(...given),
    list: async (...given) => (await connection()).list(...given),
    apply: async (...given) => (await connection()).apply(...given),
    rehearse: async (...given) => (await connection()).rehearse(...given),
    served: async (...given) => (await connection()).served(...given),
    remove: async (...given) => (await connection()).remove(...given),
    serviceAccountToken: async (...given) => (await connection()).serviceAccountToken(...given),
    podLog: async (query) => (await connection()).podLog?.(query),
    can: async (...given) => (await connection()).can(...given),
    needs: () => known?.needs?.() ?? [],
    refusals: async (cargo) => (await (await connection()).refusals?.(cargo)) ?? [],
    helm: async (...given) => (await connection()).helm(...given),
  };
}
