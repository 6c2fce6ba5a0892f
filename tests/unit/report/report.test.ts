import assert from 'node:assert/strict';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { run } from '../../../tasks/_shared/reconcile/run.js';
import { ledgerText, toLedger, type JournalLine } from '../../../tasks/_shared/report/ledger.js';
import { toMarkdown } from '../../../tasks/_shared/report/markdown.js';
import { resultLine } from '../../../tasks/_shared/report/result-line.js';
import { toReport, type RunContext } from '../../../tasks/_shared/report/schema.js';
import { Item, options, ports, proofOf, silent, stopped } from './items.js';

const context: RunContext = {
  task: 'FederateServiceAccount',
  startedAt: '2026-01-05T08:00:00.000Z',
  run: 'fleet 20260105.1',
  signIn: 'app 1f0c…9a (federated)',
  correlation: 'corr',
  clusters: ['aks-1', 'aks-2'],
};

function halfGood(dryRun: boolean): Promise<RunResult> {
  const store = new Map<string, string>();
  const good = new Item(store, 'a', { cluster: 'aks-1', widens: true, name: 'or|ders <b>' });
  const items = [good, new Item(store, 'b', { cluster: 'aks-2', blocked: stopped })];
  return run(items, [proofOf('orders/api', [good], { level: 'exercised', summary: 'read' })], { ...options, dryRun }, ports(), silent);
}

describe('the report of a run', () => {
  it('is a versioned value that survives JSON', async () => {
    const report = toReport(await halfGood(false), context);
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
    assert.equal(report.schema, 'aks-workload-identity-report');
    assert.equal(report.version, 1);
    assert.equal(report.result, 'failed');
    assert.deepEqual(report.counts, { create: 1, update: 0, delete: 0, blocked: 1, waits: 0, keep: 0, widens: 1 });
    assert.deepEqual(report.fates.map(({ cluster, result, problem }) => [cluster, result, problem?.code]), [['aks-1', 'done', undefined], ['aks-2', 'failed', 'WI2102']]);
    assert.deepEqual(report.changes.map(({ key, action, outcome, widens }) => [key, action, outcome, widens]), [['a', 'create', 'done', true], ['b', 'blocked', 'skipped', false]]);
    assert.deepEqual(report.proofs, [{ key: 'proof of orders/api', title: 'orders/api', cluster: 'aks-1', level: 'exercised', summary: 'read' }]);
    assert.deepEqual(report.failures.map(({ stage, cluster, problem }) => [stage, cluster, problem.code]), [['preflight', 'aks-2', 'WI2102']]);
  });

  it('of a dry run has plans in place of outcomes, and issues in place of a failure', async () => {
    const report = toReport(await halfGood(true), context);
    assert.equal(report.result, 'succeededWithIssues');
    assert.deepEqual(report.fates.map(({ result }) => result), ['planned', 'failed']);
    assert.ok(report.changes.every(({ outcome }) => outcome === undefined));
    assert.equal(resultLine(report), '1 of 2 clusters cannot be worked on: cluster aks-2 cannot be changed, because it is stopped (OperationNotAllowed); start it and run again (WI2102). The other one is planned');
  });

  it('ends in one line that names cluster, reason and remedy', async () => {
    const report = toReport(await halfGood(false), context);
    assert.equal(resultLine(report), '1 of 2 clusters failed: cluster aks-2 cannot be changed, because it is stopped (OperationNotAllowed); start it and run again (WI2102). The other one is done');
    assert.equal(resultLine({ ...report, result: 'succeeded' }), '');
    const [failure] = report.failures;
    assert.match(resultLine({ ...report, failures: Array.from({ length: 5 }, () => failure!) }), /\| and 2 more in the log\. The other/);
  });

  it('blames a cluster for what was left alone because of something shared, and says why', async () => {
    const store = new Map<string, string>();
    const shared = new Item(store, 'shared', { refused: { ...stopped, what: 'identity x cannot be made' } });
    const items = [shared, new Item(store, 'a', { cluster: 'aks-1', text: shared.text }), new Item(store, 'b', { cluster: 'aks-2' })];
    const report = toReport(await run(items, [], options, ports(), silent), context);
    assert.deepEqual(report.fates.map(({ cluster, result, problem }) => [cluster, result, problem?.code]), [['aks-1', 'failed', 'WI9003'], ['aks-2', 'done', undefined]]);
    assert.match(resultLine(report), /^1 of 2 clusters failed: identity x cannot be made, because/);
  });

  it('is Markdown in which no text can pass for markup', async () => {
    assert.equal(
      toMarkdown(toReport(await halfGood(false), context)),
      `## FederateServiceAccount: run failed

2 clusters · as app 1f0c…9a (federated) · 1 to create, 0 to update, 1 blocked, 0 as they should be · 0 ms

### Clusters

| Cluster | Result | Why |
| --- | --- | --- |
| aks-1 | done |  |
| aks-2 | failed | WI2102: it is stopped (OperationNotAllowed) |

### Changes

|  | Cluster | What | Name | Change | Outcome |
| --- | --- | --- | --- | --- | --- |
| + ▲ widens | aks-1 | thing | or\\|ders &lt;b> | text: wanted | done |
| ! | aks-2 | thing | b | it is stopped | skipped |

### Proofs

| Cluster | What | Proof | Evidence |
| --- | --- | --- | --- |
| aks-1 | orders/api | exercised | read |

### Failures

- **WI2102** cluster aks-2 cannot be changed. Because it is stopped (OperationNotAllowed). To do: start it and run again. Correlation 6c1e0000-0000-4000-8000-000000000000.
`,
    );
  });
});

describe('a proof that could not go as far as it should', () => {
  it('is told in report, summary and last line, and is no failure', async () => {
    const good = new Item(new Map(), 'a', { cluster: 'aks-1' });
    const shortfall = { code: 'WI2405', what: 'Secret db of vault kv was granted, not exercised', because: 'the firewall of the vault refused this agent', remedy: 'run the job on an agent inside the network' };
    const proof = proofOf('orders/api', [good], { level: 'observed', summary: 'granted, not exercised', shortfall });
    const report = toReport(await run([good], [proof], options, ports(), silent), { ...context, clusters: ['aks-1'] });
    assert.equal(report.result, 'succeededWithIssues');
    assert.deepEqual([report.failures, report.fates.map(({ result }) => result), report.proofs[0]?.shortfall], [[], ['done'], shortfall]);
    assert.equal(
      resultLine(report),
      'Everything is done, 1 proof could not go as far as it should: aks-1: Secret db of vault kv was granted, not exercised, because the firewall of the vault refused this agent; run the job on an agent inside the network (WI2405)',
    );
    assert.ok(toMarkdown(report).includes('### Proofs that fell short\n\n- **WI2405** aks-1: Secret db of vault kv was granted, not exercised. Because the firewall of the vault refused this agent.'));
  });
});

describe('the ledger', () => {
  const at = '2026-01-05T08:00:00.000Z';
  const entry = (object: string): JournalLine['entry'] => ({ action: 'create', object, resource: 'r', cluster: 'aks-1', at, after: 'x', widens: true });
  const who = { task: 'T', signIn: 'app', run: 'fleet 1', correlation: 'corr' };

  it('has one line per write with its outcome, also of writes whose answer never came', () => {
    const journal: JournalLine[] = [
      { version: 1, phase: 'intended', entry: entry('/a') },
      { version: 1, phase: 'intended', entry: entry('/b') },
      { version: 1, phase: 'failed', entry: entry('/b'), detail: 'refused' },
      { version: 1, phase: 'intended', entry: entry('/c') },
      { version: 1, phase: 'done', entry: entry('/a') },
    ];
    const ledger = toLedger(journal, who);
    assert.deepEqual(ledger.map(({ object, outcome, detail }) => [object, outcome, detail]), [['/a', 'done', undefined], ['/b', 'failed', 'refused'], ['/c', 'unknown', undefined]]);
    assert.deepEqual(ledger[0], { version: 1, ...who, ...entry('/a'), outcome: 'done' });
    const lines = ledgerText(ledger).split('\n');
    assert.equal(lines.length, 4);
    assert.deepEqual(JSON.parse(lines[1]!), ledger[1]);
  });

  it('tells two equal writes of one resource apart', () => {
    const twice: JournalLine[] = ['intended', 'failed', 'intended', 'done'].map((phase) => ({ version: 1, phase: phase as JournalLine['phase'], entry: entry('/a') }));
    assert.deepEqual(toLedger(twice, who).map(({ outcome }) => outcome), ['failed', 'done']);
  });
});
