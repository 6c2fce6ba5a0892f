import { severities, type Severity } from '../fleet/posture/rule.js';
import { many, some } from '../fleet/wording.js';
import { openFindings, type AuditFinding, type AuditReport } from './audit-report.js';
import { auditName, profileText, resultText, seenText, thresholdText, whereText } from './audit-words.js';
import { brief, columns } from './columns.js';
import { largeFleet, type LogPart } from './log-text.js';

/** Most places of one rule that the log shows unfolded. */
const shownPlaces = 5;
/** Most places of one rule that the log lists at all: the reports have all of them. */
const listedPlaces = 200;

/** What an audit works on and by which measure. */
export function auditHead(report: Pick<AuditReport, 'signIn' | 'profile' | 'profileFile' | 'failOn'>, clusters: number): string[] {
  return [`Fleet    ${many(clusters, 'cluster')} · as ${report.signIn} · reads only`, `Profile  ${profileText(report)} · ${thresholdText(report)}`];
}

/** What an audit found, as a tired person reads it: the worst first, a rule with its places, and what to do once. */
export function auditLog(report: AuditReport): LogPart[] {
  const { inventory: { clusters, namespaces, identities, crossings, unread }, exceptions } = report;
  const open = openFindings(report.findings);
  const granted = identities.reduce((sum, { grants }) => sum + grants.length, 0);
  const trusted = identities.reduce((sum, { credentials }) => sum + credentials.length, 0);
  const looked = [many(clusters.length, 'cluster'), many(namespaces.length, 'namespace'), identities.length === 1 ? '1 identity' : `${identities.length} identities`];
  const access = [many(trusted, 'federated credential'), many(granted, 'grant'), ...(crossings.length === 0 ? [] : [many(crossings.length, 'crossing')])];
  const expired = exceptions.filter(({ state }) => state === 'expired').length;
  return [
    `Looked   ${looked.join(', ')} · ${access.join(', ')}`,
    ...clusterRows(report, open),
    ...rulesOf(open).flatMap(ruleParts),
    ...(unread.length === 0 ? [] : ['', 'Not looked at', ...columns(unread.slice(0, largeFleet).map(({ what, because }) => [what, brief(because, 160)]), '  '), ...(unread.length > largeFleet ? [`  and ${unread.length - largeFleet} more, in the reports`] : [])]),
    ...(expired === 0 ? [] : ['', `${many(expired, 'exception')} past ${expired === 1 ? 'its' : 'their'} day: ${expired === 1 ? 'it no longer counts' : 'they no longer count'}`]),
    '',
    `Result   ${resultText(report)} · ${countsLine(report)}`,
  ];
}

/** `3 high, 2 medium do not hold · 1 could not be told · 4 accepted · 210 hold`. */
function countsLine({ counts }: AuditReport): string {
  const total = (tally: Readonly<Record<Severity, number>>): number => severities.reduce((sum, severity) => sum + tally[severity], 0);
  const failing = severities.filter((severity) => counts.fail[severity] > 0).map((severity) => `${counts.fail[severity]} ${severity}`);
  return [
    failing.length === 0 ? 'everything that could be told holds' : `${failing.join(', ')} not as they should be`,
    ...(total(counts.unknown) === 0 ? [] : [`${total(counts.unknown)} could not be told`]),
    ...(total(counts.excepted) === 0 ? [] : [`${total(counts.excepted)} accepted`]),
    `${total(counts.pass)} as they should be`,
  ].join(' · ');
}

/** A row for each cluster with open findings, or the ten worst of many. */
function clusterRows({ inventory }: AuditReport, open: readonly AuditFinding[]): string[] {
  const tallies = new Map<string, Record<Severity | 'unknown', number>>(inventory.clusters.map(({ label }) => [label, { high: 0, medium: 0, low: 0, unknown: 0 }]));
  for (const { cluster, severity, outcome } of open) {
    const tally = cluster === undefined ? undefined : tallies.get(cluster);
    if (tally !== undefined) tally[outcome === 'unknown' ? 'unknown' : severity] += 1;
  }
  const weight = ({ high, medium, low, unknown }: Record<Severity | 'unknown', number>): number[] => [high, unknown, medium, low];
  const worse = (one: number[], other: number[]): number => one.map((count, index) => (other[index] ?? 0) - count).find((more) => more !== 0) ?? 0;
  const rows = [...tallies].sort(([, one], [, other]) => worse(weight(one), weight(other)));
  const shown = rows.length < largeFleet ? rows : rows.slice(0, 10);
  const cells = shown.map(([label, { high, medium, low, unknown }]) => [label, `${high} high`, `${medium} medium`, `${low} low`, unknown === 0 ? '' : `${unknown} could not be told`]);
  return [...columns(cells, '  '), ...(shown.length === rows.length ? [] : [`  and ${rows.length - shown.length} more clusters`])];
}

/** The findings of one rule that ended alike. */
type OfRule = readonly [AuditFinding, ...AuditFinding[]];

function rulesOf(open: readonly AuditFinding[]): OfRule[] {
  const groups = new Map<string, [AuditFinding, ...AuditFinding[]]>();
  for (const finding of open) {
    const key = `${finding.severity} ${finding.outcome} ${finding.rule}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return [...groups.values()];
}

function ruleParts(findings: OfRule): LogPart[] {
  const [first] = findings;
  const rows = findings.slice(0, listedPlaces).map((finding) => [whereText(finding), brief(seenText(finding), 200)]);
  const more = findings.length > listedPlaces ? [`    and ${findings.length - listedPlaces} more, in the reports`] : [];
  const head = `${first.severity.toUpperCase().padEnd(8)} ${first.title}${first.outcome === 'unknown' ? ' (could not be told)' : ''}  [${first.rule}]`;
  const remedy = first.outcome === 'unknown' ? [] : [`    do  ${first.remedy}`];
  if (findings.length <= shownPlaces) return ['', head, ...columns(rows, '    '), ...remedy];
  return ['', head, ...columns(rows.slice(0, shownPlaces), '    '), { title: `    all ${findings.length} places`, lines: [...columns(rows, '    '), ...more] }, ...remedy];
}

/** How an audit ended, in one line for the pipeline's overview; empty when there is nothing to say. */
export function auditResultLine(report: AuditReport): string {
  const open = openFindings(report.findings);
  if (open.length === 0) return '';
  const rules = [...new Set(open.map(({ title, outcome }) => `${title}${outcome === 'unknown' ? ' (could not be told)' : ''}`))];
  return `${auditName} ${resultText(report)}: ${countsLine(report)}. Not as it should be: ${some(rules, 3, ' | ')}`;
}
