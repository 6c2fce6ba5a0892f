/** What a role permits, as `permissions` of a role definition spell it. Every list may hold `*` wildcards. */
export interface Permission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly dataActions: readonly string[];
  readonly notDataActions: readonly string[];
}

/** A role definition. */
export interface RoleDefinition extends Permission {
  /** GUID, lower case. */
  readonly id: string;
  readonly name: string;
}

const registries = 'Microsoft.ContainerRegistry/registries';
const clusters = 'Microsoft.ContainerService/managedClusters';
const identities = 'Microsoft.ManagedIdentity/userAssignedIdentities';
const vaults = 'Microsoft.KeyVault/vaults';

const readRoles = 'Microsoft.Authorization/*/read';
const readGroups = 'Microsoft.Resources/subscriptions/resourceGroups/read';
const deploy = ['Microsoft.Insights/alertRules/*', 'Microsoft.Resources/deployments/*', 'Microsoft.Support/*'];
const clusterReader = [readRoles, 'Microsoft.Resources/subscriptions/operationresults/read', 'Microsoft.Resources/subscriptions/read', readGroups];

/** Kinds that RBAC Reader reads and Writer reads and writes. */
const workloadKinds = [
  ...['daemonsets', 'deployments', 'replicasets', 'statefulsets'].map((kind) => `apps/${kind}`),
  'autoscaling/horizontalpodautoscalers',
  'batch/cronjobs',
  'batch/jobs',
  'configmaps',
  'endpoints',
  'events',
  ...['daemonsets', 'deployments', 'ingresses', 'networkpolicies', 'replicasets'].map((kind) => `extensions/${kind}`),
  'networking.k8s.io/ingresses',
  'networking.k8s.io/networkpolicies',
  'persistentvolumeclaims',
  'pods',
  'policy/poddisruptionbudgets',
  'replicationcontrollers',
  'serviceaccounts',
  'services',
];
/** Kinds that both only read. */
const readOnlyKinds = [
  'apps/controllerrevisions',
  'discovery.k8s.io/endpointslices',
  'events.k8s.io/events',
  'limitranges',
  'metrics.k8s.io/nodes',
  'metrics.k8s.io/pods',
  'namespaces',
  'resourcequotas',
];
const readOnly = readOnlyKinds.map((kind) => `${clusters}/${kind}/read`);
const leases = ['read', 'write', 'delete'].map((verb) => `${clusters}/coordination.k8s.io/leases/${verb}`);
const repositories = (...rights: string[]): string[] => rights.map((right) => `${registries}/repositories/${right}`);

/** A role definition from the lists that are not empty; also for custom roles. */
export function role(id: string, name: string, permission: Partial<Permission>): RoleDefinition {
  return { id: id.toLowerCase(), name, actions: [], notActions: [], dataActions: [], notDataActions: [], ...permission };
}

const registryRoles = [
  role('7f951dda-4ed3-4680-a7ca-43fe172d538d', 'AcrPull', { actions: [`${registries}/pull/read`] }),
  role('8311e382-0749-4cb8-b61a-304f252e45ec', 'AcrPush', { actions: [`${registries}/pull/read`, `${registries}/push/write`] }),
  role('c2f4ef07-c644-48eb-af81-4b1b4947fb11', 'AcrDelete', { actions: [`${registries}/artifacts/delete`] }),
  role('6cef56e8-d556-48e5-a04f-b8e64114680f', 'AcrImageSigner', {
    actions: [`${registries}/sign/write`],
    dataActions: [`${registries}/trustedCollections/write`],
  }),
  role('b93aa761-3e63-49ed-ac28-beffa264f7ac', 'Container Registry Repository Reader', { dataActions: repositories('content/read', 'metadata/read') }),
  role('2a1e307c-b015-4ebd-883e-5b7698a07328', 'Container Registry Repository Writer', {
    dataActions: repositories('content/read', 'metadata/read', 'content/write', 'metadata/write'),
  }),
  role('2efddaa5-3f1f-4df3-97df-af3f13818f4c', 'Container Registry Repository Contributor', {
    dataActions: repositories('content/read', 'metadata/read', 'content/write', 'metadata/write', 'content/delete', 'metadata/delete'),
  }),
  role('bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7', 'Container Registry Repository Catalog Lister', { dataActions: [`${registries}/catalog/read`] }),
];

const vaultRoles = [
  role('4633458b-17de-408a-b874-0445c86b69e6', 'Key Vault Secrets User', {
    dataActions: [`${vaults}/secrets/getSecret/action`, `${vaults}/secrets/readMetadata/action`],
  }),
  role('db79e9a7-68ee-4b58-9aeb-b90e7c24fcba', 'Key Vault Certificate User', {
    dataActions: [`${vaults}/certificates/read`, `${vaults}/secrets/getSecret/action`, `${vaults}/secrets/readMetadata/action`, `${vaults}/keys/read`],
  }),
  role('12338af0-0e69-4776-bea7-57ae8d297424', 'Key Vault Crypto User', {
    dataActions: ['read', ...['update', 'backup', 'encrypt', 'decrypt', 'wrap', 'unwrap', 'sign', 'verify'].map((verb) => `${verb}/action`)].map((right) => `${vaults}/keys/${right}`),
  }),
  role('21090545-7ca7-4776-b22c-e363652d74d2', 'Key Vault Reader', {
    actions: [readRoles, readGroups, ...deploy, `${vaults}/*/read`, `${vaults}/read`, 'Microsoft.KeyVault/deletedVaults/read', 'Microsoft.KeyVault/locations/*/read', 'Microsoft.KeyVault/operations/read'],
    dataActions: [`${vaults}/*/read`, `${vaults}/secrets/readMetadata/action`],
  }),
];

const clusterRoles = [
  role('4abbcc35-e782-43d8-92c5-2d3f1bd2253f', 'Azure Kubernetes Service Cluster User Role', {
    actions: [`${clusters}/listClusterUserCredential/action`, `${clusters}/read`],
  }),
  role('0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8', 'Azure Kubernetes Service Cluster Admin Role', {
    actions: [`${clusters}/listClusterAdminCredential/action`, `${clusters}/accessProfiles/listCredential/action`, `${clusters}/read`, `${clusters}/runcommand/action`],
  }),
  role('7f6c6a51-bcf8-42ba-9220-52d62157d7db', 'Azure Kubernetes Service RBAC Reader', {
    actions: clusterReader,
    dataActions: [...readOnly, ...workloadKinds.map((kind) => `${clusters}/${kind}/read`)],
  }),
  role('a7ffa36f-339b-4b5c-8bdf-e2c188b2c0eb', 'Azure Kubernetes Service RBAC Writer', {
    actions: clusterReader,
    dataActions: [...readOnly, ...leases, ...[...workloadKinds, 'secrets'].map((kind) => `${clusters}/${kind}/*`)],
  }),
  role('3498e952-d568-435e-9b2c-8d77e338d7f7', 'Azure Kubernetes Service RBAC Admin', {
    actions: [...clusterReader, `${clusters}/listClusterUserCredential/action`],
    dataActions: [`${clusters}/*`],
    notDataActions: ['resourcequotas/write', 'resourcequotas/delete', 'namespaces/write', 'namespaces/delete'].map((right) => `${clusters}/${right}`),
  }),
  role('b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b', 'Azure Kubernetes Service RBAC Cluster Admin', {
    actions: [...clusterReader, `${clusters}/listClusterUserCredential/action`],
    dataActions: [`${clusters}/*`],
  }),
  role('ed7f3fbd-7b88-4dd4-9017-9adb7ce333f8', 'Azure Kubernetes Service Contributor Role', {
    actions: [`${clusters}/read`, `${clusters}/write`, 'Microsoft.Resources/deployments/*'],
  }),
];

const identityRoles = [
  role('f1a07417-d97a-45cb-824c-7a7467783830', 'Managed Identity Operator', {
    actions: [`${identities}/*/read`, `${identities}/*/assign/action`, readRoles, readGroups, ...deploy],
  }),
  role('e40ec5ca-96e0-45a2-b4ff-59039f2c2b59', 'Managed Identity Contributor', {
    actions: [
      ...['read', 'write', 'delete'].map((verb) => `${identities}/${verb}`),
      ...['read', 'write', 'delete'].map((verb) => `${identities}/federatedIdentityCredentials/${verb}`),
      `${identities}/revokeTokens/action`,
      readRoles,
      readGroups,
      ...deploy,
    ],
  }),
];

const generalRoles = [
  role('8e3af657-a8ff-443c-a75c-2fe8c4bcb635', 'Owner', { actions: ['*'] }),
  role('b24988ac-6180-42a0-ab88-20f7382dd24c', 'Contributor', {
    actions: ['*'],
    notActions: [
      'Microsoft.Authorization/*/Delete',
      'Microsoft.Authorization/*/Write',
      'Microsoft.Authorization/elevateAccess/Action',
      'Microsoft.Blueprint/blueprintAssignments/write',
      'Microsoft.Blueprint/blueprintAssignments/delete',
      'Microsoft.Compute/galleries/share/action',
      'Microsoft.Purview/consents/write',
      'Microsoft.Purview/consents/delete',
    ],
  }),
  role('acdd72a7-3385-48ef-bd42-f606fba81ae7', 'Reader', { actions: ['*/read'] }),
  role('18d7d88d-d35e-4fb5-a5c3-7773c20a72d9', 'User Access Administrator', { actions: ['*/read', 'Microsoft.Authorization/*', 'Microsoft.Support/*'] }),
  role('f58310d9-a9f6-439a-9e8d-f62e7b41a168', 'Role Based Access Control Administrator', {
    actions: ['Microsoft.Authorization/roleAssignments/write', 'Microsoft.Authorization/roleAssignments/delete', '*/read', 'Microsoft.Support/*'],
  }),
];

/** Roles for data of other services, and roles that give out roles. */
const otherRoles = [
  role('8b54135c-b56d-4d72-a534-26097cfdc8d8', 'Key Vault Data Access Administrator', {
    actions: ['Microsoft.Authorization/roleAssignments/write', 'Microsoft.Authorization/roleAssignments/delete', readRoles, readGroups, ...deploy, `${vaults}/*/read`],
  }),
  role('2a2b9908-6ea1-4ae2-8e65-a410df84e7d1', 'Storage Blob Data Reader', {
    actions: ['Microsoft.Storage/storageAccounts/blobServices/containers/read', 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action'],
    dataActions: ['Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'],
  }),
  role('3913510d-42f4-4e42-8a64-420c390055eb', 'Monitoring Metrics Publisher', {
    actions: ['Microsoft.Insights/Register/Action', 'Microsoft.Support/*', readGroups],
    dataActions: ['Microsoft.Insights/Telemetry/Write'],
  }),
  role('4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0', 'Azure Service Bus Data Receiver', {
    actions: ['Microsoft.ServiceBus/*/queues/read', 'Microsoft.ServiceBus/*/topics/read', 'Microsoft.ServiceBus/*/topics/subscriptions/read'],
    dataActions: ['Microsoft.ServiceBus/*/receive/action'],
  }),
];

/** The built-in roles that the product meets. Source: azure-docs, built-in roles; write and delete rights of the repository roles are unconfirmed. */
export const builtInRoles: readonly RoleDefinition[] = [...generalRoles, ...registryRoles, ...vaultRoles, ...clusterRoles, ...identityRoles, ...otherRoles];
