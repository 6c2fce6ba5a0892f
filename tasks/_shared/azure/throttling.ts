import type { PipelinePolicy } from '@azure/core-rest-pipeline';
import type { Clock } from '../reconcile/clock.js';

/** Statuses that every Azure service uses for conditions that pass. Source: azure-docs, request limits; RPC common API details. */
const passing = new Set([408, 429, 500, 502, 503, 504]);
const maxTries = 6;
const longestWaitMs = 120_000;

/**
 * Repeats requests that were throttled or met a passing fault, as the service asks: `Retry-After` in seconds, else 1 s doubling.
 * The only place where requests are repeated; the retries of the SDKs themselves are switched off.
 * A lost answer is repeated too: all our writes are PUTs (or POSTs that only read), which may be sent twice.
 */
export function throttlingPolicy(clock: Clock, notify: (text: string) => void): PipelinePolicy {
  return {
    name: 'throttling',
    async sendRequest(request, next) {
      for (let tries = 1; ; tries += 1) {
        const started = clock.monotonic();
        const outcome = await next(request).catch((error: unknown) => passingFault(error, request.abortSignal?.aborted === true));
        if ('status' in outcome && (!passing.has(outcome.status) || tries === maxTries)) return outcome;
        if (!('status' in outcome) && tries === maxTries) throw outcome.fault;
        const wait = 'status' in outcome ? retryAfter(outcome.headers.get('retry-after'), tries) : backoff(tries);
        const cause = 'status' in outcome ? `status ${outcome.status}` : outcome.fault.message;
        notify(`${request.method} ${new URL(request.url).pathname}: ${cause}, waiting ${Math.round(wait / 1000)} s (after ${Math.round(clock.monotonic() - started)} ms)`);
        await clock.sleep(wait, request.abortSignal as AbortSignal | undefined);
      }
    },
  };
}

function passingFault(error: unknown, aborted: boolean): { fault: Error } {
  const code = (error as { code?: unknown }).code;
  const network = typeof code === 'string' && /^(REQUEST_SEND_ERROR|ECONNRESET|ECONNREFUSED|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN)$/.test(code);
  if (!network || aborted || !(error instanceof Error)) throw error;
  return { fault: error };
}

function retryAfter(header: string | undefined, tries: number): number {
  const seconds = Number(header);
  return header === undefined || !Number.isFinite(seconds) ? backoff(tries) : Math.min(seconds * 1000, longestWaitMs);
}

function backoff(tries: number): number {
  return Math.min(1000 * 2 ** (tries - 1), longestWaitMs);
}
