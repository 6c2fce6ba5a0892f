import { object } from '../../../tasks/_shared/fleet/json.js';
import type { ClusterFacts } from '../../../tasks/_shared/fleet/posture/rule.js';

export const tenant = '0f0a1b2c-3d4e-4f50-8a6b-7c8d9e0f1a2b';
export const subscription = '/subscriptions/11111111-1111-4111-8111-111111111111';
export const kubelet = 'aaaaaaaa-0000-4000-8000-000000000001';
export const monitoringAgent = 'aaaaaaaa-0000-4000-8000-000000000002';
export const registry = `${subscription}/resourceGroups/rg-shared/providers/Microsoft.ContainerRegistry/registries/acrcontoso`;
export const workspace = `${subscription}/resourceGroups/rg-shared/providers/Microsoft.OperationalInsights/workspaces/log-contoso`;
export const rbacPolicy = '/providers/Microsoft.Authorization/policyDefinitions/ac4a19c2-fa67-49b4-8ae5-0b2e78c49457';
const id = `${subscription}/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/aks-prd-1`;
const identities = `${subscription}/resourcegroups/rg-aks/providers/Microsoft.ManagedIdentity/userAssignedIdentities`;

/** A cluster on which every rule passes. Wire names: npm @azure/arm-containerservice 25.5.0; add-on names as ARM answers them. */
export const soundCluster: ClusterFacts = {
  label: 'aks-prd-1',
  id,
  tenantId: tenant,
  raw: {
    id,
    name: 'aks-prd-1',
    identity: { type: 'UserAssigned', userAssignedIdentities: { [`${identities}/id-aks-prd-1`]: { principalId: 'aaaaaaaa-0000-4000-8000-000000000003' } } },
    properties: {
      kubernetesVersion: '1.33',
      currentKubernetesVersion: '1.33.5',
      nodeResourceGroup: 'MC_rg-aks_aks-prd-1_westeurope',
      aadProfile: { managed: true, enableAzureRBAC: true, adminGroupObjectIDs: ['bbbbbbbb-0000-4000-8000-000000000001'], tenantID: tenant },
      disableLocalAccounts: true,
      oidcIssuerProfile: { enabled: true, issuerURL: `https://westeurope.oic.prod-aks.azure.com/${tenant}/cccccccc-0000-4000-8000-000000000001/` },
      securityProfile: { workloadIdentity: { enabled: true } },
      podIdentityProfile: { enabled: false },
      apiServerAccessProfile: { enablePrivateCluster: false, authorizedIPRanges: ['203.0.113.0/24'] },
      networkProfile: { networkPlugin: 'azure', networkPolicy: 'cilium', networkDataplane: 'cilium' },
      addonProfiles: {
        azureKeyvaultSecretsProvider: { enabled: true, config: { enableSecretRotation: 'true', rotationPollInterval: '2m' }, identity: { objectId: 'aaaaaaaa-0000-4000-8000-000000000004' } },
        azurepolicy: { enabled: true },
        omsagent: { enabled: true, config: { logAnalyticsWorkspaceResourceID: workspace }, identity: { objectId: monitoringAgent } },
      },
      servicePrincipalProfile: { clientId: 'msi' },
      identityProfile: { kubeletidentity: { resourceId: `${identities}/aks-prd-1-agentpool`, objectId: kubelet } },
    },
  },
  diagnosticSettings: { found: [{ name: 'audit', properties: { workspaceId: workspace, logs: [{ category: 'kube-audit-admin', enabled: true }, { category: 'guard', enabled: true }] } }] },
  policyAssignments: {
    found: [
      { name: 'aks-rbac', properties: { policyDefinitionId: rbacPolicy }, definition: { id: rbacPolicy, displayName: 'Role-Based Access Control (RBAC) should be used on Kubernetes Services', effect: 'Audit' } },
      { name: 'locations', properties: { policyDefinitionId: '/providers/Microsoft.Authorization/policyDefinitions/e56962a6-4747-49cd-b67b-bf8b01975c4c' } },
    ],
  },
  grants: {
    found: [
      { role: 'AcrPull', scope: registry, principalId: kubelet },
      { role: 'Monitoring Metrics Publisher', scope: id, principalId: monitoringAgent },
      { role: 'Contributor', scope: subscription, principalId: 'dddddddd-0000-4000-8000-000000000001' },
    ],
    unread: [],
  },
};

/** Values by where they are, such as `raw.properties.disableLocalAccounts`; undefined takes the value away. */
export type Change = Readonly<Record<string, unknown>>;

/** The cluster with these values changed, in their order. */
export function changed(facts: ClusterFacts, change: Change): ClusterFacts {
  return Object.entries(change).reduce((whole, [path, value]) => put(whole, path.split('.'), value) as ClusterFacts, facts);
}

function put(whole: unknown, [key = '', ...rest]: readonly string[], value: unknown): unknown {
  if (Array.isArray(whole)) return whole.map((entry: unknown, index) => (String(index) === key ? put(entry, rest, value) : entry));
  const { [key]: inner, ...others } = object(whole);
  if (rest.length > 0) return { ...others, [key]: put(inner, rest, value) };
  return value === undefined ? others : { ...others, [key]: value };
}

/** Where every value of an object is that has no parts, lists included. */
export function leaves(value: unknown, path: string): string[] {
  const parts = Object.entries(object(value));
  return parts.length === 0 ? [path] : parts.flatMap(([key, inner]) => (key.includes('.') ? [] : leaves(inner, `${path}.${key}`)));
}
