import type { PipelinePolicy, PipelineResponse, RestError } from '@azure/core-rest-pipeline';
import type { Clock } from '../reconcile/clock.js';
import { isPassingFault } from '../network/proxy-fault.js';
import { cancelled } from '../reconcile/problem.js';

/** Statuses that every Azure service uses for conditions that pass. Source: azure-docs, request limits; RPC common API details. */
const passing = new Set([408, 429, 500, 502, 503, 504]);
const lostConnection = /^(REQUEST_SEND_ERROR|ECONNRESET|ECONNREFUSED|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN)$/;
const maxTries = 6;
const longestWaitMs = 120_000;
/** Services ask for up to ten minutes, and refuse earlier tries. Source: Azure RPC, async API reference. */
const longestRetryAfterMs = 600_000;
/** A request that is not answered by then is lost: a connection may be dropped on the way without a word. Real milliseconds. */
const requestTimeoutMs = 60_000;

/** How long requests are repeated where not the work itself waits for them. */
export interface Patience {
  /** No wait ends later, on the clock's `monotonic()`. */
  readonly until: number;
  /** After which a request that is not answered is lost. Real milliseconds. */
  readonly requestMs: number;
}

/**
 * Repeats requests that were throttled or met a passing fault, as the service asks: `Retry-After` in seconds, else 1 s doubling.
 * The only place where requests are repeated; the retries of the SDKs themselves are switched off.
 * A lost answer is repeated too: all our writes are PUTs (or POSTs that only read, or send a ledger), which may be sent twice.
 */
export function throttlingPolicy(clock: Clock, notify: (text: string) => void, { until, requestMs }: Patience = { until: Infinity, requestMs: requestTimeoutMs }): PipelinePolicy {
  return {
    name: 'throttling',
    async sendRequest(request, next) {
      const { pathname } = new URL(request.url);
      if (request.timeout === 0) request.timeout = requestMs;
      for (let tries = 1; ; tries += 1) {
        const started = clock.monotonic();
        const outcome = await next(request).catch((error: unknown) => thrown(error, request.abortSignal?.aborted === true, requestMs));
        const answer = 'error' in outcome ? outcome.response : outcome;
        const wait = answer === undefined ? backoff(tries) : retryAfter(answer.headers.get('retry-after'), tries);
        const last = tries === maxTries || clock.monotonic() + wait > until;
        if (last || (answer !== undefined && !passing.has(answer.status))) {
          if ('error' in outcome) throw outcome.error;
          return outcome;
        }
        const cause = answer === undefined && 'error' in outcome ? outcome.error.message : `status ${answer?.status ?? 0}`;
        notify(`${request.method} ${pathname}: ${cause}, waiting ${Math.round(wait / 1000)} s (after ${Math.round(clock.monotonic() - started)} ms)`);
        await clock.sleep(wait, request.abortSignal as AbortSignal | undefined).catch((reason: unknown) => {
          throw request.abortSignal?.aborted === true ? cancelled(`send ${request.method} ${pathname} again`) : reason;
        });
      }
    },
  };
}

/** What was thrown in place of an answer. */
interface Thrown {
  readonly error: Error;
  /** The typed clients throw refusals before this policy sees them. */
  readonly response?: PipelineResponse;
}

/** What may be repeated of what was thrown: refusals that the typed clients turned into errors, and lost connections. */
function thrown(error: unknown, aborted: boolean, requestMs: number): Thrown {
  if (aborted || !(error instanceof Error)) throw error;
  const { code, response } = error as Partial<RestError>;
  if (error.name === 'AbortError') return { error: new Error(`no answer within ${requestMs / 1000} s`) };
  if (response !== undefined) return { error, response };
  if (code === undefined || !(lostConnection.test(code) || isPassingFault(code))) throw error;
  return { error };
}

function retryAfter(header: string | undefined, tries: number): number {
  const seconds = Number(header);
  return header === undefined || !Number.isFinite(seconds) ? backoff(tries) : Math.min(seconds * 1000, longestRetryAfterMs);
}

function backoff(tries: number): number {
  return Math.min(1000 * 2 ** (tries - 1), longestWaitMs);
}
