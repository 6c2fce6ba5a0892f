import type { Clock } from '../reconcile/clock.js';

/** Keeps writes at the rate that a service publishes, per key (e.g. per identity). */
export class Pace {
  readonly #next = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /** Resolves when the next write under `key` may be sent. */
  async take(key: string, perSecond: number, signal: AbortSignal): Promise<void> {
    const now = this.clock.monotonic();
    const turn = Math.max(now, this.#next.get(key) ?? now);
    this.#next.set(key, turn + 1000 / perSecond);
    if (turn > now) await this.clock.sleep(turn - now, signal);
  }
}
