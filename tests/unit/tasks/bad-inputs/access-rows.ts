import { federatedEndpoint } from '../../agent/fake-agent.js';
import { row, unseen, type BadInput } from './table.js';

const federate = 'FederateServiceAccount';
const scope = '/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st1';
const line = /lines such as "Storage Blob Data Reader @ \/subscriptions\/…\/storageAccounts\/st1"/;

/** How a workload is granted access, besides what is granted. */
export const accessRows: readonly BadInput[] = [
  ...row(federate, 'allowVaultWideAccess', 'yes', 'WI1003', '"yes"', /give true or false/),
  ...row(federate, 'vaultConnection', 'contoso-vaults', 'WI1010', undefined, /authorize the pipeline to use it/, { begins: 'The service connection contoso-vaults is not available to this job' }),
  ...row(federate, 'vaultConnection', '$(vaults)', 'WI1005', '$(vaults)', /link the variable group/),
  ...row(federate, 'grants', 'Storage Blob Data Reader', 'WI1007', 'Storage Blob Data Reader', line),
  ...row(federate, 'grants', `@${scope}`, 'WI1006', `@${scope}`, /a path that is absolute/),
  ...row(federate, 'grants', `Reader@ @ ${scope}`, 'WI1007', 'Reader@', line),
  ...row(federate, 'grants', 'Storage Blob Data Reader @ st1', 'WI1007', '@ st1', line),
  ...row(federate, 'grants', 'Storage Blob Data Reader @ /subscriptions/33333333-3333-4333-8333-333333333333', 'WI1007', '/subscriptions/33333333', line),
  ...row(federate, 'grants', 'Storage Blob Data Reader @ /providers/Microsoft.Management/managementGroups/prod', 'WI1007', '/managementGroups/prod', line),
  ...row(federate, 'grants', 'Storage Blob Data Reader @ /', 'WI1007', '@ /', line),
  ...row(federate, 'grants', `Storage Blob Data Reader @ ${scope}/blobServices`, 'WI1007', '/blobServices', line),
  ...row(federate, 'grants', `Storage Blob Data Reader @ ${scope}?x=1`, 'WI1007', '?x=1', line),
  ...['/blobServices/default/../..', '/blobServices/..', '/./default', '/blobServices/%2e%2E', '/blobServices/a%2fb', '/blobServices/a\\b'].flatMap((more) => row(federate, 'grants', `Storage Blob Data Reader @ ${scope}${more}`, 'WI1007', more, line)),
  ...row(federate, 'grants', 'Storage Blob Data Reader @ /subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/..', 'WI1007', '/..', line),
  ...row(federate, 'grants', `Storage Blob Data Reader @ ${scope}\nReader`, 'WI1007', '"Reader"', line),
  ...row(federate, 'grants', `${'x'.repeat(129)} @ ${scope}`, 'WI1007', 'xxx', line),
  ...row(federate, 'grants', `Storage Blob Data${unseen.noBreakSpace}Reader`, 'WI1007', '\\u{00A0}Reader', line),
  ...row([federate, 'GrantRegistryRole'], 'roleAssignmentLimit', '0', 'WI1002', '"0"', /a whole number from 1 to 100000/),
  ...row([federate, 'GrantRegistryRole'], 'roleAssignmentLimit', 'unlimited', 'WI1002', '"unlimited"', /a whole number from 1 to 100000/),
  ...row(federate, 'keyVault', 'rg/kv-orders', 'WI1007', 'rg/kv-orders', /the connection has no subscription that would complete resourceGroup\/name/, {
    endpoints: { vaults: { ...federatedEndpoint, data: { environment: 'AzureCloud' } } }, given: { vaultConnection: 'vaults' },
  }),
  ...row(federate, 'vaultConnection', 'vaults', 'WI1060', 'vaults', /signs in to another tenant than input azureSubscription does/, {
    endpoints: { vaults: { ...federatedEndpoint, parameters: { ...federatedEndpoint.parameters, tenantid: '99999999-2222-4222-8222-222222222222' } } },
  }),
];
