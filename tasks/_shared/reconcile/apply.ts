import { isDeepStrictEqual } from 'node:util';
import type { Clock } from './clock.js';
import { Lanes, Limiter } from './limits.js';
import { prerequisites } from './order.js';
import { strongReader, type Plan, type PlannedChange } from './plan.js';
import type { Ports } from './ports.js';
import { cancelled, consequence, Problem, problemOf, toProblem, type ProblemParts } from './problem.js';
import { isKnown, resolve, unknown, type Unknown } from './ref.js';
import type { Crossing } from './access.js';
import { writes, type AnyResource, type Change, type Writer } from './resource.js';
import { until } from './retry.js';

/** What became of one planned change. */
export type Outcome =
  | { readonly result: 'kept' | 'done'; readonly state: object; readonly durationMs: number }
  | { readonly result: 'failed' | 'skipped'; readonly problem: ProblemParts };

/** A planned change with what became of it. */
export interface AppliedChange extends PlannedChange {
  readonly outcome: Outcome;
}

/** How a plan is applied. */
export interface ApplyOptions {
  readonly concurrency: number;
  readonly failFast: boolean;
  /** Why a change must not be made, e.g. because nobody approved it; undefined when it may be. */
  readonly objection?: (resource: AnyResource, change: Change) => ProblemParts | undefined;
  /** Allowed crossings of boundaries, by resource key: journalled with each write. */
  readonly crossings?: ReadonlyMap<string, readonly Crossing[]>;
}

/** How long a written object may take to show in strong reads. Not documented by any service; generous on purpose. */
const visibility = { deadlineMs: 60_000, firstWaitMs: 500, longestWaitMs: 5_000 };

/**
 * Executes a plan and nothing else: each change after those it depends on, side by side within `concurrency` and lanes.
 * @param stopped keys of resources that preflight forbids, with the reason; what depends on them is skipped.
 */
export async function applyAll(
  plan: Plan,
  stopped: ReadonlyMap<string, ProblemParts>,
  options: ApplyOptions,
  ports: Ports,
): Promise<readonly AppliedChange[]> {
  const limiter = new Limiter(options.concurrency);
  const lanes = new Lanes();
  let failure: ProblemParts | undefined;
  const titles = new Map(plan.map(({ resource }) => [resource.key, `${resource.kind} ${resource.name}`]));
  const outcomes = new Map<string, Promise<Outcome>>();
  const applyInTurn = async (entry: PlannedChange, settled: ReadonlyMap<string, Outcome>): Promise<Outcome> => {
    if (failure !== undefined) return { result: 'skipped', problem: consequence(titles.get(entry.resource.key) ?? '', `failFast ends the run at its first failure: ${failure.what}`, 'resolve that failure and run again') };
    const outcome = await applyOne(entry, settled, ports, options);
    if (options.failFast && outcome.result === 'failed') failure = outcome.problem;
    return outcome;
  };
  const started = plan.map(async (entry): Promise<AppliedChange> => {
    const before = prerequisites(entry.resource).map((key) => ({ key, outcome: outcomes.get(key) }));
    const run = async (): Promise<Outcome> => {
      const settled = new Map<string, Outcome>();
      for (const { key, outcome } of before) if (outcome !== undefined) settled.set(key, await outcome);
      const hindrance = stopped.get(entry.resource.key) ?? hindered(entry.resource, settled, titles);
      if (hindrance !== undefined) return { result: 'skipped', problem: hindrance };
      if (!writes(entry.change) && !moved(entry, settled)) return { result: 'kept', state: entry.observed ?? {}, durationMs: 0 };
      return lanes.run(entry.resource.lane, () => limiter.run(() => applyInTurn(entry, settled)));
    };
    const outcome = run();
    outcomes.set(entry.resource.key, outcome);
    return { ...entry, outcome: await outcome };
  });
  return Promise.all(started);
}

async function applyOne(entry: PlannedChange, before: ReadonlyMap<string, Outcome>, ports: Ports, options: ApplyOptions): Promise<Outcome> {
  const { resource } = entry;
  const start = ports.clock.monotonic();
  const tried = `${entry.change.action} ${resource.kind} ${resource.name}`;
  try {
    if (ports.signal.aborted) throw cancelled(tried);
    const known = resolve(resource.inputs, (key) => stateAfter(before.get(key)));
    if (!isKnown(known)) throw new Error(`${resource.key}: an input is still unknown after everything before it was applied`);
    const change = isDeepStrictEqual(entry.known, known) ? entry.change : resource.plan(await resource.observe(strongReader, known), known);
    if (change.action === 'blocked') throw new Problem(change.problem);
    const writer = journalled(resource, ports, options);
    writer.permit(change);
    if (writes(change)) await resource.apply(change, known, writer);
    const state = await confirm(resource, known, change, writer, ports.clock).catch(async (error: unknown) => {
      const failure = problemOf(error, ports.signal, tried);
      throw writes(change) && !ports.signal.aborted && resource.unseen !== undefined ? await resource.unseen(failure, writer) : failure;
    });
    return { result: writes(change) ? 'done' : 'kept', state, durationMs: ports.clock.monotonic() - start };
  } catch (error) {
    return { result: 'failed', problem: problemOf(error, ports.signal, tried).parts };
  }
}

/** Observes the object itself until it is as planned: no success is claimed before. */
function confirm(resource: AnyResource, known: object, change: Change, writer: Writer, clock: Clock): Promise<object> {
  const waiting = { clock, signal: writer.signal, progress: (text: string) => writer.progress(text) };
  return until(visibility, waiting, async () => {
    const observed = await resource.observe(strongReader, known);
    const next = resource.plan(observed, known);
    if (next.action === 'keep') return { done: observed ?? {} };
    const failure = new Problem({
      code: 'WI3002',
      what: `${resource.kind} ${resource.name} is not as it was written`,
      tried: `${change.action} it and read it again`,
      because: next.action === 'blocked' ? next.problem.because : `it would still have to be changed: ${next.reason}`,
      remedy: 'look for another pipeline, a policy or an operator that writes the same object, then run again',
    });
    return { wait: 'waiting until the change shows', failure };
  });
}

function journalled(resource: AnyResource, ports: Ports, { objection: objectionTo, crossings }: ApplyOptions): Writer {
  return {
    signal: ports.signal,
    permit: (change) => {
      const objection = objectionTo?.(resource, change);
      if (objection !== undefined) throw new Problem(objection);
    },
    progress: (text) => ports.progress.waiting(`${resource.kind} ${resource.name}`, text),
    write: journalledWrite(resource, ports, crossings?.get(resource.key)),
  };
}

/**
 * The write of a resource, or of a proof, with its intent and its outcome in the journal.
 * @param crossed the allowed crossings of boundaries that it makes
 */
export function journalledWrite({ key, cluster }: Pick<AnyResource, 'key' | 'cluster'>, ports: Ports, crossed?: readonly Crossing[]): Writer['write'] {
  return async (intent, send, finishing = false) => {
    if (ports.signal.aborted && !finishing) throw cancelled(`${intent.action} ${intent.object}`);
    const place = cluster === undefined ? {} : { cluster };
    const entry = { ...intent, ...place, resource: key, at: ports.clock.now().toISOString(), ...(crossed === undefined ? {} : { crossings: crossed }) };
    ports.journal.intend(entry);
    let accepted = false;
    const accept = (): void => {
      accepted = true;
      ports.journal.accept(entry);
    };
    const answer = await send(accept).catch((error: unknown) => {
      // What a service has accepted goes on by itself: only its own word of the end says that it failed.
      if (accepted ? hasEnded(error) : refused(error)) ports.journal.settle(entry, 'failed', toProblem(error).parts.because);
      throw error;
    });
    ports.journal.settle(entry, 'done');
    return answer;
  };
}

function hasEnded(error: unknown): boolean {
  return error instanceof Problem && error.parts.ended === true;
}

/**
 * True when a service answered that it refuses, or that it failed. Anything else (a lost connection, a cancellation, a child process
 * that ended badly) leaves open whether the write was made: the journal then keeps the intent without an outcome.
 */
function refused(error: unknown): boolean {
  if (error instanceof Problem) return error.parts.status !== undefined || error.parts.serviceCode !== undefined || hasEnded(error);
  return typeof (error as { statusCode?: unknown } | undefined)?.statusCode === 'number';
}

/** True when something that this resource reads from was written in this run and now says something else than was planned with. */
function moved(entry: PlannedChange, before: ReadonlyMap<string, Outcome>): boolean {
  if (![...before.values()].some(({ result }) => result === 'done')) return false;
  return !isDeepStrictEqual(entry.known, resolve(entry.resource.inputs, (key) => stateAfter(before.get(key))));
}

function stateAfter(outcome: Outcome | undefined): object | Unknown {
  return outcome !== undefined && 'state' in outcome ? outcome.state : unknown;
}

function hindered(resource: AnyResource, before: ReadonlyMap<string, Outcome>, titles: ReadonlyMap<string, string>): ProblemParts | undefined {
  const failed = [...before].find(([, outcome]) => !('state' in outcome));
  if (failed === undefined) return undefined;
  const because = `it needs ${titles.get(failed[0]) ?? failed[0]}, which was not done`;
  return consequence(`${resource.kind} ${resource.name}`, because, 'resolve what stopped that one and run again');
}
