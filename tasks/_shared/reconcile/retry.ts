import type { Clock } from './clock.js';

/** How long to keep trying, and how often. Milliseconds. */
export interface Patience {
  readonly deadlineMs: number;
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** What a wait is multiplied with for the next one. Default 1.5. */
  readonly growth?: number;
  /** How many tries one after another have to come to the same end before it counts. Default 1. */
  readonly inARow?: number;
}

/** What one try found: an end, or a reason to wait, with the failure that it is when there is no time left; looked into only then, where it is a function. */
export type Attempt<T> = { readonly done: T } | { readonly wait: string; readonly failure: Error | (() => Promise<Error>); readonly afterMs?: number };

/** What {@link until} works with. */
export interface Waiting {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called before each wait with what is waited for. */
  progress(text: string): void;
}

/**
 * Tries until there is an end; waits grow each time, and the service's own wish (`afterMs`) is obeyed when it is longer.
 * Where several ends in a row are wanted, they follow each other at once, and a reason to wait begins the row anew.
 * @throws the last try's failure once the deadline would pass, the error that a try throws, or the signal's reason.
 */
export async function until<T>(patience: Patience, waiting: Waiting, attempt: () => Promise<Attempt<T>>): Promise<T> {
  const { clock, signal } = waiting;
  const end = clock.monotonic() + patience.deadlineMs;
  let wait = patience.firstWaitMs;
  let successes = 0;
  for (;;) {
    signal.throwIfAborted();
    const result = await attempt();
    if ('done' in result) {
      successes += 1;
      if (successes >= (patience.inARow ?? 1)) return result.done;
      continue;
    }
    successes = 0;
    const pause = Math.max(wait, result.afterMs ?? 0);
    if (clock.monotonic() + pause > end) throw typeof result.failure === 'function' ? await result.failure() : result.failure;
    waiting.progress(result.wait);
    await clock.sleep(pause, signal);
    wait = Math.min(wait * (patience.growth ?? 1.5), patience.longestWaitMs);
  }
}
