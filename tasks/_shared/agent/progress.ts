import type { Clock } from '../reconcile/clock.js';
import type { Progress } from '../reconcile/ports.js';
import { many, some } from '../fleet/wording.js';
import { columns } from '../report/columns.js';

/** What is waited for this long is told in the log, what is shorter in the debug log only. Milliseconds. */
const tellAfterMs = 5_000;
/** How often waits are told, all of them together. Milliseconds. */
const tellEveryMs = 30_000;
/** So many waits are told one by one; more of them in one row for each thing that is waited for. */
const toldEach = 5;

interface Wait {
  readonly since: number;
  text: string;
  told: boolean;
}

/** Shows long waits in the log, a table of them now and then, and every wait in the debug log. */
export class LoggedProgress implements Progress {
  /** What was waited for since the last table. */
  readonly #waits = new Map<string, Wait>();
  #next = 0;

  constructor(
    private readonly clock: Clock,
    private readonly log: { line(text: string): void; debug(text: string): void },
  ) {}

  waiting(subject: string, text: string): void {
    const now = this.clock.monotonic();
    this.log.debug(`${subject}: ${text}`);
    const wait = this.#waits.get(subject) ?? { since: now, text, told: false };
    Object.assign(wait, { text, told: false });
    this.#waits.set(subject, wait);
    if (now < this.#next || now < wait.since + tellAfterMs) return;
    this.#next = now + tellEveryMs;
    this.#tell(now);
  }

  #tell(now: number): void {
    // What was told before and was not waited for since is over.
    for (const [subject, { told }] of this.#waits) if (told) this.#waits.delete(subject);
    const long = [...this.#waits].filter(([, { since }]) => now >= since + tellAfterMs);
    for (const [, wait] of long) wait.told = true;
    if (long.length <= toldEach) for (const [subject, { text }] of long) this.log.line(`  …      ${subject}: ${text}`);
    else for (const line of columns(rowsOf(long), '  …      ')) this.log.line(line);
  }
}

/** One row for each text, figures in it left aside. */
function rowsOf(waits: readonly (readonly [string, Wait])[]): string[][] {
  const byText = new Map<string, { text: string; subjects: string[] }>();
  for (const [subject, { text }] of waits) {
    const key = text.replaceAll(/\d+/g, '');
    const row = byText.get(key) ?? { text, subjects: [] };
    row.subjects.push(subject);
    byText.set(key, row);
  }
  return [...byText.values()].map(({ text, subjects }) => [many(subjects.length, 'wait'), text, some(subjects, 3)]);
}
