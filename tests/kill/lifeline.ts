import type { Clock } from '../../tasks/_shared/reconcile/clock.js';
import type { Dispatcher, Network } from '../simulators/kernel/network.js';
import type { SimRequest, SimResponse } from '../simulators/kernel/service.js';

/** A request of a run, told from others: service, method, path, and how many equal ones came before it. */
export interface RequestName {
  readonly line: string;
  readonly before: number;
}

/** Where a run dies: at a request, just before it reaches the service, or just after the service has taken it and before its answer arrives. */
export interface Death {
  readonly at: RequestName;
  readonly when: 'before' | 'after';
}

/**
 * What ties the processes of one run to the world: their requests and their waits. Once it is cut, nothing of the run goes on: no further
 * request reaches a service, no answer and no waking reaches the run.
 */
export class Lifeline implements Dispatcher {
  /** Requests that altered stored state, in the order in which the services took them. */
  readonly writes: RequestName[] = [];
  /** Resolves when the line is cut. */
  readonly cut: Promise<'killed'>;
  readonly #seen = new Map<string, number>();
  #tell: (word: 'killed') => void = () => undefined;
  #isCut = false;

  constructor(
    private readonly network: Network,
    private readonly death?: Death,
  ) {
    this.cut = new Promise((resolve) => (this.#tell = resolve));
  }

  /** Ends the run as SIGKILL does. */
  kill(): void {
    this.#isCut = true;
    this.#tell('killed');
  }

  /** Asked anew after each wait: the line may have been cut meanwhile. */
  #over(): boolean {
    return this.#isCut;
  }

  async dispatch(request: SimRequest): Promise<SimResponse> {
    if (this.#isCut) return never();
    const line = `${request.method} ${request.url.host}${request.url.pathname}`;
    const before = this.#seen.get(line) ?? 0;
    this.#seen.set(line, before + 1);
    const dies = this.death?.at.line === line && this.death.at.before === before;
    if (dies && this.death.when === 'before') {
      this.kill();
      return never();
    }
    const response = await this.network.dispatch(request);
    if (this.#over()) return never();
    if (response.wrote !== undefined) this.writes.push({ line, before });
    if (!dies) return response;
    this.kill();
    return never();
  }

  /** The world's clock, as long as the line holds. */
  get clock(): Clock {
    const { clock } = this.network;
    return {
      rate: clock.rate,
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: async (milliseconds, signal) => {
        await clock.sleep(milliseconds, signal);
        if (this.#over()) await never();
      },
    };
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
