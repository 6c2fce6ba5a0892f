import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { list, object, parseJson, text } from '../fleet/json.js';
import { accessKinds, type Crossing } from '../reconcile/access.js';
import type { JournalEntry } from '../reconcile/ports.js';
import { contextTexts, type JournalLine, type LedgerContext } from '../report/ledger.js';

/** Task variable with the name of the run's folder below the agent's temp directory, for the post-job step of the same task. */
export const runFolderVariable = 'AKS_WORKLOAD_IDENTITY_RUN';

/** The journal of a run, in its folder. Only there while the run lasts. */
export const journalFile = 'journal.jsonl';
/** Who runs, in the run's folder. */
export const contextFile = 'run.json';

/** What a killed run left in its folder. */
export interface LeftRecord {
  readonly context: LedgerContext;
  readonly journal: readonly JournalLine[];
}

/** Reads the record of a run that was killed; undefined when it was killed before it began one, or had closed it. */
export function readRecord(folder: string): LeftRecord | undefined {
  const context = contextIn(parseJson(read(join(folder, contextFile))));
  const journal = read(join(folder, journalFile));
  if (context === undefined || journal === undefined) return undefined;
  return { context, journal: journal.split('\n').flatMap((line) => lineIn(parseJson(line))) };
}

/** True after a run that ended: it has attached its ledger and removed its journal, and only its folder could not be removed. */
export function wasClosed(folder: string): boolean {
  return contextIn(parseJson(read(join(folder, contextFile)))) !== undefined && !existsSync(join(folder, journalFile));
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function contextIn(value: unknown): LedgerContext | undefined {
  const given = object(value);
  const { task, run, signIn, correlation } = given;
  if (typeof task !== 'string' || typeof run !== 'string' || typeof signIn !== 'string' || typeof correlation !== 'string') return undefined;
  const others = Object.fromEntries(contextTexts.flatMap((name) => (text(given[name]) === undefined ? [] : [[name, text(given[name])]])));
  const { path, commit, sha256 } = object(given.boundaryPolicy);
  const policy = typeof path === 'string' && typeof sha256 === 'string' ? { boundaryPolicy: { path, sha256, ...optional('commit', commit) } } : {};
  return { task, run, signIn, correlation, ...others, ...policy };
}

/** A line that the kill tore is no line. A torn intent was not sent, since intents are on the disk before. */
function lineIn(value: unknown): JournalLine[] {
  const { phase, entry, detail } = object(value);
  const known = (['intended', 'accepted', 'done', 'failed'] as const).find((one) => one === phase);
  const write = entryIn(object(entry));
  return known === undefined || write === undefined ? [] : [{ version: 1, phase: known, entry: write, ...optional('detail', detail) }];
}

function entryIn({ action, object: written, resource, at, widens, cluster, before, after, crossings }: Record<string, unknown>): JournalEntry | undefined {
  if (typeof action !== 'string' || typeof written !== 'string' || typeof resource !== 'string' || typeof at !== 'string') return undefined;
  return { action, object: written, resource, at, widens: widens === true, ...optional('cluster', cluster), ...optional('before', before), ...optional('after', after), ...crossingsIn(crossings) };
}

/** Read back from what this task wrote itself: a crossing that is torn is none. */
function crossingsIn(value: unknown): { crossings?: readonly Crossing[] } {
  const found = list(value).filter(isCrossing);
  return found.length === 0 ? {} : { crossings: found };
}

function isCrossing(value: unknown): value is Crossing {
  const { access, from, to, rule, reason } = object(value);
  const { kind, from: start, to: end } = object(access);
  const ends = [start, end].map(object).every(({ kind: of, name, id }) => [of, name, id].every((part) => typeof part === 'string'));
  return ends && accessKinds.some((one) => one === kind) && [from, to, rule, reason].every((part) => typeof part === 'string');
}

function optional<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  const given = text(value);
  return given === undefined ? {} : ({ [key]: given } as Record<K, string>);
}
