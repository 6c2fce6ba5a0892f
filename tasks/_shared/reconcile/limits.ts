/** Runs at most `size` jobs at a time, in the order in which they came. */
export class Limiter {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(size: number) {
    this.#free = size;
  }

  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await job();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

/** Lanes by name: jobs of one lane go one after another, lanes side by side. */
export class Lanes {
  readonly #lanes = new Map<string, Limiter>();

  run<T>(lane: string | undefined, job: () => Promise<T>): Promise<T> {
    if (lane === undefined) return job();
    const limiter = this.#lanes.get(lane) ?? new Limiter(1);
    this.#lanes.set(lane, limiter);
    return limiter.run(job);
  }
}
