import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { Caller } from '../azure/authority.js';
import type { SimResponse } from '../kernel/service.js';
import { Buckets, type BucketSize } from './buckets.js';
import { gateway, throttled } from './refusals.js';

/** Source: azure-docs, request limits and throttling (2024 and later): per principal, for a subscription and for the tenant. */
export const armBuckets = { reads: { burst: 250, perSecond: 25 }, writes: { burst: 200, perSecond: 10 }, deletes: { burst: 200, perSecond: 10 } } as const;
/** All principals together have this many times the limit of one. Same source. */
const together = 15;

/** The published token buckets of ARM itself, of one region. */
export class ArmLimits {
  readonly #buckets: Buckets;

  constructor(clock: Clock) {
    this.#buckets = new Buckets(clock);
  }

  /** Counts a request. Gives the headers that say what is left, and a refusal when nothing is. POSTs count as writes. */
  take(method: string, path: string, { objectId }: Caller): { readonly headers: Record<string, string>; readonly refusal?: SimResponse } {
    const kind = method === 'GET' ? 'reads' : method === 'DELETE' ? 'deletes' : 'writes';
    const subscription = /^\/subscriptions\/([^/]+)/i.exec(path)?.[1]?.toLowerCase();
    const place = subscription ?? 'tenant';
    const size: BucketSize = armBuckets[kind];
    const own = `${place} ${objectId} ${kind}`;
    const wait = this.#buckets.take(own, size) || this.#buckets.take(`${place} ${kind}`, { burst: size.burst * together, perSecond: size.perSecond * together });
    const headers = { [`x-ms-ratelimit-remaining-${subscription === undefined ? 'tenant' : 'subscription'}-${kind}`]: String(this.#buckets.left(own, size)) };
    if (wait === 0) return { headers };
    const refused = throttled('SubscriptionRequestsThrottled', `The number of ${kind} for '${place}' has exceeded the limit. Please try again after the given time.`, wait);
    return { headers, refusal: { ...refused, headers: { ...refused.headers, ...gateway } } };
  }
}
