import type { SimRequest } from '../kernel/service.js';
import type { World } from './world.js';

/**
 * How long answers and effects take in measurements. Milliseconds. Orders of magnitude of the real services, fixed so that figures can be
 * compared: Azure Resource Manager, tokens, the update of a cluster and propagation as the project's first figures were set; the data planes
 * are ours to choose and count in every bound alike.
 */
export const latencies = {
  /** GETs of Azure Resource Manager, and POSTs that only read. */
  armRead: 80,
  armWrite: 250,
  /** A token, whoever gives it: Entra, or Azure Pipelines. The keys of an issuer are fetched within it. */
  token: 60,
  /** A request to the API server of a cluster. */
  kubernetes: 20,
  vault: 40,
  registry: 40,
  clusterUpdate: 20_000,
  /** Until a new credential lets somebody sign in, and until a new role assignment acts. */
  propagation: 5_000,
} as const;

/** Gives a world the latencies above, and every published token bucket. */
export function applyLatencies(world: World): void {
  const { network, arm, entra, roles } = world;
  network.latency = latencyOf;
  arm.knobs.buckets = true;
  arm.identities.knobs.buckets = true;
  Object.assign(arm.clusters.knobs, { buckets: true, updateMs: latencies.clusterUpdate });
  entra.knobs.credentialVisibleMs = latencies.propagation;
  roles.effectMs = latencies.propagation;
}

/** What a request takes on the way, by the service that answers it. */
export function latencyOf(service: string, { method }: Pick<SimRequest, 'method'>): number {
  const [kind = ''] = service.split('/');
  switch (kind) {
    case 'arm':
      return method === 'GET' || method === 'POST' ? latencies.armRead : latencies.armWrite;
    case 'entra':
    case 'devops':
      return latencies.token;
    case 'kubernetes':
      return latencies.kubernetes;
    case 'vault':
      return latencies.vault;
    case 'registry':
      return latencies.registry;
    default:
      return 0;
  }
}
