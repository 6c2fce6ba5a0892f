import type { Approval } from '../reconcile/approval.js';
import { writes } from '../reconcile/resource.js';
import type { RunResult, Watcher } from '../reconcile/run.js';
import { approvedText, planLeftText } from '../report/approval-text.js';
import { causesOf, failuresOf, fatesOf, noticesOf, type Notice } from '../report/findings.js';
import { ledgerName, ledgerText, toLedger, type JournalLine, type LedgerContext } from '../report/ledger.js';
import { applyText, doneText, failuresText, largeFleet, noticesText, planText, preflightText, proofText, type LogPart } from '../report/log-text.js';
import { toMarkdown } from '../report/markdown.js';
import { planFile } from '../report/plan-file.js';
import { problemLine } from '../report/problem-text.js';
import { resultLine } from '../report/result-line.js';
import { ledgerType, reportType, toReport, type RunContext } from '../report/schema.js';
import type { Agent, TaskEnd } from './agent.js';
import { publishOutput } from './outputs.js';
import type { PlanInput } from './plan-input.js';

const ends = { succeeded: 'Succeeded', succeededWithIssues: 'SucceededWithIssues', failed: 'Failed' } as const;

/** Prints each stage of a run as soon as it is complete. */
export function logWatcher(agent: Agent, dryRun: boolean, plan?: PlanInput, approval?: Approval): Watcher {
  let unfold = (): void => undefined;
  let writing = 0;
  return {
    planned: (planned) => {
      writing = planned.filter(({ change }) => writes(change)).length;
      printParts(agent, planText(planned));
      printParts(agent, noticesText(planned));
      if (plan?.approved !== undefined && approval !== undefined) printParts(agent, approvedText(planned, plan.approved, approval, plan.onDrift));
    },
    checked: (preflight) => {
      printParts(agent, preflightText(preflight, dryRun));
      // Each write has a line of its own in the log before it is sent: many of them are for whoever looks for one.
      if (!dryRun && writing >= largeFleet) unfold = agent.fold(`Writes, ${writing} or more`);
    },
    applied: (changes, durationMs) => {
      unfold();
      printParts(agent, applyText(changes, durationMs));
    },
  };
}

/** Leaves the plan of a dry run as a file, for an approval and the run after it. Returns its hash. */
export function leavePlan(agent: Agent, path: string, { plan, preflight }: RunResult, context: RunContext): string {
  const { content, sha256 } = planFile(plan, context, (text) => agent.redact(text), preflight.crossings);
  agent.saveFile(path, content);
  agent.line(planLeftText(path, sha256));
  return sha256;
}

/** Tells how a run ended, everywhere where somebody looks: log, errors, outputs, summary, attachment. */
export function publish(agent: Agent, result: RunResult, context: RunContext, outputs: Readonly<Record<string, string>>): TaskEnd {
  const failures = failuresOf(result);
  printParts(agent, proofText(result.proofs));
  printParts(agent, failuresText(failures));
  if (failures.length > 0) {
    const done = fatesOf(result, context.clusters).filter((fate) => fate.result === 'done');
    printParts(agent, doneText(done.map(({ cluster }) => cluster)));
  }
  for (const { proof, outcome } of result.proofs) {
    if ('shortfall' in outcome) agent.warning(problemLine(outcome.shortfall, proof.cluster));
  }
  tell((text) => agent.warning(text), noticesOf(result.plan));
  if (failures.length > 1) tell((text) => agent.error(text), failures);
  for (const [name, value] of Object.entries(outputs)) publishOutput(agent, name, value);
  const report = toReport(result, context);
  agent.summary(toMarkdown(report));
  agent.attach(reportType, `${agent.task}.json`, JSON.stringify(report));
  return { result: ends[report.result], message: resultLine(report) };
}

/** The pipeline's lists of errors and warnings: each problem, or one of each cause where they are many; the service shows ten of a task anyway. */
function tell(line: (text: string) => void, failures: readonly Notice[]): void {
  const causes = failures.length < largeFleet ? failures.map((first) => ({ first, places: [''] })) : causesOf(failures).slice(0, largeFleet);
  for (const { first, places } of causes) {
    line(`${problemLine(first.problem, first.cluster)}${places.length === 1 ? '' : ` [and ${places.length - 1} more with the same cause]`}`);
  }
}

/** Attaches one JSON line for each write of the run; nothing when there was none. */
export function attachLedger(agent: Agent, journal: readonly JournalLine[], context: LedgerContext): void {
  const lines = toLedger(journal, context);
  if (lines.length > 0) agent.attach(ledgerType, ledgerName(context), ledgerText(lines));
}

/** Prints pieces of the log. */
export function printParts(agent: Agent, parts: readonly LogPart[]): void {
  for (const part of parts) {
    if (typeof part === 'string') agent.line(part);
    else agent.group(part.title, part.lines);
  }
}
