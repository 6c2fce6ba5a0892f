import type { PolicyOrigin } from '../fleet/policy-origin.js';
import type { Crossing } from '../reconcile/access.js';
import type { JournalEntry } from '../reconcile/ports.js';

/**
 * A line of the journal: a write that is about to be sent, or what became of it. `accepted`: the service has taken it and goes on with it
 * by itself; its end is another line.
 */
export interface JournalLine {
  readonly version: 1;
  readonly phase: 'intended' | 'accepted' | 'done' | 'failed';
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
  /** Name of the pipeline or release definition, and its id. */
  readonly pipeline?: string;
  readonly pipelineId?: string;
  /** Number of the run as people know it, its id, and where it is shown. */
  readonly runNumber?: string;
  readonly runId?: string;
  readonly url?: string;
  /** For whom the run was queued. */
  readonly requester?: string;
  /** Of the job or release. */
  readonly attempt?: string;
  /** Name and id of the service connection of the run. */
  readonly connection?: string;
  readonly connectionId?: string;
  /** Client id of the application or managed identity that it signs in as, and object id of its principal, where they are known. */
  readonly clientId?: string;
  readonly principalId?: string;
  /** SHA-256 of the plan file that the run followed. */
  readonly planFile?: string;
  /** The boundary policy that the run was judged by: its path, the commit that it is from, and the SHA-256 of its content. */
  readonly boundaryPolicy?: PolicyOrigin;
}

/** Fields of a context that are optional texts. */
export const contextTexts = ['pipeline', 'pipelineId', 'runNumber', 'runId', 'url', 'requester', 'attempt', 'connection', 'connectionId', 'clientId', 'principalId', 'planFile'] as const;

/**
 * One write: who, when, what, before, after, outcome. `schemas/ledger.schema.json` describes it. Fields may be added within a version; a reader
 * passes over those that it does not know.
 */
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
  /** The crossings of boundaries that it makes, each with the rule that allows it. */
  readonly crossings?: readonly Crossing[];
  /** `unknown` when the run ended before an answer came. */
  readonly outcome: 'done' | 'failed' | 'unknown';
  readonly detail?: string;
}

/** Pairs intents with their outcomes: one value per write, in the order in which they were sent. */
export function toLedger(journal: readonly JournalLine[], context: LedgerContext): LedgerLine[] {
  return writesOf(journal).map(({ entry, outcome, accepted, detail }) => {
    const told = outcome === 'unknown' && accepted ? 'accepted; the service goes on with it without this run' : detail;
    return { version: 1, ...context, ...entry, outcome, ...(told === undefined ? {} : { detail: told }) };
  });
}

/** One write of a run with what the journal knows of its end. */
export interface JournalledWrite {
  readonly entry: JournalEntry;
  /** True when the service had taken it, or it came to an end. */
  readonly accepted: boolean;
  readonly outcome: LedgerLine['outcome'];
  readonly detail?: string;
}

/** The writes of a journal in the order in which they were sent. */
export function writesOf(journal: readonly JournalLine[]): JournalledWrite[] {
  const later = journal.filter(({ phase }) => phase !== 'intended');
  const take = (entry: JournalEntry, phases: readonly JournalLine['phase'][]): JournalLine | undefined => {
    const index = later.findIndex((line) => phases.includes(line.phase) && sameWrite(line.entry, entry));
    return index === -1 ? undefined : later.splice(index, 1)[0];
  };
  return journal.filter(({ phase }) => phase === 'intended').map(({ entry }) => {
    const accepted = take(entry, ['accepted']) !== undefined;
    const end = take(entry, ['done', 'failed']);
    const outcome = end?.phase === 'done' || end?.phase === 'failed' ? end.phase : 'unknown';
    return { entry, accepted: accepted || end !== undefined, outcome, ...(end?.detail === undefined ? {} : { detail: end.detail }) };
  });
}

/** Under which name a run's ledger is attached. */
export function ledgerName({ task }: Pick<LedgerContext, 'task'>): string {
  return `${task}-ledger.jsonl`;
}

/** The ledger as a file: one JSON line per write. */
export function ledgerText(lines: readonly LedgerLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function sameWrite(one: JournalEntry, other: JournalEntry): boolean {
  return one.resource === other.resource && one.object === other.object && one.action === other.action && one.at === other.at;
}
