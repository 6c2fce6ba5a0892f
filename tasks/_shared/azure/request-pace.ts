import type { PipelinePolicy } from './sdk-types.js';
import type { Clock } from '../reconcile/clock.js';

/** A token bucket as a service publishes it: so many requests at once, refilled at a rate. */
interface Bucket {
  readonly key: string;
  readonly burst: number;
  readonly perSecond: number;
}

/** A token that is full but for what the arithmetic of fractions loses. */
const nearlyOne = 1 - 1e-6;

interface Waiter {
  readonly buckets: readonly Bucket[];
  go(): void;
}

/**
 * Keeps requests to Azure Resource Manager at the rates that it and its resource providers publish, so that nothing has to be refused
 * first. Requests go in the order in which they came, as far as their buckets allow. Others use the same buckets: a refusal empties ours, too.
 */
export class RequestPace {
  readonly #levels = new Map<string, { tokens: number; at: number }>();
  #waiting: Waiter[] = [];
  #alarm: AbortController | undefined;

  /** @param resourceManager base URL; requests to other addresses are not paced. */
  constructor(
    private readonly clock: Clock,
    private readonly resourceManager: string,
  ) {}

  /** Resolves when this request may be sent. @throws the signal's reason, when it is aborted meanwhile. */
  async turn(method: string, url: string, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const buckets = this.#buckets(method, url);
    if (buckets.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        reject(signal?.reason as Error);
      };
      const go = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const waiter: Waiter = { buckets, go };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiter);
      this.#release();
    });
  }

  /**
   * Tells that the service refused a request of this kind, which it then did not count: others used what we thought was left.
   * @param from who refused: the gateway, or the resource provider, whose narrowest bucket it then was
   */
  refused(method: string, url: string, from: 'gateway' | 'provider', retryAfterSeconds: number): void {
    const [gateway, ...own] = this.#buckets(method, url);
    if (gateway === undefined) return;
    // A provider without a bucket that we know means nobody but this request, which waits by itself.
    const emptied = from === 'gateway' ? gateway : own.at(-1);
    for (const bucket of [gateway, ...own]) {
      const meant = bucket === emptied;
      const back = Math.min(bucket.burst, this.#level(bucket) + 1);
      this.#set(bucket, meant ? Math.min(back, 1 - retryAfterSeconds * bucket.perSecond) : back);
    }
  }

  #buckets(method: string, url: string): Bucket[] {
    if (!url.startsWith(`${this.resourceManager}/`)) return [];
    const path = new URL(url).pathname.toLowerCase();
    return [gatewayBucket(method, path), ...clusterBuckets(method, path), ...identityBuckets(method, path)];
  }

  /** Lets go who finds a token in each of its buckets, and comes back when the next token is there. */
  #release(): void {
    this.#alarm?.abort();
    this.#alarm = undefined;
    const empty = new Set<string>();
    let next = Number.POSITIVE_INFINITY;
    const waiting: Waiter[] = [];
    for (const waiter of this.#waiting) {
      const missing = waiter.buckets.some(({ key }) => empty.has(key)) ? [] : waiter.buckets.filter((bucket) => this.#level(bucket) < nearlyOne);
      for (const bucket of missing) {
        empty.add(bucket.key);
        next = Math.min(next, ((1 - this.#level(bucket)) / bucket.perSecond) * 1000);
      }
      if (waiter.buckets.some(({ key }) => empty.has(key))) waiting.push(waiter);
      else {
        for (const bucket of waiter.buckets) this.#set(bucket, this.#level(bucket) - 1);
        waiter.go();
      }
    }
    this.#waiting = waiting;
    if (waiting.length > 0) this.#comeBack(next);
  }

  #comeBack(milliseconds: number): void {
    const alarm = new AbortController();
    this.#alarm = alarm;
    this.clock.sleep(milliseconds, alarm.signal).then(() => this.#release(), () => undefined);
  }

  #level({ key, burst, perSecond }: Bucket): number {
    const now = this.clock.monotonic();
    const { tokens, at } = this.#levels.get(key) ?? { tokens: burst, at: now };
    return Math.min(burst, tokens + ((now - at) / 1000) * perSecond);
  }

  #set({ key }: Bucket, tokens: number): void {
    this.#levels.set(key, { tokens, at: this.clock.monotonic() });
  }
}

/** Nothing published refills more slowly than this. */
const longestPauseSeconds = 60;

/** Lets each request wait for its turn, and learns from refusals. */
export function pacingPolicy(pace: RequestPace): PipelinePolicy {
  return {
    name: 'pacing',
    async sendRequest(request, next) {
      await pace.turn(request.method, request.url, request.abortSignal as AbortSignal | undefined);
      const response = await next(request);
      if (response.status === 429) {
        const seconds = Number(response.headers.get('retry-after') ?? 1);
        const from = response.headers.get('x-ms-failure-cause') === 'gateway' ? 'gateway' : 'provider';
        pace.refused(request.method, request.url, from, Number.isFinite(seconds) ? Math.min(seconds, longestPauseSeconds) : 1);
      }
      return response;
    },
  };
}

/** For one principal in one subscription, or in the tenant. POSTs count as writes. Source: azure-docs, request limits and throttling. */
function gatewayBucket(method: string, path: string): Bucket {
  const place = subscriptionOf(path);
  if (method === 'GET') return { key: `reads ${place}`, burst: 250, perSecond: 25 };
  return { key: `${method === 'DELETE' ? 'deletes' : 'writes'} ${place}`, burst: 200, perSecond: 10 };
}

const clusterPath = /^(\/subscriptions\/[^/]+\/resourcegroups\/[^/]+\/providers\/microsoft\.containerservice\/managedclusters\/[^/]+)(\/.*)?$/;
const clusterListPath = /^(\/subscriptions\/[^/]+(?:\/resourcegroups\/[^/]+)?)\/providers\/microsoft\.containerservice\/managedclusters$/;

/** The buckets of the AKS resource provider. Source: AKS docs, quotas-skus-regions. */
function clusterBuckets(method: string, path: string): Bucket[] {
  const [, id, rest] = clusterPath.exec(path) ?? [];
  if (id !== undefined && rest === undefined) {
    return [method === 'PUT' ? { key: `put ${id}`, burst: 20, perSecond: 1 / 60 } : { key: `get ${id}`, burst: 60, perSecond: 1 }];
  }
  if (id !== undefined) return [{ key: `other clusters ${subscriptionOf(path)}`, burst: 60, perSecond: 1 }];
  const [, scope] = clusterListPath.exec(path) ?? [];
  if (scope !== undefined) return [{ key: `list clusters ${scope}`, burst: scope.includes('/resourcegroups/') ? 60 : 500, perSecond: 1 }];
  const status = path.includes('/providers/microsoft.containerservice/locations/');
  return status ? [{ key: `operations ${subscriptionOf(path)}`, burst: 200, perSecond: 2 }] : [];
}

const credentialPath = /^(\/subscriptions\/[^/]+\/resourcegroups\/[^/]+\/providers\/microsoft\.managedidentity\/userassignedidentities\/[^/]+)\/federatedidentitycredentials(\/[^/]+)?$/;

/** Requests for federated credentials a second, of the tenant, of a subscription and of an identity. Source: Entra docs, workload identity federation considerations. */
const credentialRates = { write: [10, 2, 0.25], get: [30, 10, 0.5], list: [15, 5, 0.25] } as const;

function identityBuckets(method: string, path: string): Bucket[] {
  const [, identity, name] = credentialPath.exec(path) ?? [];
  if (identity === undefined) return [];
  const kind = method !== 'GET' ? 'write' : name === undefined ? 'list' : 'get';
  const places = ['tenant', subscriptionOf(path), identity];
  return credentialRates[kind].map((perSecond, index) => ({ key: `credentials ${kind} ${places[index] ?? ''}`, burst: Math.max(1, perSecond), perSecond }));
}

function subscriptionOf(path: string): string {
  return /^\/subscriptions\/([^/]+)/.exec(path)?.[1] ?? 'tenant';
}
