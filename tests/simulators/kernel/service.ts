/** A request as a simulated service sees it, whether it came over TLS or from inside the process. */
export interface SimRequest {
  /** Upper case. */
  readonly method: string;
  /** Absolute, with the origin that the caller used. A doubled leading slash in the path is already folded. */
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Aborted when the caller goes away: long-lived answers (watches) end then. */
  readonly signal: AbortSignal;
}

/** An answer. A plain object body is sent as JSON; an async iterable is streamed chunk by chunk. */
export interface SimResponse {
  readonly status: number;
  /** Names in lower case. `content-type` defaults to `application/json; charset=utf-8` when there is a body. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | object | AsyncIterable<string | Buffer>;
  /**
   * Names the object whose stored state this request altered. Set on every accepted mutating request, also when the value
   * stayed equal; absent on reads and on POSTs that only ask (token requests, access reviews, dry runs).
   */
  readonly wrote?: string;
  /** Who called, for the request log: an object id, or a service-account name. */
  readonly principal?: string;
}

/** One simulated service: a pure function of its own state and a request. */
export interface Service {
  /** Shown in the request log and used to select faults: `arm`, `entra`, `kubernetes/aks-dev-weu-1`, … */
  readonly name: string;
  handle(request: SimRequest): Promise<SimResponse>;
}

/** The answer for whatever is outside the scope of a simulator; names the operation so that nobody has to guess. */
export function notSimulated(service: string, request: SimRequest): SimResponse {
  const operation = `${request.method} ${request.url.pathname}`;
  return { status: 501, body: { error: { code: 'NotSimulated', message: `${service}: ${operation} is not simulated.` } } };
}

/** Parses a JSON request body; undefined when it is empty or not JSON. */
export function jsonBody(request: SimRequest): unknown {
  try {
    return JSON.parse(request.body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** True for a non-null object that is not an array: the shape of a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
