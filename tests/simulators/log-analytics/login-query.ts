/** A row of the table ContainerRegistryLoginEvents, as far as it is asked about. */
export interface LoginEvent {
  readonly at: Date;
  readonly loginServer: string;
  readonly identity: string;
  readonly address: string;
  readonly userAgent: string;
}

/** What a query gives: the columns and rows of a table of the answer. */
export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
}

const text = '"((?:[^"\\\\]|\\\\.)*)"';
const steps = [
  /^ContainerRegistryLoginEvents$/,
  new RegExp(`^where TimeGenerated > ago\\((\\d{1,4})d\\) and LoginServer =~ ${text}$`),
  new RegExp(`^extend Admin = Identity =~ ${text}$`),
  /^extend Address = iff\(Admin, CallerIpAddress, ""\), Program = iff\(Admin, UserAgent, ""\)$/,
  /^summarize LastSeen = max\(TimeGenerated\), Logins = count\(\) by Admin, Address, Program$/,
  /^order by LastSeen desc$/,
];
const columns = [
  { name: 'Admin', type: 'bool' },
  { name: 'Address', type: 'string' },
  { name: 'Program', type: 'string' },
  { name: 'LastSeen', type: 'datetime' },
  { name: 'Logins', type: 'long' },
];

/** Evaluates the one query that is known, with any texts and number of days in it; undefined for every other. */
export function evaluate(query: string, events: readonly LoginEvent[], now: Date): QueryResult | undefined {
  const parts = query.split('|').map((part) => part.trim());
  const matches = steps.map((step, index) => step.exec(parts[index] ?? ''));
  if (parts.length !== steps.length || matches.includes(null)) return undefined;
  const [, where, identity] = matches;
  const since = now.getTime() - Number(where?.[1]) * 86_400_000;
  const server = JSON.parse(`"${where?.[2] ?? ''}"`) as string;
  const user = JSON.parse(`"${identity?.[1] ?? ''}"`) as string;
  const groups = new Map<string, { key: readonly unknown[]; last: number; count: number }>();
  for (const event of events) {
    if (event.at.getTime() <= since || !alike(event.loginServer, server)) continue;
    const admin = alike(event.identity, user);
    const key = [admin, admin ? event.address : '', admin ? event.userAgent : ''];
    const group = groups.get(JSON.stringify(key)) ?? { key, last: 0, count: 0 };
    groups.set(JSON.stringify(key), { key, last: Math.max(group.last, event.at.getTime()), count: group.count + 1 });
  }
  const rows = [...groups.values()].sort((one, other) => other.last - one.last).map(({ key, last, count }) => [...key, new Date(last).toISOString(), count]);
  return { columns, rows };
}

function alike(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
