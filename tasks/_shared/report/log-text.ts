import type { AppliedChange } from '../reconcile/apply.js';
import type { Plan, PlannedChange } from '../reconcile/plan.js';
import type { Preflight } from '../reconcile/preflight.js';
import { consequenceCode } from '../reconcile/problem.js';
import { foreseen, writes, type FieldChange, type WritingChange } from '../reconcile/resource.js';
import type { ProofResult } from '../reconcile/run.js';
import { accessText, crossingText } from './crossing-text.js';
import { many, some } from '../fleet/wording.js';
import { brief, columns, duration } from './columns.js';
import { awaitedOf, causesOf, countsOf, fateOf, marks, noticesOf, obstaclesOf, wantedOf, type Counts, type Failure } from './findings.js';
import { becauseOf, problemText } from './problem-text.js';

/** A piece of the log: a line, or lines that fold under a title. */
export type LogPart = string | { readonly title: string; readonly lines: readonly string[] };

/** From this many clusters on, logs show counts or one row a cluster, and fold the details. */
export const largeFleet = 25;


/** What a run works on and as whom. */
export function fleetText(fleet: { readonly clusters: number; readonly signIn: string; readonly dryRun: boolean; readonly pullRequest?: boolean }): string {
  const dryRun = fleet.pullRequest === true ? 'yes, always in a pull request' : fleet.dryRun ? 'yes' : 'no';
  return `Fleet    ${many(fleet.clusters, 'cluster')} · as ${fleet.signIn} · dry run: ${dryRun}`;
}

/** The plan: how many changes, then each of them by cluster, what the fleet shares first. */
export function planText(plan: Plan): LogPart[] {
  const heads = [`Plan     ${countsText(countsOf(plan))}`];
  const places = placesOf(plan.filter(({ change }) => change.action !== 'keep'));
  const details = [...places].flatMap(([place, entries]) => [`  ${place}`, ...columns(placeRows(entries), '    ')]);
  const kept = placesOf(wantedOf(plan).filter(({ change }) => change.action === 'keep'));
  const keptLines = [...kept].flatMap(([place, entries]) => [`  ${place}`, ...columns(entries.map(row), '    ')]);
  const folded: LogPart[] = keptLines.length === 0 ? [] : [{ title: 'As they should be', lines: keptLines }];
  if (places.size < largeFleet) return [...heads, ...details, ...folded];
  const overview = new Map<string, { counts: string[]; named: string[] }>();
  for (const [place, entries] of places) {
    const counts = tally(countsOf(entries));
    const equal = overview.get(counts.join(' ')) ?? { counts, named: [] };
    equal.named.push(place);
    overview.set(counts.join(' '), equal);
  }
  const rows = [...overview.values()].map(({ counts, named }) => [many(named.length, 'place'), ...counts, some(named)]);
  return [...heads, ...columns(rows, '  '), { title: `Plan of ${many(places.size, 'place')} in detail`, lines: details }, ...folded];
}

/** `4 to create, 1 to update, 9 as they should be`. */
export function countsText(counts: Counts): string {
  const parts = [`${counts.create} to create`, `${counts.update} to update`];
  if (counts.delete > 0) parts.push(`${counts.delete} to delete`);
  if (counts.blocked > 0) parts.push(`${counts.blocked} blocked`);
  if (counts.waits > 0) parts.push(`${counts.waits} waiting for another task`);
  return [...parts, `${counts.keep} as they should be`].join(', ');
}

/** What preflight looked at and what it found. */
export function preflightText(preflight: Preflight, dryRun: boolean): LogPart[] {
  const actions = new Set(preflight.permissions.map(({ action }) => action)).size;
  const scopes = new Set(preflight.permissions.map(({ scope }) => scope)).size;
  const obstacles = obstaclesOf(preflight, dryRun);
  const awaited = dryRun ? awaitedOf(preflight) : [];
  const { lacking } = preflight;
  const asked = `${many(actions, 'action')} at ${many(scopes, 'scope')}`;
  const forApply = `this connection lacks ${lacking.length} of the ${preflight.permissions.length} rights that applying needs`;
  const looked = actions === 0 ? 'no permissions needed' : lacking.length === 0 ? `permissions ok (${asked})` : dryRun ? forApply : `permissions missing (${asked})`;
  const found = [...(obstacles.length === 0 ? [] : [many(obstacles.length, 'finding')]), ...(awaited.length === 0 ? [] : [`${awaited.length} left to another task`])];
  const rows = obstacles.map(({ cluster, problem }) => [`! ${cluster ?? 'shared'}`, problem.code, brief(`${problem.what}: ${becauseOf(problem)}`, 160)]);
  const causes = causesOf(obstacles).map(({ first: { problem }, places }) => [`! ${many(places.length, 'place')}`, problem.code, brief(becauseOf(problem), 160), some(places)]);
  return [...headed([looked, ...found], preflight.notes), ...crossingLines(preflight), ...table(rows, causes, 'findings')];
}

/** What a plan warns of; nothing where it warns of nothing. */
export function noticesText(plan: Plan): LogPart[] {
  const notices = noticesOf(plan);
  if (notices.length === 0) return [];
  const rows = notices.map(({ cluster, problem }) => [`! ${cluster ?? 'shared'}`, problem.code, brief(`${problem.what}: ${becauseOf(problem)}`, 160)]);
  const causes = causesOf(notices).map(({ first: { problem }, places }) => [`! ${many(places.length, 'place')}`, problem.code, brief(becauseOf(problem), 160), some(places)]);
  return [`Notices  ${many(notices.length, 'warning')}`, ...table(rows, causes, 'warnings')];
}

/** Most characters of a line that holds several things. */
const widest = 140;

/** What was looked at, in one line where it fits, else with a line for each note. */
function headed(first: readonly string[], notes: readonly string[]): string[] {
  const line = `Preflight  ${[...first, ...notes].join(' · ')}`;
  return line.length <= widest ? [line] : [`Preflight  ${first.join(' · ')}`, ...notes.map((note) => `  · ${note}`)];
}

/** The allowed crossings of boundaries, each once: who approves shall see them. */
function crossingLines({ crossings }: Preflight): LogPart[] {
  const all = [...crossings.values()].flat();
  const rows = [...new Map(all.map((crossing) => [`${accessText(crossing)} ${crossingText(crossing)}`, [`↔ ${accessText(crossing)}`, crossingText(crossing)] as const])).values()];
  const ways = new Map<string, number>();
  for (const [, way] of rows) ways.set(way, (ways.get(way) ?? 0) + 1);
  return table(rows, [...ways].map(([way, count]) => [`↔ ${count} accesses`, way]), 'crossings');
}

/** How much of the plan was done, and what was not. */
export function applyText(changes: readonly AppliedChange[], durationMs: number): LogPart[] {
  const wanted = changes.filter(({ change }) => writes(change));
  if (wanted.length === 0) return ['Apply    nothing to do'];
  const failed = wanted.filter(({ outcome }) => outcome.result === 'failed');
  const skipped = wanted.filter(({ outcome }) => outcome.result === 'skipped');
  const done = wanted.length - failed.length - skipped.length;
  const rest = [...(failed.length === 0 ? [] : [`${failed.length} failed`]), ...(skipped.length === 0 ? [] : [`${skipped.length} left alone`])];
  const rows = failed.flatMap(({ resource, outcome }) =>
    'problem' in outcome ? [[`! ${resource.cluster ?? 'shared'}`, resource.kind, resource.name, brief(becauseOf(outcome.problem), 160)]] : [],
  );
  return [`Apply    ${[`${done} of ${wanted.length} done in ${duration(durationMs)}`, ...rest].join(', ')}`, ...table(rows, [], 'failures')];
}

/** Rows, or, where they are too many, rows that stand for many of them, and the rest folded. */
function table(rows: readonly (readonly string[])[], instead: readonly (readonly string[])[], what: string): LogPart[] {
  const lines = columns(rows, '  ');
  return lines.length < largeFleet ? lines : [...columns(instead.slice(0, largeFleet), '  '), { title: `The ${lines.length} ${what} one by one`, lines }];
}

/** What was proven, how, and what was not. */
export function proofText(proofs: readonly ProofResult[]): LogPart[] {
  const rows = proofs.map(({ proof, outcome }) => {
    const told = 'summary' in outcome ? outcome.summary : brief(becauseOf(outcome.problem), 160);
    const mark = outcome.level === 'failed' || ('shortfall' in outcome) ? '!' : '→';
    return [proof.cluster ?? 'shared', proof.title, outcome.level, `${mark} ${told}`];
  });
  if (rows.length >= largeFleet) {
    const levels = new Map<string, number>();
    for (const { outcome } of proofs) levels.set(outcome.level, (levels.get(outcome.level) ?? 0) + 1);
    const counts = [...levels].map(([level, count]) => `${count} ${level}`);
    return [`Proof    ${counts.join(', ')}`, { title: `The ${rows.length} proofs one by one`, lines: columns(rows, '  ') }];
  }
  return columns(rows).map((line, index) => `${index === 0 ? 'Proof    ' : '         '}${line}`);
}

/** Every failure in full; where they are many, one of each cause, with the places where it was met. */
export function failuresText(failures: readonly Failure[]): LogPart[] {
  const each = failures.flatMap(({ problem, cluster }) => ['', ...problemText(problem, cluster)]);
  if (failures.length < largeFleet) return each;
  const causes = causesOf(failures);
  const told = causes.slice(0, largeFleet).flatMap(({ first: { problem, cluster }, places }) => {
    const also = places.length === 1 ? [] : [`  where   ${many(places.length, 'place')}: ${some(places)}`];
    return ['', ...problemText(problem, cluster), ...also];
  });
  return [...told, { title: `The ${failures.length} failures one by one`, lines: each }];
}

function placesOf(entries: Plan): Map<string, PlannedChange[]> {
  const places = new Map<string, PlannedChange[]>();
  const shared = entries.filter(({ resource }) => resource.cluster === undefined);
  if (shared.length > 0) places.set('shared', shared);
  for (const entry of entries) {
    const { cluster } = entry.resource;
    if (cluster === undefined) continue;
    const own = places.get(cluster) ?? [];
    own.push(entry);
    places.set(cluster, own);
  }
  return places;
}

/** The rows of one place; what is blocked only because something else is, is one row together. */
function placeRows(entries: readonly PlannedChange[]): string[][] {
  const dependent = entries.filter(({ change }) => change.action === 'blocked' && change.problem.code === consequenceCode);
  const rows = entries.filter((entry) => !dependent.includes(entry)).map(row);
  return dependent.length === 0 ? rows : [...rows, [`${marks.blocked} ${many(dependent.length, 'resource')}`, 'left alone', 'each needs something that is blocked']];
}

function row({ resource, change }: PlannedChange): string[] {
  const seen = foreseen(change);
  const widens = writes(seen) && seen.widens ? '  ▲ widens' : '';
  return [`${marks[fateOf(change)]} ${resource.kind}${widens}`, resource.name, detailOf(change)];
}

function detailOf(change: PlannedChange['change']): string {
  switch (change.action) {
    case 'keep':
      return `${change.reason}${change.later === undefined ? '' : ` · later, if need be, ${prospect(change.later)}`}`;
    case 'blocked':
      return `${change.awaits ? 'waits: ' : ''}${brief(becauseOf(change.problem), 160)}${change.then === undefined ? '' : ` · then ${prospect(change.then)}`}`;
    case 'delete':
      return change.reason;
    case 'create':
    case 'update':
      return change.fields.length === 0 ? change.reason : change.fields.map((field) => fieldText(field, change.action)).join(' · ');
  }
}

/** What will be done later; a reason of now would say nothing about it. */
function prospect(change: WritingChange): string {
  return change.fields.length === 0 ? change.action : detailOf(change);
}

function fieldText({ field, before, after }: FieldChange, action: string): string {
  if (action === 'create' && before === undefined) return `${field} ${brief(after, 80)}`;
  return `${field} ${brief(before ?? '(none)', 60)} → ${brief(after, 60)}`;
}

function tally(counts: Counts): string[] {
  const cell = (mark: string, count: number): string => (count === 0 ? '' : `${mark} ${count}`);
  return [cell('+', counts.create), cell('~', counts.update), cell('-', counts.delete), cell('!', counts.blocked), cell('·', counts.waits), counts.widens === 0 ? '' : `▲ ${counts.widens}`];
}

/** What a failed run says in one place of the log's end: the clusters that are done, so that nobody has to guess. */
export function doneText(clusters: readonly string[]): LogPart[] {
  if (clusters.length === 0) return [];
  if (clusters.length < largeFleet) return ['', `Done     ${clusters.join(', ')}`];
  return ['', `Done     ${many(clusters.length, 'cluster')}`, { title: 'Which they are', lines: clusters.map((cluster) => `  ${cluster}`) }];
}

