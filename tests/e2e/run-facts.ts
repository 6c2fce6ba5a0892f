import assert from 'node:assert/strict';
import { marks } from '../../tasks/_shared/report/findings.js';
import { ledgerType, type ReportedChange, type ReportedProof } from '../../tasks/_shared/report/schema.js';
import type { LedgerLine } from '../../tasks/_shared/report/ledger.js';
import type { ContosoRun } from '../demo/contoso-run.js';
import type { StepResult } from '../pipeline/run/result.js';
import type { LoggedRequest } from '../simulators/kernel/request-log.js';

const writing = ['create', 'update', 'delete'];

/** Steps of one stage, or of all. */
export function stepsOf({ result }: ContosoRun, stage?: string): readonly StepResult[] {
  return result.stages.filter(({ name }) => stage === undefined || name === stage).flatMap(({ jobs }) => jobs.flatMap(({ steps }) => steps));
}

/** The changes that a stage's dry runs announce. */
export function announced(run: ContosoRun, stage: string): ReportedChange[] {
  const changes = run.reports.filter((entry) => entry.stage === stage).flatMap(({ report }) => (report.dryRun ? report.changes : []));
  return changes.filter(({ action }) => writing.includes(action));
}

/** The changes that a stage made. */
export function made(run: ContosoRun, stage: string): ReportedChange[] {
  const changes = run.reports.filter((entry) => entry.stage === stage).flatMap(({ report }) => (report.dryRun ? [] : report.changes));
  return changes.filter(({ outcome }) => outcome === 'done');
}

/** Action and key of changes, sorted, each once: the same resource may be announced by two tasks. */
export function identified(changes: readonly ReportedChange[]): string[] {
  return [...new Set(changes.map(({ action, key }) => `${action} ${key}`))].sort();
}

/** Changes as the log shows them. */
export function shown(changes: readonly ReportedChange[]): string[] {
  return [...new Set(changes.map(({ action, kind, name, cluster }) => `${cluster ?? ''} ${marks[action]} ${kind} ${name}`))].sort();
}

/** The changes that the log of one stage shows. */
export function printed({ lines }: ContosoRun, stageTitle: string): string[] {
  const start = lines.indexOf(`Stage: ${stageTitle}`);
  assert.notEqual(start, -1, `the log has no stage ${stageTitle}`);
  const next = lines.findIndex((line, index) => index > start && line.startsWith('Stage: '));
  const found = new Set<string>();
  let cluster = '';
  for (const line of lines.slice(start, next === -1 ? undefined : next)) {
    cluster = /^ {2}(aks-[\w-]+)$/.exec(line)?.[1] ?? cluster;
    const [, mark, text] = /^ {4}([+~-]) (.*)$/.exec(line) ?? [];
    if (mark === undefined || text === undefined) continue;
    const [kind = '', name = ''] = text.split(/ {2,}/).filter((column) => !column.startsWith('▲'));
    found.add(`${cluster} ${mark} ${kind} ${name}`);
  }
  return [...found].sort();
}

/** The ledger of a stage. */
export function ledgerOf(run: ContosoRun, stage: string): LedgerLine[] {
  const attached = stepsOf(run, stage).flatMap(({ attachments }) => attachments.filter(({ type }) => type === ledgerType));
  return attached.flatMap(({ content }) => content.trim().split('\n').map((line) => JSON.parse(line) as LedgerLine));
}

/** What Helm writes for the sample chart. */
const helmWrites = /^(secrets orders\/sh\.helm\.release\.v1\.orders-api\.v\d+|services orders\/orders-api|deployments\.apps orders\/orders-api)$/;

/** True when the ledger's line is about this write. */
export function isAbout({ object, cluster }: LedgerLine, { service, path, wrote = '' }: LoggedRequest): boolean {
  if (object.startsWith('/subscriptions/')) return service === 'arm' && wrote.toLowerCase() === object.toLowerCase();
  if (service !== `kubernetes/${cluster ?? ''}`) return false;
  return object === 'helm release orders/orders-api' ? helmWrites.test(wrote) : path.split('?')[0] === object;
}

/** The proofs of a stage, or of all. */
export function proofsOf(run: ContosoRun, stage?: string): ReportedProof[] {
  return run.reports.filter((entry) => stage === undefined || entry.stage === stage).flatMap(({ report }) => report.proofs);
}

/** Writes to Azure, and writes to clusters. */
export function counted(writes: readonly LoggedRequest[]): { azure: number; kubernetes: number } {
  const kubernetes = writes.filter(({ service }) => service.startsWith('kubernetes/')).length;
  return { azure: writes.length - kubernetes, kubernetes };
}

/** Asserts that some line of the log is an error that says all of these. */
export function assertError({ lines }: Pick<ContosoRun, 'lines'>, ...texts: readonly string[]): void {
  const errors = lines.filter((line) => line.startsWith('##[error]'));
  assert.ok(errors.some((line) => texts.every((text) => line.includes(text))), `no error says ${texts.join(' · ')}:\n${errors.join('\n')}`);
}
