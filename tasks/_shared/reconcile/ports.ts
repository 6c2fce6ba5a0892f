import type { Crossing } from './access.js';
import type { PreflightCheck } from './check.js';
import type { Clock } from './clock.js';
import type { Permission, Intent } from './resource.js';

/** Keeps intents and outcomes of writes; implemented by `agent/`. */
export interface Journal {
  /** Called before a write is sent; has to be durable when it returns. */
  intend(entry: JournalEntry): void;
  /** Called when the service has taken the write and goes on with it by itself, as with a long-running operation. */
  accept(entry: JournalEntry): void;
  /** Called with the outcome; not called where nobody can tell whether the write was made. */
  settle(entry: JournalEntry, outcome: 'done' | 'failed', detail?: string): void;
}

/** One write in the journal and later in the ledger. */
export interface JournalEntry extends Intent {
  readonly resource: string;
  readonly cluster?: string;
  readonly at: string;
  /** The crossings of boundaries that the write makes, each with the rule that allows it; absent when it makes none. */
  readonly crossings?: readonly Crossing[];
}

/** Shows how the run goes; implemented by `agent/`. */
export interface Progress {
  /** A line about something that is waited for. */
  waiting(subject: string, text: string): void;
}

/** Looks up which of the given rights the run's principal lacks; implemented over Azure and the clusters. */
export interface PermissionCheck {
  missing(permissions: readonly Permission[]): Promise<readonly Permission[]>;
  /** Which roles would give these rights, in a clause that says what to do. */
  advise?(lacking: readonly Permission[]): string;
}

/** What the engine needs from outside. */
export interface Ports {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly progress: Progress;
  readonly permissions: PermissionCheck;
  /** What else is looked at before the first write. */
  readonly checks: readonly PreflightCheck[];
  /** Aborted when the pipeline cancels the task. */
  readonly signal: AbortSignal;
}
