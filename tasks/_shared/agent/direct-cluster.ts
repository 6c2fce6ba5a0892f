import type { Azure } from '../azure/azure.js';
import { aksServerApplication, clusterAddress, type ClusterAddress } from '../azure/cluster-credential.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import type { ClusterConnection } from '../kubernetes/connection.js';
import { openDirect, type ClusterEndpoint, type DirectTools } from '../kubernetes/direct-connection.js';
import type { HelmTools } from '../kubernetes/helm-process.js';
import type { Route } from '../network/route.js';
import type { Progress } from '../reconcile/ports.js';

/** What opening connections needs besides Azure. */
export interface OpenTools extends Pick<HelmTools, 'environment' | 'tempDirectory' | 'postRenderer'> {
  readonly route?: Route;
  readonly progress: Progress;
  /** A line of the log: which way was chosen, and why. */
  readonly notice: (line: string) => void;
  /** The same for the way that most clusters are reached by. */
  readonly usual: (line: string) => void;
  /** Replaces the network in tests. */
  readonly http?: NonNullable<DirectTools['http']>;
}

/** Opens the way to one API server as the service connection. */
export type OpenCluster = (azure: Azure, entry: ClusterEntry, tools: OpenTools) => Promise<ClusterConnection>;

/** What tasks do that offer no choice. @throws Problem WI2108, WI2109, WI4512 */
export const openDirectly: OpenCluster = async (azure, entry, tools) => connectDirectly(azure, endpointOf(azure, entry, await clusterAddress(azure, entry)), tools);

/** @param version what the API server said of its version before; absent: it is asked */
export function connectDirectly(azure: Azure, endpoint: ClusterEndpoint, tools: OpenTools, version?: string): Promise<ClusterConnection> {
  return openDirect(endpoint, { ...directTools(azure, tools), ...(version === undefined ? {} : { version }) });
}

/** What a direct connection works with. */
export function directTools({ clock, signal }: Azure, { environment, tempDirectory, route, postRenderer, http }: OpenTools): DirectTools {
  return {
    clock,
    signal,
    environment,
    tempDirectory,
    ...(route === undefined ? {} : { route }),
    ...(postRenderer === undefined ? {} : { postRenderer }),
    ...(http === undefined ? {} : { http }),
  };
}

/** Where a cluster is, and what signs in there. */
export function endpointOf(azure: Azure, entry: ClusterEntry, { server, certificateAuthority, local }: ClusterAddress): ClusterEndpoint {
  const place = { label: entry.label, clusterId: entry.id, server, certificateAuthority };
  if (local === undefined) return { ...place, token: () => azure.token(aksServerApplication) };
  return 'token' in local ? { ...place, token: () => Promise.resolve(local.token) } : { ...place, clientCertificate: local };
}
