import type { VirtualClock } from '../../simulators/kernel/virtual-clock.js';

/** One object as a read shows it. */
export interface ThingState {
  /** Given by the cloud; known only once the object is there. */
  readonly id: string;
  readonly content: Readonly<Record<string, string>>;
}

interface Version {
  readonly visibleAt: number;
  readonly state: ThingState | undefined;
}

/** How many calls are under way, and how many there ever were at a time. */
export class Gauge {
  most = 0;
  #now = 0;

  async during<T>(job: () => Promise<T>): Promise<T> {
    this.#now += 1;
    this.most = Math.max(this.most, this.#now);
    try {
      return await job();
    } finally {
      this.#now -= 1;
    }
  }
}

/** What the cloud holds; outlives the process that talks to it. */
export class Store {
  readonly #objects = new Map<string, Version[]>();

  at(name: string, time: number): ThingState | undefined {
    return this.#objects.get(name)?.findLast((version) => version.visibleAt <= time)?.state;
  }

  newest(name: string): ThingState | undefined {
    return this.at(name, Infinity);
  }

  set(name: string, state: ThingState | undefined, visibleAt: number): void {
    this.#objects.set(name, [...(this.#objects.get(name) ?? []), { visibleAt, state }]);
  }

  /** Puts an object there without a write being counted. */
  seed(name: string, content: Record<string, string>): void {
    this.set(name, { id: `uid:${name}`, content }, 0);
  }

  /** Everything that is there, for comparison. */
  snapshot(): Record<string, ThingState> {
    const names = [...this.#objects.keys()].sort();
    return Object.fromEntries(names.flatMap((name) => {
      const state = this.newest(name);
      return state === undefined ? [] : [[name, state]];
    }));
  }
}

/** A client's way to a {@link Store}: with latency, delayed visibility, failures and a record of all that happened. */
export class FakeCloud {
  /** Reads, writes and journal lines in the order in which they happened. */
  readonly events: string[] = [];
  readonly reading = new Gauge();
  readonly writing = new Gauge();
  latencyMs = 10;
  /** How long a write takes to show in reads. */
  lagMs = 0;
  /** Called with each write's number before it is stored. What it throws is the answer. */
  beforeWrite: (index: number, name: string) => void | Promise<void> = () => undefined;
  /** Called with each write's number after it was stored. */
  afterWrite: (index: number, name: string) => void | Promise<void> = () => undefined;
  beforeRead: (name: string) => void | Promise<void> = () => undefined;
  #arrived = 0;

  constructor(
    readonly clock: VirtualClock,
    readonly store = new Store(),
  ) {}

  /** Writes that reached the cloud. */
  get writes(): string[] {
    return this.events.filter((event) => event.startsWith('put ') || event.startsWith('remove '));
  }

  read(name: string): Promise<ThingState | undefined> {
    return this.reading.during(async () => {
      this.events.push(`read ${name}`);
      await this.beforeRead(name);
      await this.clock.sleep(this.latencyMs);
      return this.store.at(name, this.clock.monotonic());
    });
  }

  put(name: string, part: string, text: string): Promise<void> {
    return this.#write(`put ${name}.${part}`, name, (before) => ({ id: `uid:${name}`, content: { ...before?.content, [part]: text } }));
  }

  remove(name: string): Promise<void> {
    return this.#write(`remove ${name}`, name, () => undefined);
  }

  #write(event: string, name: string, next: (before: ThingState | undefined) => ThingState | undefined): Promise<void> {
    return this.writing.during(async () => {
      const index = this.#arrived;
      this.#arrived += 1;
      this.events.push(event);
      await this.beforeWrite(index, name);
      await this.clock.sleep(this.latencyMs);
      this.store.set(name, next(this.store.newest(name)), this.clock.monotonic() + this.lagMs);
      await this.afterWrite(index, name);
    });
  }
}
