import { many } from '../fleet/wording.js';
import { brief } from './columns.js';
import { becauseOf, named } from './problem-text.js';
import type { Report, ReportedProblem } from './schema.js';

/** So many failures are told in the result line; the log has them all. */
const told = 3;

/** How a run ended, in one line that names cluster, reason and remedy; empty when there is nothing to say. */
export function resultLine(report: Report): string {
  if (report.result === 'succeeded') return '';
  const short = report.proofs.flatMap(({ cluster, shortfall }) => (shortfall === undefined ? [] : [reason(shortfall, cluster)]));
  if (report.failures.length === 0 && short.length > 0) return `Everything is done, ${many(short.length, 'proof')} could not go as far as it should: ${listed(short)}`;
  const failed = report.fates.filter(({ result }) => result === 'failed');
  const done = report.fates.length - failed.length;
  const reasons = report.failures.map(({ cluster, problem }) => reason(problem, cluster));
  const verb = report.dryRun ? 'cannot be worked on' : 'failed';
  const head = failed.length === 0 ? `${report.task} failed` : `${failed.length} of ${many(report.fates.length, 'cluster')} ${verb}`;
  const rest = done === 0 || failed.length === 0 ? [] : [`The other ${done === 1 ? 'one is' : `${done} are`} ${report.dryRun ? 'planned' : 'done'}`];
  return [`${head}: ${listed(reasons)}`, ...rest].join('. ');
}

function listed(reasons: readonly string[]): string {
  const more = reasons.length > told ? [`and ${reasons.length - told} more in the log`] : [];
  return [...reasons.slice(0, told), ...more].join(' | ');
}

function reason(problem: ReportedProblem, cluster: string | undefined): string {
  return brief(`${named(problem.what, cluster)}, because ${becauseOf(problem)}; ${problem.remedy} (${problem.code})`, 600);
}
