/** A service endpoint of the job as the agent hands it over. Keys are compared without regard to case. */
export interface Endpoint {
  readonly id: string;
  /** Base URL without a trailing slash; empty when there is none. */
  readonly url: string;
  /** `WorkloadIdentityFederation`, `ServicePrincipal`, `ManagedServiceIdentity`, `OAuth`, … */
  readonly scheme: string;
  /** An authorization parameter that is not secret. */
  parameter(key: string): string | undefined;
  /** A secret authorization parameter. It is masked in logs before it is returned. */
  secretParameter(key: string): string | undefined;
  data(key: string): string | undefined;
}

/** How a task ends. */
export type TaskResult = 'Succeeded' | 'SucceededWithIssues' | 'Failed';

/** The result of a task with one line for the pipeline's overview: cluster, reason, remedy. */
export interface TaskEnd {
  readonly result: TaskResult;
  /** Empty when there is nothing to say. */
  readonly message: string;
}

/** The pipeline agent: the only way to inputs, logs, outputs and the process around a task. */
export interface Agent {
  /** Name of the task that runs. */
  readonly task: string;
  /** Directory that lives as long as the job. What has to vanish with the task goes to {@link Agent.scratch}. */
  readonly tempDirectory: string;
  /** The run's own folder, mode 0700. Removed by {@link Agent.cleanUp}; what a killed task leaves in it is found by its post-job step. */
  readonly runFolder: string;
  /** Aborted when the pipeline cancels the task. */
  readonly signal: AbortSignal;
  /** Aborted when the pipeline is about to kill the task: whatever is still awaited then is given up. */
  readonly lastCall: AbortSignal;
  /** Environment for child processes: where programs, homes, certificates and proxies are, and nothing else. */
  readonly environment: Readonly<Record<string, string>>;

  /** The text of an input; undefined when it is empty. */
  input(name: string): string | undefined;
  /** The value of a variable; undefined when it is not set, empty when it is set to nothing. */
  variable(name: string): string | undefined;
  isSecretVariable(name: string): boolean;
  /** A service connection by id, or `SYSTEMVSSCONNECTION` for the job's own. */
  endpoint(id: string): Endpoint | undefined;

  /** The one door for secrets: masks the text in logs, summaries and attachments from here on. */
  secret(text: string): void;
  /** The text without what is secret; for what is written besides the ways below. */
  redact(text: string): string;

  /** A line of the log. It has left the process when the call returns, so that a kill cannot take it back. */
  line(text: string): void;
  /** Lines that fold under a title. */
  group(title: string, lines: readonly string[]): void;
  /** Lines from here on fold under a title, until what is returned is called. */
  fold(title: string): () => void;
  debug(text: string): void;
  /** One line in the pipeline's list of errors. */
  error(text: string): void;
  /** One line in the pipeline's list of warnings. */
  warning(text: string): void;

  /** Sets an output variable. @see publishOutputs for long values. */
  output(name: string, value: string): void;
  /** Shows Markdown on the run's summary page. */
  summary(markdown: string): void;
  /** Attaches a file to the run under a type that extensions look for. */
  attach(type: string, name: string, content: string): void;
  /** Writes a file that outlives the task, for later steps of the job. Returns its path. */
  keepFile(name: string, content: string): string;

  /** Writes a file at a path that a user named; folders on the way are made. Nothing is redacted. */
  saveFile(path: string, content: string): void;

  /** A directory of its own in the run's folder, mode 0700, removed when the task ends. */
  scratch(): string;
  /** Registers something to be done when the task ends, however it ends. */
  onEnd(cleanUp: () => void): void;
  /** Runs what was registered, once. */
  cleanUp(): void;
  /** Sets the task's result. */
  complete(end: TaskEnd): void;
}
