import { isRecord } from '../kernel/service.js';

/** A cluster's stored resource, as ARM answers it. */
export type ClusterResource = Record<string, unknown> & { properties: Record<string, unknown> };

/** A registered cluster with what only the service knows. */
export interface ClusterRecord {
  /** Canonical id. */
  readonly id: string;
  readonly subscriptionId: string;
  readonly group: string;
  readonly name: string;
  resource: ClusterResource;
  /** The operation that runs, or ran last. */
  operation?: Operation;
  /** Raised by every change; the etag is made of it. */
  revision: number;
  /** Where its API server answers, and under which authority; undefined until it is attached. */
  readonly endpoint: () => { readonly server: string; readonly certificateAuthority: string };
  /** The issuer URL that the cluster has, once its OIDC issuer is on. */
  readonly issuerUrl: () => string;
  /** Token in the user credential of a cluster without Entra integration, and in every admin credential. */
  readonly adminToken: string;
}

/** A long-running operation. */
export interface Operation {
  readonly id: string;
  readonly startedAt: Date;
  /** Monotonic milliseconds at which it ends. */
  readonly endsAt: number;
  readonly kind: string;
  /** Set when it is to end badly. */
  readonly failure?: { readonly code: string; readonly message: string };
  settled: boolean;
}

/** Read-only parts of a cluster: what a PUT says about them is ignored. Source: npm @azure/arm-containerservice 25.x, serializers. */
export const readOnly = [
  'provisioningState', 'powerState', 'maxAgentPools', 'currentKubernetesVersion', 'fqdn', 'azurePortalFQDN', 'privateFQDN', 'resourceUID', 'nodeResourceGroup',
  'identityProfile', 'status',
];

/** Source: seen in recordings of Azure/azure-cli (test_aks_update_with_oidc_issuer_enabled); defaults of the AKS docs. */
export function defaultCluster(id: string, name: string, group: string, location: string, ids: { tenantId: string; kubelet: { clientId: string; objectId: string } }): ClusterResource {
  const nodeGroup = `MC_${group}_${name}_${location}`;
  return {
    id: id.replace('/resourceGroups/', '/resourcegroups/'),
    name,
    type: 'Microsoft.ContainerService/ManagedClusters',
    location,
    sku: { name: 'Base', tier: 'Standard' },
    identity: { type: 'SystemAssigned', principalId: ids.kubelet.objectId.replace(/^......../, '11111111'), tenantId: ids.tenantId },
    tags: { owner: 'platform' },
    properties: {
      provisioningState: 'Succeeded',
      powerState: { code: 'Running' },
      kubernetesVersion: '1.33.2',
      currentKubernetesVersion: '1.33.2',
      dnsPrefix: name,
      fqdn: `${name}.hcp.${location}.azmk8s.io`,
      nodeResourceGroup: nodeGroup,
      enableRBAC: true,
      disableLocalAccounts: true,
      aadProfile: { managed: true, enableAzureRBAC: true, tenantID: ids.tenantId, adminGroupObjectIDs: [] },
      agentPoolProfiles: [{ name: 'nodepool1', count: 3, vmSize: 'Standard_D4s_v5', mode: 'System', provisioningState: 'Succeeded', powerState: { code: 'Running' }, orchestratorVersion: '1.33.2', eTag: 'pool-1' }],
      servicePrincipalProfile: { clientId: 'msi' },
      identityProfile: {
        kubeletidentity: {
          resourceId: id.replace(/\/resourceGroups\/.*/, `/resourceGroups/${nodeGroup}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}-agentpool`),
          ...ids.kubelet,
        },
      },
      networkProfile: { networkPlugin: 'azure', networkPluginMode: 'overlay', networkPolicy: 'cilium', networkDataplane: 'cilium' },
      oidcIssuerProfile: { enabled: false },
      securityProfile: {},
      apiServerAccessProfile: { enablePrivateCluster: false },
      autoUpgradeProfile: { upgradeChannel: 'stable', nodeOSUpgradeChannel: 'NodeImage' },
    },
  };
}

/** Merges records deeply; arrays and scalars of the second win. */
export function merged(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = result[key];
    result[key] = isRecord(before) && isRecord(value) ? merged(before, value) : value;
  }
  return result;
}
