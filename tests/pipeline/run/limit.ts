import type { JobContext } from './job-context.js';

/** How long a step may take. */
export interface Limit {
  readonly signal: AbortSignal;
  readonly timedOut: () => boolean;
  readonly done: () => void;
}

/**
 * The job's signal, which also fires after the step's own time, in minutes; 0 is no time of its own.
 * An `always()` step of a cancelled job runs, for as long as `cancelTimeoutInMinutes` says.
 */
export function limited(job: JobContext, minutes: number): Limit {
  const cancelled = job.signal.aborted;
  const patience = job.job.cancelTimeoutInMinutes;
  const allowed = cancelled ? Math.min(minutes > 0 ? minutes : patience, patience) : minutes;
  if (allowed <= 0 && !cancelled) return { signal: job.signal, timedOut: () => false, done: () => undefined };
  const own = new AbortController();
  const over = new AbortController();
  job.run.clock.sleep(allowed * 60_000, over.signal).then(
    () => own.abort(new Error('The task has timed out.')),
    () => undefined,
  );
  return {
    signal: cancelled ? own.signal : AbortSignal.any([job.signal, own.signal]),
    timedOut: () => own.signal.aborted,
    done: () => over.abort(new Error('The step has ended.')),
  };
}
