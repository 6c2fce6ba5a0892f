import type { SimRequest, SimResponse } from './service.js';

/** A disturbance of matching requests. Absent selectors match everything. */
export interface Fault {
  /** Start of the service's name. */
  readonly service?: string;
  readonly method?: string;
  /** Tested against path and query. */
  readonly path?: RegExp;
  /** How many requests it disturbs; all when absent. */
  readonly times?: number;
  /** Answered in place of the service; the service never sees the request. */
  readonly respond?: SimResponse | ((request: SimRequest) => SimResponse);
  /** Waited on the world's clock before the service sees the request. */
  readonly delayMs?: number;
  /** `before`: the connection breaks and nothing happens; `after`: the service acts, but its answer is lost. */
  readonly drop?: 'before' | 'after';
  /** Called when the request has been answered, for tests that change the world at an exact point. */
  readonly then?: (request: SimRequest, response: SimResponse) => void | Promise<void>;
}

/** The faults that are planted in a network. The first matching one acts. */
export class Faults {
  readonly #planted: { fault: Fault; left: number }[] = [];

  /** Plants a fault; the returned function takes it out again. */
  plant(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
    this.#planted.push(entry);
    return () => {
      entry.left = 0;
    };
  }

  /** Takes all of them out. */
  clear(): void {
    this.#planted.length = 0;
  }

  /** The fault for this request, if any; counts it. */
  take(service: string, request: SimRequest): Fault | undefined {
    const path = request.url.pathname + request.url.search;
    const entry = this.#planted.find(
      ({ fault, left }) =>
        left > 0 &&
        service.startsWith(fault.service ?? '') &&
        (fault.method ?? request.method) === request.method &&
        (fault.path?.test(path) ?? true),
    );
    if (entry === undefined) return undefined;
    entry.left -= 1;
    return entry.fault;
  }
}
