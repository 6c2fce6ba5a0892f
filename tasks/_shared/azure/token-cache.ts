import type { Clock } from '../reconcile/clock.js';
import type { AccessToken } from './sdk-types.js';

/** A token is renewed when it has less than this to live, or less than half of its life. Milliseconds. */
const renewalMs = 300_000;
/**
 * A token is never given with less than this to live, however short its life is: helm has it for up to 70 s, the 20 s until its token file is written
 * again and the 50 s that it goes by what it read. Milliseconds. Source: client-go transport/token_source.go, a period of a minute less a leeway of 10 s.
 */
const leastMs = 75_000;

interface Kept {
  readonly token: Promise<AccessToken>;
  /** Milliseconds of the clock; unknown while the token is on its way. */
  renewAt?: number;
}

/** Asks for each token once, however many want it at a time, and again when it nears its end. A refusal is not kept. */
export class TokenCache {
  readonly #kept = new Map<string, Kept>();

  constructor(private readonly clock: Clock) {}

  get(key: string, fetch: () => Promise<AccessToken>): Promise<AccessToken> {
    const found = this.#kept.get(key);
    if (found !== undefined && (found.renewAt === undefined || this.clock.monotonic() < found.renewAt)) return found.token;
    const kept: Kept = { token: this.#fetched(fetch, (renewAt) => (kept.renewAt = renewAt), () => void this.#kept.delete(key)) };
    this.#kept.set(key, kept);
    return kept.token;
  }

  async #fetched(fetch: () => Promise<AccessToken>, fresh: (renewAt: number) => void, failed: () => void): Promise<AccessToken> {
    try {
      const token = await fetch();
      const life = token.expiresOnTimestamp - Date.now();
      fresh(this.clock.monotonic() + life - Math.max(leastMs, Math.min(renewalMs, life / 2)));
      return token;
    } catch (error) {
      failed();
      throw error;
    }
  }
}
