import type { InputReader } from '../_shared/agent/inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import type { LoginLog } from '../_shared/azure/admin-user-logins.js';
import type { LogAnalyticsService } from '../_shared/azure/connection.js';
import type { AdminUserWish } from '../_shared/azure/registry-admin.js';
import { resourceNamed } from '../_shared/fleet/arm-id.js';

/** The inputs about the registry's admin user. */
export interface AdminUserInputs {
  readonly wish: AdminUserWish | 'keep';
  readonly force: boolean;
  readonly log: LoginLog | undefined;
}

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const workspaceForm = 'the workspace id, a GUID, or the workspace’s ARM id';

/**
 * Reads the inputs about the registry's admin user.
 * @param unprovable why the run will not prove that every workload pulls, as the inputs say; undefined when it will
 */
export function readAdminUser(inputs: InputReader, shared: SharedInputs, unprovable: { readonly because: string; readonly remedy: string } | undefined): AdminUserInputs {
  const wish = inputs.choice('adminUser', ['keep', 'report', 'disable', 'restore'], 'keep');
  const force = inputs.boolean('force');
  const log = readLog(inputs, shared);
  if (wish === 'disable' && unprovable !== undefined) inputs.contradiction('adminUser', 'is "disable"', unprovable.because, unprovable.remedy);
  return { wish, force, log };
}

function readLog(inputs: InputReader, { connection }: SharedInputs): LoginLog | undefined {
  const given = inputs.optionalText('logAnalyticsWorkspace');
  const endpoint = inputs.optionalText('logAnalyticsEndpoint');
  const service = endpoint === undefined ? connection.cloud.logAnalytics : serviceAt(inputs, endpoint, connection.cloud.logAnalytics);
  if (given === undefined) return undefined;
  const workspace = guid.test(given) ? { id: given } : resourceNamed(given, 'Microsoft.OperationalInsights/workspaces', undefined);
  if (workspace === undefined) inputs.refuse('logAnalyticsWorkspace', given, workspaceForm);
  if (service === undefined && endpoint === undefined) {
    inputs.contradiction('logAnalyticsWorkspace', 'names a workspace', `nothing says where logs of ${connection.cloud.name} are queried`, 'give logAnalyticsEndpoint as well');
  }
  return workspace === undefined || service === undefined ? undefined : { service, workspace };
}

function serviceAt(inputs: InputReader, endpoint: string, known: LogAnalyticsService | undefined): LogAnalyticsService | undefined {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url?.protocol !== 'https:' || url.username !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    inputs.refuse('logAnalyticsEndpoint', endpoint, 'an address such as https://api.loganalytics.io, without a path');
    return undefined;
  }
  return { endpoint: url.origin, audience: known?.audience ?? url.origin };
}
