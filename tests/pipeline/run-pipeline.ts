import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { systemClock } from '../../tasks/_shared/reconcile/clock.js';
import type { Clock } from '../../tasks/_shared/reconcile/clock.js';
import { compilePipeline } from './compile/compile.js';
import type { CompileOptions } from './compile/compile.js';
import type { Pipeline } from './compile/model.js';
import { Problems } from './problems.js';
import type { RunContext } from './run/job-context.js';
import { RunLog } from './run/log.js';
import { Masker } from './run/masking.js';
import type { RunResult, StageResult } from './run/result.js';
import { worst } from './run/result.js';
import { runGraph } from './run/scheduler.js';
import { StageRunner } from './run/stage.js';
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
  /** Default: the pipeline file's name. */
  readonly definitionName?: string;
  /** Where PATH and HOME are taken from; default: process.env. */
  readonly hostEnvironment?: Readonly<Record<string, string | undefined>>;
  /** Aborting cancels the run as a user would. */
  readonly signal?: AbortSignal;
}

/** Compiles and checks a pipeline without running it. @throws {PipelineRefused} with every problem found. */
export function checkPipeline(options: CompileOptions & Pick<RunOptions, 'world' | 'tasksFolder'>): Pipeline {
  const pipeline = compilePipeline(options);
  const problems = new Problems();
  new Validator(new TaskLibrary(options.tasksFolder), options.world, problems).check(pipeline);
  problems.throwIfAny();
  return pipeline;
}

function contextOf(options: RunOptions, pipeline: Pipeline, workFolder: string): RunContext {
  const buildId = options.buildId ?? 1;
  return {
    world: options.world,
    tasks: new TaskLibrary(options.tasksFolder),
    masker: new Masker(),
    clock: options.clock ?? systemClock(),
    node: options.node ?? process.execPath,
    planId: randomUUID(),
    buildId,
    buildNumber: pipeline.name ?? String(buildId),
    definitionName: options.definitionName ?? basename(options.file, extname(options.file)),
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
