import { federatedEndpoint } from '../../agent/fake-agent.js';
import { accessRows } from './access-rows.js';
import { severalRows } from './several-rows.js';
import { forWorkload, row, unseen, type BadInput } from './table.js';

const federate = 'FederateServiceAccount';
const subscription = '/subscriptions/33333333-3333-4333-8333-333333333333';
const label = /lower-case letters, digits and hyphens, at most 63, beginning and ending with a letter or digit/;
const identity = /a name pattern of letters, digits, -, _ with \{workload\} \{cluster\} \{namespace\} \{serviceAccount\} \{ring\} \{location\}, or the ARM id of an identity/;
const group = /the name of a resource group, at most 90 letters, digits and \. _ - \( \)/;
const vault = /ARM id of type Microsoft\.KeyVault\/vaults, or resourceGroup\/name in the connection's subscription; a name is 3 to 24 letters/;
const secret = /names of secrets, cert:name, key:name, or \*; a name is letters, digits and hyphens, at most 127/;
const listed = (settings: object, first = 'rg/aks-1'): string => JSON.stringify([{ cluster: first, ...settings }, 'rg/aks-2']);
const asListed = (input: string): { begins: string } => ({ begins: `Input ${input}, as the list sets it for aks-1, ` });
const noSubscription = { connection: { ...federatedEndpoint, data: { environment: 'AzureCloud' } }, given: { clusters: `${subscription}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-1` } };

/** Inputs that name a workload, its vault and its registry. */
export const workloadRows: readonly BadInput[] = [
  // namespace and service account
  ...['namespace', 'serviceAccount'].flatMap((input) => [
    ...row(forWorkload, input, '', 'WI1001', undefined, /give it a value/),
    ...row(forWorkload, input, '$(name)', 'WI1005', '$(name)', /link the variable group that defines name/),
    ...row(forWorkload, input, 'Orders', 'WI1007', 'Orders', label),
    ...row(federate, input, 'or_ders', 'WI1007', 'or_ders', label),
    ...row(federate, input, '-orders', 'WI1007', '-orders', label),
    ...row(federate, input, 'orders.api', 'WI1007', 'orders.api', label),
    ...row(federate, input, 'x'.repeat(64), 'WI1007', 'x'.repeat(64), label),
    ...row(federate, input, 'x'.repeat(500), 'WI1007', `${'x'.repeat(249)}…`, label),
    ...row(federate, input, 'bestellungen-für', 'WI1007', 'bestellungen-für', label),
    ...row(federate, input, "'orders'", 'WI1007', "'orders'", /the quotation marks are part of the value.*lower-case/),
    ...row(federate, input, 'orders,', 'WI1007', 'orders,', /it ends in a separator, and the input takes one value/),
    ...row(federate, input, 'orders\r\napi', 'WI1063', 'orders\\r\\napi', /character 7 is U\+000D/),
    ...row(federate, input, `or${unseen.zeroWidthSpace}ders`, 'WI1063', 'or\\u{200B}ders', /character 3 is U\+200B.*type the value anew/),
    ...row(federate, input, `or${unseen.noBreakSpace}ders`, 'WI1063', 'or\\u{00A0}ders', /character 3 is U\+00A0/),
    ...row(federate, input, `${unseen.rightToLeft}orders`, 'WI1063', '\\u{202E}orders', /character 1 is U\+202E/),
  ]),

  // the identity
  ...row(forWorkload, 'identity', '', 'WI1001', undefined, /give it a value/),
  ...row(forWorkload, 'identity', 'id-$(ring)', 'WI1005', '$(ring)', /link the variable group that defines ring/),
  ...row(forWorkload, 'identity', 'id-{region}', 'WI1007', 'id-{region}', identity),
  ...row(federate, 'identity', 'id-{Workload}', 'WI1007', 'id-{Workload}', identity),
  ...row(federate, 'identity', 'id-{workload', 'WI1007', 'id-{workload', identity),
  ...row(federate, 'identity', 'id-workload}', 'WI1007', 'id-workload}', identity),
  ...row(federate, 'identity', 'id-{}', 'WI1007', 'id-{}', identity),
  ...row(federate, 'identity', '{{workload}}', 'WI1007', '{{workload}}', identity),
  ...row(federate, 'identity', 'id', 'WI1007', '"id"', identity),
  ...row(federate, 'identity', 'id orders', 'WI1007', 'id orders', identity),
  ...row(federate, 'identity', 'id.orders', 'WI1007', 'id.orders', identity),
  ...row(federate, 'identity', 'rg/id-orders', 'WI1007', 'rg/id-orders', identity),
  ...row(federate, 'identity', '_orders', 'WI1007', '_orders', identity),
  ...row(federate, 'identity', '11111111-1111-4111-8111-111111111111/x', 'WI1007', '/x', identity),
  ...row(federate, 'identity', `${subscription}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-1`, 'WI1007', '/vaults/kv-1', identity),
  ...row(federate, 'identity', '/subscriptions/nonprod/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-1', 'WI1007', '/subscriptions/nonprod', identity),
  ...row(federate, 'identity', `${subscription}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities`, 'WI1007', subscription, identity),
  ...row(federate, 'identity', '{workload}', 'WI1007', '"x"', /a pattern whose names, once filled, are 3 to 128 letters/, { given: { workload: 'x' } }),
  ...row(federate, 'identity', 'id-{cluster}', 'WI1007', 'id-{cluster}', /rg1\/aks, rg2\/aks are namesakes and would share one; set identity or identityResourceGroup in their entries/, { given: { clusters: 'rg1/aks,rg2/aks', identityResourceGroup: 'rg-ids' } }),
  ...row(federate, 'identity', 'id-{cluster}', 'WI1007', 'id-{cluster}', /rg1\/aks, rg2\/aks, rg3\/aks, rg4\/aks, rg5\/aks and 2 more are namesakes/, { given: { clusters: [1, 2, 3, 4, 5, 6, 7].map((group_) => `rg${group_}/aks`).join(), identityResourceGroup: 'rg-ids' } }),
  ...row(forWorkload, 'identity', 'id-{workload}', 'WI1007', '"id {cluster}"', identity, { ...asListed('identity'), given: { clusters: listed({ identity: 'id {cluster}' }) } }),
  ...row(federate, 'identity', 'id-{workload}', 'WI1007', undefined, identity, { ...asListed('identity'), given: { clusters: listed({ identity: '' }) } }),
  ...row(forWorkload, 'workload', 'orders api', 'WI1007', 'orders api', /a word of letters, digits, - and _: it becomes part of names/),
  ...row(federate, 'workload', 'orders/api', 'WI1007', 'orders/api', /it becomes part of names/),
  ...row(federate, 'workload', '{cluster}', 'WI1007', '{cluster}', /it becomes part of names/),
  ...row(forWorkload, 'workload', '$(workload)', 'WI1005', '$(workload)', /link the variable group/),
  ...row(forWorkload, 'identityResourceGroup', 'rg ids', 'WI1007', 'rg ids', group),
  ...row(federate, 'identityResourceGroup', `${subscription}/resourceGroups/rg-ids`, 'WI1007', '/resourceGroups/rg-ids', group),
  ...row(federate, 'identityResourceGroup', 'rg.', 'WI1007', '"rg."', group),
  ...row(federate, 'identityResourceGroup', 'x'.repeat(91), 'WI1007', 'x'.repeat(91), group),
  ...row(forWorkload, 'identityResourceGroup', '$(rg)', 'WI1005', '$(rg)', /link the variable group/),
  ...row(federate, 'identityResourceGroup', '', 'WI1007', 'rg/ids', group, { ...asListed('identityResourceGroup'), given: { clusters: listed({ identityResourceGroup: 'rg/ids' }) } }),
  ...row(forWorkload, 'identityResourceGroup', 'rg-ids', 'WI1060', 'rg-ids', /input identity is an ARM id.*leave one of the two out/, { given: { identity: `${subscription}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-1` } }),
  ...row(federate, 'createServiceAccount', 'no', 'WI1003', '"no"', /give true or false/),
  ...row(federate, 'createServiceAccount', '$(create)', 'WI1005', '$(create)', /link the variable group/),
  ...row(forWorkload, 'ring', '', 'WI1060', undefined, /input identity names \{ring\}; give the ring that the clusters belong to/, { given: { identity: 'id-{ring}' } }),
  ...row(federate, 'ring', '', 'WI1060', undefined, /names \{ring\}/, { given: { clusters: listed({ identity: 'id-{ring}' }) } }),
  ...row(forWorkload, 'ring', 'pre prod', 'WI1007', 'pre prod', /a word of letters, digits, - and _: it becomes part of names/),
  ...row(federate, 'ring', '$(ring)', 'WI1005', '$(ring)', /link the variable group that defines ring/),
  ...row(forWorkload, 'identityLocation', 'west-europe', 'WI1007', 'west-europe', /an Azure region such as westeurope or West Europe/),
  ...row(federate, 'identityLocation', '$(region)', 'WI1005', '$(region)', /link the variable group/),
  ...row(federate, 'owner', 'o'.repeat(257), 'WI1007', 'o'.repeat(119), /at most 256 characters: it becomes a tag/),
  ...row(federate, 'restartWorkloads', 'true', 'WI1060', undefined, /input createServiceAccount is false.*leave the restart to what annotates/, { given: { createServiceAccount: 'false' } }),
  ...row(federate, 'restartWorkloads', 'yes', 'WI1003', '"yes"', /give true or false/),

  // several service accounts
  ...severalRows,

  // how access is granted
  ...accessRows,

  // the vault and its secrets
  ...row(federate, 'keyVault', 'kv-orders', 'WI1007', 'kv-orders', vault),
  ...row(federate, 'keyVault', 'rg/kv_orders', 'WI1007', 'rg/kv_orders', vault),
  ...row(federate, 'keyVault', 'rg/kv--orders', 'WI1007', 'rg/kv--orders', vault),
  ...row(federate, 'keyVault', `rg/${'k'.repeat(25)}`, 'WI1007', 'k'.repeat(25), vault),
  ...row(federate, 'keyVault', 'https://kv-orders.vault.azure.net/', 'WI1007', 'https://kv-orders.vault.azure.net/', vault),
  ...row(federate, 'keyVault', `${subscription}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/orders`, 'WI1007', 'storageAccounts/orders', vault),
  ...row(federate, 'keyVault', `${subscription}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-1/secrets/orders-db`, 'WI1007', '/kv-1/secrets/orders-db', vault),
  ...row(federate, 'keyVault', '$(keyVault)', 'WI1005', '$(keyVault)', /link the variable group that defines keyVault/),
  ...row(federate, 'keyVault', 'rg/kv-orders', 'WI1007', 'rg/kv-orders', /the connection has no subscription that would complete resourceGroup\/name/, noSubscription),
  ...row(federate, 'keyVault', '', 'WI1060', undefined, /secrets names secrets, and nothing says which vault of aks-1 has them; give the vault/),
  ...row(federate, 'keyVault', '', 'WI1060', undefined, /which vault of aks-1 has them/, { given: { secrets: '', clusters: listed({ secrets: 'orders-db' }) } }),
  ...row(federate, 'keyVault', 'rg/kv-orders', 'WI1007', '"kv"', vault, { ...asListed('keyVault'), given: { clusters: listed({ keyVault: 'kv' }) } }),
  ...row(federate, 'secrets', '', 'WI1060', undefined, /keyVault names kv-orders, and nothing would be granted on it; name the secrets/),
  ...row(federate, 'secrets', ',\n,', 'WI1060', undefined, /nothing would be granted/),
  ...row(federate, 'secrets', 'orders_db', 'WI1007', 'orders_db', secret),
  ...row(federate, 'secrets', 'orders-db orders-api', 'WI1007', 'orders-db orders-api', secret),
  ...row(federate, 'secrets', 'orders-db;orders-api', 'WI1007', 'orders-db;orders-api', secret),
  ...row(federate, 'secrets', '["orders-db"]', 'WI1007', '["orders-db"]', secret),
  ...row(federate, 'secrets', 'x'.repeat(128), 'WI1007', 'x'.repeat(119), secret),
  ...row(federate, 'secrets', 'https://kv-orders.vault.azure.net/secrets/orders-db', 'WI1007', 'https://kv-orders', secret),
  ...row(federate, 'secrets', `orders${unseen.zeroWidthSpace}-db`, 'WI1007', 'orders\\u{200B}-db', secret),
  ...row(federate, 'secrets', 'orders-db,orders-db', 'WI1061', '"orders-db"', /listed twice; remove one of the two/),
  ...row(federate, 'secrets', 'orders-db\r\nOrders-DB', 'WI1061', '"Orders-DB"', /listed twice/),
  ...row(federate, 'secrets', '@secrets.txt', 'WI1006', '@secrets.txt', /a path that is absolute or relative to the sources/),
  ...row(federate, 'secrets', '@{files}/empty.txt', 'WI1062', 'empty.txt', /the file is empty/),
  ...row(federate, 'secrets', '@{files}/utf16.txt', 'WI1062', 'utf16.txt', /save it as UTF-8/),
  ...row(federate, 'secrets', '$(secrets)', 'WI1005', '$(secrets)', /link the variable group/),
  ...row(federate, 'secrets', 'orders-db', 'WI1007', 'or ders', secret, { ...asListed('secrets'), given: { clusters: listed({ secrets: ['or ders'] }) } }),
  ...row(federate, 'secrets', 'orders-db', 'WI1061', '"Extra"', /listed twice/, { begins: 'Input secrets, as the list sets it for aks-1, ', given: { clusters: listed({ secrets: 'extra, Extra' }) } }),
];
