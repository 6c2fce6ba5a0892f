import assert from 'node:assert/strict';
import { toJUnit } from '../../../tasks/_shared/report/audit-junit.js';
import type { AuditReport } from '../../../tasks/_shared/report/audit-report.js';
import { example, hostile, hostileReport, judged, profileWith, reportOf, rules, vastReport } from './audit-world.js';
import { readXml, type XmlElement } from './xml-reader.js';

const [localAccounts, , noCredentials] = rules;

/** Elements of JUnit that Azure Pipelines reads, with attributes and children. Source: its docs, PublishTestResults@2, result formats mapping. */
const form: Readonly<Record<string, { readonly required: readonly string[]; readonly optional: readonly string[]; readonly children: readonly string[] }>> = {
  testsuites: { required: ['name', 'tests', 'failures', 'errors', 'skipped'], optional: [], children: ['testsuite'] },
  testsuite: { required: ['name', 'tests', 'failures', 'errors', 'skipped', 'timestamp', 'time'], optional: ['hostname'], children: ['testcase'] },
  testcase: { required: ['name', 'classname', 'time'], optional: ['owner'], children: ['failure', 'skipped'] },
  failure: { required: ['message', 'type'], optional: [], children: [] },
  skipped: { required: ['message'], optional: [], children: [] },
};

/** What differs from the form, the totals included. */
function flaws(element: XmlElement): string[] {
  const { name, attributes, children } = element;
  const known = form[name];
  if (known === undefined) return [`<${name}> is not known`];
  const all = [...known.required, ...known.optional];
  const own = [
    ...known.required.filter((attribute) => attributes[attribute] === undefined).map((attribute) => `<${name}> lacks ${attribute}`),
    ...Object.keys(attributes).filter((attribute) => !all.includes(attribute)).map((attribute) => `<${name}> has ${attribute}`),
    ...children.filter((child) => !known.children.includes(child.name)).map((child) => `<${name}> holds <${child.name}>`),
    ...(name === 'testcase' && children.length > 1 ? ['<testcase> has two outcomes'] : []),
  ];
  return [...own, ...totalFlaws(element), ...children.flatMap(flaws)];
}

function totalFlaws({ name, attributes, children }: XmlElement): string[] {
  if (name !== 'testsuites' && name !== 'testsuite') return [];
  const cases = name === 'testsuite' ? children : children.flatMap((suite) => suite.children);
  const having = (outcome: string): number => cases.filter((one) => one.children.some((child) => child.name === outcome)).length;
  const told = ['tests', 'failures', 'errors', 'skipped'].map((attribute) => attributes[attribute]);
  const counted = [cases.length, having('failure'), 0, having('skipped')].map(String);
  return told.join() === counted.join() ? [] : [`<${name}> says ${told.join()} and holds ${counted.join()}`];
}

/** Cases as `suite | classname | name | outcome`. */
function casesOf(report: AuditReport): string[] {
  return readXml(toJUnit(report)).children.flatMap((suite) =>
    suite.children.map(({ attributes, children: [outcome] }) => [suite.attributes.name, attributes.classname, attributes.name, outcome === undefined ? 'passed' : `${outcome.name}: ${outcome.attributes.message ?? ''}`].join(' | ')),
  );
}

describe('the audit as JUnit', () => {
  it('has the form that Azure Pipelines reads: full, empty, hostile and vast', () => {
    for (const report of [example(), reportOf([]), hostileReport(), vastReport()]) assert.deepEqual(flaws(readXml(toJUnit(report))), []);
  });

  it('has a suite for each cluster and a case for each rule and place', () => {
    assert.deepEqual(casesOf(example()), [
      'aks-1 | aks-1 | Local accounts are off | failure: disableLocalAccounts is false',
      'aks-1 | aks-1.orders | A default-deny network policy is there | failure: no policy selects all pods',
      'aks-1 | aks-1.billing | A default-deny network policy is there | passed',
      'aks-1 | aks-1.orders | No static credentials are there | failure: secret cache: key token',
      'aks-1 | aks-1 | Containers are monitored | skipped: could not be told: diagnostic settings may not be read',
      'aks-2 | aks-2 | Local accounts are off | passed',
      'aks-2 | aks-2 | Containers are monitored | skipped: does not apply: the cluster is stopped',
      'shared | shared | No static credentials are there | failure: app deployer: a secret of an app',
    ]);
  });

  it('says in a failure what was seen where, and what to do', () => {
    const all = ['a', 'b', 'c'].map((name) => judged(noCredentials, 'fail', `key ${name}`, 'aks-1', 'orders', `secret ${name}`));
    const [failure] = readXml(toJUnit(reportOf(all))).children[0]!.children[0]!.children;
    assert.deepEqual(failure?.attributes, { message: 'secret a: key a (and 2 more)', type: 'high' });
    assert.equal(failure.text, '- secret a: key a\n- secret b: key b\n- secret c: key c\n\nTo do: use a federated identity');
    const [mended] = readXml(toJUnit(reportOf([judged(localAccounts, 'fail', 'x', 'aks-1')]))).children[0]!.children[0]!.children;
    assert.match(mended?.text ?? '', /To do: switch local accounts off$/);
  });

  it('skips what is accepted, with its reason, unless something else fails there', () => {
    const profile = profileWith('exceptions: [{rule: no-static-credentials, object: secret a, reason: moves soon, until: 2027-01-31}]');
    const accepted = judged(noCredentials, 'fail', 'x', 'aks-1', 'orders', 'secret a');
    const other = judged(noCredentials, 'fail', 'y', 'aks-1', 'orders', 'secret b');
    const untold = judged(noCredentials, 'unknown', 'pods may not be listed', 'aks-1', 'orders');
    const outcome = (...all: Parameters<typeof reportOf>[0]): string | undefined => casesOf(reportOf(all, profile))[0]?.split(' | ')[3];
    assert.equal(outcome(accepted), 'skipped: accepted until 2027-01-31: moves soon');
    assert.equal(outcome(accepted, other), 'failure: secret b: y');
    assert.equal(outcome(accepted, untold), 'skipped: could not be told: pods may not be listed');
  });

  it('shows hostile texts as they are, without what XML cannot hold', () => {
    const report = hostileReport();
    const told = readXml(toJUnit({ ...report, findings: report.findings.map((finding) => ({ ...finding, evidence: hostile })) }));
    const text = JSON.stringify(told);
    for (const part of [']]>', '<script>alert(1)</script>', '--> &amp; ']) assert.ok(text.includes(part), part);
    assert.ok(text.includes('\uFFFD\uFFFD[31m\uFFFD\uFFFD'));
  });

  it('keeps names from run to run, whatever is seen', () => {
    const names = (outcome: 'fail' | 'pass'): string[] => casesOf(reportOf([judged(noCredentials, outcome, outcome, 'aks-1', 'orders')])).map((one) => one.split(' | ').slice(0, 3).join());
    assert.deepEqual(names('fail'), names('pass'));
  });

  it('lists a hundred objects of a failure, and how many more', () => {
    const all = Array.from({ length: 150 }, (_, index) => judged(noCredentials, 'fail', 'x', 'aks-1', 'orders', `secret ${index}`));
    const [failure] = readXml(toJUnit(reportOf(all))).children[0]!.children[0]!.children;
    assert.match(failure?.text ?? '', /\n- and 50 more, in the attached report\n\nTo do/);
    assert.ok(toJUnit(vastReport()).length < 25_000_000);
  });
});
