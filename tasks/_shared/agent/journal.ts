import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import type { Journal, JournalEntry } from '../reconcile/ports.js';
import type { JournalLine } from '../report/ledger.js';
import { writeLine } from '../report/write-text.js';

/** Where a journal tells of itself. */
export interface JournalLog {
  /** A line of the log, which has left the process when the call returns. */
  line(text: string): void;
  debug(text: string): void;
  /** The text without what is secret. */
  redact(text: string): string;
}

/**
 * A journal in a file: one JSON line when a write is intended, one when a service has taken it and goes on by itself, and one when its
 * outcome is known. Each line is on the disk before the method returns, and each intent in the log as well, so that a killed run leaves a
 * record of what it had sent.
 */
export class FileJournal implements Journal {
  readonly #lines: JournalLine[] = [];
  readonly #file: number;

  constructor(
    path: string,
    private readonly log: JournalLog,
  ) {
    this.#file = openSync(path, 'a', 0o600);
  }

  /** Everything noted so far, oldest first. */
  get lines(): readonly JournalLine[] {
    return this.#lines;
  }

  intend(entry: JournalEntry): void {
    this.#append({ version: 1, phase: 'intended', entry });
    this.log.line(writeLine(entry));
  }

  accept(entry: JournalEntry): void {
    this.#append({ version: 1, phase: 'accepted', entry });
  }

  settle(entry: JournalEntry, outcome: 'done' | 'failed', detail?: string): void {
    this.#append({ version: 1, phase: outcome, entry, ...(detail === undefined ? {} : { detail }) });
  }

  close(): void {
    closeSync(this.#file);
  }

  #append(line: JournalLine): void {
    const text = JSON.stringify(line);
    writeSync(this.#file, `${this.log.redact(text)}\n`);
    fsyncSync(this.#file);
    this.#lines.push(line);
    this.log.debug(`journal ${text}`);
  }
}
