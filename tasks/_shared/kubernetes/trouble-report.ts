import { number, object, text } from '../fleet/json.js';
import { attempt } from '../reconcile/attempt.js';
import type { ClusterConnection } from './connection.js';
import { masked } from './masked-lines.js';
import { kinds, metadataOf, type ClusterObject } from './objects.js';
import { describeTroubles, type PodTrouble } from './pod-health.js';

/** So many troubles are told with what the cluster knows of them; others are like them as a rule. */
const most = 2;
const mostEvents = 2;
const mostLines = 5;
const longestLine = 300;

/** What troubles are looked into with. */
export interface TroubleSite {
  readonly connection: ClusterConnection;
  readonly namespace: string;
  readonly signal: AbortSignal;
}

/**
 * Troubles with what the cluster tells of them: their last warnings, and the last lines of containers that crash, secrets masked. Neither is necessary, so that what
 * may not be read is said to be so.
 * @throws what the signal was aborted with, and nothing else
 */
export async function reportTroubles(site: TroubleSite, troubles: readonly PodTrouble[]): Promise<string> {
  const first = troubles.filter(({ uid }, index) => troubles.findIndex((other) => other.uid === uid) === index).slice(0, most);
  const told = await Promise.all(first.map((trouble) => looked(site, trouble)));
  return [describeTroubles(troubles), ...new Set(told.flat())].filter((part) => part !== '').join('; ');
}

async function looked(site: TroubleSite, trouble: PodTrouble): Promise<string[]> {
  return (await Promise.all([eventsTold(site, trouble), linesTold(site, trouble)])).flat();
}

/** The warnings of an object, the newest first; events are kept for an hour. Source: kube-apiserver, --event-ttl. */
export async function warningsOf({ connection, namespace }: Omit<TroubleSite, 'signal'>, uid: string): Promise<readonly ClusterObject[]> {
  const found = await connection.list(kinds.event, namespace, undefined, { fieldSelector: `involvedObject.uid=${uid},type=Warning` });
  return [...found].sort((one, other) => timeOf(other).localeCompare(timeOf(one)));
}

async function eventsTold(site: TroubleSite, { uid, subject, message }: PodTrouble): Promise<string[]> {
  if (uid === undefined) return [];
  const read = await attempt(site.signal, () => warningsOf(site, uid));
  if ('unread' in read) return ['its events may not be read'];
  const told = read.found.map((event) => ({ reason: text(event.reason) ?? '', message: masked(text(event.message) ?? '') }));
  const news = told.filter((event, index) => event.message !== message && told.findIndex((other) => other.message === event.message) === index).slice(0, mostEvents);
  return news.length === 0 ? [] : [`events of ${subject}: ${news.map((event) => `${event.reason}: ${event.message.slice(0, longestLine)}`).join(' | ')}`];
}

/** Only a program that ran has something to say. */
async function linesTold({ connection, namespace, signal }: TroubleSite, { container }: PodTrouble): Promise<string[]> {
  if (container === undefined || container.restarts === 0) return [];
  const of = `container ${container.name}`;
  const read = await attempt(signal, async () => connection.podLog?.({ namespace, ...container, previous: true, lines: mostLines }));
  if ('unread' in read) return [`the log of ${of} may not be read (get pods/log)`];
  if (read.found === undefined) return [`the log of ${of} cannot be read through this connection`];
  const lines = read.found.split(/\r?\n/).filter((line) => line.trim() !== '').slice(-mostLines);
  return lines.length === 0 ? [`${of} wrote no log`] : [`last lines of ${of}: ${lines.map((line) => masked(line).slice(0, longestLine)).join(' | ')}`];
}

function timeOf(event: ClusterObject): string {
  const series = object(event.series);
  return text(series.lastObservedTime) ?? text(event.lastTimestamp) ?? text(event.eventTime) ?? metadataOf(event).created ?? String(number(event.count) ?? '');
}
