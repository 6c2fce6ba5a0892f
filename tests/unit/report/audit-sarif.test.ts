import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Ajv, { type ValidateFunction } from 'ajv';
import type { AuditReport } from '../../../tasks/_shared/report/audit-report.js';
import { toSarif, type SarifResult } from '../../../tasks/_shared/report/audit-sarif.js';
import { example, hostileReport, judged, profileWith, reportOf, rules, vastReport } from './audit-world.js';

const [localAccounts, defaultDeny] = rules;
const json = (path: string): object => JSON.parse(readFileSync(path, 'utf8')) as object;

const resultsOf = (report: AuditReport): readonly SarifResult[] => toSarif(report).runs[0].results;

describe('the audit as SARIF', () => {
  let validate: ValidateFunction;
  before(() => {
    // The official schema is of draft 4, which this version of ajv has to be told.
    const ajv = new Ajv({ schemaId: 'id', allErrors: true, logger: false });
    ajv.addMetaSchema(json('node_modules/ajv/lib/refs/json-schema-draft-04.json'));
    validate = ajv.compile(json('node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'));
  });
  const accepts = (value: unknown): boolean => validate(JSON.parse(JSON.stringify(value))) === true;

  it('is what the official schema asks for: full, empty, hostile and vast', () => {
    for (const report of [example(), reportOf([]), hostileReport(), vastReport(), example(profileWith('rules: {monitoring: off}', 'nonprod'))]) {
      assert.ok(accepts(toSarif(report)), JSON.stringify(validate.errors?.slice(0, 5)));
    }
  });

  it('is judged by a schema that refuses what is wrong', () => {
    const log = toSarif(example());
    const [run] = log.runs;
    const [result] = run.results;
    const wrong: readonly unknown[] = [
      { ...log, version: '2.0.0' },
      { ...log, more: 1 },
      { ...log, runs: [{ ...run, results: [{ ...result, level: 'high' }] }] },
      { ...log, runs: [{ ...run, results: [{ ...result, message: {} }] }] },
      { ...log, runs: [{ ...run, results: [{ ...result, suppressions: [{ kind: 'other' }] }] }] },
      { ...log, runs: [{ ...run, tool: {} }] },
    ];
    for (const value of wrong) assert.ok(!accepts(value), JSON.stringify(value).slice(0, 200));
  });

  it('has every rule with title, remedy, sources and level', () => {
    const { driver } = toSarif(example()).runs[0].tool;
    assert.deepEqual([driver.name, driver.semanticVersion], ['AuditWorkloadIdentity', '1.2.3']);
    assert.deepEqual(driver.rules.map(({ id, defaultConfiguration: { level } }) => [id, level]), [
      ['local-accounts', 'error'],
      ['default-deny', 'warning'],
      ['no-static-credentials', 'error'],
      ['monitoring', 'note'],
    ]);
    assert.deepEqual(driver.rules[0], {
      id: 'local-accounts',
      shortDescription: { text: 'Local accounts are off' },
      help: { text: 'switch local accounts off\nAsked for by: Cluster baseline, section 2' },
      defaultConfiguration: { level: 'error' },
      properties: { tags: ['security'], source: ['Cluster baseline, section 2'], mendedBy: 'disableLocalAccounts' },
    });
  });

  it('says where the profile differs from the rules', () => {
    const [{ invocations: [{ ruleConfigurationOverrides }], results }] = toSarif(example(profileWith('rules: {local-accounts: off, default-deny: low}'))).runs;
    assert.deepEqual(ruleConfigurationOverrides, [
      { descriptor: { id: 'local-accounts', index: 0 }, configuration: { enabled: false } },
      { descriptor: { id: 'default-deny', index: 1 }, configuration: { enabled: true, level: 'note' } },
    ]);
    assert.equal(results.find(({ ruleId }) => ruleId === 'default-deny')?.level, 'note');
  });

  it('names cluster, namespace and object, and no file', () => {
    const results = resultsOf(example());
    assert.deepEqual(results.map(({ ruleId, level, message: { text }, locations }) => [ruleId, level, text, ...locations.flatMap(({ logicalLocations }) => logicalLocations.map(({ fullyQualifiedName, kind }) => `${kind} ${fullyQualifiedName}`))]), [
      ['local-accounts', 'error', 'aks-1: disableLocalAccounts is false', 'resource aks-1'],
      ['no-static-credentials', 'error', 'app deployer: a secret of an app', 'object shared/app deployer'],
      ['no-static-credentials', 'error', 'aks-1 / orders / secret cache: key token', 'object aks-1/orders/secret cache'],
      ['no-static-credentials', 'error', 'aks-1 / orders / secret db: key password', 'object aks-1/orders/secret db'],
      ['default-deny', 'warning', 'aks-1 / orders: no policy selects all pods', 'namespace aks-1/orders'],
      ['monitoring', 'none', 'aks-1: could not be told: diagnostic settings may not be read', 'resource aks-1'],
    ]);
    assert.doesNotMatch(JSON.stringify(results), /physicalLocation|artifactLocation/);
    const { rules: all } = toSarif(example()).runs[0].tool.driver;
    for (const { ruleId, ruleIndex } of results) assert.equal(all[ruleIndex]?.id, ruleId);
  });

  it('calls open what could not be told: SARIF has no level for it', () => {
    const open = resultsOf(example()).find(({ kind }) => kind === 'open');
    assert.deepEqual([open?.ruleId, open?.level, open?.properties.severity], ['monitoring', 'none', 'low']);
    const { toolExecutionNotifications } = toSarif(example()).runs[0].invocations[0];
    assert.deepEqual(toolExecutionNotifications, [{ level: 'warning', message: { text: 'sign-ins of id-orders: the workspace keeps none' } }]);
  });

  it('suppresses what an exception accepts, and says of all others that nothing does', () => {
    assert.deepEqual(resultsOf(example()).map(({ suppressions }) => suppressions), [
      [], [], [],
      [{ kind: 'external', status: 'accepted', justification: 'moves with release 7', properties: { until: '2027-01-31' } }],
      [], [],
    ]);
  });

  it('tells a finding again in the next run, whatever else is found and seen', () => {
    const printsOf = (report: AuditReport): string[] => resultsOf(report).map(({ partialFingerprints }) => Object.values(partialFingerprints).join());
    const before = printsOf(reportOf([judged(localAccounts, 'fail', 'one', 'aks-1')]));
    const after = printsOf(reportOf([judged(defaultDeny, 'fail', 'x', 'aks-1', 'orders'), judged(localAccounts, 'unknown', 'two', 'AKS-1')]));
    assert.equal(after[0], before[0]);
    assert.notEqual(after[1], before[0]);
    const equal = printsOf(reportOf([judged(localAccounts, 'fail', 'one', 'aks-1'), judged(localAccounts, 'fail', 'two', 'aks-1')]));
    assert.deepEqual([equal[0], new Set(equal).size], [before[0], 2]);
    const vast = printsOf(vastReport());
    assert.equal(new Set(vast).size, vast.length);
  });

  it('has messages in which nothing passes for a link or for the place of an argument', () => {
    for (const { message: { text } } of resultsOf(hostileReport())) {
      assert.doesNotMatch(text.replaceAll(/\{\{|\}\}/g, ''), /[{}]/);
      assert.doesNotMatch(text, /\]\(/);
    }
  });

  it('grows with the findings, not with what they say', () => {
    assert.ok(JSON.stringify(toSarif(vastReport())).length < 25_000_000);
  });
});
