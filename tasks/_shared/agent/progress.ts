import type { Clock } from '../reconcile/clock.js';
import type { Progress } from '../reconcile/ports.js';

/** What is waited for this long is told in the log, what is shorter in the debug log only. Milliseconds. */
const tellAfterMs = 5_000;
/** How often a long wait is told. Milliseconds. */
const tellEveryMs = 20_000;

/** Shows long waits in the log, each now and then, and every wait in the debug log. */
export class LoggedProgress implements Progress {
  readonly #next = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly log: { line(text: string): void; debug(text: string): void },
  ) {}

  waiting(subject: string, text: string): void {
    const now = this.clock.monotonic();
    const next = this.#next.get(subject) ?? now + tellAfterMs;
    this.log.debug(`${subject}: ${text}`);
    if (now >= next) this.log.line(`  …      ${subject}: ${text}`);
    this.#next.set(subject, now >= next ? now + tellEveryMs : next);
  }
}
