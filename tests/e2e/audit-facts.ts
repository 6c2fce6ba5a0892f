import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditType } from '../../tasks/_shared/report/audit-report.js';
import { asRecord, records, textOf } from '../contract/tree.js';
import type { ContosoRun } from '../demo/contoso-run.js';
import type { PublishedTest } from '../pipeline/run/junit.js';
import { stepsOf } from './run-facts.js';

type Fields = Readonly<Record<string, unknown>>;

/** The report that a stage of a run attached. */
export function attachedAudit(run: ContosoRun, stage: string): Fields {
  const attached = stepsOf(run, stage).flatMap(({ attachments }) => attachments.filter(({ type }) => type === auditType));
  assert.equal(attached.length, 1, `${stage} has ${attached.length} attachments ${auditType}`);
  return asRecord(JSON.parse(attached[0]?.content ?? ''));
}

/** The files of an artifact, by name. */
export function filesOf(folder: string, artifact: string): ReadonlyMap<string, string> {
  const names = readdirSync(join(folder, artifact)).sort();
  return new Map(names.map((name) => [name, readFileSync(join(folder, artifact, name), 'utf8')]));
}

/** The tests that a stage put on the Tests tab. */
export function testsOf(run: ContosoRun, stage: string): readonly PublishedTest[] {
  return stepsOf(run, stage).flatMap(({ testRuns }) => testRuns.flatMap(({ tests }) => tests));
}

/** Where a verdict is and what it is about, as the Tests tab shows it: `aks-1.orders: a title`. */
export function shownTest({ className, name }: PublishedTest): string {
  return `${className}: ${name}`;
}

/** The verdicts of a report in the same words, each once, with whether anything at its place fails. */
export function verdictsIn(report: Fields): ReadonlyMap<string, boolean> {
  const titles = new Map(records(report.rules).map((rule) => [textOf(rule, 'id'), textOf(rule, 'title')]));
  const verdicts = new Map<string, boolean>();
  for (const look of [...records(report.findings), ...records(report.good)]) {
    const place = [textOf(look, 'cluster') || 'shared', textOf(look, 'namespace')].filter((part) => part !== '').join('.');
    const shown = `${place}: ${titles.get(textOf(look, 'rule')) ?? assert.fail(textOf(look, 'rule'))}`;
    const fails = textOf(look, 'outcome') === 'fail' && look.exception === undefined;
    verdicts.set(shown, fails || verdicts.get(shown) === true);
  }
  return verdicts;
}

/** The findings of a report: `rule at cluster`. */
export function findingsIn(report: Fields): readonly string[] {
  return records(report.findings).map((finding) => `${textOf(finding, 'rule')} at ${textOf(finding, 'cluster') || 'shared'}`);
}
