/** One request that a simulated service answered. */
export interface LoggedRequest {
  readonly service: string;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly status: number;
  /** See {@link SimResponse.wrote}. */
  readonly wrote?: string;
  readonly principal?: string;
  /** The caller's `x-ms-correlation-request-id` or `x-ms-client-request-id`. */
  readonly correlation?: string;
  /** Milliseconds of the network's clock. */
  readonly at: number;
}

/** Every request of a world in order, with the counters that the proofs of "zero writes" read. */
export class RequestLog {
  readonly #entries: LoggedRequest[] = [];

  add(entry: LoggedRequest): void {
    this.#entries.push(entry);
  }

  /** All requests so far, optionally of the services whose name starts with `service`. */
  all(service = ''): readonly LoggedRequest[] {
    return this.#entries.filter((entry) => entry.service.startsWith(service));
  }

  /** Requests that altered stored state. */
  writes(service = ''): readonly LoggedRequest[] {
    return this.all(service).filter((entry) => entry.wrote !== undefined);
  }

  /** Forgets everything; used between the two runs of a demo. */
  clear(): void {
    this.#entries.length = 0;
  }
}
