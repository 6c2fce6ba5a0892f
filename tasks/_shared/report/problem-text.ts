import type { ProblemParts } from '../reconcile/problem.js';
import { brief } from './columns.js';

/**
 * A problem as the log shows it: code and what happened, then what was tried, why it failed, what to do, how to trace it, and
 * one line for each further problem that came with it.
 * @param cluster named before the text where the text does not name it.
 */
export function problemText(problem: ProblemParts, cluster?: string): string[] {
  const trace = traceOf(problem);
  return [
    `${problem.code}  ${sentence(named(problem.what, cluster))}`,
    ...(problem.details ?? []).map(({ parts }) => `  ${parts.code}  ${parts.what}: ${parts.because}; ${parts.remedy}`),
    ...(problem.tried === undefined ? [] : [`  tried   ${problem.tried}`]),
    `  because ${becauseOf(problem)}`,
    `  do      ${problem.remedy}; see troubleshooting, ${problem.code}`,
    ...(trace === '' ? [] : [`  trace   ${trace}`]),
  ];
}

/** A problem in one line, for the pipeline's list of errors. */
export function problemLine(problem: ProblemParts, cluster?: string): string {
  const details = (problem.details ?? []).map(({ parts }) => `${parts.what}: ${parts.because}; ${parts.remedy} (${parts.code})`);
  const reason = details.length === 0 ? becauseOf(problem) : details.join(' | ');
  return brief(`${named(problem.what, cluster)}: ${reason}. To do: ${problem.remedy} (${problem.code})`, 1000);
}

/** Why, with the service's own code. */
export function becauseOf(problem: Pick<ProblemParts, 'because' | 'serviceCode'>): string {
  const { because, serviceCode } = problem;
  return serviceCode === undefined || because.includes(serviceCode) ? because : `${because} (${serviceCode})`;
}

/** What happened, with the cluster's name before it where it is not part of it. */
export function named(what: string, cluster: string | undefined): string {
  return cluster === undefined || what.includes(cluster) ? what : `${cluster}: ${what}`;
}

function traceOf({ status, correlation }: ProblemParts): string {
  return [...(correlation === undefined ? [] : [`correlation ${correlation}`]), ...(status === undefined ? [] : [`HTTP ${status}`])].join(' · ');
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
