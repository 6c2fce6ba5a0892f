import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startContoso, type ContosoRun, type ContosoStage } from '../demo/contoso-run.js';
import type { SimRequest, SimResponse } from '../simulators/kernel/service.js';
import { canaries } from '../simulators/world/contoso.js';
import { kubeTools } from '../tools/kube-tools.js';
import { builtTasks, root } from './built-tasks.js';
import { stepsOf } from './run-facts.js';

const jwt = /eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g;

/** Files below a folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesIn(path) : [path];
  });
}

/** A program named helm that notes its arguments and its environment, each run in a file of its own, and then becomes the real one. */
function installWatchedHelm(folder: string, notes: string, real: string): void {
  mkdirSync(folder);
  mkdirSync(notes);
  const path = join(folder, 'helm');
  writeFileSync(path, `#!/bin/sh\n{ printf '%s\\n' "$@"; echo ----; env; } > '${notes}'/$$\nexec '${real}' "$@"\n`);
  chmodSync(path, 0o755);
}

describe('secrets of a whole run, and of an audit after it, with System.Debug', function () {
  this.timeout(180_000);
  let folder: string;
  let pipelines: string;
  let stage: ContosoStage;
  let run: ContosoRun;
  let audit: ContosoRun;
  const tokens = new Set<string>();
  const jobTokens = new Set<string>();
  let vaultAnswers = '';

  /** Keeps every token that any service issues or is shown. */
  function keep(request: SimRequest, response: SimResponse): void {
    const { body } = response;
    const isPlain = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) || !(Symbol.asyncIterator in body);
    const answer = isPlain ? (typeof body === 'object' ? JSON.stringify(body) : (body ?? '')) : '';
    for (const text of [answer, request.headers.authorization ?? '', decodeURIComponent(request.body.toString('utf8').replaceAll('%', '%25'))]) {
      for (const [token] of text.matchAll(jwt)) tokens.add(token);
    }
    if (request.url.pathname.startsWith('/secrets/')) vaultAnswers += answer;
  }

  before(async () => {
    await builtTasks();
    folder = mkdtempSync(join(tmpdir(), 'secrets-'));
    pipelines = mkdtempSync(join(root, 'build/e2e-'));
    const { helm4 } = await kubeTools();
    installWatchedHelm(join(folder, 'bin'), join(folder, 'notes'), helm4);
    stage = await startContoso({ programs: join(folder, 'bin') });
    stage.world.network.faults.plant({ then: keep });
    const withDebug = (name: string): string => {
      const file = join(pipelines, name);
      writeFileSync(file, `variables:\n  System.Debug: true\n${readFileSync(join(root, 'tests/fixtures/contoso', name), 'utf8')}`);
      return file;
    };
    const jobToken: ContosoStage['pipelineWorld']['jobToken'] = (job) => {
      const token = stage.pipelineWorld.jobToken(job);
      jobTokens.add(token);
      return token;
    };
    const other = { pipelineWorld: { ...stage.pipelineWorld, jobToken }, workFolder: join(folder, 'work') };
    run = await stage.run(() => undefined, { ...other, file: withDebug('azure-pipelines.yml') });
    audit = await stage.run(() => undefined, { ...other, file: withDebug('audit-pipeline.yml'), artifactsFolder: join(folder, 'work', 'audit') });
  });

  after(async () => {
    await stage.close();
    for (const path of [folder, pipelines]) rmSync(path, { recursive: true });
  });

  /** Names of secrets that a text contains, and tokens that nobody registered. */
  function leaks(text: string): string[] {
    const planted = Object.entries(canaries).flatMap(([name, secret]) => (text.includes(secret) ? [`canary ${name}`] : []));
    const issued = [...tokens, ...jobTokens].filter((token) => text.includes(token)).map((token) => `token ${token.slice(0, 20)}…`);
    const signatures = [...tokens].flatMap((token) => token.split('.')[2] ?? []).filter((part) => part.length > 20 && text.includes(part));
    const others = [...text.matchAll(jwt)].map(([token]) => `unknown token ${token.slice(0, 20)}…`);
    return [...planted, ...issued, ...signatures.map((part) => `signature ${part.slice(0, 12)}…`), ...others];
  }

  it('were really in play', () => {
    assert.equal(run.result.result, 'Succeeded', run.lines.join('\n'));
    for (const { lines } of [run, audit]) assert.ok(lines.filter((line) => line.startsWith('##[debug]')).length > 100, 'System.Debug has no effect');
    assert.equal(stepsOf(audit).flatMap(({ testRuns }) => testRuns).length, 2, audit.lines.join('\n'));
    assert.ok(tokens.size > 30, `only ${tokens.size} tokens were seen`);
    assert.ok(jobTokens.size >= 4, `only ${jobTokens.size} job tokens were handed out`);
    assert.ok(vaultAnswers.includes(canaries.secretNonprod) && vaultAnswers.includes(canaries.secretProd), 'no secret was read');
    assert.deepEqual(leaks(`x ${canaries.groupSecret} y ${[...tokens][0] ?? ''}`).length >= 3, true, 'the search finds nothing');
  });

  it('are in no line of the log', () => {
    assert.deepEqual(leaks([...run.lines, ...audit.lines].join('\n')), []);
  });

  it('are in no summary, attachment, output variable or issue', () => {
    const texts = [run, audit].flatMap((one) => stepsOf(one)).flatMap(({ summaries, attachments, outputs, issues }) => [...summaries, ...attachments.map(({ content }) => content), ...outputs.values(), ...issues.map(({ message }) => message)]);
    assert.ok(texts.length > 40);
    assert.deepEqual(leaks(texts.join('\n')), []);
  });

  it('are in no file that the tasks leave behind, and no private folder of a task is left', () => {
    const left = filesIn(join(folder, 'work'));
    assert.ok(left.some((path) => path.endsWith('-ledger.jsonl')), 'the search finds no files');
    assert.equal(left.filter((path) => path.endsWith('audit-evidence.md')).length, 4, 'those of two rings, and the artifacts');
    for (const path of left) assert.deepEqual(leaks(readFileSync(path, 'latin1')), [], path);
    assert.deepEqual(left.filter((path) => /aks-wi-helm-|kubeconfig|values|scratch-|journal/.test(path)), []);
  });

  it('are in no argument and no environment variable of helm', () => {
    const notes = filesIn(join(folder, 'notes')).map((path) => readFileSync(path, 'utf8'));
    const upgrades = notes.filter((text) => text.startsWith('upgrade\n'));
    assert.equal(upgrades.length, 3);
    assert.ok(upgrades.every((text) => text.includes('\nKUBECONFIG=')));
    assert.deepEqual(leaks(notes.join('\n')), []);
  });
});
