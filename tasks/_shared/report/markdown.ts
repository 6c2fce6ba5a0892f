import { many } from '../fleet/wording.js';
import { duration } from './columns.js';
import { causesOf, marks } from './findings.js';
import { accessText, crossingText, policyText } from './crossing-text.js';
import { countsText } from './log-text.js';
import { escape, longestTable, section, table } from './markup.js';
import { becauseOf, named } from './problem-text.js';
import { shortHash } from './plan-file.js';
import type { Report, ReportedChange, ReportedProblem } from './schema.js';

const titles = { succeeded: 'succeeded', succeededWithIssues: 'succeeded with issues', failed: 'failed' };

/** The run as Markdown for the summary page. Every text that came from a service or a user is escaped. */
export function toMarkdown(report: Report): string {
  return [
    `## ${escape(report.task)}: ${report.dryRun ? 'plan' : 'run'} ${titles[report.result]}`,
    '',
    `${many(report.clusters.length, 'cluster')} · as ${escape(report.signIn)} · ${countsText(report.counts)} · ${duration(report.durationMs)}`,
    ...(report.planFile === undefined ? [] : ['', `${report.dryRun ? 'Plan file' : 'Approved plan'} ${shortHash(report.planFile)}`]),
    ...(report.boundaryPolicy === undefined ? [] : ['', `Boundary policy ${escape(policyText(report.boundaryPolicy))}`]),
    ...section('Clusters', clusterTable(report)),
    ...section(report.dryRun ? 'What apply would change' : 'Changes', changeTable(report)),
    ...section('Crossings of boundaries', crossingTable(report)),
    ...section('Warnings', problemList(report.notices)),
    ...section('Proofs', proofTable(report)),
    ...section('Proofs that fell short', shortfallList(report)),
    ...section('Failures', failureList(report)),
    ...section('Left to other tasks', report.awaited.slice(0, longestTable).map(({ cluster, problem }) => `- ${escape(named(problem.what, cluster))}: ${escape(problem.because)}`)),
    '',
  ].join('\n');
}

function clusterTable(report: Report): string[] {
  return table(
    ['Cluster', 'Result', 'Why'],
    report.fates.map(({ cluster, result, problem }) => [cluster, result, problem === undefined ? '' : `${problem.code}: ${becauseOf(problem)}`]),
  );
}

function changeTable({ changes }: Report): string[] {
  const shown = changes.filter(({ action }) => action !== 'keep');
  return table(
    ['', 'Cluster', 'What', 'Name', 'Change', 'Outcome'],
    shown.map((change) => [
      `${marks[change.action]}${change.widens ? ' ▲ widens' : ''}`,
      change.cluster ?? 'shared',
      change.kind,
      change.name,
      fieldsOf(change),
      change.outcome ?? '',
    ]),
  );
}

function crossingTable({ changes }: Report): string[] {
  const crossings = changes.flatMap(({ cluster, crossings: own = [] }) => own.map((crossing) => [cluster ?? 'shared', accessText(crossing), crossingText(crossing)]));
  return table(['Cluster', 'What', 'Crossing'], [...new Map(crossings.map((row) => [row.join(' '), row])).values()]);
}

function fieldsOf({ fields, reason }: ReportedChange): string {
  if (fields.length === 0) return reason;
  return fields.map(({ field, before, after }) => `${field}: ${before === undefined ? '' : `${before} → `}${after}`).join('; ');
}

function proofTable({ proofs }: Report): string[] {
  return table(
    ['Cluster', 'What', 'Proof', 'Evidence'],
    proofs.map(({ cluster, title, level, summary }) => [cluster ?? 'shared', title, level, summary]),
  );
}

function failureList({ failures }: Report): string[] {
  return problemList(failures);
}

/** Each problem, or one of each cause where they are many. */
function problemList(failures: readonly { readonly cluster?: string; readonly problem: ReportedProblem }[]): string[] {
  const causes = failures.length <= longestTable ? failures.map((first) => ({ first, places: [''] })) : causesOf(failures).slice(0, longestTable);
  return causes.map(({ first: { cluster, problem }, places }) => {
    const others = places.length === 1 ? '' : ` The same at ${places.length - 1} more.`;
    const trace = problem.correlation === undefined ? '' : ` Correlation ${escape(problem.correlation)}.`;
    return `${problemItem(problem, cluster)}${trace}${others}`;
  });
}

function shortfallList({ proofs }: Report): string[] {
  return proofs.flatMap(({ cluster, shortfall }) => (shortfall === undefined ? [] : [problemItem(shortfall, cluster)])).slice(0, longestTable);
}

function problemItem(problem: ReportedProblem, cluster: string | undefined): string {
  return `- **${problem.code}** ${escape(named(problem.what, cluster))}. Because ${escape(becauseOf(problem))}. To do: ${escape(problem.remedy)}.`;
}
