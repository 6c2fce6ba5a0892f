import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { SimResponse } from '../kernel/service.js';
import { Buckets } from './buckets.js';
import { flat, throttled } from './refusals.js';

/** Kinds of requests that have a bucket of their own. Source: AKS docs, quotas-skus-regions (throttling of the resource provider). */
export const clusterBuckets = {
  put: { burst: 20, perSecond: 1 / 60 },
  get: { burst: 60, perSecond: 1 },
  status: { burst: 200, perSecond: 2 },
  listSubscription: { burst: 500, perSecond: 1 },
  listGroup: { burst: 60, perSecond: 1 },
  other: { burst: 60, perSecond: 1 },
} as const;

export type RequestKind = keyof typeof clusterBuckets;

/** The published token buckets of the AKS resource provider. */
export class ClusterLimits {
  readonly #buckets: Buckets;

  constructor(clock: Clock) {
    this.#buckets = new Buckets(clock);
  }

  /** The refusal of one request too many; `scope` is the id that the bucket belongs to. */
  refusal(kind: RequestKind, scope: string): SimResponse | undefined {
    const wait = this.#buckets.take(`${kind} ${scope.toLowerCase()}`, clusterBuckets[kind]);
    return wait === 0 ? undefined : throttled('Throttled', 'The request is throttled, please retry after the given time.', wait, flat);
  }
}
