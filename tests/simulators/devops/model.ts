/** The organisation: its name is the first segment of every address, its id the last of the issuer. */
export interface Organisation {
  readonly id: string;
  readonly name: string;
}

export interface Project {
  readonly id: string;
  readonly name: string;
}

/** A service connection with workload identity federation. */
export interface ServiceConnection {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  /** Pipelines that may use it; `all` stands for "grant access permission to all pipelines". */
  readonly pipelines: 'all' | readonly number[];
}

/** One variable of a group. The value of a secret is kept, but never given out. */
export interface Variable {
  readonly value: string;
  readonly isSecret?: boolean;
}

export interface VariableGroup {
  readonly id: number;
  readonly projectId: string;
  readonly name: string;
  readonly description?: string;
  readonly variables: Readonly<Record<string, Variable>>;
  /** Pipelines whose build identity has the Reader role on it; to the others the group does not exist. */
  readonly readers: 'all' | readonly number[];
}

/** A running job, for which a token is issued. */
export interface Job {
  readonly projectId: string;
  /** Definition id of the pipeline that it belongs to. */
  readonly pipelineId: number;
  readonly planId: string;
  readonly jobId: string;
  /** Name of the task hub, which is the host type of its jobs: `build` or `release`. */
  readonly hub: string;
}

/** True when a list of pipelines names this one. */
export function includes(pipelines: 'all' | readonly number[], pipelineId: number): boolean {
  return pipelines === 'all' || pipelines.includes(pipelineId);
}
