import type { TestResults } from './junit.js';

/** Results as Azure Pipelines names them. */
export type Result = 'Succeeded' | 'SucceededWithIssues' | 'Failed' | 'Canceled' | 'Skipped';

/** A warning or error that a step logged with `task.logissue`, or that the agent logged about it. */
export interface Issue {
  readonly type: 'error' | 'warning';
  readonly message: string;
}

/** A file that a step attached, read when it was attached. */
export interface Attachment {
  readonly type: string;
  readonly name: string;
  readonly content: string;
}

/** Test results that a step published. */
export interface TestRun extends TestResults {
  readonly title: string;
}

export interface StepResult {
  readonly name: string;
  readonly displayName: string;
  readonly result: Result;
  readonly issues: readonly Issue[];
  /** Output variables by their own name (without the step's); values are unmasked. */
  readonly outputs: ReadonlyMap<string, string>;
  /** Markdown of `task.uploadsummary`, in order. */
  readonly summaries: readonly string[];
  readonly attachments: readonly Attachment[];
  /** What is on the Tests tab, one for each file. */
  readonly testRuns: readonly TestRun[];
  /** Exit code of the process; absent when none ran. */
  readonly exitCode?: number;
}

/** What one agent did of a job. */
export interface InstanceResult {
  /** The name of the leg; `__default` for a job that runs once. */
  readonly name: string;
  readonly result: Result;
  readonly steps: readonly StepResult[];
  readonly outputs: ReadonlyMap<string, string>;
  readonly issues: readonly Issue[];
  /** System.JobAttempt, from 1. */
  readonly attempt: number;
}

export interface JobResult {
  readonly name: string;
  /** Of all its copies together. */
  readonly result: Result;
  /** One for each copy that was to run; none when the job was skipped. */
  readonly instances: readonly InstanceResult[];
  /** The steps of all copies. */
  readonly steps: readonly StepResult[];
  /** As other jobs see them: `step.variable`, of a matrix `leg.step.variable`, of a deployment job `Job.step.variable`. */
  readonly outputs: ReadonlyMap<string, string>;
  readonly issues: readonly Issue[];
}

export interface StageResult {
  readonly name: string;
  readonly result: Result;
  readonly jobs: readonly JobResult[];
  readonly issues: readonly Issue[];
  /** System.StageAttempt, from 1. */
  readonly attempt: number;
}

export interface RunResult {
  readonly result: Result;
  readonly stages: readonly StageResult[];
}

const severity: readonly Result[] = ['Succeeded', 'SucceededWithIssues', 'Canceled', 'Failed'];

/** The worst of several results; what was skipped does not count, and all skipped is skipped. */
export function worst(results: readonly Result[]): Result {
  const counted = results.filter((result) => result !== 'Skipped');
  if (counted.length === 0) return results.length === 0 ? 'Succeeded' : 'Skipped';
  return counted.reduce((left, right) => (severity.indexOf(right) > severity.indexOf(left) ? right : left));
}

/** Whether everything that waits for this may go on. */
export function isGood(result: Result): boolean {
  return result === 'Succeeded' || result === 'SucceededWithIssues';
}
