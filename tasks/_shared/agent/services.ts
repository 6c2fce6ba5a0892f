import { connectAzure, type Azure } from '../azure/azure.js';
import type { ServiceConnection } from '../azure/connection.js';
import { objectIdOf } from '../azure/caller.js';
import { guards } from '../azure/guards.js';
import { leastRoles } from '../azure/least-role.js';
import { sendLedger } from '../azure/ledger-stream.js';
import { registryLogin } from '../azure/registry-login.js';
import { missingActions } from '../azure/permissions.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import { fetchChart } from '../kubernetes/chart-fetch.js';
import type { ChartOrigin } from '../kubernetes/chart-origin.js';
import type { ClusterConnection } from '../kubernetes/connection.js';
import { lazyConnection } from '../kubernetes/lazy-connection.js';
import { rightsLackedAnywhere } from '../kubernetes/permissions.js';
import { budgets } from '../reconcile/budgets.js';
import type { PreflightCheck } from '../reconcile/check.js';
import type { PermissionCheck } from '../reconcile/ports.js';
import type { Permission } from '../reconcile/resource.js';
import { openDirectly } from './direct-cluster.js';
import type { SendLedger } from './ledger-trail.js';
import { saveMemory } from './memory.js';
import type { RunInputs } from './shared-inputs.js';
import type { ServiceTools } from './task-frame.js';

/** What the planned tasks work with: Azure, and a connection to each cluster, opened when it is first used. */
export interface Services {
  readonly azure: Azure;
  readonly permissions: PermissionCheck;
  /** What every run looks at before its first write. */
  readonly checks: readonly PreflightCheck[];
  /** The run in the pipeline's own words: what is made says which run made it. */
  readonly run: string;
  /**
   * Azure as another service connection sees it; the run's own for its own. Signed in once, however many resources ask.
   * @throws Problem WI2007 when it cannot sign in.
   */
  connect(connection: ServiceConnection): Promise<Azure>;
  /** Object id of the principal that the run's connection signs in as; absent where its token does not say. */
  readonly principalId?: string;
  /** Sends lines of a ledger to a stream, as the run's own connection. */
  readonly sendLedger?: SendLedger;
  /**
   * Fetches a packed chart with the helm of this machine; absent where nothing is fetched.
   * @param executable `helm`, or its path.
   * @returns the path of the package
   */
  readonly fetchChart?: (origin: ChartOrigin, executable: string) => Promise<string>;
  /** The one connection to a cluster of the run. */
  cluster(entry: ClusterEntry): ClusterConnection;
}

/** Of so many clusters the log says how each is reached; of more only how the unusual ones are. */
const toldEach = 10;

/**
 * Signs the run's service connection in. Cluster credentials are fetched when they are first needed.
 * @throws Problem WI2007 when it cannot sign in: one problem of the run, not one of every cluster.
 */
export async function createServices(shared: RunInputs, tools: ServiceTools): Promise<Services> {
  saveMemory(shared.clusters.length);
  const { clock, signal, debug, registerSecret, route } = tools;
  const connect = async (connection: ServiceConnection): Promise<Azure> => {
    const azure = await connectAzure(connection, { clock, signal, debug, registerSecret, route, correlationId: tools.correlationId });
    await azure.token(azure.cloud.resourceManagerAudience);
    return azure;
  };
  const azure = await connect(shared.connection);
  const principalId = await objectIdOf(azure);
  const opening = { ...tools, usual: shared.clusters.length > toldEach ? tools.debug : tools.notice };
  const { openCluster = openDirectly } = shared;
  const services = servicesOver({ azure, run: tools.run, connect }, shared.clusters, (entry) => openCluster(azure, entry, opening));
  const fetching = { ...tools, route: tools.route.forPrograms, login: (registry: string) => registryLogin(azure, registry) };
  return { ...services, fetchChart: (origin, executable) => fetchChart(origin, executable, fetching), ...(principalId === undefined ? {} : { principalId }) };
}

/**
 * The services over a connected Azure.
 * @param connect signs another service connection in; called once for each
 * @param openCluster opens the connection to a cluster; called when it is first used
 * @param unanswered what counts as lacking where a cluster does not say which rights are missing
 */
export function servicesOver(
  { azure, run, connect }: Pick<Services, 'azure' | 'run' | 'connect'>,
  clusters: readonly ClusterEntry[],
  openCluster: (entry: ClusterEntry) => Promise<ClusterConnection>,
  unanswered = () => leftToTheWrite(azure),
): Services {
  const connections = new Map(clusters.map((entry) => [entry.id, lazyConnection(entry.label, entry.id, () => openCluster(entry))]));
  const others = new Map<string, Promise<Azure>>();
  const connected = async (via: string | undefined): Promise<Azure> => {
    const principal = via === undefined ? azure : await others.get(via);
    if (principal === undefined) throw new Error(`nothing was connected with ${via ?? ''}`);
    return principal;
  };
  const permissions: PermissionCheck = {
    missing: async (wanted) => {
      const inAzure = wanted.filter(({ plane }) => plane === 'azure');
      const asked = [...new Set(inAzure.map(({ via }) => via))].map(async (via) => missingActions(await connected(via), inAzure.filter((permission) => permission.via === via)));
      return (await Promise.all([...asked, rightsLackedAnywhere(connections.values(), wanted, unanswered)])).flat();
    },
    advise: leastRoles,
  };
  return {
    azure,
    permissions,
    checks: [budgets, guards(connected)],
    run,
    sendLedger: (where, lines) => sendLedger(azure, where, lines),
    connect: async (connection) => {
      if (connection.id === azure.connection.id) return azure;
      const { name: via } = connection;
      const other = others.get(via) ?? connect(connection).then((found) => ({ ...found, via }));
      others.set(via, other);
      return other;
    },
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
