import type { Outcome } from '../reconcile/apply.js';
import { Lookup } from '../reconcile/lookup.js';
import type { Plan } from '../reconcile/plan.js';
import type { Finding, Preflight } from '../reconcile/preflight.js';
import type { ProblemParts } from '../reconcile/problem.js';
import type { RunResult } from '../reconcile/run.js';
import { foreseen, writes, type Change } from '../reconcile/resource.js';

/** How many resources of a plan meet which fate. */
export interface Counts {
  readonly create: number;
  readonly update: number;
  readonly delete: number;
  readonly blocked: number;
  /** Those that another task of the pipeline is expected to make possible. */
  readonly waits: number;
  readonly keep: number;
  /** Those among the changes after which somebody can reach more. */
  readonly widens: number;
}

/** Something that kept a run from its goal. */
export interface Failure {
  readonly stage: 'preflight' | 'apply' | 'proof';
  readonly cluster?: string;
  readonly problem: ProblemParts;
}

/** What became of one cluster. */
export interface ClusterFate {
  readonly cluster: string;
  readonly result: 'done' | 'planned' | 'failed';
  /** Why it failed. */
  readonly problem?: ProblemParts;
}

/** The entries that are about something wanted: all but what is only read and was found. */
export function wantedOf(plan: Plan): Plan {
  return plan.filter(({ resource, change }) => !(resource instanceof Lookup && change.action === 'keep'));
}

/** What a plan says of a resource, in one word. */
export type Fate = Change['action'] | 'waits';

/** The word for a change: what waits for another task counts as what it will be then, or as waiting where that is not known. */
export function fateOf(change: Change): Fate {
  const seen = foreseen(change);
  return seen.action === 'blocked' && seen.awaits ? 'waits' : seen.action;
}

/** The sign before a resource in logs and summaries. */
export const marks: Readonly<Record<Fate, string>> = { create: '+', update: '~', delete: '-', keep: '=', blocked: '!', waits: '·' };

/** Counts the changes of a plan. What is only read does not count as kept. */
export function countsOf(plan: Plan): Counts {
  const wanted = wantedOf(plan).map(({ change }) => change);
  const of = (fate: Fate): number => wanted.filter((change) => fateOf(change) === fate).length;
  const widens = wanted.map(foreseen).filter((change) => writes(change) && change.widens).length;
  return { create: of('create'), update: of('update'), delete: of('delete'), blocked: of('blocked'), waits: of('waits'), keep: of('keep'), widens };
}

/** The findings that stand in the way, each once. In a dry run those that another task will remove do not. */
export function obstaclesOf(preflight: Preflight, dryRun: boolean): Finding[] {
  return distinct(preflight.findings.filter((finding) => !(dryRun && finding.awaits)));
}

/** The findings of a dry run that another task of the pipeline is expected to remove. */
export function awaitedOf(preflight: Preflight): Finding[] {
  return distinct(preflight.findings.filter((finding) => finding.awaits));
}

/** Everything that failed by itself. What was left alone because of it is a consequence and not listed. */
export function failuresOf(result: RunResult): Failure[] {
  const found: Failure[] = obstaclesOf(result.preflight, result.dryRun).map((finding) => ({ stage: 'preflight', ...place(finding.cluster), problem: finding.problem }));
  for (const { resource, outcome } of result.applied) {
    if (outcome.result === 'failed') found.push({ stage: 'apply', ...place(resource.cluster), problem: outcome.problem });
  }
  for (const { proof, outcome } of result.proofs) {
    if (outcome.level === 'failed') found.push({ stage: 'proof', ...place(proof.cluster), problem: outcome.problem });
  }
  return distinct(found);
}

/** A warning about something that stands in nobody's way. */
export interface Notice {
  readonly cluster?: string;
  readonly problem: ProblemParts;
}

/** The warnings of a plan, each once. */
export function noticesOf(plan: Plan): Notice[] {
  return distinct(plan.flatMap(({ resource, notices = [] }) => notices.map((problem) => ({ ...place(resource.cluster), problem }))));
}

/** What became of each cluster, in the order of the list. */
export function fatesOf(result: RunResult, clusters: readonly string[]): ClusterFate[] {
  const failures = failuresOf(result);
  return clusters.map((cluster) => {
    const own = failures.find((failure) => failure.cluster === cluster)?.problem ?? leftAlone(result, cluster);
    if (own !== undefined) return { cluster, result: 'failed', problem: own };
    return { cluster, result: result.dryRun ? 'planned' : 'done' };
  });
}

/** Why something of the cluster was left alone although nothing of its own failed. */
function leftAlone(result: RunResult, cluster: string): ProblemParts | undefined {
  const changes = result.applied.filter(({ resource }) => resource.cluster === cluster).map(({ outcome }) => outcome);
  const proofs = result.proofs.filter(({ proof }) => proof.cluster === cluster).map(({ outcome }) => outcome);
  const skipped = [...changes, ...proofs].find((outcome): outcome is Extract<Outcome, { problem: ProblemParts }> => 'problem' in outcome);
  if (skipped !== undefined || !result.dryRun) return skipped?.problem;
  const blocked = result.plan.find(({ resource, change }) => resource.cluster === cluster && change.action === 'blocked' && !change.awaits);
  return blocked?.change.action === 'blocked' ? blocked.change.problem : undefined;
}

function place(cluster: string | undefined): { cluster?: string } {
  return cluster === undefined ? {} : { cluster };
}

function distinct<T extends { readonly cluster?: string; readonly problem: ProblemParts }>(items: readonly T[]): T[] {
  const found = new Map<string, T>();
  for (const item of items) {
    const key = JSON.stringify([item.cluster, item.problem.code, item.problem.what, item.problem.because]);
    if (!found.has(key)) found.set(key, item);
  }
  return [...found.values()];
}

/** Problems of one cause, wherever they were met. */
export interface Cause<T> {
  /** The first of them, to be told in full. */
  readonly first: T;
  /** Where it was met, the first place included. */
  readonly places: readonly string[];
}

/** Groups problems by their cause: equal code and reason, the names of clusters and addresses in them left aside. */
export function causesOf<T extends { readonly cluster?: string; readonly problem: Pick<ProblemParts, 'code' | 'because'> }>(items: readonly T[]): Cause<T>[] {
  const causes = new Map<string, { first: T; places: string[] }>();
  for (const item of items) {
    const { cluster, problem } = item;
    const because = problem.because.replaceAll(/\w+:\/\/\S+/g, '');
    const key = `${problem.code} ${cluster === undefined ? because : because.replaceAll(cluster, '')}`;
    const cause = causes.get(key) ?? { first: item, places: [] };
    cause.places.push(cluster ?? 'shared');
    causes.set(key, cause);
  }
  return [...causes.values()];
}
