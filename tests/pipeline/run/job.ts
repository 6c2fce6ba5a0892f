import { join } from 'node:path';
import type { Job, Stage } from '../compile/model.js';
import { ExpressionError } from '../expressions/lexer.js';
import { courseOf } from './course.js';
import type { Course } from './course.js';
import type { JobInstance, RunContext } from './job-context.js';
import type { RunLog } from './log.js';
import { predefinedVariables } from './predefined.js';
import { evaluateForJob, isWanted, variablesFor } from './prepare.js';
import type { Sight } from './prepare.js';
import { isGood, worst } from './result.js';
import type { InstanceResult, JobResult } from './result.js';
import { runInstance, withoutSteps } from './run-instance.js';
import { Limiter } from '../../../tasks/_shared/reconcile/limits.js';

/** What a job is given to run in. */
export interface JobSurroundings extends Sight {
  readonly stage: Stage;
  readonly stageAttempt: number;
  /** What became of the job in the attempt before. */
  readonly previous?: JobResult;
  /** Agents: copies of jobs that may run at once. */
  readonly slots: Limiter;
}

/** The result of a job of which nothing ran. */
export function withoutInstances(job: Job, result: JobResult['result'], message?: string): JobResult {
  return { name: job.name, result, instances: [], steps: [], outputs: new Map(), issues: message === undefined ? [] : [{ type: 'error', message }] };
}

function together(job: Job, instances: readonly InstanceResult[]): JobResult {
  const result = worst(instances.map((one) => one.result));
  return {
    name: job.name,
    result: result === 'Failed' && job.continueOnError ? 'SucceededWithIssues' : result,
    instances,
    steps: instances.flatMap((one) => one.steps),
    outputs: new Map(instances.flatMap((one) => [...one.outputs])),
    issues: instances.flatMap((one) => one.issues),
  };
}

/** The course of a job that is wanted; undefined when its condition says no. @throws {ExpressionError} when evaluation fails. */
function plan(run: RunContext, job: Job, around: JobSurroundings): Course | undefined {
  // The condition and the matrix belong to the job, before any agent has it: there are no folders yet, and no copy.
  const build = join(run.workFolder, 'undecided');
  const instance = { name: '', displayName: job.displayName, prefix: '', steps: [], variables: new Map<string, string>(), position: 1, total: 1 };
  const identity = { planId: run.planId, jobId: '' };
  const predefined = predefinedVariables(run, { ...around, job, instance, attempt: 1 }, identity, { build, temp: build, sources: build });
  const variables = variablesFor(predefined, undefined, around, run);
  return isWanted(job, variables, around) ? courseOf(job, run.world, (expression) => evaluateForJob(expression, variables, around)) : undefined;
}

/** Runs the rounds up to the first that fails, and what comes after. */
async function follow(course: Course, run: RunContext, one: (instance: JobInstance) => Promise<InstanceResult>): Promise<readonly InstanceResult[]> {
  const results: InstanceResult[] = [];
  const begun: (readonly JobInstance[])[] = [];
  for (const round of course.rounds) {
    if (!isGood(worst(results.map(({ result }) => result)))) break;
    begun.push(round);
    results.push(...(await Promise.all(round.map(one))));
  }
  if (run.signal.aborted) return results;
  const succeeded = isGood(worst(results.map(({ result }) => result)));
  return [...results, ...(await Promise.all(course.after(succeeded, begun).map(one)))];
}

/** Runs one job: condition, copies, outputs. Never throws for what a step does. */
export async function runJob(run: RunContext, log: RunLog, job: Job, around: JobSurroundings): Promise<JobResult> {
  const { previous } = around;
  if (previous !== undefined && isGood(previous.result)) {
    log.line(`Kept job: ${job.displayName}`);
    return previous;
  }
  let course: Course | undefined;
  try {
    course = plan(run, job, around);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    log.line(`##[error]Job ${job.name}: ${error.message}`);
    return withoutInstances(job, 'Failed', error.message);
  }
  if (course === undefined) {
    log.line(`Skipped job: ${job.displayName}`);
    return withoutInstances(job, 'Skipped');
  }
  const own = new Limiter(job.strategy === undefined || job.strategy.maxParallel === 0 ? Number.POSITIVE_INFINITY : job.strategy.maxParallel);
  const one = async (instance: JobInstance): Promise<InstanceResult> => {
    const before = previous?.instances.find(({ name }) => name === instance.name);
    // Legs that went well are kept; hooks of a deployment follow from each other and run again.
    if (before !== undefined && isGood(before.result) && job.deployment === undefined) return before;
    const place = { ...around, job, instance, attempt: (before?.attempt ?? 0) + 1 };
    return own.run(() =>
      around.slots.run(async () => {
        // A copy that still waits for an agent when the run is cancelled never starts.
        if (!around.status.canceled && run.signal.aborted) return withoutSteps(place, 'Canceled');
        return runInstance(run, log, place, around);
      }),
    );
  };
  return together(job, await follow(course, run, one));
}
