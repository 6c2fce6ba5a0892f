import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { systemClock } from '../../tasks/_shared/reconcile/clock.js';
import type { Clock } from '../../tasks/_shared/reconcile/clock.js';
import { compilePipeline } from './compile/compile.js';
import type { CompileOptions } from './compile/compile.js';
import type { Pipeline } from './compile/model.js';
import { ExpressionError } from './expressions/lexer.js';
import { MemoryCounters, RunExpressions } from './expressions/runtime.js';
import type { Counters } from './expressions/runtime.js';
import { Problems } from './problems.js';
import { buildNumber } from './run/build-number.js';
import { Artifacts } from './run/artifacts.js';
import type { RunContext } from './run/job-context.js';
import { RunLog } from './run/log.js';
import { Masker } from './run/masking.js';
import { queuedVariables } from './run/queued.js';
import type { BuildReason, Queued } from './run/queued.js';
import type { RunResult, StageResult } from './run/result.js';
import { worst } from './run/result.js';
import { runGraph } from './run/scheduler.js';
import { StageRunner } from './run/stage.js';
import { JobVariables } from './run/variables.js';
import { TaskLibrary } from './validate/manifest.js';
import { Validator } from './validate/validate.js';
import type { PipelineWorld } from './world.js';

export interface RunOptions extends CompileOptions {
  readonly world: PipelineWorld;
  /** Holds `<Name>/task.json` with the bundled `index.js` beside it. */
  readonly tasksFolder: string;
  /** Called with each line of the log, masked. */
  readonly output: (line: string) => void;
  /** ANSI colours in the log; default false. */
  readonly colour?: boolean;
  /** The checked-out sources; default: `root`, or the pipeline file's folder. */
  readonly sourcesFolder?: string;
  /** The agent's work folder; default: a temporary one that is removed afterwards. */
  readonly workFolder?: string;
  /** The Node that runs the tasks; default: the one running now. */
  readonly node?: string;
  /** For timeouts and cancellation; default: the machine's. */
  readonly clock?: Clock;
  /** Stages at once; default 1. */
  readonly parallelStages?: number;
  /** Jobs of a stage at once; default 2. */
  readonly parallelJobs?: number;
  readonly buildId?: number;
  /** Keeps the values of `counter()` between runs; default: every counter starts at its seed. */
  readonly counters?: Counters;
  /** Build.Reason, also for `${{ }}`; default Manual. */
  readonly reason?: BuildReason;
  /** Build.SourceBranch, also for `${{ }}`; default refs/heads/main, of a pull request refs/pull/1/merge. */
  readonly sourceBranch?: string;
  /** Jobs with a container run on this machine itself and say so; default: they are refused, as there is no container engine. */
  readonly containersOnHost?: boolean;
  /**
   * A finished run whose failed jobs run again, as "Rerun failed jobs" does: what went well is kept with its outputs, what failed or was
   * skipped has its turn with the next attempt. Both runs need the same `artifactsFolder`.
   */
  readonly previous?: RunResult;
  /** Where published artifacts are kept, one folder each; default: in the work folder. */
  readonly artifactsFolder?: string;
  /** Default: the pipeline file's name. */
  readonly definitionName?: string;
  /** Where PATH and HOME are taken from; default: process.env. */
  readonly hostEnvironment?: Readonly<Record<string, string | undefined>>;
  /** Aborting cancels the run as a user would. */
  readonly signal?: AbortSignal;
}

/** What compiling and checking needs of a run's options. */
export type CheckOptions = CompileOptions & Pick<RunOptions, 'world' | 'tasksFolder' | 'definitionName' | 'reason' | 'sourceBranch' | 'containersOnHost'>;

function queuedOf(options: CheckOptions): Queued {
  const reason = options.reason ?? 'Manual';
  return {
    world: options.world,
    definitionName: options.definitionName ?? basename(options.file, extname(options.file)),
    reason,
    sourceBranch: options.sourceBranch ?? (reason === 'PullRequest' ? 'refs/pull/1/merge' : 'refs/heads/main'),
  };
}

/** Build.BuildNumber: what `name` makes of the run, or the run's id. @throws {ExpressionError} for an unknown date format. */
function numberOf(options: CheckOptions & Pick<RunOptions, 'buildId'>, pipeline: Pipeline, start: Date, counters: Counters): string {
  const queued = queuedOf(options);
  const id = String(options.buildId ?? 1);
  const variables = new JobVariables();
  const declared = pipeline.variables.flatMap((one) => (one.kind === 'value' ? [[one.name, one.value] as const] : []));
  for (const [name, value] of [...declared, ...Object.entries(queuedVariables(queued)), ['Build.BuildId', id] as const]) variables.set(name, value);
  return pipeline.name === undefined ? id : buildNumber(pipeline.name, { variable: (name) => variables.value(name), start, definitionName: queued.definitionName, counters });
}

/** Compiles and checks a pipeline without running it. @throws {PipelineRefused} with every problem found. */
export function checkPipeline(options: CheckOptions): Pipeline {
  const pipeline = compilePipeline({ ...options, templateVariables: { ...queuedVariables(queuedOf(options)), ...options.templateVariables } });
  const problems = new Problems();
  try {
    // Only a format that the service does not know can be wrong here: this number is used for nothing.
    numberOf(options, pipeline, new Date(0), new MemoryCounters());
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    problems.add(pipeline.at, `The name of the run: ${error.message}`);
  }
  new Validator(new TaskLibrary(options.tasksFolder), options.world, problems, { repositories: Object.keys(options.repositories ?? {}), containersOnHost: options.containersOnHost ?? false }).check(pipeline);
  problems.throwIfAny();
  return pipeline;
}

function contextOf(options: RunOptions, pipeline: Pipeline, workFolder: string): RunContext {
  const buildId = options.buildId ?? 1;
  const queued = queuedOf(options);
  const clock = options.clock ?? systemClock();
  const [start, counters] = [clock.now(), options.counters ?? new MemoryCounters()];
  return {
    ...queued,
    tasks: new TaskLibrary(options.tasksFolder),
    masker: new Masker(),
    clock,
    expressions: new RunExpressions(start, queued.definitionName, counters),
    node: options.node ?? process.execPath,
    planId: randomUUID(),
    buildId,
    buildNumber: numberOf(options, pipeline, start, counters),
    artifacts: new Artifacts(options.artifactsFolder ?? join(workFolder, 'artifacts'), buildId),
    ...(options.previous === undefined ? {} : { previous: options.previous }),
    repositories: Object.fromEntries(Object.entries(options.repositories ?? {}).map(([alias, folder]) => [alias, resolve(folder)])),
    sourcesFolder: resolve(options.sourcesFolder ?? options.root ?? dirname(options.file)),
    workFolder,
    hostEnvironment: options.hostEnvironment ?? process.env,
    signal: options.signal ?? new AbortController().signal,
  };
}

/**
 * Runs a pipeline as Azure Pipelines would, on this machine.
 * @returns the tree of results; a failed run is a result, not an error.
 * @throws {PipelineRefused} before the first job, when the pipeline would be refused or uses what is not supported.
 */
export async function runPipeline(options: RunOptions): Promise<RunResult> {
  if (options.previous !== undefined && options.artifactsFolder === undefined) throw new Error("Running failed jobs again needs 'artifactsFolder', so that the artifacts of the attempt before are there.");
  const pipeline = checkPipeline(options);
  const workFolder = options.workFolder ?? mkdtempSync(join(tmpdir(), 'pipeline-'));
  try {
    const run = contextOf(options, pipeline, workFolder);
    const log = new RunLog(options.output, run.masker, options.colour ?? false);
    const runner = new StageRunner(run, log, pipeline, options.parallelJobs ?? 2);
    const stages = await runGraph(pipeline.stages, options.parallelStages ?? 1, (stage, done: ReadonlyMap<string, StageResult>) => runner.stage(stage, done));
    return { result: run.signal.aborted ? 'Canceled' : worst(stages.map((stage) => stage.result)), stages };
  } finally {
    if (options.workFolder === undefined) rmSync(workFolder, { recursive: true, force: true });
  }
}
