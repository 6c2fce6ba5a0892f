import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { Job, Stage, Step } from '../compile/model.js';
import type { RunExpressions } from '../expressions/runtime.js';
import type { TaskLibrary } from '../validate/manifest.js';
import type { JobIdentity, VirtualMachine } from '../world.js';
import type { Artifacts } from './artifacts.js';
import type { Log } from './log.js';
import type { Masker } from './masking.js';
import type { Queued } from './queued.js';
import type { Result, RunResult } from './result.js';
import type { JobVariables } from './variables.js';

/** What is the same for the whole run. */
export interface RunContext extends Queued {
  readonly tasks: TaskLibrary;
  readonly masker: Masker;
  readonly clock: Clock;
  /** What `$[ ]` and conditions see of the run itself. */
  readonly expressions: RunExpressions;
  /** The Node that runs tasks. */
  readonly node: string;
  readonly planId: string;
  readonly buildId: number;
  readonly buildNumber: string;
  readonly artifacts: Artifacts;
  /** The run whose failed jobs run again. */
  readonly previous?: RunResult;
  /** The checked-out sources. */
  readonly sourcesFolder: string;
  /** Local folders of other repositories, by alias. */
  readonly repositories: Readonly<Record<string, string>>;
  /** The agent's work folder. */
  readonly workFolder: string;
  readonly hostEnvironment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** What one agent runs of a job: the whole of it, one leg of its matrix, or one slice. */
export interface JobInstance {
  /** System.JobName. */
  readonly name: string;
  readonly displayName: string;
  /** Before the names of its outputs, with its dot; empty for a job that runs once. */
  readonly prefix: string;
  /** The machine that it stands for. */
  readonly machine?: VirtualMachine;
  readonly steps: readonly Step[];
  /** What only this copy has; stronger than the job's own. */
  readonly variables: ReadonlyMap<string, string>;
  /** From 1. */
  readonly position: number;
  readonly total: number;
}

/** Where in its run a copy of a job stands. */
export interface JobPlace {
  readonly stage: Stage;
  /** System.StageAttempt. */
  readonly stageAttempt: number;
  readonly job: Job;
  readonly instance: JobInstance;
  /** System.JobAttempt. */
  readonly attempt: number;
}

/** The folders of one job. */
export interface JobFolders {
  readonly sources: string;
  readonly temp: string;
  readonly build: string;
}

/** The state of one running job. */
export interface JobContext extends JobPlace {
  readonly run: RunContext;
  readonly identity: JobIdentity;
  readonly variables: JobVariables;
  readonly folders: JobFolders;
  readonly log: Log;
  /** Newest last. */
  readonly prependPath: string[];
  /** Aborted on cancellation and on the job's timeout. */
  readonly signal: AbortSignal;
  status: Result;
}
