import { isDeepStrictEqual } from 'node:util';
import type { Crossing } from './access.js';
import type { Approval } from './approval.js';
import { applyAll, journalledWrite, type AppliedChange, type ApplyOptions } from './apply.js';
import { planAll, type Plan } from './plan.js';
import type { Ports } from './ports.js';
import { preflight, type Finding, type Preflight } from './preflight.js';
import { cancelled, consequence, problemOf, type ProblemParts } from './problem.js';
import type { AnyProof, Evidence } from './proof.js';
import { isKnown, resolve, unknown, type Producer } from './ref.js';
import { writes, type AnyResource } from './resource.js';
import { Limiter } from './limits.js';

/** How a run goes about its work. */
export interface RunOptions {
  readonly dryRun: boolean;
  /** Resources written and proven at a time. */
  readonly concurrency: number;
  /** Makes a cluster's finding or failure stop the whole run. */
  readonly failFast: boolean;
  /** The plan that was approved: what goes beyond it is not written. Absent: whatever the plan says is written. */
  readonly approval?: Approval;
}

/** Reads are short, change nothing and are kept to the rates that the services publish: so many more of them go on at a time. */
const readsPerWrite = 4;

/** A proof with what became of it. */
export interface ProofResult {
  readonly proof: AnyProof;
  readonly outcome: Evidence | { readonly level: 'failed' | 'skipped'; readonly problem: ProblemParts };
}

/** Called when a stage of the run is complete, so that the log grows with the run. */
export interface Watcher {
  planned(plan: Plan): void;
  checked(result: Preflight): void;
  applied(changes: readonly AppliedChange[], durationMs: number): void;
}

/** Everything that happened; the one value from which log, summary, attachment, ledger and outputs are made. */
export interface RunResult {
  readonly dryRun: boolean;
  readonly plan: Plan;
  readonly preflight: Preflight;
  /** Empty in a dry run. */
  readonly applied: readonly AppliedChange[];
  readonly proofs: readonly ProofResult[];
  readonly durationMs: number;
  /**
   * In a dry run, findings that leave some clusters to work on are issues. Otherwise everything has to be done and proven; a proof that could
   * not go as far as it should is an issue.
   */
  readonly result: 'succeeded' | 'succeededWithIssues' | 'failed';
}

/** plan → preflight → apply → prove. Never throws for what a cluster or a service does; that is in the result. */
export async function run(
  resources: readonly AnyResource[],
  proofs: readonly AnyProof[],
  options: RunOptions,
  ports: Ports,
  watcher: Watcher,
): Promise<RunResult> {
  const start = ports.clock.monotonic();
  const plan = await planAll(resources, options.concurrency * readsPerWrite, ports.signal);
  watcher.planned(plan);
  const checked = await preflight(plan, ports.permissions, { ...options, checks: ports.checks }, proofs);
  watcher.checked(checked);
  const obstacles = checked.findings.filter((finding) => !(options.dryRun && finding.awaits));
  if (options.dryRun) {
    const elapsed = ports.clock.monotonic() - start;
    return { dryRun: true, plan, preflight: checked, applied: [], proofs: [], durationMs: elapsed, result: outlook(plan, obstacles, options.failFast) };
  }
  const applied = await applyAll(plan, stops(plan, obstacles, options.failFast), applying(options, checked), ports);
  watcher.applied(applied, ports.clock.monotonic() - start);
  const proven = await proveAll(proofs, applied, { ...options, checked }, ports);
  const succeeded =
    obstacles.length === 0 &&
    applied.every(({ outcome }) => 'state' in outcome) &&
    proven.every(({ outcome }) => outcome.level !== 'failed' && outcome.level !== 'skipped');
  const short = proven.some(({ outcome }) => 'shortfall' in outcome);
  const end = !succeeded ? 'failed' : short ? 'succeededWithIssues' : 'succeeded';
  return { dryRun: false, plan, preflight: checked, applied, proofs: proven, durationMs: ports.clock.monotonic() - start, result: end };
}

/** What was approved, and what no check forbids, may be written; also where the need turns up after the plan. */
function applying({ concurrency, failFast, approval }: RunOptions, { forbidden, crossings }: Preflight): ApplyOptions {
  const objection: ApplyOptions['objection'] = (resource, change) => (writes(change) ? forbidden.get(resource.key) : undefined) ?? approval?.objection(resource, change);
  return { concurrency, failFast, crossings, objection };
}

/** How a dry run ends: obstacles that leave clusters to work on are issues for whoever approves, not a failure of the plan. */
function outlook(plan: Plan, obstacles: readonly Finding[], failFast: boolean): RunResult['result'] {
  if (obstacles.length === 0) return 'succeeded';
  if (failFast || obstacles.some((finding) => finding.scope !== 'cluster')) return 'failed';
  const clusters = new Set(plan.flatMap(({ resource }) => (resource.cluster === undefined ? [] : [resource.cluster])));
  const hindered = new Set(obstacles.map((finding) => finding.cluster));
  return [...clusters].every((cluster) => hindered.has(cluster)) ? 'failed' : 'succeededWithIssues';
}

/** Which resources must not be touched, and why. */
function stops(plan: Plan, obstacles: readonly Finding[], failFast: boolean): Map<string, ProblemParts> {
  const stopped = new Map<string, ProblemParts>();
  for (const { resource, change } of plan) {
    const own = obstacles.find((finding) => finding.resource === resource.key);
    const cause = own ?? obstacles.find(
      (finding) =>
        finding.scope === 'run' ||
        (finding.scope === 'cluster' && finding.cluster === resource.cluster) ||
        (failFast && writes(change)),
    );
    if (change.action === 'blocked') stopped.set(resource.key, change.problem);
    else if (cause !== undefined && (writes(change) || cause.resource === resource.key)) stopped.set(resource.key, leftAlone(resource, cause));
  }
  return stopped;
}

function leftAlone(resource: AnyResource, cause: Finding): ProblemParts {
  if (cause.resource === resource.key) return cause.problem;
  return consequence(`${resource.kind} ${resource.name}`, cause.problem.what, cause.problem.remedy);
}

async function proveAll(proofs: readonly AnyProof[], applied: readonly AppliedChange[], { checked, concurrency }: RunOptions & { readonly checked: Preflight }, ports: Ports): Promise<ProofResult[]> {
  const outcomes = new Map(applied.map(({ resource, outcome }) => [resource.key, outcome]));
  const limiter = new Limiter(concurrency);
  return Promise.all(
    proofs.map(async (proof): Promise<ProofResult> => {
      const undone = proof.proves.find((key) => !('state' in (outcomes.get(key) ?? {})));
      if (undone !== undefined) return { proof, outcome: { level: 'skipped', problem: consequence(proof.title, `${nameOf(undone, applied)} was not done`, 'resolve what stopped that one and run again', 'was not proven') } };
      try {
        const known = resolve(proof.inputs, (key) => {
          const outcome = outcomes.get(key);
          return outcome !== undefined && 'state' in outcome ? outcome.state : unknown;
        });
        if (!isKnown(known)) throw new Error(`${proof.key}: an input is unknown after apply`);
        if (ports.signal.aborted) throw cancelled(`prove ${proof.title}`);
        const fresh = proof.proves.some((key) => outcomes.get(key)?.result === 'done');
        const context = { signal: ports.signal, fresh, progress: (text: string) => ports.progress.waiting(proof.title, text), write: journalledWrite(proof, ports, crossed(proof, checked)) };
        return { proof, outcome: await limiter.run(() => proof.run(known, context)) };
      } catch (error) {
        return { proof, outcome: { level: 'failed', problem: problemOf(error, ports.signal, `prove ${proof.title}`).parts } };
      }
    }),
  );
}

/** The crossings that what a proof writes makes: those of what it proves. */
function crossed({ proves }: AnyProof, { crossings }: Preflight): readonly Crossing[] | undefined {
  const found = proves.flatMap((key) => crossings.get(key) ?? []);
  return found.length === 0 ? undefined : found.filter((one, index) => found.findIndex((other) => isDeepStrictEqual(one, other)) === index);
}

/** What users know a resource by. */
function nameOf(key: string, applied: readonly AppliedChange[]): string {
  const found = applied.find(({ resource }) => resource.key === key)?.resource;
  return found === undefined ? key : `${found.kind} ${found.name}`;
}

/** The state of a resource after the run: what was applied, else what was observed; undefined when it is not there. */
export function stateOf<S extends object>(result: RunResult, resource: Producer<S>): S | undefined {
  const applied = result.applied.find((entry) => entry.resource.key === resource.key);
  if (applied !== undefined) return 'state' in applied.outcome ? (applied.outcome.state as S) : undefined;
  return result.plan.find((entry) => entry.resource.key === resource.key)?.observed as S | undefined;
}
