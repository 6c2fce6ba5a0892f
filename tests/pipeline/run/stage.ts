import type { Job, Pipeline, Stage } from '../compile/model.js';
import { evaluate } from '../expressions/evaluate.js';
import { ExpressionError } from '../expressions/lexer.js';
import { toBoolean } from '../expressions/values.js';
import type { Value } from '../expressions/values.js';
import { connectionsOf } from '../validate/task-inputs.js';
import type { ProtectedResource } from '../world.js';
import { pairs } from './condition.js';
import { dependenciesOfStage, dependencyStatus, variablesContext } from './contexts.js';
import { runJob, withoutInstances } from './job.js';
import type { RunContext } from './job-context.js';
import type { RunLog } from './log.js';
import { pullRequestVariables, queuedVariables } from './queued.js';
import { isGood, worst } from './result.js';
import type { JobResult, Result, StageResult } from './result.js';
import { ancestorsOf, runGraph } from './scheduler.js';
import { Limiter } from '../../../tasks/_shared/reconcile/limits.js';
import type { Scheduled } from './scheduler.js';
import { declareVariables } from './prepare.js';
import { JobVariables } from './variables.js';

/** Everything with checks that any job of a stage uses, each once. Source: azure-devops-docs#6719, "checks gate stages". */
export function protectedResources(pipeline: Pipeline, stage: Stage, run: RunContext): readonly ProtectedResource[] {
  const found: ProtectedResource[] = [];
  const add = (kind: ProtectedResource['kind'], name: string): void => {
    if (!found.some((other) => other.kind === kind && other.name === name)) found.push({ kind, name });
  };
  for (const one of [...pipeline.variables, ...stage.variables, ...stage.jobs.flatMap((job) => job.variables)]) {
    if (one.kind === 'group') add('variableGroup', one.group);
  }
  for (const job of stage.jobs) {
    if (job.deployment !== undefined) add('environment', job.deployment.environment.text);
    for (const step of job.steps) {
      const manifest = step.kind === 'task' ? run.tasks.find(step.task) : undefined;
      if (step.kind !== 'task' || manifest === undefined) continue;
      for (const connection of connectionsOf(manifest, step, run.world)) add('serviceConnection', connection.name);
    }
  }
  return found;
}

/** Results of everything above a node in its graph. */
function ancestorResults(node: Scheduled, all: readonly Scheduled[], done: ReadonlyMap<string, { readonly result: Result }>): ReadonlyMap<string, Result> {
  return new Map([...ancestorsOf(node, all)].map((name) => [name, done.get(name)?.result ?? 'Skipped'] as const));
}

function named<R>(names: readonly string[], done: ReadonlyMap<string, R>): readonly R[] {
  return names.flatMap((name) => done.get(name.toLowerCase()) ?? []);
}

function previousJob(stage: StageResult | undefined, job: Job): { readonly previous?: JobResult } {
  const previous = stage?.jobs.find(({ name }) => name === job.name);
  return previous === undefined ? {} : { previous };
}

/** Runs the stages of a pipeline. */
export class StageRunner {
  readonly #run: RunContext;
  readonly #log: RunLog;
  readonly #pipeline: Pipeline;
  readonly #parallelJobs: number;

  constructor(run: RunContext, log: RunLog, pipeline: Pipeline, parallelJobs: number) {
    this.#run = run;
    this.#log = log;
    this.#pipeline = pipeline;
    this.#parallelJobs = parallelJobs;
  }

  /** Condition, checks, jobs, result. A stage that went well in the attempt before is kept. */
  async stage(stage: Stage, done: ReadonlyMap<string, StageResult>): Promise<StageResult> {
    const previous = this.#run.previous?.stages.find(({ name }) => name === stage.name);
    if (previous !== undefined && isGood(previous.result)) {
      this.#log.line(`Kept stage: ${stage.displayName}`);
      return previous;
    }
    const attempt = previous === undefined ? 1 : previous.attempt + (previous.result === 'Skipped' ? 0 : 1);
    try {
      if (!this.#wanted(stage, done)) {
        this.#log.line(`Skipped stage: ${stage.displayName}`);
        return { name: stage.name, result: 'Skipped', jobs: stage.jobs.map((job) => withoutInstances(job, 'Skipped')), issues: [], attempt };
      }
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      return this.#refused(stage, attempt, `The condition of stage ${stage.name} cannot be evaluated: ${error.message}`);
    }
    const resources = protectedResources(this.#pipeline, stage, this.#run);
    if (resources.length > 0 && !(await this.#run.world.approve(stage.name, resources))) {
      return this.#refused(stage, attempt, `Stage ${stage.name} was not approved: ${resources.map((one) => `${one.kind} ${one.name}`).join(', ')}.`);
    }
    this.#log.line(`Stage: ${stage.displayName}`);
    const slots = new Limiter(this.#parallelJobs);
    const jobs = await runGraph(stage.jobs, Number.POSITIVE_INFINITY, (job, finished: ReadonlyMap<string, JobResult>) =>
      runJob(this.#run, this.#log, job, {
        stage,
        stageAttempt: attempt,
        slots,
        ...previousJob(previous, job),
        declarations: [...this.#pipeline.variables, ...stage.variables, ...job.variables],
        jobs: named(job.dependsOn, finished),
        stages: named(stage.dependsOn, done),
        status: { canceled: this.#run.signal.aborted, ancestors: ancestorResults(job, stage.jobs, finished) },
        expressions: this.#run.expressions,
      }),
    );
    return { name: stage.name, result: worst(jobs.map((job) => job.result)), jobs, issues: [], attempt };
  }

  #refused(stage: Stage, attempt: number, message: string): StageResult {
    this.#log.line(`##[error]${message}`);
    return { name: stage.name, result: 'Failed', jobs: [], issues: [{ type: 'error', message }], attempt };
  }

  /** A stage's condition sees the pipeline's variables and those of the run, not its own. */
  #wanted(stage: Stage, done: ReadonlyMap<string, StageResult>): boolean {
    const variables = new JobVariables();
    const queued = { ...queuedVariables(this.#run), ...pullRequestVariables(this.#run), 'System.StageName': stage.name };
    for (const [name, value] of Object.entries(queued)) variables.set(name, value, { readOnly: true });
    const only = (): ReadonlyMap<string, Value> => new Map<string, Value>([['variables', variablesContext(pairs(variables))], ['pipeline', this.#run.expressions.pipeline]]);
    declareVariables(variables, this.#pipeline.variables, this.#run, (expression) => evaluate(expression, { values: only(), functions: this.#run.expressions.variableFunctions }));
    variables.resolve();
    const values = new Map<string, Value>([...only(), ['dependencies', dependenciesOfStage(named(stage.dependsOn, done))]]);
    const status = { canceled: this.#run.signal.aborted, ancestors: ancestorResults(stage, this.#pipeline.stages, done) };
    const condition = stage.condition === undefined || stage.condition.text.trim() === '' ? 'succeeded()' : stage.condition.text;
    return toBoolean(evaluate(condition, { values, functions: dependencyStatus(status) }));
  }
}
