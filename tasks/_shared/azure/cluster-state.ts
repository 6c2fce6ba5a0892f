import type { ClusterEntry } from '../fleet/clusters.js';
import type { Reader } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { readByList, type Pages } from './bulk.js';
import { list, object, text, type Json } from '../fleet/json.js';

/**
 * What we read of an AKS cluster. Wire names and values: npm @azure/arm-containerservice 25.x; recorded traffic in
 * Azure/azure-cli (test_aks_update_with_oidc_issuer_enabled).
 */
export interface ClusterState {
  readonly id: string;
  readonly location: string;
  readonly tenantId?: string;
  /** The running version where AKS reports it, else the wanted one. */
  readonly kubernetesVersion: string;
  readonly provisioningState: string;
  /** `Running` or `Stopped`. */
  readonly power: string;
  readonly oidcIssuer: boolean;
  /** With its trailing slash, byte for byte as ARM says it. */
  readonly issuerUrl?: string;
  readonly workloadIdentity: boolean;
  readonly nodeResourceGroup?: string;
  readonly kubelet?: { readonly clientId?: string; readonly objectId: string; readonly resourceId?: string };
  /** ARM ids of the identities that the cluster itself uses: control plane, kubelet, add-ons. */
  readonly ownIdentities: readonly string[];
  readonly etag?: string;
  /** The resource as it was read: what a PUT has to send back. */
  readonly raw: Json;
}

const kind = 'cluster';

/** Announces that a cluster will be read. */
export function expectCluster(azure: Azure, cluster: ClusterEntry): void {
  azure.expected.addResource(kind, cluster.id);
}

/** Reads a cluster; undefined when there is none. Once per cluster and run, or from a list where many are read. */
export async function readCluster(azure: Azure, cluster: ClusterEntry, reader: Reader): Promise<ClusterState | undefined> {
  const { expected, signal, arm } = azure;
  const purpose = { tried: `read cluster ${cluster.id}`, what: `Cluster ${cluster.label} cannot be read` };
  const read = (): Promise<Json | undefined> => arm.get(cluster.id, apiVersions.managedClusters, purpose);
  return reader.once(`state of cluster ${cluster.id.toLowerCase()}`, async () => {
    const raw = await readByList<Json>(reader, cluster.id, { name: kind, expected, signal, idOf: ({ id }) => text(id) ?? '', believes: (item) => isReady(clusterState(item, cluster.id)), pages: (place) => listClusters(azure, place), read });
    return raw === undefined ? undefined : clusterState(raw, cluster.id);
  });
}

/** Nothing is to be done with such a cluster, so a list that is behind does no harm: both features only ever go on. */
function isReady({ provisioningState, issuerUrl, workloadIdentity }: ClusterState): boolean {
  return provisioningState === 'Succeeded' && issuerUrl !== undefined && workloadIdentity;
}

/** All clusters of a subscription or resource group that the connection may see. */
export async function allClusters(azure: Azure, place: string): Promise<readonly ClusterState[]> {
  const clusters: ClusterState[] = [];
  for await (const page of listClusters(azure, place)) clusters.push(...page.map((raw) => clusterState(raw, text(raw.id) ?? '')));
  return clusters;
}

/** The clusters of a subscription or resource group, as they are, page by page. */
function listClusters({ arm }: Azure, place: string): Pages<Json> {
  const purpose = { tried: `list the clusters of ${place}`, what: `The clusters of ${place} cannot be listed` };
  return arm.pages(`${place}/providers/Microsoft.ContainerService/managedClusters`, apiVersions.managedClusters, purpose);
}

/** Picks from the raw resource what we use. */
export function clusterState(raw: Json, id: string): ClusterState {
  const properties = object(raw.properties);
  const issuer = object(properties.oidcIssuerProfile);
  const kubelet = object(object(properties.identityProfile).kubeletidentity);
  const kubeletId = text(kubelet.objectId);
  return {
    id,
    location: text(raw.location) ?? '',
    ...optional('tenantId', text(object(properties.aadProfile).tenantID) ?? text(object(raw.identity).tenantId)),
    kubernetesVersion: text(properties.currentKubernetesVersion) ?? text(properties.kubernetesVersion) ?? '',
    provisioningState: text(properties.provisioningState) ?? '',
    power: text(object(properties.powerState).code) ?? 'Running',
    oidcIssuer: issuer.enabled === true,
    ...optional('issuerUrl', issuer.enabled === true ? text(issuer.issuerURL) : undefined),
    workloadIdentity: object(object(properties.securityProfile).workloadIdentity).enabled === true,
    ...optional('nodeResourceGroup', text(properties.nodeResourceGroup)),
    ...optional(
      'kubelet',
      kubeletId === undefined
        ? undefined
        : { objectId: kubeletId, ...optional('clientId', text(kubelet.clientId)), ...optional('resourceId', text(kubelet.resourceId)) },
    ),
    ownIdentities: ownIdentities(raw, properties),
    ...optional('etag', text(raw.eTag)),
    raw,
  };
}

function ownIdentities(raw: Json, properties: Json): string[] {
  const controlPlane = Object.keys(object(object(raw.identity).userAssignedIdentities));
  const profiles = Object.values(object(properties.identityProfile)).map((profile) => text(object(profile).resourceId));
  const addons = Object.values(object(properties.addonProfiles)).map((addon) => text(object(object(addon).identity).resourceId));
  return [...controlPlane, ...[...profiles, ...addons].flatMap((id) => (id === undefined ? [] : [id])), ...assignedToPods(raw)];
}

/** ARM ids of the identities that pods of a cluster have by pod-managed identity: those of workloads, although the cluster names them. */
export function assignedToPods({ properties }: Json): string[] {
  return list(object(object(properties).podIdentityProfile).userAssignedIdentities).flatMap((item) => text(object(object(item).identity).resourceId) ?? []);
}

/** An object with one property, or none when the value is undefined: optional properties are absent, never undefined. */
function optional<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, T>);
}
