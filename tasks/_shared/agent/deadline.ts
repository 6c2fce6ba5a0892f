import { setMaxListeners } from 'node:events';
import type { Clock } from '../reconcile/clock.js';
import { outOfTime } from '../reconcile/problem.js';

/** No timer of Node runs longer than 2^31 milliseconds; one that shall ends at once. */
const longestSleepMs = 24 * 3_600_000;

/** A signal, and what lets go of the timer behind it. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly release: () => void;
}

/**
 * A signal that is aborted with the run's cancellation, or once the run's time is over; its reason then is a Problem WI9004. So a run
 * that takes too long ends like a cancelled one, with a report, and before the pipeline stops the job.
 */
export function withDeadline(signal: AbortSignal, deadline: Date | undefined, clock: Clock): Deadline {
  if (deadline === undefined) return { signal, release: () => undefined };
  const released = new AbortController();
  const over = new AbortController();
  const end = (): void => over.abort(outOfTime(deadline));
  const remaining = (): number => deadline.getTime() - clock.now().getTime();
  const wait = async (): Promise<void> => {
    while (remaining() > 0) await clock.sleep(Math.min(remaining(), longestSleepMs), released.signal);
    end();
  };
  if (remaining() <= 0) end();
  else wait().catch(() => undefined);
  const either = AbortSignal.any([signal, over.signal]);
  setMaxListeners(0, either);
  return { signal: either, release: () => released.abort() };
}
