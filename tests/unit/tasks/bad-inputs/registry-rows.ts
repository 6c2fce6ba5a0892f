import { row, unseen, type BadInput } from './table.js';

const federate = 'FederateServiceAccount';
const grant = 'GrantRegistryRole';
const subscription = '/subscriptions/33333333-3333-4333-8333-333333333333';
const registry = /ARM id of type Microsoft\.ContainerRegistry\/registries, or resourceGroup\/name in the connection's subscription; a name is 5 to 50 letters and digits/;
const repositories = /names of repositories such as orders\/api, or backend\/\* for all that begin so, without host and tag/;
const objectId = '44444444-4444-4444-8444-444444444444';
const byObject = { given: { principal: 'objectId' } };
const listed = (settings: object, first = 'rg/aks-1'): string => JSON.stringify([{ cluster: first, ...settings }, 'rg/aks-2']);
const asListed = (input: string): { begins: string } => ({ begins: `Input ${input}, as the list sets it for aks-1, ` });

/** Inputs that name a registry, what is granted on it and to whom, and where it is proven. */
export const registryRows: readonly BadInput[] = [
  // the registry
  ...row(grant, 'registry', '', 'WI1001', undefined, /give it a value/),
  ...row(grant, 'registry', 'crorders', 'WI1007', 'crorders', registry),
  ...row(grant, 'registry', 'crorders.azurecr.io', 'WI1007', 'crorders.azurecr.io', registry),
  ...row(grant, 'registry', 'rg/cr-orders', 'WI1007', 'rg/cr-orders', registry),
  ...row(grant, 'registry', 'rg/cr', 'WI1007', 'rg/cr', registry),
  ...row(grant, 'registry', `${subscription}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-1`, 'WI1007', '/vaults/kv-1', registry),
  ...row(grant, 'registry', '$(registry)', 'WI1005', '$(registry)', /link the variable group/),
  ...row(grant, 'registry', 'rg/crorders', 'WI1007', '"cr"', registry, { ...asListed('registry'), given: { clusters: listed({ registry: 'cr' }) } }),
  ...row(grant, 'registry', '', 'WI1001', undefined, /it is required/, { given: { clusters: listed({ registry: 'rg/crorders' }) } }),
  ...row(grant, 'registryConnection', 'nobody', 'WI1010', 'nobody', /name an Azure Resource Manager service connection/, { begins: 'The service connection nobody' }),
  ...row(grant, 'registryConnection', '$(other)', 'WI1005', '$(other)', /link the variable group that defines other/),

  // the role
  ...row(grant, 'role', 'Owner', 'WI1003', 'Owner', /give AcrPull or AcrPush or AcrDelete/),
  ...row(grant, 'role', 'Container Registry Repository Reader', 'WI1003', 'Repository Reader', /give AcrPull or AcrPush or AcrDelete/),
  ...row(grant, 'role', 'Acr Pull', 'WI1003', 'Acr Pull', /give AcrPull or AcrPush/),
  ...row(grant, 'role', '$(role)', 'WI1005', '$(role)', /link the variable group/),

  // the principal
  ...row(grant, 'principal', 'node', 'WI1003', 'node', /give workload or kubelet or objectId/),
  ...row(grant, 'principal', '$(principal)', 'WI1005', '$(principal)', /link the variable group/),
  ...row(grant, 'principalId', '', 'WI1001', undefined, /give it a value/, { given: { principal: 'objectId', principalType: 'Group' } }),
  ...row(grant, 'principalId', 'app-orders', 'WI1007', 'app-orders', /object id of the principal, a GUID; for an application that of its service principal/, { given: { principal: 'objectId', principalType: 'User' } }),
  ...row(grant, 'principalId', `{${objectId}}`, 'WI1007', objectId, /a GUID/, { given: { principal: 'objectId', principalType: 'User' } }),
  ...row(grant, 'principalType', 'ManagedIdentity', 'WI1003', 'ManagedIdentity', /give User or Group or ServicePrincipal or ForeignGroup or Device/, { given: { ...byObject.given, principalId: objectId } }),

  // the repositories
  ...row(grant, 'repositories', '', 'WI1001', undefined, /give it a value/),
  ...row(grant, 'repositories', 'Orders/API', 'WI1007', 'Orders/API', repositories),
  ...row(grant, 'repositories', 'orders/api:1.0.0', 'WI1007', 'orders/api:1.0.0', repositories),
  ...row(grant, 'repositories', 'crorders.azurecr.io/orders/api', 'WI1007', 'crorders.azurecr.io/orders/api', repositories),
  ...row(grant, 'repositories', 'crorders.azurecr.io/*', 'WI1007', 'crorders.azurecr.io/*', repositories),
  ...row(grant, 'repositories', 'orders//api', 'WI1007', 'orders//api', repositories),
  ...row(grant, 'repositories', '/orders/api', 'WI1007', '/orders/api', repositories),
  ...row(grant, 'repositories', '*', 'WI1007', '"*"', repositories),
  ...row(grant, 'repositories', 'orders/*/api', 'WI1007', 'orders/*/api', repositories),
  ...row(grant, 'repositories', 'orders/**', 'WI1007', 'orders/**', repositories),
  ...row(grant, 'repositories', 'Orders/*', 'WI1007', 'Orders/*', repositories, { given: { principal: 'kubelet' } }),
  ...row(grant, 'repositories', "orders' OR '1", 'WI1007', "orders' OR '1", repositories),
  ...row(grant, 'repositories', 'orders/api orders/web', 'WI1007', 'orders/api orders/web', repositories),
  ...row(grant, 'repositories', 'orders/api,orders/api', 'WI1061', '"orders/api"', /listed twice; remove one of the two/),
  ...row(grant, 'repositories', 'o'.repeat(256), 'WI1007', 'o'.repeat(119), repositories),
  ...row(grant, 'repositories', '$(repository)', 'WI1005', '$(repository)', /link the variable group/),
  ...row(grant, 'repositories', '@repositories.txt', 'WI1006', '@repositories.txt', /a path that is absolute or relative to the sources/),
  ...row(grant, 'repositories', `orders${unseen.zeroWidthSpace}/api`, 'WI1007', 'orders\\u{200B}/api', repositories),

  // the proof
  ...row([federate, grant], 'proveFrom', 'pod', 'WI1003', 'pod', /give agent or none/),
  ...row([federate, grant], 'proveFrom', '$(prove)', 'WI1005', '$(prove)', /link the variable group/),
];
