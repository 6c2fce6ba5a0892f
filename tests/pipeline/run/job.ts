import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Job, Stage, VariableDeclaration } from '../compile/model.js';
import { evaluate } from '../expressions/evaluate.js';
import { ExpressionError } from '../expressions/lexer.js';
import { toBoolean, toText } from '../expressions/values.js';
import type { Value } from '../expressions/values.js';
import { pairs } from './condition.js';
import { dependencyStatus, jobDependencies, runtimeExpression, stageDependencies, variablesContext } from './contexts.js';
import type { Status } from './contexts.js';
import type { JobContext, JobFolders, RunContext } from './job-context.js';
import type { RunLog } from './log.js';
import { isPredefined, predefinedVariables } from './predefined.js';
import { worst } from './result.js';
import type { JobResult, StageResult, StepResult } from './result.js';
import { runPostJob, runStep } from './step.js';
import type { PostJob } from './step.js';
import { JobVariables } from './variables.js';

/** What a job can see of the run around it. */
export interface JobSurroundings {
  readonly stage: Stage;
  readonly declarations: readonly VariableDeclaration[];
  /** Results of the jobs it names in dependsOn. */
  readonly jobs: readonly JobResult[];
  /** Results of the stages its stage names in dependsOn. */
  readonly stages: readonly StageResult[];
  readonly status: Status;
}

function empty(job: Job, result: JobResult['result'], message?: string): JobResult {
  return { name: job.name, result, steps: [], outputs: new Map(), issues: message === undefined ? [] : [{ type: 'error', message }] };
}

/** Sources are checked out unless a step says `none`; a deployment job has them only where a step asks. Source: deployment-jobs docs. */
function hasSources(job: Job): boolean {
  const checkouts = job.steps.flatMap((step) => (step.kind === 'checkout' ? [step.repository] : []));
  return job.deployment ? checkouts.includes('self') : !checkouts.includes('none');
}

function makeFolders(run: RunContext, job: Job, jobId: string): JobFolders {
  const build = join(run.workFolder, jobId);
  const folders = { build, temp: join(build, '_temp'), sources: hasSources(job) ? run.sourcesFolder : join(build, 's') };
  for (const folder of [folders.temp, folders.sources, join(build, 'a'), join(build, 'b')]) mkdirSync(folder, { recursive: true });
  return folders;
}

/** Puts the declarations into effect, one after another; a later one wins. Group secrets are masked at once. */
export function declareVariables(variables: JobVariables, declarations: readonly VariableDeclaration[], run: RunContext, evaluateRuntime: (expression: string) => Value): void {
  for (const one of declarations) {
    if (one.kind === 'value') {
      if (isPredefined(one.name) && variables.get(one.name) !== undefined) continue;
      const expression = runtimeExpression(one.value);
      variables.set(one.name, expression === undefined ? one.value : toText(evaluateRuntime(expression)), { readOnly: one.readOnly, secret: false });
      continue;
    }
    for (const [name, variable] of Object.entries(run.world.variableGroup(one.group)?.variables ?? {})) {
      if (variable.isSecret === true) run.masker.add(variable.value);
      variables.set(name, variable.value, { secret: variable.isSecret === true, readOnly: false });
    }
  }
}

/** Variables and the job's own condition. @throws {ExpressionError} when evaluation fails. */
function prepare(variables: JobVariables, run: RunContext, job: Job, around: JobSurroundings): boolean {
  const values = (): ReadonlyMap<string, Value> =>
    new Map<string, Value>([
      ['variables', variablesContext(pairs(variables))],
      ['dependencies', jobDependencies(around.jobs)],
      ['stageDependencies', stageDependencies(around.stages)],
    ]);
  declareVariables(variables, around.declarations, run, (expression) => evaluate(expression, { values: values() }));
  variables.resolve();
  for (const one of variables.all()) if (one.secret) run.masker.add(one.value);
  const condition = job.condition === undefined || job.condition.text.trim() === '' ? 'succeeded()' : job.condition.text;
  return toBoolean(evaluate(condition, { values: values(), functions: dependencyStatus(around.status) }));
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
  for (const step of context.job.steps) record(await runStep(context, step, later));
  for (const post of later.reverse()) record(await runPostJob(context, post));
  return results;
}

function outputsOf(job: Job, steps: readonly StepResult[]): ReadonlyMap<string, string> {
  const prefix = job.deployment ? `${job.name}.` : '';
  return new Map(steps.flatMap((step) => [...step.outputs].map(([name, value]) => [`${prefix}${step.name}.${name}`, value] as const)));
}

/** Runs one job: variables, condition, steps, outputs. Never throws for what a step does. */
export async function runJob(run: RunContext, log: RunLog, job: Job, around: JobSurroundings): Promise<JobResult> {
  const identity = { planId: run.planId, jobId: randomUUID() };
  const folders = makeFolders(run, job, identity.jobId);
  const variables = new JobVariables();
  for (const [name, value] of Object.entries(predefinedVariables(run, around.stage.name, job, identity, folders))) variables.set(name, value, { readOnly: isPredefined(name) });
  try {
    if (!prepare(variables, run, job, around)) {
      log.line(`Skipped job: ${job.displayName}`);
      return empty(job, 'Skipped');
    }
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    log.line(`##[error]Job ${job.name}: ${error.message}`);
    return empty(job, 'Failed', error.message);
  }
  return execute(run, log, job, { identity, folders, variables, stage: around.stage.name });
}

async function execute(run: RunContext, log: RunLog, job: Job, parts: Pick<JobContext, 'identity' | 'folders' | 'variables' | 'stage'>): Promise<JobResult> {
  const channel = log.open();
  const timeout = new AbortController();
  const ended = new AbortController();
  if (job.timeoutInMinutes > 0) run.clock.sleep(job.timeoutInMinutes * 60_000, ended.signal).then(() => timeout.abort(new Error('The job has timed out.')), () => undefined);
  const title = parts.variables.expand(job.displayName);
  channel.line(`Starting: ${title}`);
  try {
    const context: JobContext = { ...parts, run, job, log: channel, prependPath: [], signal: AbortSignal.any([run.signal, timeout.signal]), status: 'Succeeded' };
    const steps = await runSteps(context);
    const message = `The job running on agent Local agent ran longer than the maximum time of ${job.timeoutInMinutes} minutes.`;
    if (timeout.signal.aborted) channel.line(`##[error]${message}`);
    const result = context.signal.aborted ? worst([context.status, 'Canceled']) : context.status;
    channel.line(`Finishing: ${title}`);
    return {
      name: job.name,
      result: result === 'Failed' && job.continueOnError ? 'SucceededWithIssues' : result,
      steps,
      outputs: outputsOf(job, steps),
      issues: timeout.signal.aborted ? [{ type: 'error', message }] : [],
    };
  } finally {
    ended.abort(new Error('The job has ended.'));
    channel.close();
  }
}
