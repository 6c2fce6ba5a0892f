import type { Clock } from './clock.js';

/** A deadline on work that can be cancelled. */
export interface Deadline {
  readonly clock: Clock;
  /** Cancels the work as well; its reason is passed on. */
  readonly signal: AbortSignal;
  /** Real milliseconds: an answer does not come sooner because the tasks' clock goes faster. */
  readonly limitMs: number;
}

/**
 * Gives work a signal that is aborted at the deadline, and does not wait any longer for it, whether it obeys or not.
 * @throws what the work throws, or an error that says how long it was given.
 */
export async function withDeadline<T>({ clock, signal, limitMs }: Deadline, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ended = new AbortController();
  const late = new AbortController();
  const timer = clock.sleep(limitMs * clock.rate, ended.signal).then(
    () => {
      const error = new Error(`no complete answer came within ${Math.round(limitMs / 1_000)} s`);
      late.abort(error);
      throw error;
    },
    // The work was done before: nobody waits for this one any more.
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([timer, work(AbortSignal.any([signal, late.signal]))]);
  } catch (error) {
    // Clients say "aborted" where the reason is known better here.
    late.signal.throwIfAborted();
    throw error;
  } finally {
    ended.abort();
  }
}
