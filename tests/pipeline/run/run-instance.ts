import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Job } from '../compile/model.js';
import { ExpressionError } from '../expressions/lexer.js';
import type { JobContext, JobFolders, JobInstance, JobPlace, RunContext } from './job-context.js';
import type { RunLog } from './log.js';
import { predefinedVariables } from './predefined.js';
import { variablesFor } from './prepare.js';
import type { Sight } from './prepare.js';
import { worst } from './result.js';
import type { InstanceResult, StepResult } from './result.js';
import { prepareSources, SetupError } from './sources.js';
import { runPostJob, runStep } from './step.js';
import type { PostJob } from './step.js';

function makeFolders(run: RunContext, job: Job, instance: JobInstance, jobId: string): JobFolders {
  const build = join(run.workFolder, jobId);
  const folders = { build, temp: join(build, '_temp'), sources: prepareSources(run, job, instance.steps, build) };
  for (const folder of [folders.temp, join(build, 'a'), join(build, 'b')]) mkdirSync(folder, { recursive: true });
  return folders;
}

async function runSteps(context: JobContext): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  const later: PostJob[] = [];
  const record = (result: StepResult): void => {
    results.push(result);
    if (result.result === 'Skipped') return;
    context.status = worst([context.status, result.result]);
    context.variables.set('Agent.JobStatus', context.status);
  };
  for (const step of context.instance.steps) record(await runStep(context, step, later));
  for (const post of later.reverse()) record(await runPostJob(context, post));
  return results;
}

function outputsOf(prefix: string, steps: readonly StepResult[]): ReadonlyMap<string, string> {
  return new Map(steps.flatMap((step) => [...step.outputs].map(([name, value]) => [`${prefix}${step.name}.${name}`, value] as const)));
}

/** A copy that did not get as far as its steps. */
export function withoutSteps({ instance, attempt }: JobPlace, result: InstanceResult['result'], message?: string): InstanceResult {
  return { name: instance.name, result, steps: [], outputs: new Map(), issues: message === undefined ? [] : [{ type: 'error', message }], attempt };
}

/** Runs one copy of a job on this machine: its own folders, variables, steps, outputs. Never throws for what a step does. */
export async function runInstance(run: RunContext, log: RunLog, place: JobPlace, sight: Sight): Promise<InstanceResult> {
  const { job, instance } = place;
  const identity = { planId: run.planId, jobId: randomUUID() };
  try {
    const folders = makeFolders(run, job, instance, identity.jobId);
    const variables = variablesFor(predefinedVariables(run, place, identity, folders), instance, sight, run);
    return await execute(run, log, { ...place, identity, folders, variables });
  } catch (error) {
    if (!(error instanceof ExpressionError || error instanceof SetupError)) throw error;
    log.line(`##[error]Job ${job.name}: ${error.message}`);
    return withoutSteps(place, 'Failed', error.message);
  }
}

async function execute(run: RunContext, log: RunLog, parts: JobPlace & Pick<JobContext, 'identity' | 'folders' | 'variables'>): Promise<InstanceResult> {
  const { job, instance } = parts;
  const channel = log.open();
  const timeout = new AbortController();
  const ended = new AbortController();
  if (job.timeoutInMinutes > 0) run.clock.sleep(job.timeoutInMinutes * 60_000, ended.signal).then(() => timeout.abort(new Error('The job has timed out.')), () => undefined);
  const title = parts.variables.expand(instance.displayName);
  channel.line(`Starting: ${title}`);
  if (job.container !== undefined) channel.line(`##[warning]There is no container engine here: the job runs on this machine instead of in ${job.container.text}.`);
  try {
    const context: JobContext = { ...parts, run, log: channel, prependPath: [], signal: AbortSignal.any([run.signal, timeout.signal]), status: 'Succeeded' };
    const steps = await runSteps(context);
    const message = `The job running on agent Local agent ran longer than the maximum time of ${job.timeoutInMinutes} minutes.`;
    if (timeout.signal.aborted) channel.line(`##[error]${message}`);
    const result = context.signal.aborted ? worst([context.status, 'Canceled']) : context.status;
    channel.line(`Finishing: ${title}`);
    return {
      name: instance.name,
      result,
      steps,
      outputs: outputsOf(instance.prefix, steps),
      attempt: parts.attempt,
      issues: timeout.signal.aborted ? [{ type: 'error', message }] : [],
    };
  } finally {
    ended.abort(new Error('The job has ended.'));
    channel.close();
  }
}
