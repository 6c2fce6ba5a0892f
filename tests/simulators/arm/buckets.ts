import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';

/** A token bucket as services publish them: so many requests at once, refilled at a rate. */
export interface BucketSize {
  readonly burst: number;
  readonly perSecond: number;
}

/** Token buckets by key, on the world's clock. */
export class Buckets {
  readonly #levels = new Map<string, { tokens: number; at: number }>();

  constructor(private readonly clock: Clock) {}

  /** Takes a token; when there is none, how many milliseconds until there is one. */
  take(key: string, size: BucketSize): number {
    const now = this.clock.monotonic();
    const level = this.#levels.get(key) ?? { tokens: size.burst, at: now };
    const tokens = Math.min(size.burst, level.tokens + ((now - level.at) / 1000) * size.perSecond);
    if (tokens >= 1) {
      this.#levels.set(key, { tokens: tokens - 1, at: now });
      return 0;
    }
    this.#levels.set(key, { tokens, at: now });
    return ((1 - tokens) / size.perSecond) * 1000;
  }
}
