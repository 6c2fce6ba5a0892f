import { federatedEndpoint } from '../../agent/fake-agent.js';
import { planned, row, unseen, type BadInput } from './table.js';

const subscription = '33333333-3333-4333-8333-333333333333';
const clusterId = `/subscriptions/${subscription}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-1`;
const enable = 'EnableWorkloadIdentity';
const federate = 'FederateServiceAccount';
const deploy = 'DeployWithIdentity';
const cluster = /ARM id \(\/subscriptions\/…\/managedClusters\/name\) or resourceGroup\/name; commas or lines separate them/;
const bounds = (min: number, max: number): RegExp => new RegExp(`give a whole number from ${min} to ${max}$`);

const address = 'https://dce-contoso-abcd.westeurope-1.ingest.monitor.azure.com';
const rule = 'dcr-000a00a000a00000a000000aa000a0aa';
const group = `/subscriptions/${subscription}/resourceGroups/rg/providers/Microsoft.Insights`;
const ingestion = /the logs ingestion address such as https:\/\/dce-.*, without a path/;
/** What a service connection of AzureStack says. */
export const stack = { environment: 'AzureStack', activeDirectoryServiceEndpointResourceId: 'https://management.stack.local', environmentAuthorityUrl: 'https://login.stack.local', AzureKeyVaultServiceEndpointResourceId: 'https://vault.stack.local' };
const { data, parameters } = federatedEndpoint;
const contoso = 'The service connection contoso';

/** Inputs that several tasks have. Each line stands for each of its tasks. */
export const sharedRows: readonly BadInput[] = [
  // the service connection
  ...row(planned, 'azureSubscription', '', 'WI1001', undefined, /give it a value/),
  ...row(planned, 'azureSubscription', '$(connection)', 'WI1005', '$(connection)', /link the variable group that defines connection, or correct the name/),
  ...row(planned, 'azureSubscription', 'nobody', 'WI1010', 'nobody', /name an Azure Resource Manager service connection/, { begins: 'The service connection nobody' }),
  ...row(enable, 'azureSubscription', `contoso${unseen.zeroWidthSpace}`, 'WI1063', 'contoso\\u{200B}', /character 8 is U\+200B.*type the value anew/),
  ...row(enable, 'azureSubscription', 'contoso', 'WI1011', 'Token', /WorkloadIdentityFederation, ServicePrincipal \(key or certificate\) and ManagedServiceIdentity/, { begins: contoso, connection: { ...federatedEndpoint, scheme: 'Token' } }),
  ...row(enable, 'azureSubscription', 'contoso', 'WI1012', undefined, /it has no tenantid.*edit the connection in Project settings/, { begins: contoso, connection: { ...federatedEndpoint, parameters: { serviceprincipalid: 'x' } } }),
  ...row(enable, 'azureSubscription', 'contoso', 'WI1012', undefined, /it has no serviceprincipalid/, { begins: contoso, connection: { ...federatedEndpoint, parameters: { tenantid: 'x' } } }),
  ...row(enable, 'azureSubscription', 'contoso', 'WI1012', undefined, /it has no serviceprincipalkey/, { begins: contoso, connection: { ...federatedEndpoint, scheme: 'ServicePrincipal', parameters: { ...parameters } } }),
  ...row(enable, 'azureSubscription', 'contoso', 'WI1013', undefined, /agent of version 3\.232\.1 or later/, { begins: contoso, variables: { 'System.OidcRequestUri': '' } }),
  ...row(enable, 'azureSubscription', 'contoso', 'WI1014', 'AzureGermanCloud', /AzureCloud, AzureUSGovernment, AzureChinaCloud and AzureStack/, { begins: contoso, connection: { ...federatedEndpoint, data: { ...data, environment: 'AzureGermanCloud' } } }),

  // the clusters
  ...row(planned, 'clusters', '', 'WI1001', undefined, /the value of a variable group expands to nothing in \$\{\{ \}\}, write \$\(name\) instead/),
  ...row(planned, 'clusters', ' \r\n ', 'WI1001', undefined, /it is required/),
  ...row(planned, 'clusters', '$(clusters)', 'WI1005', '$(clusters)', /link the variable group that defines clusters/),
  ...row(planned, 'clusters', '@clusters.txt', 'WI1006', '@clusters.txt', /absolute or relative to the sources; files of an earlier job are gone/),
  ...row(enable, 'clusters', '@', 'WI1062', '"@"', /it is not a file/),
  ...row(enable, 'clusters', '@{files}', 'WI1062', '@{files}', /it is not a file; give the path of a file/),
  ...row(enable, 'clusters', '@{files}/empty.txt', 'WI1062', 'empty.txt', /the file is empty; write the list to the file/),
  ...row(enable, 'clusters', '@{files}/utf16.txt', 'WI1062', 'utf16.txt', /not text in UTF-8; save it as UTF-8; Windows PowerShell/),
  ...row(enable, 'clusters', '@{files}/binary.bin', 'WI1062', 'binary.bin', /not text in UTF-8/),
  ...row(enable, 'clusters', '@{files}/nonsense.txt', 'WI1004', 'no-cluster', cluster),
  ...row(enable, 'clusters', 'aks-1', 'WI1004', 'aks-1', cluster),
  ...row(enable, 'clusters', 'rg/aks-1;rg/aks-2', 'WI1004', 'rg/aks-1;rg/aks-2', cluster),
  ...row(enable, 'clusters', 'rg/aks-1 rg/aks-2', 'WI1004', 'rg/aks-1 rg/aks-2', cluster),
  ...row(enable, 'clusters', '"rg/aks-1"', 'WI1004', '\\"rg/aks-1\\"'.replaceAll('\\', ''), cluster),
  ...row(enable, 'clusters', 'rg\\aks-1', 'WI1004', 'rg\\aks-1', cluster),
  ...row(enable, 'clusters', 'rg/aks/1', 'WI1004', 'rg/aks/1', cluster),
  ...row(enable, 'clusters', 'rg./aks-1', 'WI1004', 'rg./aks-1', cluster),
  ...row(enable, 'clusters', 'rg/-aks-', 'WI1004', 'rg/-aks-', cluster),
  ...row(enable, 'clusters', `rg/aks${unseen.zeroWidthSpace}-1`, 'WI1004', 'rg/aks\\u{200B}-1', cluster),
  ...row(enable, 'clusters', `rg/aks${unseen.noBreakSpace}1`, 'WI1004', 'rg/aks\\u{00A0}1', cluster),
  ...row(enable, 'clusters', ',\r\n,', 'WI1004', undefined, /the list is empty/),
  ...row(enable, 'clusters', '[]', 'WI1004', '[]', /the list is empty/),
  ...row(enable, 'clusters', 'rg/aks-1,RG/AKS-1', 'WI1004', '/AKS-1', /listed twice; correct or remove this entry/),
  ...row(enable, 'clusters', `rg/aks-1\n${clusterId}/`, 'WI1004', clusterId, /listed twice/),
  ...row(enable, 'clusters', clusterId.slice(1), 'WI1004', clusterId.slice(1, 40), cluster),
  ...row(enable, 'clusters', clusterId.replace('managedClusters', 'agentPools'), 'WI1004', 'agentPools', cluster),
  ...row(enable, 'clusters', `${clusterId}/agentPools/np`, 'WI1004', '/agentPools/np', cluster),
  ...row(enable, 'clusters', clusterId.replace('/resourceGroups/rg', ''), 'WI1004', '/providers/', cluster),
  ...row(enable, 'clusters', clusterId.replace(subscription, 'contoso-nonprod'), 'WI1004', 'contoso-nonprod', cluster),
  ...row(enable, 'clusters', clusterId.replace('aks-1', 'aks.1'), 'WI1004', 'aks.1', /1 to 63 letters, digits, - and _/),
  ...row(enable, 'clusters', `https://portal.azure.com/#resource${clusterId}`, 'WI1004', 'https://portal.azure.com', cluster),
  ...row(enable, 'clusters', 'rg/aks-1', 'WI1004', 'rg/aks-1', /no subscription that would complete it: give the ARM id/, { connection: { ...federatedEndpoint, data: { environment: 'AzureCloud' } } }),
  ...row(enable, 'clusters', '["rg/aks-1", ', 'WI1004', '["rg/aks-1",', /neither JSON nor YAML: .+ at line 1, column \d+/),
  ...row(enable, 'clusters', '- cluster: rg/aks-1\n\tidentity: x', 'WI1004', '- cluster:', /neither JSON nor YAML: .+ at line 2, column \d/),
  ...row(enable, 'clusters', '{"cluster": "rg/aks-1"}', 'WI1004', '{', /has to be a sequence of clusters/),
  ...row(enable, 'clusters', '[5]', 'WI1004', '5', cluster),
  ...row(enable, 'clusters', '[{"identity": "x"}]', 'WI1004', '{identity: …}', /no text under "cluster"/),
  ...row(enable, 'clusters', '[{"cluster": "rg/aks-1", "Registry": "x"}]', 'WI1004', '{cluster: rg/aks-1, Registry: …}', /"Registry" cannot be set per cluster; possible are identity, identityResourceGroup, keyVault/),
  ...row(deploy, 'clusters', '[{"cluster": "rg/aks-1", "values": {"replicaCount": 2}}]', 'WI1004', '{cluster: rg/aks-1, values: …}', /"values" has to be text/),
  ...row(federate, 'clusters', '[{"cluster": "rg/aks-1", "secrets": [{"name": "x"}]}]', 'WI1004', '{cluster: rg/aks-1, secrets: …}', /"secrets" has to be text, or a list of texts/),
  ...row(federate, 'clusters', '- cluster: rg/aks-1\n  cluster: rg/aks-2', 'WI1004', '- cluster:', /neither JSON nor YAML: duplicate key at line 2/),

  // how the run goes
  ...row(planned, 'dryRun', 'yes', 'WI1003', 'yes', /give true or false/),
  ...row(planned, 'failFast', 'perhaps', 'WI1003', 'perhaps', /give true or false/),
  ...row(enable, 'dryRun', '1', 'WI1003', '"1"', /give true or false/),
  ...row(enable, 'dryRun', "'true'", 'WI1003', "'true'", /give true or false/),
  ...row(enable, 'dryRun', '$(dryRun)', 'WI1005', '$(dryRun)', /link the variable group/),
  ...row(enable, 'failFast', '$(failFast)', 'WI1005', '$(failFast)', /link the variable group/),
  ...row(planned, 'concurrency', '0', 'WI1002', '"0"', bounds(1, 100)),
  ...row(planned, 'concurrency', '101', 'WI1002', '"101"', bounds(1, 100)),
  ...row(planned, 'concurrency', 'many', 'WI1002', 'many', bounds(1, 100)),
  ...row(enable, 'concurrency', '2.5', 'WI1002', '2.5', bounds(1, 100)),
  ...row(enable, 'concurrency', '1e1', 'WI1002', '1e1', bounds(1, 100)),
  ...row(enable, 'concurrency', '-1', 'WI1002', '-1', bounds(1, 100)),
  ...row(enable, 'concurrency', '\u0661\u0660', 'WI1002', '\u0661\u0660', bounds(1, 100)),
  ...row(enable, 'concurrency', '$(concurrency)', 'WI1005', '$(concurrency)', /link the variable group/),
  ...row([enable, deploy], 'timeoutInMinutes', '0', 'WI1002', '"0"', bounds(1, 240)),
  ...row([enable, deploy], 'timeoutInMinutes', '99999999999999999999', 'WI1002', '99999999999999999999', bounds(1, 240)),
  ...row([enable, deploy], 'timeoutInMinutes', '5 minutes', 'WI1002', '5 minutes', bounds(1, 240)),
  ...row([federate, 'GrantRegistryRole'], 'propagationTimeoutInMinutes', '0', 'WI1002', '"0"', bounds(1, 120)),
  ...row([federate, 'GrantRegistryRole'], 'propagationTimeoutInMinutes', '121', 'WI1002', '121', bounds(1, 120)),
  ...row([federate, 'GrantRegistryRole'], 'propagationTimeoutInMinutes', 'PT5M', 'WI1002', 'PT5M', bounds(1, 120)),

  // where the ledger is sent besides
  ...row(planned, 'ledgerEndpoint', address, 'WI1060', address, /ledgerRuleId is empty, and a ledger is sent to a rule at an endpoint; give ledgerRuleId as well, or leave all of them empty$/),
  ...row(planned, 'ledgerRuleId', rule, 'WI1060', rule, /ledgerEndpoint is empty.*give ledgerEndpoint as well/),
  ...row(enable, 'ledgerStream', 'Custom-X_CL', 'WI1060', 'Custom-X_CL', /ledgerEndpoint and ledgerRuleId are empty/),
  ...['dce.ingest.monitor.azure.com', address.replace('https', 'http'), `${address}/dataCollectionRules/${rule}`, `${address}?x=y`].flatMap((given) => row(enable, 'ledgerEndpoint', given, 'WI1007', given, ingestion, { given: { ledgerRuleId: rule } })),
  ...['dcr-workload-identity-ledger', 'dcr-', `${group}/dataCollectionRules/dcr`, `"${rule}"`].flatMap((given) => row(enable, 'ledgerRuleId', given, 'WI1007', given, /the immutable id of the data collection rule/, { given: { ledgerEndpoint: address } })),
  ...['WorkloadIdentityLedger_CL', 'Custom-', 'Custom-a/b'].flatMap((given) => row(enable, 'ledgerStream', given, 'WI1007', given, /a stream of the rule such as Custom-WorkloadIdentityLedger_CL/, { given: { ledgerEndpoint: address, ledgerRuleId: rule } })),
  ...['ledgerEndpoint', 'ledgerRuleId', 'ledgerStream'].flatMap((name) => row(planned, name, '$(ledger)', 'WI1005', '$(ledger)', /link the variable group/, { given: { ledgerEndpoint: address, ledgerRuleId: rule, [name]: '$(ledger)' } })),
  ...row(enable, 'ledgerEndpoint', address, 'WI1060', address, /no logs ingestion of AzureStack is known/, { given: { ledgerRuleId: rule }, connection: { ...federatedEndpoint, data: { ...data, ...stack } } }),

  // EnableWorkloadIdentity
  ...['v1.27', '1', '1.27.x', '1.27.1.1', 'latest', '1,27'].flatMap((version) => row(enable, 'minimumKubernetesVersion', version, 'WI1007', version, /give a version such as 1\.27 or 1\.27\.3/)),
  ...row(enable, 'minimumKubernetesVersion', '"1.27"', 'WI1007', '""1.27""', /the quotation marks are part of the value/),
  ...row(enable, 'minimumKubernetesVersion', '$[ variables.version ]', 'WI1007', '$[ variables.version ]', /the expression was not evaluated/),
];
