import { setMaxListeners } from 'node:events';
import type { Clock } from '../reconcile/clock.js';
import { outOfTime } from '../reconcile/problem.js';

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
  const remaining = deadline.getTime() - clock.now().getTime();
  if (remaining <= 0) end();
  else clock.sleep(remaining, released.signal).then(end, () => undefined);
  const either = AbortSignal.any([signal, over.signal]);
  setMaxListeners(0, either);
  return { signal: either, release: () => released.abort() };
}
