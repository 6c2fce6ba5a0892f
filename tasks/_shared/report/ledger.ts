import type { JournalEntry } from '../reconcile/ports.js';

/** A line of the journal: a write that is about to be sent, or what became of it. */
export interface JournalLine {
  readonly version: 1;
  readonly phase: 'intended' | 'done' | 'failed';
  readonly entry: JournalEntry;
  /** Why it failed. */
  readonly detail?: string;
}

/** Who writes, and in which run. */
export interface LedgerContext {
  readonly task: string;
  /** The principal, as the log shows it. */
  readonly signIn: string;
  /** The run in the pipeline's own words. */
  readonly run: string;
  /** Under which Azure's Activity Log shows the requests of this run. */
  readonly correlation: string;
}

/** One write: who, when, what, before, after, outcome. */
export interface LedgerLine extends LedgerContext {
  readonly version: 1;
  readonly at: string;
  readonly action: string;
  readonly object: string;
  readonly resource: string;
  readonly cluster?: string;
  readonly before?: string;
  readonly after?: string;
  readonly widens: boolean;
  /** `unknown` when the run ended before an answer came. */
  readonly outcome: 'done' | 'failed' | 'unknown';
  readonly detail?: string;
}

/** Pairs intents with their outcomes: one value per write, in the order in which they were sent. */
export function toLedger(journal: readonly JournalLine[], context: LedgerContext): LedgerLine[] {
  const settled = journal.filter(({ phase }) => phase !== 'intended');
  return journal
    .filter(({ phase }) => phase === 'intended')
    .map(({ entry }) => {
      const index = settled.findIndex((line) => sameWrite(line.entry, entry));
      const [end] = index === -1 ? [] : settled.splice(index, 1);
      const outcome = end === undefined || end.phase === 'intended' ? 'unknown' : end.phase;
      return { version: 1, ...context, ...entry, outcome, ...(end?.detail === undefined ? {} : { detail: end.detail }) };
    });
}

/** The ledger as a file: one JSON line per write. */
export function ledgerText(lines: readonly LedgerLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function sameWrite(one: JournalEntry, other: JournalEntry): boolean {
  return one.resource === other.resource && one.object === other.object && one.action === other.action && one.at === other.at;
}
