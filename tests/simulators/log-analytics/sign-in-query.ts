import type { QueryResult } from './login-query.js';

/** The tables of the query, in its order. */
export const signInTables = ['AADManagedIdentitySignInLogs', 'AADServicePrincipalSignInLogs'] as const;
export type SignInTable = (typeof signInTables)[number];

/** A row of a sign-in table, as far as it is asked about. */
export interface SignInEvent {
  readonly at: Date;
  /** Object id of the service principal. */
  readonly principalId: string;
  readonly resource: string;
  readonly resourceId: string;
  /** `0` for a success, else a code of Entra. */
  readonly resultType: string;
}

/** The step that names the tables. */
export const signInUnion = `union isfuzzy=true ${signInTables.join(', ')}`;

const steps = [
  new RegExp(`^${signInUnion}$`),
  /^where TimeGenerated > ago\((\d{1,4})d\) and ResultType == "0"$/,
  /^summarize First = min\(TimeGenerated\), Last = max\(TimeGenerated\) by Type, ServicePrincipalId, ResourceDisplayName, ResourceIdentity$/,
  /^order by Last desc$/,
];
const columns = ['Type', 'ServicePrincipalId', 'ResourceDisplayName', 'ResourceIdentity', 'First', 'Last'].map((name, index) => ({ name, type: index < 4 ? 'string' : 'datetime' }));

/** Evaluates the one query that is known, with any number of days in it, over those tables that there are; undefined for every other. */
export function evaluateSignIns(query: string, tables: Readonly<Record<SignInTable, readonly SignInEvent[] | undefined>>, now: Date): QueryResult | undefined {
  const parts = query.split('|').map((part) => part.trim());
  const matches = steps.map((step, index) => step.exec(parts[index] ?? ''));
  if (parts.length !== steps.length || matches.includes(null)) return undefined;
  const since = now.getTime() - Number(matches[1]?.[1]) * 86_400_000;
  const groups = new Map<string, { key: readonly string[]; first: number; last: number }>();
  for (const table of signInTables) {
    for (const { at, principalId, resource, resourceId, resultType } of tables[table] ?? []) {
      const moment = at.getTime();
      if (moment <= since || resultType !== '0') continue;
      const key = [table, principalId, resource, resourceId];
      const group = groups.get(JSON.stringify(key)) ?? { key, first: moment, last: moment };
      groups.set(JSON.stringify(key), { key, first: Math.min(group.first, moment), last: Math.max(group.last, moment) });
    }
  }
  const rows = [...groups.values()].sort((one, other) => other.last - one.last).map(({ key, first, last }) => [...key, new Date(first).toISOString(), new Date(last).toISOString()]);
  return { columns, rows };
}
