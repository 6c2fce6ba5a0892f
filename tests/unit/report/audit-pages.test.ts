import assert from 'node:assert/strict';
import { reachRules } from '../../../tasks/_shared/fleet/posture/record-rules.js';
import { toEvidence } from '../../../tasks/_shared/report/audit-evidence.js';
import { toAuditMarkdown } from '../../../tasks/_shared/report/audit-markdown.js';
import { failed, type Judged } from '../../../tasks/_shared/report/audit-report.js';
import { example, hostile, hostileReport, judged, profileWith, reportOf, rules, vastReport } from './audit-world.js';

const [localAccounts, , noCredentials] = rules;

/** Rows of tables whose cells are not as many as those of their head. */
function ragged(page: string): string[] {
  const cells = (line: string): number => line.replaceAll(/\\[\\|]/g, '').split('|').length;
  const lines = page.split('\n');
  return lines.filter((line, index) => {
    if (!line.startsWith('|')) return false;
    let head = index;
    while (lines[head - 1]?.startsWith('|') === true) head -= 1;
    return cells(line) !== cells(lines[head] ?? '');
  });
}

/** The part of a page under a heading. */
function partOf(page: string, heading: string): string {
  const from = page.indexOf(`\n${heading}\n`);
  assert.ok(from >= 0, `${heading} is not there`);
  const rest = page.slice(from + heading.length + 2);
  const end = new RegExp(`^#{1,${heading.indexOf(' ')}} `, 'm').exec(rest);
  return rest.slice(0, end?.index ?? rest.length).trim();
}

describe('the summary page of an audit', () => {
  const page = toAuditMarkdown(example());

  it('says first what it came to, of what and by which profile', () => {
    assert.deepEqual(page.split('\n').slice(0, 3), [
      '## AuditWorkloadIdentity: failed',
      '',
      '2 clusters · 2 namespaces · 1 identity · profile fleet.yml (extends prod) · fails on high findings · as app 1f0c…9a (federated) · version 1.2.3 · audit 20270105.1',
    ]);
    assert.match(toAuditMarkdown({ ...example(), failOn: 'none' }), /^## AuditWorkloadIdentity: passed, with findings\n[^]*findings never fail it/);
    assert.match(toAuditMarkdown(reportOf([judged(localAccounts, 'pass', 'x', 'aks-1')])), /^## AuditWorkloadIdentity: nothing to mend\n\n0 clusters · 0 namespaces · 0 identities · profile prod · /);
  });

  it('counts outcomes by severity', () => {
    assert.equal(partOf(page, '### What was found'), '|  | high | medium | low |\n| --- | --- | --- | --- |\n| does not hold | 3 | 1 | 0 |\n| could not be told | 0 | 0 | 1 |\n| accepted | 1 | 0 | 0 |\n| holds | 1 | 1 | 0 |\n| does not apply | 0 | 0 | 1 |');
  });

  it('lists open findings with place, evidence and remedy', () => {
    const rows = partOf(page, '### Open findings').split('\n');
    assert.equal(rows.length, 7);
    assert.equal(rows[2], '| high | Local accounts are off | aks-1 | disableLocalAccounts is false | switch local accounts off |');
    assert.equal(rows[6], '| low | Containers are monitored | aks-1 | could not be told: diagnostic settings may not be read | connect a workspace |');
    assert.doesNotMatch(rows.join('\n'), /secret db/);
  });

  it('puts the cluster with the worst findings first', () => {
    assert.equal(partOf(page, '### Clusters'), '| Cluster | high | medium | low |\n| --- | --- | --- | --- |\n| aks-1 | 2 | 1 | 1 |\n| shared | 1 | 0 | 0 |');
  });

  it('tells access that is not as it should be, crossings, exceptions and what could not be looked at', () => {
    assert.match(partOf(page, '### Access to look at'), /\| id-orders \| trusts system:serviceaccount:Orders:web \| of no cluster that is seen \| issuer https:\/\/example\.com \|\n\| id-orders \| AcrPull on .*\/crprod \| crosses a boundary \| leads from nonprod to prod \|$/);
    assert.match(partOf(page, '### Crossings of boundaries'), /\| grant AcrPull: identity id-orders → registry crprod \| nonprod → prod \| allowed \| tests run release images \| 2027-06-30 \|$/);
    assert.deepEqual(partOf(page, '### Exceptions').split('\n').slice(2), [
      '| no-static-credentials at aks-1, orders, secret db | accepted until 2027-01-31: moves with release 7 | accepts 1 finding |',
      '| default-deny at aks-1 | accepted until 2027-01-04: policies are on their way | past its day: 1 finding no longer accepted |',
      '| monitoring at aks-9 | accepted until 2027-12-31: it is new | accepts nothing that was found: it can be removed |',
    ]);
    assert.match(partOf(page, '### What could not be looked at'), /\| sign-ins of id-orders \| the workspace keeps none \|$/);
  });

  it('stays far below the megabyte at which the service cuts it off', () => {
    const vast = toAuditMarkdown(vastReport());
    assert.ok(Buffer.byteLength(vast) < 500_000, String(Buffer.byteLength(vast)));
    assert.match(vast, /\nand 9900 more, in the log and in the attached report\n/);
    assert.deepEqual(ragged(vast), []);
  });
});

describe('the evidence document of an audit', () => {
  const page = toEvidence(example());

  it('says who made it, when, as whom and by which profile', () => {
    const [facts = ''] = page.split('\n## ');
    for (const fact of ['AuditWorkloadIdentity 1.2.3, which only reads', '2027-01-05 02:00 UTC', 'audit 20270105.1', 'app 1f0c…9a (federated)', 'fleet.yml (extends prod)', '[The run with its log](https://dev.azure.com/contoso/fleet/_build/results?buildId=7)']) assert.ok(facts.includes(fact), fact);
    assert.match(partOf(page, '## Result'), /^The audit came to: failed\. The table counts verdicts: one for each rule at each place[^]*\| high \| 3 \| 0 \| 1 \| 1 \| 0 \|/);
    const file = { path: 'audit/fleet.yml', sha256: 'a'.repeat(64), commit: 'b'.repeat(40) };
    assert.match(toEvidence({ ...example(), profileFile: file }), /audit\/fleet\.yml · commit bbbbbbbbbbbb · sha256 aaaaaaaaaaaa \(extends prod\)/);
    assert.match(page, /\| Boundary policy \| none was given \|/);
    assert.match(toEvidence({ ...example(), boundaryPolicy: file }), /\| Boundary policy \| audit\/fleet\.yml · commit bbbbbbbbbbbb · sha256 aaaaaaaaaaaa \|/);
  });

  it('lists what was looked at, and who reaches what', () => {
    assert.match(partOf(page, '## What was looked at'), /\| aks-1 \| 1\.31\.2 \| nonprod \| orders, billing \| \/subscriptions.*\/aks-1 \|\n\| aks-2 \|(?: {2}\|){2} none in scope \|/);
    const unread = judged(reachRules.namespaces, 'unknown', 'the cluster is stopped', 'aks-2');
    const stopped = toEvidence({ ...reportOf([unread], undefined, [reachRules.namespaces]), inventory: example().inventory });
    assert.match(partOf(stopped, '## What was looked at'), /\| aks-2 \|(?: {2}\|){2} could not be read \|/);
    const access = partOf(page, '## Who reaches what');
    assert.match(access, /^### id-orders\n\nClient id 44444444-4444-4444-8444-444444444444, resource \/subscriptions/);
    assert.match(access, /\| system:serviceaccount:orders:api \| aks-1 \| wi-orders-api \| as it should be \| the service account is there \|/);
    assert.match(access, /\| AcrPull \| .*\/crprod \| crosses a boundary \| leads from nonprod to prod \| 2027-01-02 00:00 UTC \|/);
    assert.match(access, /\| Key Vault Secrets User \| .* \| as planned \| in the ledger \| not since 2026-10-01 06:30 UTC \|/);
  });

  it('gives crossings and exceptions with their reason and last day', () => {
    assert.match(partOf(page, '## Crossings of boundaries'), /\| nonprod \| prod \| allowed \| pull-releases \| tests run release images \| 2027-06-30 \|$/);
    const exceptions = partOf(page, '## Exceptions');
    assert.match(exceptions, /\| no-static-credentials at aks-1, orders, secret db \| moves with release 7 \| 2027-01-31 \| accepts 1 finding \|/);
    assert.match(exceptions, /Past their day; they no longer count:\n\n.*\n.*\n\| default-deny at aks-1 \| policies are on their way \| 2027-01-04 \|/);
    assert.match(partOf(page, '### Findings that are accepted'), /\| high \| No static credentials are there \| aks-1 \/ orders \/ secret db \| key password \| moves with release 7 \| 2027-01-31 \|$/);
  });

  it('gives open findings by severity with evidence and remedy, apart from what could not be told', () => {
    const open = partOf(page, '## Open findings');
    assert.deepEqual(open.match(/^#+ .*$/gm), ['### High', '#### Local accounts are off', '#### No static credentials are there', '### Medium', '#### A default-deny network policy is there']);
    assert.match(open, /Rule local-accounts\. To do: switch local accounts off\. Asked for by: Cluster baseline, section 2\.\n\n.*\n.*\n\| aks-1 \| disableLocalAccounts is false \|/);
    const untold = partOf(page, '## What could not be told');
    assert.match(untold, /^### Low\n\n#### Containers are monitored\n\nRule monitoring\. To do, should it not hold: connect a workspace\.\n/);
    assert.match(untold, /\| sign-ins of id-orders \| the workspace keeps none \|$/);
  });

  it('tells what was seen alike in several namespaces of a cluster once, and what differs apart', () => {
    const at = (namespace: string, cluster = 'aks-1', object = 'cluster role binding admins'): Judged => judged(noCredentials, 'fail', 'binds cluster-admin to user a', cluster, namespace, object);
    const open = partOf(toEvidence(reportOf([at('orders'), at('billing'), at('orders', 'aks-2'), at('orders', 'aks-1', 'role binding mine')])), '## Open findings');
    assert.deepEqual(open.split('\n').slice(-3).map((line) => line.split(' | ')[0]), ['| aks-1 / billing, orders / cluster role binding admins', '| aks-1 / orders / role binding mine', '| aks-2 / orders / cluster role binding admins']);
    const profile = profileWith('exceptions:\n  - {rule: no-static-credentials, cluster: aks-1, reason: it is known, until: 2027-12-31}\n');
    assert.equal(partOf(toEvidence(reportOf([at('orders'), at('billing')], profile)), '### Findings that are accepted').split('\n').length, 3);
  });

  it('says which crossings are not allowed, and of a grant that was never used that nobody knows', () => {
    const { inventory } = example();
    const [crossing] = inventory.crossings;
    const [identity] = inventory.identities;
    assert.ok(crossing !== undefined && identity !== undefined);
    const verdicts = (['expired', 'refused'] as const).map((verdict) => ({ ...crossing, verdict }));
    const grants = identity.grants.map(({ role, scope, state, detail }) => ({ role, scope, state, detail }));
    const credentials = identity.credentials.map((one) => ({ ...one, state: 'crossing' as const }));
    const other = toEvidence({ ...example(), inventory: { ...inventory, crossings: verdicts, identities: [{ ...identity, grants, credentials }] } });
    assert.match(partOf(other, '## Crossings of boundaries'), /\| no longer allowed \|[^]*\| not allowed \|/);
    assert.match(partOf(other, '## Who reaches what'), /\| wi-orders-api \| crosses a boundary \|[^]*\| in the ledger \| not known \|/);
  });

  it('says so where there is nothing to tell', () => {
    const empty = toEvidence(reportOf([]));
    for (const line of ['No cluster was in scope.', 'No identity was in scope.', 'Nothing that was found crosses a boundary.', 'None is in force.', 'Nothing is open.', 'Every rule came to a verdict.']) assert.ok(empty.includes(`\n${line}\n`), line);
    const { inventory } = example();
    const bare = { ...inventory.identities[0]!, credentials: [], grants: [] };
    assert.match(toEvidence({ ...example(), inventory: { ...inventory, identities: [bare] } }), /Nobody can become it: it has no federated credential\.\n\nIt reaches nothing: it has no grant\./);
  });

  it('takes nothing that could not be read for nothing that is there', () => {
    const { inventory } = example();
    const told = (more: object): string => partOf(toEvidence({ ...example(), inventory: { ...inventory, identities: [{ ...inventory.identities[0]!, ...more }] } }), '## Who reaches what');
    const untold = told({ credentials: [], credentialsUnread: 'no right', grants: [], grantsUnread: 'role assignments of subscription 2: no right' });
    assert.match(untold, /\n\nWho can become it could not be read: no right\.\n\nWhat it reaches could not be read: role assignments of subscription 2: no right\.$/);
    const unasked = toEvidence({ ...example(), inventory: { ...inventory, crossings: [], unread: [{ what: 'crossings of boundaries', because: 'no boundaryPolicy was given' }] } });
    assert.equal(partOf(unasked, '## Crossings of boundaries'), 'They were not looked at: no boundaryPolicy was given.');
    const [finding] = example().findings;
    const refused = toEvidence({ ...example(), inventory: { ...inventory, identities: [] }, findings: [{ ...finding!, rule: 'audit-reads-access', outcome: 'unknown', evidence: 'identities: no right' }] });
    assert.equal(partOf(refused, '## Who reaches what'), 'No identity could be seen; what could not be told says why.');
    assert.match(told({ grantsUnread: 'no right' }), /\| Key Vault Secrets User \| .*\n\nWhat else it reaches could not be read: no right\.$/);
  });

  it('lists every rule with what the profile made of it', () => {
    const rulesOf = partOf(toEvidence({ ...example(), rules: example().rules.map((rule) => (rule.id === 'monitoring' ? { ...rule, severity: 'off' } : rule)) }), '## Rules');
    assert.match(rulesOf, /\| monitoring \| Containers are monitored \| off \(low without the profile\) \|/);
    assert.match(rulesOf, /\| local-accounts \| Local accounts are off \| high \| Cluster baseline, section 2 \|/);
  });

  it('stays of a size that one can open, and says how much more there is', () => {
    const vast = toEvidence(vastReport());
    assert.ok(Buffer.byteLength(vast) < 6_000_000, String(Buffer.byteLength(vast)));
    assert.match(vast, /\nand \d+ more, in the log and in the attached report\n/);
    assert.deepEqual(ragged(vast), []);
  });
});

describe('pages of an audit with hostile texts', () => {
  const report = hostileReport();

  for (const [what, page] of [['summary', toAuditMarkdown(report)], ['evidence', toEvidence(report)]] as const) {
    it(`are whole and without markup: ${what}`, () => {
      assert.ok(failed(report, 'high'));
      assert.deepEqual(ragged(page), []);
      assert.doesNotMatch(page, /<script|(?<!\\)\]\(|(?<!\\)\*\*|(?<!\\)`|(?<!\\)~~/);
      assert.doesNotMatch(page.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Cs}]/u);
      assert.ok(page.split('\n').filter((line) => /^#{1,6} /.test(line)).every((line) => !/^#+ (h|code)/.test(line)));
    });
  }

  it('came from texts that would do harm', () => {
    assert.match(hostile, /<script|\]\(/);
  });
});
