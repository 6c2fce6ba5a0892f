import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postJob } from '../../../tasks/_shared/agent/post-job.js';
import { openRecord } from '../../../tasks/_shared/agent/run-record.js';
import type { LedgerLine } from '../../../tasks/_shared/report/ledger.js';
import { FakeAgent } from './fake-agent.js';

const context = { task: 'Probe', run: 'orders 7, job apply, attempt 1', signIn: 'app 1f0c…9a (federated)', correlation: 'c-1' };
const cluster = '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-1';
const entry = { action: 'update', object: cluster, resource: 'cluster features aks-1', cluster: 'aks-1', at: '2026-01-05T08:00:00.000Z', widens: false };

describe('the post-job step', () => {
  let temp: string;
  let run: string;
  beforeEach(() => {
    temp = mkdtempSync(join(tmpdir(), 'post-job-'));
    run = join(temp, 'Probe-1');
    mkdirSync(run);
  });
  afterEach(() => rmSync(temp, { recursive: true }));

  function step(environment: Record<string, string> = {}): string[] {
    const lines: string[] = [];
    postJob('Probe', { environment: { AGENT_TEMPDIRECTORY: temp, VSTS_TASKVARIABLE_AKS_WORKLOAD_IDENTITY_RUN: 'Probe-1', ...environment }, print: (line) => void lines.push(line) });
    return lines;
  }
  function leave(name: string, ...lines: (string | object)[]): void {
    writeFileSync(join(run, name), lines.map((line) => (typeof line === 'string' ? line : `${JSON.stringify(line)}\n`)).join(''));
  }
  function attached(lines: readonly string[]): { path: string; ledger: LedgerLine[] } {
    const path = lines.map((line) => /^##vso\[task\.addattachment type=aks-workload-identity-ledger;name=Probe-ledger\.jsonl;\](.*)$/.exec(line)?.[1]).find((found) => found !== undefined);
    assert.ok(path !== undefined, lines.join('\n'));
    return { path, ledger: readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as LedgerLine) };
  }

  it('attaches the ledger of a killed run, says what was under way, and takes its files away', () => {
    leave('run.json', context);
    leave('journal.jsonl', { version: 1, phase: 'intended', entry }, { version: 1, phase: 'accepted', entry }, '{"version":1,"phase":"intended","entry":{"acti');
    mkdirSync(join(run, 'scratch-1'));
    writeFileSync(join(run, 'scratch-1', 'token'), 'canary-token');
    const lines = step();
    const { path, ledger } = attached(lines);
    const goesOn = 'accepted; the service goes on with it without this run';
    assert.deepEqual(ledger, [{ version: 1, ...context, ...entry, outcome: 'unknown', detail: goesOn }]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.ok(lines.includes('  update cluster aks-1 in rg: Azure has accepted it and goes on with it without this run'));
    assert.ok(lines.some((line) => line.startsWith('##vso[task.logissue type=warning;]Probe was killed while it wrote') && line.includes('update cluster aks-1 in rg') && line.endsWith('(WI9010)')));
    assert.ok(!existsSync(run) && !lines.join('\n').includes('canary'));
  });

  it('keeps everything that the run had said of itself, and the crossings of its writes', () => {
    const end = { kind: 'identity', name: 'id-orders', id: '/subscriptions/s/x' };
    const crossings = [{ access: { kind: 'grant', from: end, to: end }, from: 'dev', to: 'prod', rule: 'push', reason: 'promotion' }];
    const whole = { ...context, pipeline: 'orders', url: 'https://dev.azure.com/contoso', principalId: 'p', planFile: 'a'.repeat(64), boundaryPolicy: { path: 'b.yml', commit: 'c0ffee', sha256: 'b'.repeat(64) } };
    leave('run.json', { ...whole, unheardOf: 'x', attempt: 1 });
    leave('journal.jsonl', { version: 1, phase: 'intended', entry: { ...entry, crossings: [...crossings, { rule: 'torn' }] } });
    assert.deepEqual(attached(step()).ledger, [{ version: 1, ...whole, ...entry, crossings, outcome: 'unknown' }]);
  });

  it('warns of nothing where every write had ended', () => {
    leave('run.json', context);
    leave('journal.jsonl', { version: 1, phase: 'intended', entry }, { version: 1, phase: 'done', entry });
    const lines = step();
    assert.deepEqual(attached(lines).ledger.map(({ outcome }) => outcome), ['done']);
    assert.ok(!lines.some((line) => line.includes('logissue')));
    assert.ok(lines.includes('No write was under way. Run again: the next run goes on from what it finds.'));
  });

  it('reads what a run had begun, and finds nothing once that run has ended', () => {
    const agent = new FakeAgent('Probe');
    const record = openRecord(agent, context, agent.signal);
    record.journal.intend(entry);
    const place = { AGENT_TEMPDIRECTORY: agent.tempDirectory, VSTS_TASKVARIABLE_AKS_WORKLOAD_IDENTITY_RUN: agent.runFolder.slice(agent.tempDirectory.length + 1) };
    assert.match(place.VSTS_TASKVARIABLE_AKS_WORKLOAD_IDENTITY_RUN, /^Probe-/);
    agent.cleanUp();
    assert.deepEqual(step(place), []);
    const killed = new FakeAgent('Probe');
    openRecord(killed, context, killed.signal).journal.intend(entry);
    const lines = step({ AGENT_TEMPDIRECTORY: killed.tempDirectory, VSTS_TASKVARIABLE_AKS_WORKLOAD_IDENTITY_RUN: killed.runFolder.slice(killed.tempDirectory.length + 1) });
    assert.deepEqual(attached(lines).ledger, [{ version: 1, ...context, ...entry, outcome: 'unknown' }]);
    agent.dispose();
    killed.dispose();
  });

  it('says that a run which was killed early had written nothing', () => {
    const nothing = ['Probe was killed before it could end by itself.', 'It had written nothing.', 'Its temporary files are removed.'];
    assert.deepEqual(step(), nothing);
    mkdirSync(run);
    leave('run.json', context);
    leave('journal.jsonl', '');
    assert.deepEqual(step(), nothing);
    assert.deepEqual(readdirSync(temp), []);
  });

  it('does not call a run killed that ended and could not remove its folder', () => {
    leave('run.json', context);
    assert.deepEqual(step(), ['Probe left temporary files.', 'Its temporary files are removed.']);
  });

  it('is silent after a run that ended by itself, and without the agent’s word', () => {
    rmSync(run, { recursive: true });
    assert.deepEqual(step(), []);
    assert.deepEqual(step({ VSTS_TASKVARIABLE_AKS_WORKLOAD_IDENTITY_RUN: '' }), []);
    assert.deepEqual(step({ AGENT_TEMPDIRECTORY: '' }), []);
  });

  it('removes nothing but the task’s own folder in the job’s temp directory', () => {
    for (const name of ['Other-1', 'Probe-/../keep', 'Probe-1/..', '../Probe-1', '/']) assert.deepEqual(step({ VSTS_TASKVARIABLE_AKS_WORKLOAD_IDENTITY_RUN: name }), [], name);
    assert.ok(existsSync(run));
  });

  it('survives remains that it cannot read, and lets no text of theirs speak to the agent', () => {
    leave('run.json', { ...context, task: '../../x' });
    leave('journal.jsonl', { version: 1, phase: 'intended', entry: { ...entry, object: '##vso[task.setvariable variable=x]y' } });
    const lines = step();
    assert.ok(!existsSync(run));
    assert.ok(!lines.some((line) => line.includes('##vso[task.setvariable')));
    mkdirSync(run);
    mkdirSync(join(run, 'run.json'));
    assert.equal(step().length, 3);
  });
});
