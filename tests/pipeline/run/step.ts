import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DownloadStep, PublishStep, Step, TaskStep } from '../compile/model.js';
import { ExpressionError } from '../expressions/lexer.js';
import type { TaskManifest } from '../validate/manifest.js';
import { taskEnvironment } from './agent-environment.js';
import { handleLine } from './apply-command.js';
import { evaluateCondition } from './condition.js';
import type { JobContext } from './job-context.js';
import { limited } from './limit.js';
import { runProcess } from './process.js';
import type { StepResult } from './result.js';
import { runServiceTask } from './service-tasks.js';
import { runScript } from './shell.js';
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

/** A relative path starts from the sources. Source: PublishPipelineArtifact docs, `targetPath`. */
function publish(job: JobContext, step: PublishStep): void {
  const name = step.artifact === undefined ? job.identity.jobId : job.variables.expand(step.artifact);
  const files = job.run.artifacts.publish(name, resolve(job.folders.sources, job.variables.expand(step.path)));
  job.log.line(`Published artifact ${name}: ${files} files`);
}

function download(job: JobContext, step: DownloadStep): void {
  const artifact = step.artifact === undefined ? undefined : job.variables.expand(step.artifact);
  const all = job.run.artifacts.download(job.folders.build, artifact, step.patterns.map((pattern) => job.variables.expand(pattern)));
  for (const one of all) job.log.line(`Downloaded artifact ${one.artifact}: ${one.files} files to ${one.folder}`);
  if (all.length === 0) job.log.line('This run has no artifacts.');
}

async function act(context: StepContext, step: Step, signal: AbortSignal): Promise<void> {
  const { job, manifest } = context;
  switch (step.kind) {
    case 'script':
      return runScript(context, step, signal);
    case 'checkout':
      job.log.line(step.repository === 'none' ? 'No sources are checked out.' : `The sources are at ${job.folders.sources}`);
      return;
    case 'publish':
      publish(job, step);
      return;
    case 'download':
      if (step.source === 'current') download(job, step);
      return;
    case 'task':
      if (manifest?.main === undefined) throw new Error(`${step.task} was not validated.`);
      if (!manifest.ofService) return runNode(context, step, manifest, manifest.main, new Map(), signal);
      header(context, manifest);
      runServiceTask(context, step, manifest);
      return;
  }
}

async function guarded(context: StepContext, minutes: number, body: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const limit = limited(context.job, minutes);
  const { signal } = limit;
  try {
    mkdirSync(context.job.folders.temp, { recursive: true });
    await body(signal);
  } catch (error) {
    if (!signal.aborted) context.fail(error instanceof Error ? error.message : String(error));
  } finally {
    limit.done();
  }
  if (limit.timedOut()) context.fail('The task has timed out.');
  else if (signal.aborted) {
    context.job.log.line('##[error]The operation was canceled.');
    context.merge('Canceled');
  }
}

/** Most retries of a step. Source: azure-devops-docs, process/tasks ("Number of retries if task failed"). */
const maximumRetries = 10;

/** Runs again what failed, after 1, 4, 9, … seconds; a timeout or a cancellation ends it. Source: agent, RetryHelper.RetryStep. */
async function retried(context: StepContext, step: Step, signal: AbortSignal): Promise<void> {
  const { job } = context;
  const retries = Math.min(step.retries, maximumRetries);
  if (step.retries > maximumRetries) context.issue('warning', `The step asks for ${step.retries} retries. At most ${maximumRetries} are made.`);
  for (let done = 0; ; done += 1) {
    await act(context, step, signal).catch((error: unknown) => {
      if (!signal.aborted) context.fail(error instanceof Error ? error.message : String(error));
    });
    if (context.result !== 'Failed' || done >= retries || signal.aborted) return;
    const delay = (done + 1) ** 2 * 1000;
    context.issue('warning', `RetryHelper encountered task failure, will retry (attempt #: ${done + 1} out of ${retries}) after ${delay} ms`);
    context.again();
    await job.run.clock.sleep(delay, signal);
  }
}

/** The job's token, renewed for each step; secret, so that only `$(System.AccessToken)` and tasks see it. */
function renewToken(job: JobContext): void {
  const token = job.run.world.jobToken(job.identity);
  job.run.masker.add(token);
  job.variables.set('System.AccessToken', token, { secret: true, readOnly: true });
}

/** Runs one step of a job; a step that its condition excludes is skipped. Never throws for what a step does. */
export async function runStep(job: JobContext, step: Step, later: PostJob[]): Promise<StepResult> {
  renewToken(job);
  const manifest = step.kind === 'task' ? job.run.tasks.find(step.task) : undefined;
  const context = new StepContext(job, step.name, job.variables.expand(step.displayName), manifest, step.target);
  if (step.kind === 'download' && step.source === 'none') return context.finish('Skipped');
  try {
    if (!step.enabled || !evaluateCondition(job, step.condition?.text)) return context.finish('Skipped');
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    context.fail(`The condition of the step cannot be evaluated: ${error.message}`);
    return context.finish('Failed');
  }
  job.log.line(`Starting: ${context.displayName}`);
  await guarded(context, step.timeoutInMinutes, (signal) => retried(context, step, signal));
  if (step.kind === 'task' && manifest?.post !== undefined) later.push({ step, manifest, file: manifest.post, taskVariables: context.taskVariables });
  const result = context.result === 'Failed' && step.continueOnError ? 'SucceededWithIssues' : context.result;
  job.log.line(`Finishing: ${context.displayName}`);
  return context.finish(result);
}

/** Runs a task's `postjobexecution` handler, also after failure and cancellation. */
export async function runPostJob(job: JobContext, post: PostJob): Promise<StepResult> {
  renewToken(job);
  const context = new StepContext(job, post.step.name, `Post-job: ${job.variables.expand(post.step.displayName)}`, post.manifest, post.step.target);
  job.log.line(`Starting: ${context.displayName}`);
  await guarded(context, post.step.timeoutInMinutes, (signal) => runNode(context, post.step, post.manifest, post.file, post.taskVariables, signal));
  job.log.line(`Finishing: ${context.displayName}`);
  return context.finish(context.result);
}
