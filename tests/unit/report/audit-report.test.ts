import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Ajv, { type ValidateFunction } from 'ajv';
import { builtInProfile } from '../../../tasks/_shared/fleet/posture/profile.js';
import type { Outcome, Severity } from '../../../tasks/_shared/fleet/posture/rule.js';
import { failed, type FailOn } from '../../../tasks/_shared/report/audit-report.js';
import { context, example, hostileReport, judged, profileWith, reportOf, rules, vastReport } from './audit-world.js';

const [localAccounts, defaultDeny, noCredentials, monitoring] = rules;

describe('the report of an audit', () => {
  it('is a versioned value that survives JSON', () => {
    const report = example();
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
    assert.deepEqual([report.schema, report.version, report.profile], ['aks-workload-identity-audit', 1, { name: 'fleet.yml', base: 'prod' }]);
  });

  it('tells findings with all that there is to know, the worst first', () => {
    const { findings, good } = example();
    assert.deepEqual(findings.map(({ severity, outcome, rule, cluster, namespace, object }) => [severity, outcome, rule, cluster, namespace, object]), [
      ['high', 'fail', 'local-accounts', 'aks-1', undefined, undefined],
      ['high', 'fail', 'no-static-credentials', undefined, undefined, 'app deployer'],
      ['high', 'fail', 'no-static-credentials', 'aks-1', 'orders', 'secret cache'],
      ['high', 'fail', 'no-static-credentials', 'aks-1', 'orders', 'secret db'],
      ['medium', 'fail', 'default-deny', 'aks-1', 'orders', undefined],
      ['low', 'unknown', 'monitoring', 'aks-1', undefined, undefined],
    ]);
    assert.deepEqual(findings[0], {
      rule: 'local-accounts', title: 'Local accounts are off', severity: 'high', cluster: 'aks-1', outcome: 'fail', evidence: 'disableLocalAccounts is false',
      remedy: 'switch local accounts off', source: ['Cluster baseline, section 2'], mendedBy: 'disableLocalAccounts',
    });
    assert.deepEqual(good.map(({ rule, outcome }) => [rule, outcome]), [['local-accounts', 'pass'], ['monitoring', 'notApplicable'], ['default-deny', 'pass']]);
  });

  it('counts every look once, accepted ones as such', () => {
    const { counts } = example();
    assert.deepEqual(counts, {
      fail: { high: 3, medium: 1, low: 0 },
      unknown: { high: 0, medium: 0, low: 1 },
      excepted: { high: 1, medium: 0, low: 0 },
      pass: { high: 1, medium: 1, low: 0 },
      notApplicable: { high: 0, medium: 0, low: 1 },
    });
  });

  it('says of exceptions whether they are used, unused or past their day', () => {
    const { exceptions, findings } = example();
    assert.deepEqual(exceptions.map(({ rule, state, findings: about }) => [rule, state, about]), [
      ['no-static-credentials', 'used', 1],
      ['default-deny', 'expired', 1],
      ['monitoring', 'unused', 0],
    ]);
    assert.deepEqual(findings.flatMap(({ rule, object, exception }) => (exception === undefined ? [] : [[rule, object, exception]])), [
      ['no-static-credentials', 'secret db', { reason: 'moves with release 7', until: '2027-01-31' }],
    ]);
  });

  it('counts the last day of an exception by the day in UTC on which the audit began', () => {
    const profile = profileWith('exceptions: [{rule: local-accounts, reason: x, until: 2027-01-05}]');
    const all = [judged(localAccounts, 'fail', 'x', 'aks-1')];
    assert.equal(reportOf(all, profile).exceptions[0]?.state, 'used');
    assert.equal(reportOf(all, { ...profile, exceptions: [{ ...profile.exceptions[0]!, until: '2027-01-04' }] }).exceptions[0]?.state, 'expired');
    assert.equal(context.startedAt.slice(0, 10), '2027-01-05');
  });

  it('leaves out what the profile switches off, and says that it did', () => {
    const { findings, good, rules: all } = example(profileWith('rules: {local-accounts: off, default-deny: high}'));
    assert.ok([...findings, ...good].every(({ rule }) => rule !== 'local-accounts'));
    assert.deepEqual(all.map(({ id, baseline, severity }) => [id, baseline, severity]).slice(0, 2), [['local-accounts', 'high', 'off'], ['default-deny', 'medium', 'high']]);
    assert.equal(findings.find(({ rule }) => rule === 'default-deny')?.severity, 'high');
  });

  it('takes texts of clusters in one line of bounded length, with every character to be seen', () => {
    const { findings } = hostileReport();
    for (const { evidence } of findings) assert.doesNotMatch(evidence, /[\p{Cc}\p{Cf}]/u);
    assert.ok(vastReport().findings.every(({ evidence }) => evidence.length <= 1000));
  });
});

describe('the threshold of an audit', () => {
  const outcomes: readonly Outcome[] = ['fail', 'unknown', 'pass', 'notApplicable'];
  const bySeverity = { high: localAccounts, medium: defaultDeny, low: monitoring };
  const failing: Readonly<Record<FailOn, readonly Severity[]>> = { none: [], high: ['high'], medium: ['high', 'medium'] };

  for (const [failOn, counted] of Object.entries(failing) as [FailOn, readonly Severity[]][]) {
    for (const severity of ['high', 'medium', 'low'] as const) {
      for (const outcome of outcomes) {
        const expected = counted.includes(severity) && (outcome === 'fail' || outcome === 'unknown');
        it(`${failOn} ${expected ? 'fails' : 'passes'} on ${outcome} of a ${severity} rule, and passes when an exception accepts it`, () => {
          const rule = bySeverity[severity];
          const all = [judged(rule, outcome, 'x', 'aks-1')];
          const accepting = profileWith(`exceptions: [{rule: ${rule.id}, reason: x, until: 2027-01-31}]`);
          const expired = profileWith(`exceptions: [{rule: ${rule.id}, reason: x, until: 2026-01-31}]`);
          assert.equal(failed(reportOf(all), failOn), expected);
          assert.equal(failed(reportOf(all, accepting), failOn), false);
          assert.equal(failed(reportOf(all, expired), failOn), expected);
        });
      }
    }
  }

  it('looks at the severity after the profile', () => {
    const all = [judged(noCredentials, 'fail', 'x', 'aks-1')];
    const lighter = builtInProfile('nonprod', rules, ['no-static-*']);
    assert.deepEqual([failed(reportOf(all, lighter), 'high'), failed(reportOf(all, lighter), 'medium')], [false, true]);
  });
});

describe('the schema of the report of an audit', () => {
  let validate: ValidateFunction;
  before(() => {
    const schema: unknown = JSON.parse(readFileSync('schemas/audit-report.schema.json', 'utf8'));
    assert.ok(typeof schema === 'object' && schema !== null);
    validate = new Ajv({ allErrors: true }).compile(schema);
  });
  const accepts = (value: unknown): boolean => validate(JSON.parse(JSON.stringify(value))) === true;
  const file = { path: 'fleet.yml', sha256: 'a'.repeat(64), commit: 'b'.repeat(40) };

  it('accepts reports, full, empty and hostile ones', () => {
    for (const report of [{ ...example(), profileFile: file }, reportOf([]), hostileReport()]) assert.ok(accepts(report), JSON.stringify(validate.errors));
  });

  it('accepts fields that are added later', () => {
    assert.ok(accepts({ ...example(), later: true }));
  });

  it('refuses a version that is not known, and another kind of report', () => {
    assert.ok(!accepts({ ...example(), version: 2 }));
    assert.ok(!accepts({ ...example(), version: '1' }));
    assert.ok(!accepts({ ...example(), schema: 'aks-workload-identity-report' }));
  });

  it('knows every field that a report has', () => {
    const schema = JSON.parse(readFileSync('schemas/audit-report.schema.json', 'utf8')) as Record<string, unknown>;
    const strict = new Ajv({ allErrors: true }).compile(closed(schema) as object);
    const report: unknown = JSON.parse(JSON.stringify({ ...example(), profileFile: file, boundaryPolicy: file }));
    assert.ok(strict(report) === true, JSON.stringify(strict.errors));
  });

  it('refuses a report that lacks any one of its parts', () => {
    const { runUrl, ...whole } = example();
    assert.ok(runUrl !== undefined && accepts(whole));
    for (const part of Object.keys(whole)) assert.ok(!accepts(Object.fromEntries(Object.entries(whole).filter(([name]) => name !== part))), part);
  });
});

/** A schema that refuses what it does not know. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, closed(value)] as const);
  const isObject = 'properties' in schema && 'type' in schema;
  return Object.fromEntries([...entries, ...(isObject ? [['additionalProperties', false] as const] : [])]);
}
