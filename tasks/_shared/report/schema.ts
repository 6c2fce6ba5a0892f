import type { PolicyOrigin } from '../fleet/policy-origin.js';
import type { Crossing } from '../reconcile/access.js';
import type { AppliedChange } from '../reconcile/apply.js';
import type { PlannedChange } from '../reconcile/plan.js';
import type { ProblemParts } from '../reconcile/problem.js';
import { foreseen, writes, type FieldChange } from '../reconcile/resource.js';
import type { RunResult } from '../reconcile/run.js';
import { awaitedOf, countsOf, fateOf, failuresOf, fatesOf, noticesOf, type Counts, type Fate } from './findings.js';

/** The type under which a report is attached to a run. */
export const reportType = 'aks-workload-identity-report';
/** The type under which a ledger is attached to a run. */
export const ledgerType = 'aks-workload-identity-ledger';

/** Where and as whom a run took place. */
export interface RunContext {
  readonly task: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** The run in the pipeline's own words. */
  readonly run: string;
  /** The principal, as the log shows it. */
  readonly signIn: string;
  /** Under which Azure's Activity Log shows the requests of this run. */
  readonly correlation: string;
  /** The clusters' labels, in the order of the list. */
  readonly clusters: readonly string[];
  /** SHA-256 of the plan file that the run left (dry run) or followed; absent when there was none. */
  readonly planFile?: string;
  /** The boundary policy that the run was judged by; absent where none was given. */
  readonly boundaryPolicy?: PolicyOrigin;
}

/** A problem as data; its details are nested problems. */
export interface ReportedProblem extends Omit<ProblemParts, 'details'> {
  readonly details?: readonly ReportedProblem[];
}

/** One planned resource with what became of it. */
export interface ReportedChange {
  readonly key: string;
  readonly kind: string;
  readonly name: string;
  readonly cluster?: string;
  readonly action: Fate;
  readonly reason: string;
  readonly widens: boolean;
  readonly fields: readonly FieldChange[];
  /** The allowed crossings of boundaries that it makes; absent where it makes none. */
  readonly crossings?: readonly Crossing[];
  /** Absent in a dry run. */
  readonly outcome?: 'kept' | 'done' | 'failed' | 'skipped';
  /** Milliseconds; absent where nothing was done. */
  readonly durationMs?: number;
  readonly problem?: ReportedProblem;
}

/** One proof with what it found. */
export interface ReportedProof {
  readonly key: string;
  readonly title: string;
  readonly cluster?: string;
  readonly level: 'exercised' | 'observed' | 'none' | 'failed' | 'skipped';
  readonly summary: string;
  /** Why it was not proven as far as it should be; the run then succeeds with issues. */
  readonly shortfall?: ReportedProblem;
}

/** A run as data. Readers refuse a `version` that they do not know; fields are only ever added within one. */
export interface Report extends RunContext {
  readonly schema: typeof reportType;
  readonly version: 1;
  readonly dryRun: boolean;
  readonly result: RunResult['result'];
  /** Milliseconds. */
  readonly durationMs: number;
  readonly counts: Counts;
  readonly fates: readonly { readonly cluster: string; readonly result: 'done' | 'planned' | 'failed'; readonly problem?: ReportedProblem }[];
  readonly changes: readonly ReportedChange[];
  readonly failures: readonly { readonly stage: string; readonly cluster?: string; readonly problem: ReportedProblem }[];
  /** What is told as a warning. */
  readonly notices: readonly { readonly cluster?: string; readonly problem: ReportedProblem }[];
  /** What a dry run leaves to other tasks of the pipeline. */
  readonly awaited: readonly { readonly cluster?: string; readonly problem: ReportedProblem }[];
  readonly proofs: readonly ReportedProof[];
}

/** The run as data: what summary, attachment and result line are made of. */
export function toReport(result: RunResult, context: RunContext): Report {
  const outcomes = new Map(result.applied.map((change) => [change.resource.key, change]));
  return {
    schema: reportType,
    version: 1,
    ...context,
    dryRun: result.dryRun,
    result: result.result,
    durationMs: Math.round(result.durationMs),
    counts: countsOf(result.plan),
    fates: fatesOf(result, context.clusters).map(withProblem),
    changes: result.plan.map((entry) => reportChange(entry, outcomes.get(entry.resource.key), result.preflight.crossings.get(entry.resource.key))),
    failures: failuresOf(result).map((failure) => ({ ...failure, problem: reportProblem(failure.problem) })),
    notices: noticesOf(result.plan).map(({ cluster, problem }) => ({ ...at(cluster), problem: reportProblem(problem) })),
    awaited: result.dryRun ? awaitedOf(result.preflight).map(({ cluster, problem }) => ({ ...at(cluster), problem: reportProblem(problem) })) : [],
    proofs: result.proofs.map(({ proof, outcome }) => ({
      key: proof.key,
      title: proof.title,
      ...at(proof.cluster),
      level: outcome.level,
      summary: 'summary' in outcome ? outcome.summary : outcome.problem.because,
      ...('shortfall' in outcome ? { shortfall: reportProblem(outcome.shortfall) } : {}),
    })),
  };
}

function reportChange({ resource, change }: PlannedChange, applied: AppliedChange | undefined, crossings: readonly Crossing[] | undefined): ReportedChange {
  const outcome = applied?.outcome;
  const seen = foreseen(change);
  const problem = outcome !== undefined && 'problem' in outcome ? outcome.problem : change.action === 'blocked' ? change.problem : undefined;
  return {
    key: resource.key,
    kind: resource.kind,
    name: resource.name,
    ...at(resource.cluster),
    action: fateOf(change),
    reason: seen.action === 'blocked' ? seen.problem.because : seen.reason,
    widens: writes(seen) && seen.widens,
    fields: writes(seen) ? seen.fields : [],
    ...(crossings === undefined ? {} : { crossings }),
    ...(outcome === undefined ? {} : { outcome: outcome.result }),
    ...(outcome?.result === 'done' ? { durationMs: Math.round(outcome.durationMs) } : {}),
    ...(problem === undefined ? {} : { problem: reportProblem(problem) }),
  };
}

function reportProblem({ details, ...parts }: ProblemParts): ReportedProblem {
  return details === undefined ? parts : { ...parts, details: details.map((detail) => reportProblem(detail.parts)) };
}

function withProblem<T extends { readonly problem?: ProblemParts }>({ problem, ...rest }: T): Omit<T, 'problem'> & { problem?: ReportedProblem } {
  return problem === undefined ? rest : { ...rest, problem: reportProblem(problem) };
}

function at(cluster: string | undefined): { cluster?: string } {
  return cluster === undefined ? {} : { cluster };
}
