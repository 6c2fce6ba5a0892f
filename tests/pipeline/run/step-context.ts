import type { CommandRestrictions } from '../compile/model.js';
import type { TaskManifest } from '../validate/manifest.js';
import type { JobContext } from './job-context.js';
import { worst } from './result.js';
import type { Attachment, Issue, Result, StepResult, TestRun } from './result.js';

/** The state of one running step: what its logging commands change. */
export class StepContext {
  readonly job: JobContext;
  readonly name: string;
  readonly displayName: string;
  readonly manifest: TaskManifest | undefined;
  /** Of the task and of where it runs: what any of them forbids is forbidden. */
  readonly restrictions: readonly CommandRestrictions[];
  readonly issues: Issue[] = [];
  readonly outputs = new Map<string, string>();
  readonly summaries: string[] = [];
  readonly attachments: Attachment[] = [];
  readonly testRuns: TestRun[] = [];
  /** Variables of `task.settaskvariable`, which only this task's later handlers see. */
  readonly taskVariables = new Map<string, string>();
  #result: Result = 'Succeeded';
  exitCode: number | undefined;

  constructor(job: JobContext, name: string, displayName: string, manifest?: TaskManifest, target?: CommandRestrictions) {
    this.job = job;
    this.name = name;
    this.displayName = displayName;
    this.manifest = manifest;
    this.restrictions = [...(manifest === undefined ? [] : [manifest.restrictions]), ...(target === undefined ? [] : [target])];
  }

  get result(): Result {
    return this.#result;
  }

  /** Forgets a failure, for another try. */
  again(): void {
    this.#result = 'Succeeded';
  }

  /** A result never gets better. */
  merge(result: Result): void {
    this.#result = result === 'Skipped' ? 'Skipped' : worst([this.#result, result]);
  }

  issue(type: 'error' | 'warning', message: string): void {
    this.issues.push({ type, message });
    this.job.log.line(`##[${type}]${message}`);
  }

  /** An error of the agent itself: the step has failed. */
  fail(message: string): void {
    this.issue('error', message);
    this.merge('Failed');
  }

  finish(result: Result): StepResult {
    return {
      name: this.name,
      displayName: this.displayName,
      result,
      issues: [...this.issues],
      outputs: new Map(this.outputs),
      summaries: [...this.summaries],
      attachments: [...this.attachments],
      testRuns: [...this.testRuns],
      ...(this.exitCode === undefined ? {} : { exitCode: this.exitCode }),
    };
  }
}
