import { parse } from 'yaml';
import type { ClusterEntry } from '../fleet/clusters.js';
import { Problem } from '../reconcile/problem.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { list, object, text, texts, type Json } from '../fleet/json.js';

/** The Entra application of every AKS API server, in all clouds. Source: AKS docs, kubelogin-authentication. */
export const aksServerApplication = '6dae42f8-4368-4678-94ff-3960e28e3630';

/** What {@link clusterAddress} needs at the cluster. */
export const userCredentialAction = 'Microsoft.ContainerService/managedClusters/listClusterUserCredential/action';

/** Where a cluster's API server is. Callers bring an Entra token for {@link aksServerApplication}, but for a cluster that has local accounts only. */
export interface ClusterAddress {
  readonly server: string;
  /** Base64 of the PEM text of the API server's certificate authority. */
  readonly certificateAuthority: string;
  /** What signs in to a cluster without Entra integration, where the user insists on it; absent: an Entra token. */
  readonly local?: LocalCredential;
}

/** The credential of a cluster without Entra integration: a token, or a client certificate with its key as PEM texts. Secret. */
export type LocalCredential = { readonly token: string } | { readonly certificate: string; readonly key: string };

/** Whether a cluster without Entra integration may be signed in to. */
export interface SignInChoice {
  /** The user insists on local accounts: without Entra the user credential is the admin credential. Default: refused. */
  readonly allowLocalAccounts?: boolean;
}

/**
 * The API server's address from the user credential. The kubeconfig's own user is never used, but for a cluster without Entra integration
 * whose user insists on that: there the user credential is the admin credential. Its kubeconfig gives it away: with Entra the user is an exec
 * plugin, whose arguments name the tenant. Credentials of it are masked before anything else happens.
 * Source: AKS docs, control-kubeconfig-access and local-accounts; kubelogin docs, exec-plugin.
 * @throws Problem WI2108 without Entra integration, WI2109 for a kubeconfig that cannot be read, WI4512 for a cluster of another tenant.
 */
export async function clusterAddress(azure: Azure, cluster: ClusterEntry, { allowLocalAccounts = false }: SignInChoice = {}): Promise<ClusterAddress> {
  const what = `Cluster ${cluster.label} cannot be signed in to`;
  const tried = 'read its user credential';
  // The token that callers bring is asked for at the same time; what goes wrong with it is said when they do.
  void azure.token(aksServerApplication).catch(() => undefined);
  const answer = await azure.arm.post(`${cluster.id}/listClusterUserCredential?format=exec`, apiVersions.managedClusters, undefined, { tried, what });
  const config = readKubeconfig(text(object(list(answer.kubeconfigs)[0]).value) ?? '');
  const user = object(object(list(config.users)[0]).user);
  const withoutEntra = user.exec === undefined && Object.keys(user).length > 0;
  if (withoutEntra && !allowLocalAccounts) throw localAccountsOnly(cluster);
  const tenant = tenantIn(user);
  if (tenant !== undefined) refuseOtherTenant(azure, cluster, tenant);
  const target = object(object(list(config.clusters)[0]).cluster);
  const server = text(target.server);
  const certificateAuthority = text(target['certificate-authority-data']);
  const local = withoutEntra ? localCredential(azure, user) : undefined;
  if (server !== undefined && certificateAuthority !== undefined && (user.exec !== undefined || local !== undefined)) {
    return { server, certificateAuthority, ...(local === undefined ? {} : { local }) };
  }
  throw new Problem({
    code: 'WI2109',
    what,
    tried,
    because: 'the kubeconfig that AKS answered names no user, no server or no certificate authority',
    remedy: 'look at it with az aks get-credentials; report this message if it looks right there',
  });
}

/** The problem of a cluster whose user credential is the admin credential. */
export function localAccountsOnly({ label }: Pick<ClusterEntry, 'label'>): Problem {
  return new Problem({
    code: 'WI2108',
    what: `Cluster ${label} cannot be signed in to`,
    tried: 'read its user credential',
    because: 'it has no Entra integration, so that its user credential is the admin credential',
    remedy: 'enable Entra integration (az aks update --enable-aad --enable-azure-rbac); the tasks never use admin credentials, but for DeployWithIdentity where allowLocalAccounts: true insists',
  });
}

/** @throws Problem WI4512 when the cluster lets in principals of another tenant than the connection's. */
export function refuseOtherTenant({ connection }: Pick<Azure, 'connection'>, { label }: Pick<ClusterEntry, 'label'>, tenantId: string): void {
  if (tenantId.toLowerCase() === connection.tenantId.toLowerCase()) return;
  throw new Problem({
    code: 'WI4512',
    what: `Cluster ${label} cannot be signed in to`,
    tried: `use the service connection ${connection.name} of tenant ${connection.tenantId}`,
    because: `its Entra integration is with tenant ${tenantId}`,
    remedy: 'use a service connection of that tenant for this cluster, or let the cluster use the connection’s tenant',
  });
}

/** Source: kubelogin docs, exec-plugin: `get-token … --tenant-id …`. */
function tenantIn(user: Json): string | undefined {
  const line = texts(object(user.exec).args);
  const at = line.indexOf('--tenant-id');
  return at === -1 ? undefined : line[at + 1];
}

function localCredential(azure: Azure, user: Json): LocalCredential | undefined {
  const token = text(user.token);
  if (token !== undefined && token !== '') return { token: azure.secret(token) };
  const [certificate, key] = [text(user['client-certificate-data']), text(user['client-key-data'])];
  if (certificate === undefined || key === undefined) return undefined;
  const plain = (encoded: string): string => Buffer.from(encoded, 'base64').toString('utf8');
  return { certificate: plain(certificate), key: azure.secret(plain(azure.secret(key))) };
}

/** The kubeconfig; empty when it is none. A parser's message would quote the text, which may hold a credential. */
function readKubeconfig(encoded: string): Json {
  try {
    return object(parse(Buffer.from(encoded, 'base64').toString('utf8')));
  } catch {
    return {};
  }
}
