import type { LedgerStream } from '../azure/ledger-stream.js';
import { object, type Json } from '../fleet/json.js';
import { many } from '../fleet/wording.js';
import { toProblem } from '../reconcile/problem.js';
import { toLedger, type JournalLine, type LedgerContext } from '../report/ledger.js';
import { problemLine } from '../report/problem-text.js';
import { redacted } from '../report/redacted.js';
import type { Agent } from './agent.js';

/** Sends lines of a ledger to a stream. */
export type SendLedger = (where: LedgerStream, lines: readonly Json[]) => Promise<void>;

/**
 * Sends what a run wrote to Log Analytics, line by line as it is attached; nothing when it wrote nothing. Never throws: what comes between is a
 * warning, since the attachment is the record.
 */
export async function sendTrail(agent: Agent, where: LedgerStream | undefined, send: SendLedger | undefined, journal: readonly JournalLine[], who: LedgerContext): Promise<void> {
  if (where === undefined || journal.length === 0) return;
  try {
    if (send === undefined) throw new Error('the services of this run cannot send ledgers');
    const lines = toLedger(journal, who).map((line) => object(redacted(line, (text) => agent.redact(text))));
    await send(where, lines);
    agent.line(`Ledger   ${many(lines.length, 'write')}, sent to ${where.stream} of ${where.ruleId}`);
  } catch (error) {
    agent.warning(problemLine(toProblem(error).parts));
  }
}
