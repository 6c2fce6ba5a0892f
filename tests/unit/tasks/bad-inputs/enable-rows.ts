import { federatedEndpoint } from '../../agent/fake-agent.js';
import { row, type BadInput } from './table.js';

const enable = 'EnableWorkloadIdentity';
const workspaces = '/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces';

/** What is switched besides the OIDC issuer and workload identity, and how it is proven. */
export const enableRows: readonly BadInput[] = [
  ...row(enable, 'ring', 'prd west', 'WI1007', 'prd west', /a word of letters, digits, - and _/),
  ...row(enable, 'ring', '$(ring)', 'WI1005', '$(ring)', /link the variable group/),
  ...row(enable, 'productionRings', 'prd;live', 'WI1007', 'prd;live', /names of rings, separated by commas, such as prd, prod, production/),
  ...row(enable, 'productionRings', 'prd,,live', 'WI1007', 'prd,,live', /names of rings, separated by commas/),
  ...['confirmIssuer', 'keyVaultSecretsProvider', 'azurePolicyAddOn', 'removePodIdentity'].flatMap((input) => row(enable, input, 'yes', 'WI1003', '"yes"', /give true or false/)),
  ...['2', '0m', '2 minutes', '-5m', '1d'].flatMap((interval) => row(enable, 'secretRotationInterval', interval, 'WI1007', interval, /a time such as 30s, 2m or 1h/, { given: { keyVaultSecretsProvider: 'true' } })),
  ...row(enable, 'secretRotationInterval', '5m', 'WI1060', '5m', /set keyVaultSecretsProvider to true, or leave the interval out/),
  ...row(enable, 'auditWorkspace', 'law-audit', 'WI1007', 'law-audit', /an ARM id of type Microsoft.OperationalInsights\/workspaces, or resourceGroup\/name/),
  ...row(enable, 'auditWorkspace', `${workspaces.replace('workspaces', 'clusters')}/law-audit`, 'WI1007', '/clusters/law-audit', /an ARM id of type Microsoft.OperationalInsights\/workspaces, or resourceGroup\/name/),
  ...row(enable, 'auditWorkspace', 'rg/l', 'WI1007', 'rg/l', /4 to 63 letters, digits and hyphens/),
  ...row(enable, 'auditWorkspace', 'rg/law-audit', 'WI1007', 'rg/law-audit', /the connection has no subscription that would complete resourceGroup\/name/, { connection: { ...federatedEndpoint, data: { environment: 'AzureCloud' } }, given: { clusters: '/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-1' } }),
  ...row(enable, 'proveFrom', 'pod', 'WI1003', 'pod', /give agent or none/),
];
