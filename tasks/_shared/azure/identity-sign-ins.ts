import { text, type Json } from '../fleet/json.js';
import type { Read } from '../fleet/posture/rule.js';
import { signInTables, type SignIn } from '../fleet/sign-ins.js';
import { many } from '../fleet/wording.js';
import { Problem } from '../reconcile/problem.js';
import type { Permission } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import { queryLogs, queryRights, workspaceAt, type LogPlace } from './log-analytics.js';

/** The rights that {@link identitySignIns} needs; none are known for a workspace named by its id. */
export function signInRights(log: LogPlace): Permission[] {
  return queryRights(log, signInTables);
}

/**
 * When each service principal last signed in to each resource, as a workspace tells that Entra sends its sign-in logs to. It asks once, however many there
 * are. Unread, with the reason, when the workspace cannot be asked, has neither table, or knows of no successful sign-in of anybody: that is no
 * evidence of anything being unused. Whether what is found says something of managed identities is told by `signInsFor`.
 * @param days so far back is asked for, a whole number of 1 or more; what the workspace keeps may be less, see `knownSince`.
 * @throws the reason of a cancelled run.
 */
export async function identitySignIns(azure: Azure, log: LogPlace, days: number): Promise<Read<readonly SignIn[]>> {
  try {
    return await ask(azure, log, days);
  } catch (error) {
    azure.signal.throwIfAborted();
    if (!(error instanceof Problem)) throw error;
    if (error.parts.serviceCode === 'BadArgumentError') return { unread: `the workspace knows neither ${signInTables.join(' nor ')}: ${remedy}` };
    return { unread: error.parts.because };
  }
}

/** The categories of a diagnostic setting of Entra. Source: Microsoft Entra docs, logs available for streaming. */
const remedy = 'send Entra’s ManagedIdentitySignInLogs and ServicePrincipalSignInLogs there';

async function ask(azure: Azure, log: LogPlace, days: number): Promise<Read<readonly SignIn[]>> {
  const what = 'When identities last signed in is unknown';
  const workspace = await workspaceAt(azure, log, what);
  const rows = await queryLogs(azure, workspace, signInQuery(days), { tried: `query ${signInTables.join(' and ')} in workspace ${workspace.id}`, what });
  const signIns = rows.flatMap((row) => (row.ServicePrincipalId === '' ? [] : [signInOf(row)]));
  const readable = signIns.filter((signIn) => signIn !== undefined);
  if (readable.length < signIns.length) return { unread: `workspace ${workspace.id} answers ${many(signIns.length - readable.length, 'sign-in')} without principal, time or table` };
  if (readable.length === 0) return { unread: `workspace ${workspace.id} has no successful sign-in of the last ${many(days, 'day')}: ${remedy}` };
  return { found: readable };
}

/**
 * One row for each principal and resource. A table that is not there, or cannot be accessed, does not count as long as there is the other one; without
 * either the query fails. Sources: KQL reference, union operator (isfuzzy); Azure Monitor reference, tables AADManagedIdentitySignInLogs and
 * AADServicePrincipalSignInLogs (columns, `Type` being the table's name), and queries for the latter (inactive service principals), where 0 is the result
 * of a success, though the column's description has it as a word. That `ResourceIdentity` is an application id is not confirmed: Microsoft Graph
 * shows one as `resourceId` of the same sign-ins.
 */
export function signInQuery(days: number): string {
  return [
    `union isfuzzy=true ${signInTables.join(', ')}`,
    `where TimeGenerated > ago(${days}d) and ResultType == "0"`,
    'summarize First = min(TimeGenerated), Last = max(TimeGenerated) by Type, ServicePrincipalId, ResourceDisplayName, ResourceIdentity',
    'order by Last desc',
  ].join('\n| ');
}

function signInOf(row: Json): SignIn | undefined {
  const principalId = text(row.ServicePrincipalId);
  const table = signInTables.find((name) => name === row.Type);
  const first = time(row.First);
  const at = time(row.Last);
  if (principalId === undefined || table === undefined || first === undefined || at === undefined) return undefined;
  return { principalId, resource: text(row.ResourceDisplayName) ?? '', resourceId: text(row.ResourceIdentity) ?? '', at, first, table };
}

function time(value: unknown): string | undefined {
  const moment = Date.parse(text(value) ?? '');
  return Number.isNaN(moment) ? undefined : new Date(moment).toISOString();
}
