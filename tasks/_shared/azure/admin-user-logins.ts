import type { ArmId } from '../fleet/arm-id.js';
import { ConsumerInquiry } from '../fleet/consumer-inquiry.js';
import type { ConsumerReport } from '../fleet/consumer-report.js';
import { number, text } from '../fleet/json.js';
import { many } from '../fleet/wording.js';
import { Problem } from '../reconcile/problem.js';
import type { Ref } from '../reconcile/ref.js';
import type { Permission } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import { queryLogs, queryRights, workspaceAt, type LogPlace } from './log-analytics.js';

/** So far back logins are asked for: as long as a workspace keeps them unless told otherwise. Source: Azure Monitor docs, data retention. */
const loginDays = 30;

const table = 'ContainerRegistryLoginEvents';

type Logins = Pick<ConsumerReport, 'consumers'> | Required<Pick<ConsumerReport, 'unknown'>>;

/**
 * Who signed in to a registry as its admin user, wherever that was: unknown without a workspace, or where nothing says that the registry's
 * logins get there.
 */
export class AdminUserLogins extends ConsumerInquiry {
  private readonly user: string;

  constructor(
    private readonly azure: Azure,
    registry: ArmId,
    private readonly log: LogPlace | undefined,
    loginServer: Ref<string>,
  ) {
    super(`logins as admin user of ${registry.id.toLowerCase()}`, `${registry.name}, elsewhere`, 'elsewhere', loginServer);
    this.user = registry.name;
  }

  reads(): Permission[] {
    return this.log === undefined ? [] : queryRights(this.log, [table]);
  }

  protected async look(loginServer: string): Promise<Logins> {
    if (this.log === undefined) return { unknown: 'no logAnalyticsWorkspace is given' };
    try {
      return await this.logins(this.log, loginServer);
    } catch (error) {
      this.azure.signal.throwIfAborted();
      if (error instanceof Problem && error.parts.serviceCode === 'BadArgumentError') return { unknown: `the workspace knows no table ${table}: send the registry’s there` };
      throw error;
    }
  }

  private async logins(log: LogPlace, loginServer: string): Promise<Logins> {
    const what = `The logins as ${this.user} are unknown`;
    const workspace = await workspaceAt(this.azure, log, what);
    const { id } = workspace;
    const rows = await queryLogs(this.azure, workspace, queryFor(loginServer, this.user), { tried: `query ${table} in workspace ${id}`, what });
    if (rows.length === 0) return { unknown: `workspace ${id} has no login at ${loginServer} of the last ${loginDays} days: send the registry’s ${table} there` };
    return { consumers: rows.flatMap((row) => (row.Admin === true || row.Admin === 1 ? [consumer(row)] : [])) };
  }
}

/**
 * Everybody's logins in one row, those as the admin user by address and program. That `Identity` is the user's name for them is not
 * confirmed. Source: Azure Monitor reference, table ContainerRegistryLoginEvents.
 */
export function queryFor(loginServer: string, user: string): string {
  return [
    table,
    `where TimeGenerated > ago(${loginDays}d) and LoginServer =~ ${JSON.stringify(loginServer)}`,
    `extend Admin = Identity =~ ${JSON.stringify(user)}`,
    'extend Address = iff(Admin, CallerIpAddress, ""), Program = iff(Admin, UserAgent, "")',
    'summarize LastSeen = max(TimeGenerated), Logins = count() by Admin, Address, Program',
    'order by LastSeen desc',
  ].join('\n| ');
}

function consumer(row: Readonly<Record<string, unknown>>): string {
  const count = number(row.Logins) ?? 0;
  const times = `${many(count, 'login')}, the last at ${text(row.LastSeen) ?? 'an unknown time'}`;
  return `${text(row.Address) ?? 'unknown address'}, ${text(row.Program) ?? 'unknown program'}: ${times}`;
}
