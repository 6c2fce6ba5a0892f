/**
 * Time as the engine sees it. Everything that waits, paces or measures takes its clock through this port, so that tests can
 * run on a virtual clock and the demo on a faster one.
 */
export interface Clock {
  /** How many times faster than real time it goes; 1 outside of tests. Whoever waits for something that keeps to real time has to multiply. */
  readonly rate: number;
  /** The wall-clock time, for timestamps and token lifetimes. */
  now(): Date;
  /** Milliseconds since an arbitrary start, at the clock's own pace; for deadlines, pacing and durations. */
  monotonic(): number;
  /**
   * Resolves after `milliseconds` at the clock's own pace.
   * @throws the signal's reason, when `signal` is or becomes aborted.
   */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/**
 * The clock of the running machine.
 * @param rate how many times faster than real time `sleep` and `monotonic` go; 1 outside of tests.
 */
export function systemClock(rate = 1): Clock {
  return {
    rate,
    now: () => new Date(),
    monotonic: () => performance.now() * rate,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const abort = (): void => {
          clearTimeout(timer);
          reject(signal?.reason as Error);
        };
        if (signal?.aborted === true) {
          reject(signal.reason as Error);
          return;
        }
        const timer = setTimeout(() => {
          signal?.removeEventListener('abort', abort);
          resolve();
        }, milliseconds / rate);
        signal?.addEventListener('abort', abort, { once: true });
      }),
  };
}
