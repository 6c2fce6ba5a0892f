import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { Faults } from './faults.js';
import { RequestLog } from './request-log.js';
import type { Service, SimRequest, SimResponse } from './service.js';

/** Thrown to the caller when a fault breaks the connection. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** What clients inside the process send their requests through. */
export interface Dispatcher {
  dispatch(request: SimRequest): Promise<SimResponse>;
}

/**
 * The network of one simulated world: finds the service of an origin, applies faults and latency, keeps the log.
 * This base class delivers inside the process; `LoopbackNetwork` adds HTTPS listeners.
 */
export class Network implements Dispatcher {
  readonly log = new RequestLog();
  readonly faults = new Faults();
  /** Milliseconds that a request takes on the way, by service and request; none by default. */
  latency: (service: string, request: SimRequest) => number = () => 0;
  readonly #services = new Map<string, Service>();

  constructor(readonly clock: Clock) {}

  /** Gives a service its origin, e.g. `https://arm.sim` or `https://localhost:40123`. */
  attach(service: Service): Promise<string> {
    const origin = `https://${service.name.toLowerCase().replace(/[^a-z0-9-]+/g, '.')}.sim`;
    this.register(origin, service);
    return Promise.resolve(origin);
  }

  protected register(origin: string, service: Service): void {
    this.#services.set(origin, service);
  }

  /** Delivers a request to the service that owns its origin. Used by the listeners, by in-process clients and between services. */
  async dispatch(request: SimRequest): Promise<SimResponse> {
    const service = this.#services.get(request.url.origin);
    if (service === undefined) throw new ConnectionLost(`getaddrinfo ENOTFOUND ${request.url.hostname}`);
    const fault = this.faults.take(service.name, request);
    const wait = this.latency(service.name, request) + (fault?.delayMs ?? 0);
    if (wait > 0) await this.clock.sleep(wait, request.signal);
    if (fault?.drop === 'before') throw new ConnectionLost('socket hang up');
    const planted = typeof fault?.respond === 'function' ? fault.respond(request) : fault?.respond;
    const response = planted ?? (await service.handle(request));
    this.#record(service.name, request, response);
    await fault?.then?.(request, response);
    if (fault?.drop === 'after') throw new ConnectionLost('socket hang up');
    return response;
  }

  /** A GET between services, e.g. Entra fetching the keys of an issuer. Undefined when nothing answers at that address. */
  async get(address: string): Promise<SimResponse | undefined> {
    try {
      const url = new URL(address);
      return await this.dispatch({ method: 'GET', url, headers: {}, body: Buffer.alloc(0), signal: new AbortController().signal });
    } catch {
      return undefined;
    }
  }

  /** Ends all listeners and open streams. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  #record(service: string, request: SimRequest, response: SimResponse): void {
    const correlation = request.headers['x-ms-correlation-request-id'] ?? request.headers['x-ms-client-request-id'];
    this.log.add({
      service,
      method: request.method,
      path: request.url.pathname + request.url.search,
      status: response.status,
      at: this.clock.monotonic(),
      ...(response.wrote === undefined ? {} : { wrote: response.wrote }),
      ...(response.principal === undefined ? {} : { principal: response.principal }),
      ...(correlation === undefined ? {} : { correlation }),
    });
  }
}
