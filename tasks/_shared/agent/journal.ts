import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import type { Journal, JournalEntry } from '../reconcile/ports.js';
import type { JournalLine } from '../report/ledger.js';

/**
 * A journal in a file: one JSON line when a write is intended and one when its outcome is known. Each line is on the disk
 * before the method returns, so that a killed run leaves a record of what it had sent.
 */
export class FileJournal implements Journal {
  readonly #lines: JournalLine[] = [];
  readonly #file: number;

  /** @param debug shows each line in the debug log. */
  constructor(
    path: string,
    private readonly debug: (line: string) => void,
  ) {
    this.#file = openSync(path, 'a', 0o600);
  }

  /** Everything noted so far, oldest first. */
  get lines(): readonly JournalLine[] {
    return this.#lines;
  }

  intend(entry: JournalEntry): void {
    this.#append({ version: 1, phase: 'intended', entry });
  }

  settle(entry: JournalEntry, outcome: 'done' | 'failed', detail?: string): void {
    this.#append({ version: 1, phase: outcome, entry, ...(detail === undefined ? {} : { detail }) });
  }

  close(): void {
    closeSync(this.#file);
  }

  #append(line: JournalLine): void {
    const text = JSON.stringify(line);
    writeSync(this.#file, `${text}\n`);
    fsyncSync(this.#file);
    this.#lines.push(line);
    this.debug(`journal ${text}`);
  }
}
