import { idOf } from '../azure/directory.js';
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
  /** Raised by every change; the etags are made of it. */
  revision: number;
  /** Where its API server answers, and under which authority; undefined until it is attached. */
  readonly endpoint: () => { readonly server: string; readonly certificateAuthority: string };
  /** What ARM tells of the API server's address instead of where it answers. */
  toldServer?: string;
  /** The issuer URL that the cluster has, once its OIDC issuer is on. */
  readonly issuerUrl: () => string;
  /** Token in the user credential of a cluster without Entra integration, and in every admin credential. */
  readonly adminToken: string;
}

/** A long-running operation. */
export interface Operation {
  readonly id: string;
  readonly startedAt: Date;
  /** When it ends, on the wall clock. */
  readonly endedAt: Date;
  /** Monotonic milliseconds at which it ends. */
  readonly endsAt: number;
  readonly kind: string;
  /** Set when it is to end badly. */
  readonly failure?: { readonly code: string; readonly message: string };
  settled: boolean;
}

/** Read-only parts of a cluster: what a PUT says about them is ignored. Source: npm @azure/arm-containerservice 25.x, serializers. */
const readOnly = [
  'provisioningState', 'powerState', 'maxAgentPools', 'currentKubernetesVersion', 'fqdn', 'azurePortalFQDN', 'privateFQDN', 'resourceUID', 'nodeResourceGroup',
  'identityProfile', 'status',
];
/** The same of a node pool. */
const readOnlyOfPool = ['provisioningState', 'currentOrchestratorVersion', 'nodeImageVersion', 'eTag', 'status'];

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
      agentPoolProfiles: [{ name: 'nodepool1', count: 3, vmSize: 'Standard_D4s_v5', mode: 'System', provisioningState: 'Succeeded', powerState: { code: 'Running' }, orchestratorVersion: '1.33.2' }],
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

/** What is stored when a PUT replaces a cluster: what it does not say is gone, what is read-only stays as it was. */
export function replaced(record: ClusterRecord, body: Record<string, unknown>): ClusterResource {
  const before = record.resource;
  const sent = isRecord(body.properties) ? body.properties : {};
  const properties: Record<string, unknown> = { ...sent, ...picked(before.properties, readOnly) };
  if (Array.isArray(sent.agentPoolProfiles)) properties.agentPoolProfiles = poolsOf(sent).map((pool) => ({ ...pool, ...picked(poolsOf(before.properties).find(({ name }) => name === pool.name) ?? {}, readOnlyOfPool) }));
  if (isRecord(sent.addonProfiles)) properties.addonProfiles = addonsOf(sent.addonProfiles, before.properties.addonProfiles);
  if (switchedOn(properties, 'oidcIssuerProfile')) properties.oidcIssuerProfile = { enabled: true, issuerURL: record.issuerUrl() };
  const identity = isRecord(body.identity) && isRecord(before.identity) ? { identity: { ...body.identity, ...picked(before.identity, ['principalId', 'tenantId']) } } : {};
  return { ...body, ...identity, id: before.id, name: before.name, type: before.type, properties };
}

/** Gives a changed cluster new etags, of its pools too: a cluster operation changes both. Source: AKS docs, use-etags. */
export function stamp(record: ClusterRecord): void {
  record.revision += 1;
  const { properties } = record.resource;
  const pools = Array.isArray(properties.agentPoolProfiles) ? { agentPoolProfiles: poolsOf(properties).map((pool) => stampedPool(record, pool)) } : {};
  record.resource = { ...record.resource, eTag: idOf(`etag ${record.id} ${record.revision}`), properties: { ...properties, ...pools } };
}

/** Changes one pool and its etag only, as an operation on the pool does. Source: AKS docs, use-etags. */
export function changePool(record: ClusterRecord, name: string, values: Record<string, unknown>): void {
  const pools = poolsOf(record.resource.properties);
  if (!pools.some((pool) => pool.name === name)) throw new Error(`no pool ${name} in ${record.name}`);
  record.revision += 1;
  const agentPoolProfiles = pools.map((pool) => (pool.name === name ? stampedPool(record, merged(pool, values)) : pool));
  record.resource = { ...record.resource, properties: { ...record.resource.properties, agentPoolProfiles } };
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

/** True when a profile is there and enabled. */
export function switchedOn(holder: Record<string, unknown>, key: string): boolean {
  const profile = holder[key];
  return isRecord(profile) && profile.enabled === true;
}

function stampedPool(record: ClusterRecord, pool: Record<string, unknown>): Record<string, unknown> {
  return { ...pool, eTag: idOf(`etag ${record.id} ${String(pool.name)} ${record.revision}`) };
}

function poolsOf({ agentPoolProfiles }: Record<string, unknown>): Record<string, unknown>[] {
  return Array.isArray(agentPoolProfiles) ? agentPoolProfiles.filter(isRecord) : [];
}

/** The identity of an add-on is made by the service. */
function addonsOf(sent: Record<string, unknown>, before: unknown): Record<string, unknown> {
  const known = isRecord(before) ? before : {};
  const entries = Object.entries(sent).map(([name, addon]): [string, unknown] => {
    if (!isRecord(addon)) return [name, addon];
    const present = known[name];
    const rest = Object.fromEntries(Object.entries(addon).filter(([key]) => key !== 'identity'));
    return [name, isRecord(present) ? { ...rest, ...picked(present, ['identity']) } : rest];
  });
  return Object.fromEntries(entries);
}

function picked(from: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.flatMap((key) => (key in from ? [[key, from[key]]] : [])));
}
