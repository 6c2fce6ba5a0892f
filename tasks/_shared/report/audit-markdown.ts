import { severities } from '../fleet/posture/rule.js';
import { many } from '../fleet/wording.js';
import { openFindings, type AuditReport } from './audit-report.js';
import { acceptedText, auditName, credentialStates, crossingVerdicts, exceptionText, grantStates, profileText, resultText, seenText, thresholdText, whereText } from './audit-words.js';
import { accessText } from './crossing-text.js';
import { brief } from './columns.js';
import { escape, section, table } from './markup.js';
import { placeText } from '../fleet/posture/profile.js';

/** Most rows of one table, and longest cell: the page is cut off at a megabyte, and the attachments have all of it. */
const longest = 100;
const cellLength = 200;

/** The audit as Markdown for the summary page. Every text that came from a service or a user is escaped. */
export function toAuditMarkdown(report: AuditReport): string {
  const { inventory: { clusters, namespaces, identities }, taskVersion, run } = report;
  const looked = [many(clusters.length, 'cluster'), many(namespaces.length, 'namespace'), identities.length === 1 ? '1 identity' : `${identities.length} identities`];
  return [
    `## ${auditName}: ${resultText(report)}`,
    '',
    escape([...looked, `profile ${profileText(report)}`, thresholdText(report), `as ${report.signIn}`, `version ${taskVersion}`, run].join(' · ')),
    ...section('What was found', countTable(report)),
    ...section('Open findings', findingTable(report)),
    ...section('Clusters', clusterTable(report)),
    ...section('Access to look at', accessTable(report)),
    ...section('Crossings of boundaries', crossingTable(report)),
    ...section('Exceptions', exceptionTable(report)),
    ...section('What could not be looked at', cells(['What', 'Why'], report.inventory.unread.map(({ what, because }) => [what, because]))),
    '',
  ].join('\n');
}

function cells(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return table(heads, rows.map((row) => row.map((cell) => brief(cell, cellLength))), longest);
}

function countTable({ counts }: AuditReport): string[] {
  const row = (title: string, tally: AuditReport['counts']['fail']): string[] => [title, ...severities.map((severity) => String(tally[severity]))];
  return cells(
    ['', ...severities],
    [
      row('does not hold', counts.fail),
      row('could not be told', counts.unknown),
      row('accepted', counts.excepted),
      row('holds', counts.pass),
      row('does not apply', counts.notApplicable),
    ],
  );
}

function findingTable({ findings }: AuditReport): string[] {
  return cells(
    ['Severity', 'Rule', 'Where', 'What was seen', 'To do'],
    openFindings(findings).map((finding) => [finding.severity, finding.title, whereText(finding), seenText(finding), finding.remedy]),
  );
}

/** Clusters with open findings, the worst first. */
function clusterTable({ findings }: AuditReport): string[] {
  const open = new Map<string, number[]>();
  for (const { cluster = 'shared', severity } of openFindings(findings)) {
    const counts = open.get(cluster) ?? severities.map(() => 0);
    const at = severities.indexOf(severity);
    counts[at] = (counts[at] ?? 0) + 1;
    open.set(cluster, counts);
  }
  const worse = (one: readonly number[], other: readonly number[]): number => severities.map((_, at) => (other[at] ?? 0) - (one[at] ?? 0)).find((more) => more !== 0) ?? 0;
  const rows = [...open].sort(([, one], [, other]) => worse(one, other));
  return cells(['Cluster', ...severities], rows.map(([cluster, counts]) => [cluster, ...counts.map(String)]));
}

/** Credentials and grants that are not as they should be. */
function accessTable({ inventory: { identities } }: AuditReport): string[] {
  const rows = identities.flatMap(({ name, credentials, grants }) => [
    ...credentials.filter(({ state }) => state !== 'ok' && state !== 'elsewhere').map(({ subject, cluster, state, detail }) => [name, `trusts ${subject}${cluster === undefined ? '' : ` on ${cluster}`}`, credentialStates[state], detail]),
    ...grants.filter(({ state }) => state !== 'planned').map(({ role, scope, state, detail }) => [name, `${role} on ${scope}`, grantStates[state], detail]),
  ]);
  return cells(['Identity', 'Access', 'State', 'What was seen'], rows);
}

function crossingTable({ inventory: { crossings } }: AuditReport): string[] {
  const rows = crossings.map((crossing) => [accessText(crossing), `${crossing.from} → ${crossing.to}`, crossingVerdicts[crossing.verdict], crossing.reason ?? '', crossing.until ?? '']);
  return cells(['What', 'Crossing', 'Boundary policy', 'Reason', 'Until'], rows);
}

function exceptionTable({ exceptions }: AuditReport): string[] {
  return cells(['Exception', 'Why', 'State'], exceptions.map((exception) => [placeText(exception), acceptedText(exception), exceptionText(exception)]));
}
