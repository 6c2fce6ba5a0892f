import { httpsOrigin } from '../_shared/agent/input-text.js';
import type { InputReader } from '../_shared/agent/inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import type { LoginLog } from '../_shared/azure/admin-user-logins.js';
import type { LogAnalyticsService } from '../_shared/azure/connection.js';
import type { AdminUserWish } from '../_shared/azure/registry-admin.js';
import { resourceNamed } from '../_shared/fleet/arm-id.js';
import { isGuid } from '../_shared/fleet/guid.js';

/** The inputs about the registry's admin user. */
export interface AdminUserInputs {
  readonly wish: AdminUserWish | 'keep';
  readonly force: boolean;
  readonly log: LoginLog | undefined;
}

const workspaceForm = 'the workspace id, a GUID, or the workspace’s ARM id';

/** What else the inputs say of the run. */
export interface RunFacts {
  readonly role: string;
  readonly principal: string;
  readonly state: 'present' | 'absent';
  /** Where pulls are proven from; absent: from this agent. */
  readonly proveFrom?: string;
}

/** Reads the inputs about the registry's admin user. */
export function readAdminUser(inputs: InputReader, shared: SharedInputs, facts: RunFacts): AdminUserInputs {
  const wish = inputs.choice('adminUser', ['keep', 'report', 'disable', 'restore'], 'keep');
  const force = inputs.boolean('force');
  const log = readLog(inputs, shared);
  const obstacle = obstacleTo(wish, facts);
  if (obstacle !== undefined) inputs.contradiction('adminUser', `is "${wish}"`, obstacle.because, obstacle.remedy);
  return { wish, force, log };
}

/** Why the wish does not go with the other inputs: an admin user is switched off in a run that proves pulls, and looked at in one that grants. */
function obstacleTo(wish: AdminUserInputs['wish'], { role, principal, state, proveFrom = 'agent' }: RunFacts): { because: string; remedy: string } | undefined {
  if (wish !== 'keep' && state === 'absent') return { because: 'input state is absent: this run takes grants back', remedy: 'leave adminUser at keep here, and use it in a run with state: present' };
  if (wish !== 'disable') return undefined;
  const remedy = 'switch the admin user off in a run that proves the pull of every workload: principal workload, role AcrPull or AcrPush, proveFrom agent';
  if (principal !== 'workload') return { because: `input principal is ${principal}, whose pull this run cannot prove`, remedy };
  if (role !== 'AcrPull' && role !== 'AcrPush') return { because: `input role is ${role}, which does not let anybody pull`, remedy };
  return proveFrom === 'agent' ? undefined : { because: `input proveFrom is ${proveFrom}, so that no pull is proven`, remedy };
}

function readLog(inputs: InputReader, { connection }: SharedInputs): LoginLog | undefined {
  const given = inputs.optionalText('logAnalyticsWorkspace');
  const endpoint = inputs.optionalText('logAnalyticsEndpoint');
  const service = endpoint === undefined ? connection.cloud.logAnalytics : serviceAt(inputs, endpoint, connection.cloud.logAnalytics);
  if (given === undefined) return undefined;
  const workspace = isGuid(given) ? { id: given } : resourceNamed(given, 'Microsoft.OperationalInsights/workspaces', undefined);
  if (workspace === undefined) inputs.refuse('logAnalyticsWorkspace', given, workspaceForm);
  if (service === undefined && endpoint === undefined) {
    inputs.contradiction('logAnalyticsWorkspace', 'names a workspace', `nothing says where logs of ${connection.cloud.name} are queried`, 'give logAnalyticsEndpoint as well');
  }
  return workspace === undefined || service === undefined ? undefined : { service, workspace };
}

function serviceAt(inputs: InputReader, endpoint: string, known: LogAnalyticsService | undefined): LogAnalyticsService | undefined {
  const origin = httpsOrigin(endpoint);
  if (origin === undefined) {
    inputs.refuse('logAnalyticsEndpoint', endpoint, 'an address such as https://api.loganalytics.io, without a path');
    return undefined;
  }
  return { endpoint: origin, audience: known?.audience ?? origin };
}
