import { row, type BadInput } from './table.js';

const audit = 'AuditWorkloadIdentity';
const identities = '/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities';

/** What an audit looks at, and by which measure. */
export const auditRows: readonly BadInput[] = [
  ...row(audit, 'azureSubscription', '', 'WI1001', undefined, /give it a value/),
  ...row(audit, 'clusters', '', 'WI1001', undefined, /it is required/),
  ...row(audit, 'concurrency', '0', 'WI1002', '"0"', /give a whole number from 1 to 100$/),
  ...row(audit, 'deadline', 'tomorrow', 'WI1007', 'tomorrow', /a time in UTC such as 2026-01-05T08:00:00Z/),
  ...['Orders', 'orders_*', '*-prod', 'a b', 'kube/system'].flatMap((name) => row(audit, 'namespaces', name, 'WI1007', name, /names of namespaces, or beginnings with an asterisk after them, such as orders-\*/)),
  ...row(audit, 'namespaces', 'orders,orders', 'WI1061', 'orders', /listed twice/),
  ...row(audit, 'namespaces', '$(namespaces)', 'WI1005', '$(namespaces)', /link the variable group/),
  ...row(audit, 'identities', 'id-orders', 'WI1007', 'id-orders', /an ARM id of type Microsoft\.ManagedIdentity\/userAssignedIdentities, or resourceGroup\/name/),
  ...row(audit, 'identities', `${identities}/id`, 'WI1007', '/id', /3 to 128 letters, digits, - and _/),
  ...row(audit, 'identities', `rg/id-1,${identities}/ID-1`, 'WI1061', 'ID-1', /listed twice/),
  ...row(audit, 'identities', '@gone.txt', 'WI1006', '@gone.txt', /absolute or relative to the sources/),
  ...row(audit, 'subscriptions', 'contoso-prod', 'WI1007', 'contoso-prod', /ids of subscriptions, GUIDs/),
  ...row(audit, 'wafClasses', 'WAF_v2', 'WI1007', 'WAF_v2', /names of ingress classes/),
  ...row(audit, 'clusterOnlyServices', 'zep', 'WI1007', 'zep', /services as namespace\/name/),
  ...row(audit, 'profile', 'production', 'WI1062', 'production', /there is no such file; .*or prod or nonprod, which need no file/),
  ...row(audit, 'profile', '{files}/folder', 'WI1062', 'folder', /it is not a file/),
  ...row(audit, 'profile', '{files}/profile.yml', 'WI1090', 'cluster-locals', /there is no rule "cluster-locals"; give the id of a rule: such as .*cluster-local-accounts/, { begins: 'Input profile names an audit profile with a mistake at line 4, column 3' }),
  ...row(audit, 'profile', '$(profile)', 'WI1005', '$(profile)', /link the variable group/),
  ...row(audit, 'failOn', 'critical', 'WI1003', 'critical', /give none or high or medium/),
  ...row(audit, 'boundaryPolicy', '{files}/gone.yml', 'WI1062', 'gone.yml', /there is no such file/),
  ...row(audit, 'ledger', '{files}/later.jsonl', 'WI1081', 'later.jsonl', /this task reads 1/),
  ...row(audit, 'ledger', 'gone.jsonl', 'WI1062', 'gone.jsonl', /there is no such file/),
  ...row(audit, 'logAnalyticsWorkspace', 'law-signins', 'WI1007', 'law-signins', /the workspace id, a GUID, or the workspace’s ARM id/),
  ...row(audit, 'logAnalyticsEndpoint', 'api.loganalytics.io', 'WI1007', 'api.loganalytics.io', /an address such as https:\/\/api\.loganalytics\.io, without a path/),
  ...row(audit, 'unusedAfterDays', '0', 'WI1002', '"0"', /give a whole number from 1 to 730$/),
  ...row(audit, 'reportFolder', '$(folder)', 'WI1005', '$(folder)', /link the variable group/),
];
