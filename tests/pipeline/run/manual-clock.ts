import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it: the one for timeouts of real child processes. */
export class ManualClock implements Clock {
  readonly rate = 1;
  #elapsed = 0;
  #sleepers: Sleeper[] = [];

  now(): Date {
    return new Date(this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason as Error);
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const sleeper = { due: this.#elapsed + milliseconds, wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', onAbort);
    });
  }

  /** Wakes everybody who is due by then. */
  advance(milliseconds: number): void {
    this.#elapsed += milliseconds;
    const due = this.#sleepers.filter((sleeper) => sleeper.due <= this.#elapsed);
    this.#sleepers = this.#sleepers.filter((sleeper) => !due.includes(sleeper));
    for (const sleeper of due) sleeper.wake();
  }
}
