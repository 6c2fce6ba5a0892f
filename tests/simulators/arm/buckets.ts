import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';

/** A token bucket as services publish them: so many requests at once, refilled at a rate. */
export interface BucketSize {
  readonly burst: number;
  readonly perSecond: number;
}

/** A token that is full but for what the arithmetic of fractions loses. */
const nearlyOne = 1 - 1e-6;

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
    if (tokens > nearlyOne) {
      this.#levels.set(key, { tokens: tokens - 1, at });
      return 0;
    }
    this.#levels.set(key, { tokens, at });
    return ((1 - tokens) / size.perSecond) * 1000;
  }

  /** Takes a token of each, or of none; when one is missing, how many milliseconds until there is one. */
  takeAll(wanted: readonly { readonly key: string; readonly size: BucketSize }[]): number {
    const waits = wanted.map(({ key, size }) => (this.#level(key, size) > nearlyOne ? 0 : ((1 - this.#level(key, size)) / size.perSecond) * 1000));
    const longest = Math.max(0, ...waits);
    if (longest === 0) for (const { key, size } of wanted) this.take(key, size);
    return longest;
  }

  #level(key: string, { burst, perSecond }: BucketSize): number {
    const now = this.clock.monotonic();
    const { tokens, at } = this.#levels.get(key) ?? { tokens: burst, at: now };
    return Math.min(burst, tokens + ((now - at) / 1000) * perSecond);
  }
}
