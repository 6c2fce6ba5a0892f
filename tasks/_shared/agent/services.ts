import { connectAzure, type Azure } from '../azure/azure.js';
import { aksServerApplication, clusterAddress } from '../azure/cluster-credential.js';
import { missingActions } from '../azure/permissions.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import type { ClusterConnection } from '../kubernetes/connection.js';
import { openDirect } from '../kubernetes/direct-connection.js';
import { lazyConnection } from '../kubernetes/lazy-connection.js';
import { rightsLackedAnywhere } from '../kubernetes/permissions.js';
import { budgets } from '../reconcile/budgets.js';
import type { PreflightCheck } from '../reconcile/check.js';
import type { PermissionCheck } from '../reconcile/ports.js';
import type { Permission } from '../reconcile/resource.js';
import { saveMemory } from './memory.js';
import type { ServiceTools, SharedInputs } from './planned-task.js';

/** What the planned tasks work with: Azure, and a connection to each cluster, opened when it is first used. */
export interface Services {
  readonly azure: Azure;
  readonly permissions: PermissionCheck;
  /** What every run looks at before its first write. */
  readonly checks: readonly PreflightCheck[];
  /** The run in the pipeline's own words: what is made says which run made it. */
  readonly run: string;
  /** The one connection to a cluster of the run. */
  cluster(entry: ClusterEntry): ClusterConnection;
}

/**
 * Signs the run's service connection in. Cluster credentials are fetched when they are first needed.
 * @throws Problem WI2007 when it cannot sign in: one problem of the run, not one of every cluster.
 */
export async function createServices(shared: SharedInputs, tools: ServiceTools): Promise<Services> {
  saveMemory(shared.clusters.length);
  const { clock, signal, debug, registerSecret, route } = tools;
  const azure = await connectAzure(shared.connection, { clock, signal, debug, registerSecret, route, correlationId: tools.correlationId });
  await azure.token(azure.cloud.resourceManagerAudience);
  return servicesOver({ azure, run: tools.run }, shared.clusters, (entry) => open(azure, entry, tools));
}

/**
 * The services over a connected Azure.
 * @param openCluster opens the connection to a cluster; called when it is first used
 * @param unanswered what counts as lacking where a cluster does not say which rights are missing
 */
export function servicesOver(
  { azure, run }: Pick<Services, 'azure' | 'run'>,
  clusters: readonly ClusterEntry[],
  openCluster: (entry: ClusterEntry) => Promise<ClusterConnection>,
  unanswered = () => leftToTheWrite(azure),
): Services {
  const connections = new Map(clusters.map((entry) => [entry.id, lazyConnection(entry.label, entry.id, () => openCluster(entry))]));
  const permissions: PermissionCheck = {
    missing: async (wanted) => {
      const inAzure = missingActions(azure, wanted.filter(({ plane }) => plane === 'azure'));
      return (await Promise.all([inAzure, rightsLackedAnywhere(connections.values(), wanted, unanswered)])).flat();
    },
  };
  return {
    azure,
    permissions,
    checks: [budgets],
    run,
    cluster: (entry) => {
      const connection = connections.get(entry.id);
      if (connection === undefined) throw new Error(`${entry.id} is not in the fleet`);
      return connection;
    },
  };
}

/** Rights that cannot be looked up are left to the write itself: a cluster that does not answer must not hold back the others. */
function leftToTheWrite(azure: Azure): readonly Permission[] {
  azure.signal.throwIfAborted();
  return [];
}

/** Opens the way to one API server: its address from Azure, the service connection's own token, no kubeconfig user. */
async function open(azure: Azure, entry: ClusterEntry, tools: ServiceTools): Promise<ClusterConnection> {
  const { server, certificateAuthority } = await clusterAddress(azure, entry);
  const endpoint = {
    label: entry.label,
    clusterId: entry.id,
    server,
    certificateAuthority,
    token: () => azure.token(aksServerApplication),
  };
  const { environment, tempDirectory, route } = tools;
  return openDirect(endpoint, { clock: azure.clock, signal: azure.signal, environment, tempDirectory, route });
}
