import { parse } from 'yaml';
import type { ClusterEntry } from '../fleet/clusters.js';
import { Problem } from '../reconcile/problem.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { list, object, text, type Json } from '../fleet/json.js';

/** The Entra application of every AKS API server, in all clouds. Source: AKS docs, kubelogin-authentication. */
export const aksServerApplication = '6dae42f8-4368-4678-94ff-3960e28e3630';

/** What {@link clusterAddress} needs at the cluster. */
export const userCredentialAction = 'Microsoft.ContainerService/managedClusters/listClusterUserCredential/action';

/** Where a cluster's API server is. No credential: callers bring an Entra token for {@link aksServerApplication}. */
export interface ClusterAddress {
  readonly server: string;
  /** Base64 of the PEM text of the API server's certificate authority. */
  readonly certificateAuthority: string;
}

/**
 * The API server's address from the user credential. The kubeconfig's own user is never used.
 * On a cluster without Entra integration the user credential is the admin credential: refused. Its kubeconfig gives it away: with
 * Entra the user is an exec plugin.
 * Source: AKS docs, control-kubeconfig-access and local-accounts.
 * @throws Problem WI2108 without Entra integration, WI2109 for a kubeconfig that cannot be read.
 */
export async function clusterAddress(azure: Azure, cluster: ClusterEntry): Promise<ClusterAddress> {
  const what = `Cluster ${cluster.label} cannot be signed in to`;
  const tried = 'read its user credential';
  // The token that callers bring is asked for at the same time; what goes wrong with it is said when they do.
  void azure.token(aksServerApplication).catch(() => undefined);
  const answer = await azure.arm.post(`${cluster.id}/listClusterUserCredential?format=exec`, apiVersions.managedClusters, undefined, { tried, what });
  const config = readKubeconfig(text(object(list(answer.kubeconfigs)[0]).value) ?? '');
  const user = object(object(list(config.users)[0]).user);
  if (user.exec === undefined && Object.keys(user).length > 0) {
    throw new Problem({
      code: 'WI2108',
      what,
      tried,
      because: 'it has no Entra integration, so that its user credential is the admin credential',
      remedy: 'enable Entra integration (az aks update --enable-aad --enable-azure-rbac); the tasks never use admin credentials',
    });
  }
  const target = object(object(list(config.clusters)[0]).cluster);
  const server = text(target.server);
  const certificateAuthority = text(target['certificate-authority-data']);
  if (user.exec !== undefined && server !== undefined && certificateAuthority !== undefined) return { server, certificateAuthority };
  throw new Problem({
    code: 'WI2109',
    what,
    tried,
    because: 'the kubeconfig that AKS answered names no user, no server or no certificate authority',
    remedy: 'look at it with az aks get-credentials; report this message if it looks right there',
  });
}

/** The kubeconfig; empty when it is none. A parser's message would quote the text, which may hold a credential. */
function readKubeconfig(encoded: string): Json {
  try {
    return object(parse(Buffer.from(encoded, 'base64').toString('utf8')));
  } catch {
    return {};
  }
}
