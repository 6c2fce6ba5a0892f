import type { Position } from '../problems.js';

/** Text with the place it was written at. */
export interface Located {
  readonly text: string;
  readonly at: Position;
}

/** One entry of `variables` after expansion. */
export type VariableDeclaration =
  | { readonly kind: 'value'; readonly name: string; readonly value: string; readonly readOnly: boolean; readonly at: Position }
  | { readonly kind: 'group'; readonly group: string; readonly at: Position };

interface StepBase {
  /** Reference name of outputs; generated where the author gave none. */
  readonly name: string;
  readonly displayName: string;
  readonly condition?: Located;
  readonly continueOnError: boolean;
  readonly enabled: boolean;
  /** 0 = no limit but the job's. */
  readonly timeoutInMinutes: number;
  readonly env: ReadonlyMap<string, Located>;
  readonly at: Position;
}

/** A step that runs a bundled task. */
export interface TaskStep extends StepBase {
  readonly kind: 'task';
  /** As written: `Name@Major`. */
  readonly task: string;
  readonly inputs: ReadonlyMap<string, Located>;
}

/** `script:` (the shell of the platform) or `bash:`. */
export interface ScriptStep extends StepBase {
  readonly kind: 'script';
  readonly shell: 'script' | 'bash';
  readonly script: string;
  readonly workingDirectory?: string;
  readonly failOnStderr: boolean;
}

/** `checkout: self` or `none`. */
export interface CheckoutStep extends StepBase {
  readonly kind: 'checkout';
  readonly repository: string;
}

export type Step = TaskStep | ScriptStep | CheckoutStep;

/** One copy of a matrix job: a name, and variables that only this copy has. */
export interface MatrixLeg {
  readonly name: string;
  readonly variables: ReadonlyMap<string, string>;
}

/** Several copies of one job. A matrix that a runtime expression gives is read when the job starts. `maxParallel` 0 means no limit. */
export type JobStrategy =
  | { readonly kind: 'matrix'; readonly legs: readonly MatrixLeg[] | Located; readonly maxParallel: number; readonly at: Position }
  | { readonly kind: 'parallel'; readonly count: number; readonly maxParallel: number; readonly at: Position };

/** A job or a deployment job (which has an environment, and whose outputs carry its own name). */
export interface Job {
  readonly name: string;
  readonly displayName: string;
  readonly deployment: boolean;
  readonly environment?: Located;
  readonly dependsOn: readonly string[];
  readonly condition?: Located;
  readonly continueOnError: boolean;
  /** 0 = no limit. */
  readonly timeoutInMinutes: number;
  readonly variables: readonly VariableDeclaration[];
  readonly strategy?: JobStrategy;
  readonly steps: readonly Step[];
  readonly at: Position;
}

export interface Stage {
  readonly name: string;
  readonly displayName: string;
  readonly dependsOn: readonly string[];
  readonly condition?: Located;
  readonly variables: readonly VariableDeclaration[];
  readonly jobs: readonly Job[];
  readonly at: Position;
}

/** A pipeline without templates and compile-time expressions. */
export interface Pipeline {
  readonly name?: string;
  readonly variables: readonly VariableDeclaration[];
  readonly stages: readonly Stage[];
  readonly at: Position;
}
