import { row, type BadInput } from './table.js';

const grant = 'GrantRegistryRole';
const workspace = /the workspace id, a GUID, or the workspace’s ARM id/;
const endpoint = /an address such as https:\/\/api\.loganalytics\.io, without a path/;
const vault = '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-1';

/** The registry's admin user. */
export const adminUserRows: readonly BadInput[] = [
  ...row(grant, 'adminUser', 'off', 'WI1003', '"off"', /give keep or report or disable or restore/),
  ...row(grant, 'adminUser', '$(adminUser)', 'WI1005', '$(adminUser)', /link the variable group/),
  ...row(grant, 'adminUser', 'disable', 'WI1060', '"disable"', /input principal is kubelet, whose pull this run cannot prove; switch the admin user off in a run that proves the pull/, { given: { principal: 'kubelet' } }),
  ...row(grant, 'adminUser', 'report', 'WI1060', '"report"', /input state is absent: this run takes grants back; leave adminUser at keep here/, { given: { state: 'absent' } }),
  ...row(grant, 'adminUser', 'restore', 'WI1060', '"restore"', /input state is absent/, { given: { state: 'absent' } }),
  ...row(grant, 'adminUser', 'disable', 'WI1060', '"disable"', /input state is absent: this run takes grants back; leave adminUser at keep here/, { given: { state: 'absent', role: 'AcrDelete', proveFrom: 'none' } }),
  ...row(grant, 'adminUser', 'disable', 'WI1060', '"disable"', /input role is AcrDelete, which does not let anybody pull; switch the admin user off in a run that proves the pull/, { given: { role: 'AcrDelete' } }),
  ...row(grant, 'adminUser', 'disable', 'WI1060', '"disable"', /input proveFrom is none, so that no pull is proven; .*proveFrom agent/, { given: { proveFrom: 'none' } }),
  ...row(grant, 'adminUser', 'disable', 'WI1060', '"disable"', /input principal is objectId, whose pull this run cannot prove/, { given: { principal: 'objectId', principalId: '44444444-4444-4444-8444-444444444444' } }),
  ...row(grant, 'force', 'yes', 'WI1003', '"yes"', /give true or false/),
  ...row(grant, 'force', '$(force)', 'WI1005', '$(force)', /link the variable group/),
  ...row(grant, 'logAnalyticsWorkspace', 'log-orders', 'WI1007', 'log-orders', workspace),
  ...row(grant, 'logAnalyticsWorkspace', 'rg/log-orders', 'WI1007', 'rg/log-orders', workspace),
  ...row(grant, 'logAnalyticsWorkspace', '12345678-1234-1234-1234-12345678901', 'WI1007', '12345678-1234-1234-1234-12345678901', workspace),
  ...row(grant, 'logAnalyticsWorkspace', vault, 'WI1007', '/vaults/kv-1', workspace),
  ...row(grant, 'logAnalyticsWorkspace', '$(workspace)', 'WI1005', '$(workspace)', /link the variable group/),
  ...row(grant, 'logAnalyticsEndpoint', 'api.loganalytics.io', 'WI1007', 'api.loganalytics.io', endpoint),
  ...row(grant, 'logAnalyticsEndpoint', 'http://api.loganalytics.io', 'WI1007', 'http://api.loganalytics.io', endpoint),
  ...row(grant, 'logAnalyticsEndpoint', 'https://api.loganalytics.io/v1', 'WI1007', 'https://api.loganalytics.io/v1', endpoint),
  ...row(grant, 'logAnalyticsEndpoint', '$(endpoint)', 'WI1005', '$(endpoint)', /link the variable group/),
];
