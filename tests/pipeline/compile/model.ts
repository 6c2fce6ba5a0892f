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

/** What a step may do through logging commands: because of its task, or of the target it runs on. */
export interface CommandRestrictions {
  readonly restrictedCommands: boolean;
  /** Undefined: every variable may be set. */
  readonly settableVariables?: readonly string[];
}

interface StepBase {
  /** Reference name of outputs; generated where the author gave none. */
  readonly name: string;
  readonly displayName: string;
  readonly condition?: Located;
  readonly continueOnError: boolean;
  readonly enabled: boolean;
  /** 0 = no limit but the job's. */
  readonly timeoutInMinutes: number;
  /** How often it runs again after a failure. */
  readonly retries: number;
  readonly target?: CommandRestrictions;
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

/** `script:` (the shell of the platform), `bash:`, `pwsh:` or `powershell:`. */
export interface ScriptStep extends StepBase {
  readonly kind: 'script';
  readonly shell: 'script' | 'bash' | 'pwsh' | 'powershell';
  readonly script: string;
  readonly workingDirectory?: string;
  readonly failOnStderr: boolean;
  /** Of PowerShell: the exit code of the last program does not count. */
  readonly ignoreLastExitCode: boolean;
  /** Of PowerShell: `errorActionPreference` and the like, as written. */
  readonly preferences: ReadonlyMap<string, string>;
}

/** `checkout:` of `self`, `none` or the alias of a repository. */
export interface CheckoutStep extends StepBase {
  readonly kind: 'checkout';
  readonly repository: string;
}

/** `publish:` a file or folder as a pipeline artifact. */
export interface PublishStep extends StepBase {
  readonly kind: 'publish';
  readonly path: string;
  /** Without one the artifact gets a name that is unique to the job. */
  readonly artifact?: string;
}

/** `download:` artifacts of this run, or the wish not to. */
export interface DownloadStep extends StepBase {
  readonly kind: 'download';
  readonly source: 'current' | 'none';
  /** Without one: all artifacts. */
  readonly artifact?: string;
  /** Without any: all files. */
  readonly patterns: readonly string[];
}

export type Step = TaskStep | ScriptStep | CheckoutStep | PublishStep | DownloadStep;

/** One copy of a matrix job: a name, and variables that only this copy has. */
export interface MatrixLeg {
  readonly name: string;
  readonly variables: ReadonlyMap<string, string>;
}

/** Several copies of one job. A matrix that a runtime expression gives is read when the job starts. `maxParallel` 0 means no limit. */
export type JobStrategy =
  | { readonly kind: 'matrix'; readonly legs: readonly MatrixLeg[] | Located; readonly maxParallel: number; readonly at: Position }
  | { readonly kind: 'parallel'; readonly count: number; readonly maxParallel: number; readonly at: Position };

/** The hooks of a deployment in the order in which they run; `on: success` or `on: failure` comes after them. Source: deployment-jobs docs. */
export const lifecycleHooks = ['preDeploy', 'deploy', 'routeTraffic', 'postRouteTraffic'] as const;

export type LifecycleHook = (typeof lifecycleHooks)[number] | 'success' | 'failure';

/** Where and how a deployment job deploys. */
export interface Deployment {
  readonly kind: 'runOnce' | 'canary' | 'rolling';
  /** The name without a resource. */
  readonly environment: Located;
  /** One resource of the environment. */
  readonly resource?: Located;
  /** Its virtual machines are the targets: all, those with every tag, or the one resource. */
  readonly machines: boolean;
  readonly tags: readonly string[];
  readonly hooks: ReadonlyMap<LifecycleHook, readonly Step[]>;
  /** Of canary, in per cent, as written. */
  readonly increments: readonly string[];
  /** Of rolling: machines at once, or `n%` of them. */
  readonly maxParallel: string;
  readonly at: Position;
}

/** A job, or a deployment job: one with an environment, whose hooks are jobs of their own. */
export interface Job {
  readonly name: string;
  readonly displayName: string;
  readonly deployment?: Deployment;
  readonly dependsOn: readonly string[];
  readonly condition?: Located;
  readonly continueOnError: boolean;
  /** 0 = no limit. */
  readonly timeoutInMinutes: number;
  /** How long steps that run after a cancellation may take. */
  readonly cancelTimeoutInMinutes: number;
  readonly variables: readonly VariableDeclaration[];
  readonly strategy?: JobStrategy;
  /** The image or name of the agents' pool. */
  readonly pool?: string;
  /** The image that it would run in. */
  readonly container?: Located;
  /** Of a deployment job: those of all hooks. */
  readonly steps: readonly Step[];
  readonly at: Position;
}

export interface Stage {
  readonly name: string;
  readonly displayName: string;
  readonly dependsOn: readonly string[];
  readonly condition?: Located;
  /** Which of several runs goes on; as written. */
  readonly lockBehavior?: string;
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
