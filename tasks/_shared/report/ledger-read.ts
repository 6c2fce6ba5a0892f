import { object, parseJson, text } from '../fleet/json.js';
import type { History, ObjectHistory } from '../fleet/history.js';
import { shown } from '../fleet/shown.js';
import { Problem } from '../reconcile/problem.js';
import type { LedgerLine } from './ledger.js';

/** What is read of a line of a ledger. */
export type ReadLine = Pick<LedgerLine, 'at' | 'resource' | 'object' | 'action' | 'before' | 'after' | 'outcome'>;

/** So many lines of a file are told one by one; a file of another kind would fill the log. */
const toldLines = 5;
const outcomes = ['done', 'failed', 'unknown'] as const;

/**
 * Reads a ledger as the tasks attach it: JSON Lines, one object for each write.
 * @param path as messages call the file
 * @returns the lines that can be used, and a Problem WI1081 for each that cannot; after five of them one for the rest.
 */
export function readLedger(content: string, path: string): { lines: ReadLine[]; mistakes: Problem[] } {
  const lines: ReadLine[] = [];
  const mistakes: Problem[] = [];
  let more = 0;
  content.split('\n').forEach((line, index) => {
    if (line.trim() === '') return;
    const read = readLine(line);
    if (typeof read !== 'string') lines.push(read);
    else if (mistakes.length < toldLines) mistakes.push(mistake(path, `line ${index + 1}`, `${read}: ${shown(line.trim())}`));
    else more += 1;
  });
  if (more > 0) mistakes.push(mistake(path, `${more} more lines`, 'they are no lines of a ledger either'));
  if (lines.length === 0 && mistakes.length === 0) mistakes.push(mistake(path, 'every line', 'there is none'));
  return { lines, mistakes };
}

function mistake(path: string, lines: string, because: string): Problem {
  return new Problem({
    code: 'WI1081',
    what: `Input ledger names "${shown(path)}", of which ${lines} cannot be used`,
    because,
    remedy: 'give the file that a run attached as aks-workload-identity-ledger, unchanged: JSON Lines, one object for each write',
  });
}

/** The line, or why it is none. */
function readLine(line: string): ReadLine | string {
  const value = parseJson(line);
  if (value === undefined) return 'it is not JSON';
  const { version, at, resource, object: written, action, outcome, before, after } = object(value);
  if (version !== 1) return version === undefined ? 'it has no version' : `it has version ${JSON.stringify(version)}, and this task reads 1`;
  const missing = Object.entries({ at, resource, object: written, action }).find(([, part]) => text(part) === undefined);
  if (missing !== undefined) return `it has no ${missing[0]}`;
  const known = outcomes.find((one) => one === outcome);
  if (known === undefined) return 'its outcome is none of done, failed, unknown';
  return {
    at: text(at) ?? '',
    resource: text(resource) ?? '',
    object: text(written) ?? '',
    action: text(action) ?? '',
    outcome: known,
    ...optional('before', before),
    ...optional('after', after),
  };
}

function optional<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  return typeof value === 'string' ? ({ [key]: value } as Record<K, string>) : {};
}

/** Puts the lines of any number of ledgers together, in the order of their times. A write that failed did nothing. */
export function historyOf(lines: readonly ReadLine[]): History {
  const histories = new Map<string, ObjectHistory>();
  const objects = new Map<string, string>();
  for (const line of [...lines].sort((one, other) => one.at.localeCompare(other.at))) {
    if (line.outcome === 'failed') continue;
    const key = keyOf(line.object, clusterOf(line));
    objects.set(line.object.toLowerCase(), line.object);
    if (line.action === 'delete' && line.outcome === 'done') histories.delete(key);
    else if (line.action !== 'delete') histories.set(key, continued(histories.get(key), line));
  }
  return { of: (written, cluster) => histories.get(keyOf(written, cluster)), objects: [...objects.values()] };
}

function continued(earlier: ObjectHistory | undefined, line: ReadLine): ObjectHistory {
  const before = earlier === undefined ? line.before : earlier.before;
  return {
    resources: [...new Set([...(earlier?.resources ?? []), line.resource])],
    made: (earlier?.made ?? false) || (line.action === 'create' && line.before === undefined),
    ...(before === undefined ? {} : { before }),
    afters: [...(earlier?.afters ?? []), ...(line.after === undefined ? [] : [line.after])],
    writes: [...(earlier?.writes ?? []), { ...optional('before', line.before), ...optional('after', line.after), certain: line.outcome === 'done' }],
  };
}

/** The ARM id of the cluster that an object of Kubernetes is in: keys of such resources begin with it. Names of clusters are not distinct. */
function clusterOf({ resource }: ReadLine): string | undefined {
  return /^\/subscriptions\/\S+\/managedClusters\/[^/\s]+(?=\s)/i.exec(resource)?.[0];
}

/** Kubernetes paths are alike on all clusters; ARM ids are not. */
function keyOf(written: string, cluster: string | undefined): string {
  return (written.startsWith('/subscriptions/') ? written : `${cluster ?? ''} ${written}`).toLowerCase();
}
