import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/**
 * A clock whose time passes only when nothing else can happen: as soon as the process is idle, it jumps to the next sleeper.
 * For in-process worlds only: with sockets in play, "idle" cannot be told from "waiting for an answer".
 */
export class VirtualClock implements Clock {
  readonly rate = 1;
  #elapsed = 0;
  #sleepers: Sleeper[] = [];
  #watching = false;
  readonly #start: number;

  constructor(start = '2026-01-05T08:00:00Z') {
    this.#start = Date.parse(start);
  }

  now(): Date {
    return new Date(this.#start + this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const abort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason as Error);
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const sleeper = { due: this.#elapsed + Math.max(0, milliseconds), wake };
      signal?.addEventListener('abort', abort, { once: true });
      this.#sleepers.push(sleeper);
      this.#watch();
    });
  }

  /** Lets time pass without anybody sleeping. */
  advance(milliseconds: number): void {
    this.#elapsed += milliseconds;
  }

  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    let turns = 0;
    const turn = (): void => {
      turns += 1;
      if (turns < 4) {
        setImmediate(turn);
        return;
      }
      this.#watching = false;
      if (this.#sleepers.length === 0) return;
      const next = this.#sleepers.reduce((least, sleeper) => (sleeper.due < least.due ? sleeper : least));
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      this.#elapsed = Math.max(this.#elapsed, next.due);
      next.wake();
      if (this.#sleepers.length > 0) this.#watch();
    };
    setImmediate(turn);
  }
}
