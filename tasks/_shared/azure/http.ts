import type { HttpClient, Pipeline, PipelinePolicy } from '@azure/core-rest-pipeline';
import type { Clock } from '../reconcile/clock.js';
import { Problem } from '../reconcile/problem.js';
import { parseJson } from '../fleet/json.js';
import { straight, type Route } from '../network/route.js';
import { azureProblem, serviceError } from './errors.js';
import type * as sdkModule from './sdk.js';
import { throttlingPolicy } from './throttling.js';

/** A request to an Azure service. */
export interface AzureRequest {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, or as it is when it is a string. */
  readonly body?: string | object;
  readonly signal: AbortSignal;
  /** Statuses besides 2xx that the caller handles itself. */
  readonly expect?: readonly number[];
  /** Said in the Problem of a refusal. */
  readonly tried: string;
  readonly what: string;
}

/** An answer with a 2xx or an expected status. */
export interface AzureResponse {
  readonly status: number;
  readonly body: unknown;
  header(name: string): string | undefined;
}

/** Sends raw requests through one pipeline of the Azure SDK, for what has no typed client or must not be typed. */
export class AzureHttp {
  constructor(
    private readonly sdk: Pick<typeof sdkModule, 'createPipelineRequest' | 'createHttpHeaders'>,
    private readonly pipeline: Pipeline,
    private readonly client: HttpClient,
  ) {}

  /**
   * @throws Problem for every status that is neither 2xx nor expected, and when the service cannot be reached; Error for an address that leads
   * elsewhere than it says.
   */
  async send(request: AzureRequest): Promise<AzureResponse> {
    const { method, body } = request;
    const url = straightPath(request.url);
    const type = body === undefined || typeof body === 'string' ? {} : { 'content-type': 'application/json' };
    const headers = this.sdk.createHttpHeaders({ accept: 'application/json', ...type, ...request.headers });
    const payload = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const prepared = this.sdk.createPipelineRequest({ method, url, headers, abortSignal: request.signal, ...payload });
    const response = await this.pipeline.sendRequest(this.client, prepared).catch((error: unknown) => {
      throw azureProblem(request.tried, request.what, error);
    });
    const answer = parseJson(response.bodyAsText ?? undefined);
    const accepted = response.status >= 200 && response.status < 300;
    if (accepted || request.expect?.includes(response.status) === true) {
      return { status: response.status, body: answer, header: (name) => response.headers.get(name) };
    }
    const correlation = response.headers.get('x-ms-correlation-request-id');
    const { code, message } = serviceError(response.status, answer);
    const parts = { code: 'WI2005', what: request.what, because: message, remedy: '', status: response.status, serviceCode: code };
    throw azureProblem(request.tried, request.what, new Problem({ ...parts, ...(correlation === undefined ? {} : { correlation }) }));
  }
}

/**
 * An address or a path as it is.
 * @throws Error when a part of its path would be taken for the one above (`.`, `..`, or these in percent escapes), or a backslash for a slash:
 * what was judged is then not what would be written. Inputs are checked long before. Source: WHATWG URL Standard, path state.
 */
export function straightPath(url: string): string {
  const [path = ''] = url.split(/[?#]/, 1);
  if (/\\|(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path)) throw new Error(`${url} leads elsewhere than it says: no part of a path may be . or .., and none may contain a backslash`);
  return url;
}

/**
 * A scope as the typed clients want it.
 * @throws Error as {@link straightPath}: the clients themselves resolve the dots before any policy of a pipeline sees the address.
 */
export function scopePath(scope: string): string {
  return straightPath(scope).replace(/^\//, '');
}

/** Sends the run's correlation id, under which the Activity Log of Azure shows everything that a run did. */
export function correlationPolicy(correlationId: string): PipelinePolicy {
  return {
    name: 'correlation',
    sendRequest(request, next) {
      request.headers.set('x-ms-correlation-request-id', correlationId);
      return next(request);
    },
  };
}

/** What sending requests needs. */
export interface HttpTools {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A line for the debug log. */
  debug(line: string): void;
  /** The way to the services; absent: straight. */
  readonly route?: Route;
  /** Replaces the network in tests. */
  readonly httpClient?: HttpClient;
}

/**
 * What sends the requests of a run, and the one place where its route is taken: the SDK's own reading of HTTPS_PROXY and NO_PROXY, which
 * differs, is overruled for every request.
 */
export function clientFor(sdk: Pick<typeof sdkModule, 'createDefaultHttpClient'>, { httpClient, route = straight }: HttpTools): HttpClient {
  if (httpClient !== undefined) return httpClient;
  const client = sdk.createDefaultHttpClient();
  return {
    sendRequest: (request) => {
      const agent = route.agentFor(request.url);
      if (agent === undefined) delete request.agent;
      else request.agent = agent;
      return client.sendRequest(request);
    },
  };
}

/** A pipeline whose only retries are those of {@link throttlingPolicy}. It signs nothing. */
export function throttledPipeline(sdk: Pick<typeof sdkModule, 'createPipelineFromOptions'>, tools: HttpTools): Pipeline {
  const pipeline = sdk.createPipelineFromOptions({ retryOptions: { maxRetries: 0 } });
  pipeline.addPolicy(throttlingPolicy(tools.clock, (text) => tools.debug(text)), { phase: 'Serialize' });
  return pipeline;
}
