import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LedgerContext } from '../report/ledger.js';
import { unfinishedText } from '../report/write-text.js';
import type { Agent } from './agent.js';
import { FileJournal } from './journal.js';
import { contextFile, journalFile } from './left-record.js';
import { attachLedger } from './run-log.js';

const ownerOnly = 0o600;

/** What a run leaves of itself on the disk while it lasts: who runs, and the journal of its writes. */
export interface RunRecord {
  readonly journal: FileJournal;
  /** Attaches the ledger and, in a run that was stopped, tells which writes are open. Done once; later calls do nothing. */
  close(): void;
}

/**
 * Begins the record of a run in its folder. It is closed at the latest when the task is cleaned up, however that came.
 * @param signal aborted when the run is cancelled or its time is over.
 */
export function openRecord(agent: Agent, who: LedgerContext, signal: AbortSignal): RunRecord {
  const path = join(agent.runFolder, journalFile);
  writeFileSync(join(agent.runFolder, contextFile), agent.redact(JSON.stringify(who)), { mode: ownerOnly });
  const journal = new FileJournal(path, agent);
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    journal.close();
    if (signal.aborted) for (const line of unfinishedText(journal.lines)) agent.line(line);
    attachLedger(agent, journal.lines, who);
    rmSync(path, { force: true });
  };
  agent.onEnd(close);
  return { journal, close };
}
