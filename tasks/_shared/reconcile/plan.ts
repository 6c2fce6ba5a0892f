import { inOrder, prerequisites } from './order.js';
import { consequence, problemOf, type ProblemParts } from './problem.js';
import { resolve, unknown, type Known, type Unknown } from './ref.js';
import { Limiter } from './limits.js';
import { blocked, writes, type AnyResource, type Change, type Permission, type Reader } from './resource.js';

/** One resource with what was observed and what shall happen to it. */
export interface PlannedChange {
  readonly resource: AnyResource;
  readonly known: Known<object>;
  readonly observed: object | undefined;
  readonly change: Change;
  /** Rights that the change's write needs. */
  readonly permissions: readonly Permission[];
  /** Warnings; absent where there are none. */
  readonly notices?: readonly ProblemParts[];
}

/** What a run would change, in an order in which it can be done. */
export type Plan = readonly PlannedChange[];

/** A reader that runs each list once. */
export function sharedReader(): Reader {
  const loads = new Map<string, Promise<unknown>>();
  return {
    strong: false,
    once: <T>(key: string, load: () => Promise<T>) => {
      const running = (loads.get(key) as Promise<T> | undefined) ?? load();
      loads.set(key, running);
      return running;
    },
  };
}

/** A reader that always asks the service itself. */
export const strongReader: Reader = { strong: true, once: (_key, load) => load() };

/**
 * Observes every resource and plans it. Reads run side by side as far as references allow.
 * A read that fails blocks its own resource, and thereby what depends on it; it never ends the run.
 */
export async function planAll(resources: readonly AnyResource[], concurrency: number, signal = new AbortController().signal): Promise<Plan> {
  const reader = sharedReader();
  const limiter = new Limiter(concurrency);
  const planned = new Map<string, Promise<PlannedChange>>();
  const started = inOrder(resources).map((resource) => {
    const before = prerequisites(resource).map((key) => planned.get(key));
    const run = async (): Promise<PlannedChange> => {
      const settled = new Map<string, PlannedChange>();
      for (const earlier of before) {
        const entry = await earlier;
        if (entry !== undefined) settled.set(entry.resource.key, entry);
      }
      return limiter.run(() => planOne(resource, settled, reader, signal));
    };
    const entry = run();
    planned.set(resource.key, entry);
    return entry;
  });
  return Promise.all(started);
}

async function planOne(resource: AnyResource, before: ReadonlyMap<string, PlannedChange>, reader: Reader, signal: AbortSignal): Promise<PlannedChange> {
  let known: Known<object> = {};
  const obstacle = [...before.values()].find((entry) => entry.change.action === 'blocked' && !entry.change.awaits);
  if (obstacle !== undefined) {
    return { resource, known, observed: undefined, change: blockedBy(resource, obstacle), permissions: [] };
  }
  try {
    known = resolve(resource.inputs, (key) => plannedState(before.get(key)));
    const observed = await resource.observe(reader, known);
    const change = resource.plan(observed, known);
    const notices = resource.notices?.(observed, known) ?? [];
    return { resource, known, observed, change, permissions: writes(change) ? resource.permissions(change, known) : [], ...(notices.length === 0 ? {} : { notices }) };
  } catch (error) {
    return { resource, known, observed: undefined, change: blocked(problemOf(error, signal, `look at ${resource.kind} ${resource.name}`).parts), permissions: [] };
  }
}

/** What a planned resource tells those that read from it: nothing certain while it is yet to be created. */
function plannedState(entry: PlannedChange | undefined): object | Unknown {
  if (entry?.observed === undefined || entry.change.action === 'create') return unknown;
  return entry.observed;
}

/** The problem that blocks a resource because another one, which it needs, is blocked. */
export function blockedBy(resource: AnyResource, obstacle: PlannedChange): Change {
  const because = `it needs ${obstacle.resource.kind} ${obstacle.resource.name}, which is blocked`;
  return blocked(consequence(`${resource.kind} ${resource.name}`, because, 'resolve what blocks that one and run again'));
}
