import type { InputReader } from '../_shared/agent/inputs.js';
import { readLogWorkspace } from '../_shared/agent/log-workspace-inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import type { LogPlace } from '../_shared/azure/log-analytics.js';
import type { AdminUserWish } from '../_shared/azure/registry-admin.js';

/** The inputs about the registry's admin user. */
export interface AdminUserInputs {
  readonly wish: AdminUserWish | 'keep';
  readonly force: boolean;
  readonly log: LogPlace | undefined;
}

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
  const log = readLogWorkspace(inputs, shared.connection);
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
