import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ScriptStep, Step, TaskStep } from '../compile/model.js';
import { ExpressionError } from '../expressions/lexer.js';
import type { TaskManifest } from '../validate/manifest.js';
import { scriptEnvironment, taskEnvironment } from './agent-environment.js';
import { handleLine } from './apply-command.js';
import { evaluateCondition } from './condition.js';
import type { JobContext } from './job-context.js';
import { runProcess } from './process.js';
import type { StepResult } from './result.js';
import { StepContext } from './step-context.js';

const rule = '='.repeat(78);

function header(step: StepContext, manifest: TaskManifest): void {
  step.job.log.line([
    rule,
    `Task         : ${manifest.friendlyName}`,
    `Description  : ${manifest.description}`,
    `Version      : ${manifest.version}`,
    `Author       : ${manifest.author}`,
    `Help         : ${manifest.help}`,
    rule,
  ].join('\n'));
}

/** A task whose step has run; its post-job handler runs when the job ends. */
export interface PostJob {
  readonly step: TaskStep;
  readonly manifest: TaskManifest;
  readonly file: string;
  readonly taskVariables: ReadonlyMap<string, string>;
}

async function runNode(context: StepContext, step: TaskStep, manifest: TaskManifest, file: string, taskVariables: ReadonlyMap<string, string>, signal: AbortSignal): Promise<void> {
  const { job } = context;
  header(context, manifest);
  const script = join(manifest.folder, file);
  const code = await runProcess({
    command: job.run.node,
    args: [script],
    cwd: job.folders.sources,
    env: taskEnvironment(job, step, manifest, taskVariables),
    onLine: (line) => handleLine(line, context),
    signal,
    clock: job.run.clock,
  });
  context.exitCode = code;
  if (code !== 0 && !signal.aborted) context.fail(`Exit code ${code} returned from process: file name '${job.run.node}', arguments '"${script}"'.`);
}

interface Shell {
  readonly command: string;
  readonly args: readonly string[];
  readonly name: string;
}

function shellFor(step: ScriptStep, file: string): Shell {
  if (process.platform === 'win32' && step.shell === 'script') return { command: 'cmd.exe', args: ['/D', '/E:ON', '/V:OFF', '/S', '/C', `"CALL "${file}""`], name: 'Cmd.exe' };
  const bash = ['/bin/bash', '/usr/bin/bash'].find((path) => existsSync(path));
  return bash === undefined ? { command: '/bin/sh', args: [file], name: 'Sh' } : { command: bash, args: ['--noprofile', '--norc', file], name: 'Bash' };
}

async function runScript(context: StepContext, step: ScriptStep, signal: AbortSignal): Promise<void> {
  const { job } = context;
  const windows = process.platform === 'win32' && step.shell === 'script';
  const file = join(job.folders.temp, `${randomUUID()}${windows ? '.cmd' : '.sh'}`);
  const text = job.variables.expand(step.script);
  writeFileSync(file, windows ? `@echo off\r\n${text.replace(/\r?\n/g, '\r\n')}` : text, { mode: 0o700 });
  const shell = shellFor(step, file);
  job.log.line(['Generating script.', `${'='.repeat(26)} Starting Command Output ${'='.repeat(27)}`, `##[command]${[shell.command, ...shell.args].join(' ')}`].join('\n'));
  const seen = new Set<string>();
  const code = await runProcess({
    command: shell.command,
    args: shell.args,
    cwd: resolve(job.folders.sources, job.variables.expand(step.workingDirectory ?? '')),
    env: scriptEnvironment(job, step.env),
    onLine: (line, stream) => {
      seen.add(stream);
      handleLine(line, context);
    },
    signal,
    clock: job.run.clock,
    verbatim: windows,
  });
  context.exitCode = code;
  if (signal.aborted) return;
  if (code !== 0) context.fail(`${shell.name} exited with code '${code}'.`);
  else if (step.failOnStderr && seen.has('stderr')) context.fail(`${shell.name} wrote one or more lines to the standard error stream.`);
}

/** Minutes that steps of a cancelled job get. Source: yaml-schema, `cancelTimeoutInMinutes` (default 5). */
const cancelMinutes = 5;

interface Limit {
  readonly signal: AbortSignal;
  readonly timedOut: () => boolean;
  readonly done: () => void;
}

/** The job's signal, which also fires after the step's own time. An `always()` step of a cancelled job runs, for a while. */
function limited(job: JobContext, minutes: number): Limit {
  const cancelled = job.signal.aborted;
  const allowed = cancelled ? Math.min(minutes > 0 ? minutes : cancelMinutes, cancelMinutes) : minutes;
  if (allowed <= 0) return { signal: job.signal, timedOut: () => false, done: () => undefined };
  const own = new AbortController();
  const over = new AbortController();
  job.run.clock.sleep(allowed * 60_000, over.signal).then(
    () => own.abort(new Error('The task has timed out.')),
    () => undefined,
  );
  return {
    signal: cancelled ? own.signal : AbortSignal.any([job.signal, own.signal]),
    timedOut: () => own.signal.aborted,
    done: () => over.abort(new Error('The step has ended.')),
  };
}

async function act(context: StepContext, step: Step, signal: AbortSignal): Promise<void> {
  const { job } = context;
  if (step.kind === 'script') return runScript(context, step, signal);
  if (step.kind === 'checkout') {
    job.log.line(step.repository === 'none' ? 'No sources are checked out.' : `The sources are at ${job.folders.sources}`);
    return;
  }
  const { manifest } = context;
  if (manifest?.main === undefined) throw new Error(`${step.task} was not validated.`);
  return runNode(context, step, manifest, manifest.main, new Map(), signal);
}

async function guarded(context: StepContext, minutes: number, body: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const limit = limited(context.job, minutes);
  const { signal } = limit;
  try {
    mkdirSync(context.job.folders.temp, { recursive: true });
    await body(signal);
  } catch (error) {
    context.fail(error instanceof Error ? error.message : String(error));
  } finally {
    limit.done();
  }
  if (limit.timedOut()) context.fail('The task has timed out.');
  else if (signal.aborted) {
    context.job.log.line('##[error]The operation was canceled.');
    context.merge('Canceled');
  }
}

/** Runs one step of a job; a step that its condition excludes is skipped. Never throws for what a step does. */
export async function runStep(job: JobContext, step: Step, later: PostJob[]): Promise<StepResult> {
  const manifest = step.kind === 'task' ? job.run.tasks.find(step.task) : undefined;
  const context = new StepContext(job, step.name, job.variables.expand(step.displayName), manifest);
  try {
    if (!step.enabled || !evaluateCondition(job, step.condition?.text)) return context.finish('Skipped');
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    context.fail(`The condition of the step cannot be evaluated: ${error.message}`);
    return context.finish('Failed');
  }
  job.log.line(`Starting: ${context.displayName}`);
  await guarded(context, step.timeoutInMinutes, (signal) => act(context, step, signal));
  if (step.kind === 'task' && manifest?.post !== undefined) later.push({ step, manifest, file: manifest.post, taskVariables: context.taskVariables });
  const result = context.result === 'Failed' && step.continueOnError ? 'SucceededWithIssues' : context.result;
  job.log.line(`Finishing: ${context.displayName}`);
  return context.finish(result);
}

/** Runs a task's `postjobexecution` handler, also after failure and cancellation. */
export async function runPostJob(job: JobContext, post: PostJob): Promise<StepResult> {
  const context = new StepContext(job, post.step.name, `Post-job: ${job.variables.expand(post.step.displayName)}`, post.manifest);
  job.log.line(`Starting: ${context.displayName}`);
  await guarded(context, post.step.timeoutInMinutes, (signal) => runNode(context, post.step, post.manifest, post.file, post.taskVariables, signal));
  job.log.line(`Finishing: ${context.displayName}`);
  return context.finish(context.result);
}
