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

  /** Whole tokens that are left. */
  left(key: string, size: BucketSize): number {
    return Math.floor(this.#level(key, size));
  }

  /** Takes a token; when there is none, how many milliseconds until there is one. */
  take(key: string, size: BucketSize): number {
    const at = this.clock.monotonic();
    const tokens = this.#level(key, size);
    if (tokens >= 1) {
      this.#levels.set(key, { tokens: tokens - 1, at });
      return 0;
    }
    this.#levels.set(key, { tokens, at });
    return ((1 - tokens) / size.perSecond) * 1000;
  }

  #level(key: string, { burst, perSecond }: BucketSize): number {
    const now = this.clock.monotonic();
    const { tokens, at } = this.#levels.get(key) ?? { tokens: burst, at: now };
    return Math.min(burst, tokens + ((now - at) / 1000) * perSecond);
  }
}
