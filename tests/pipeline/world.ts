/** A service connection as the agent gets it. */
export interface ServiceConnection {
  /** GUID, lower case. */
  readonly id: string;
  readonly name: string;
  /** Endpoint type, `AzureRM` for what `connectedService:AzureRM` inputs take. */
  readonly type: string;
  readonly url: string;
  readonly scheme: string;
  /** Authorization parameters; every value of a secret-looking key is masked. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
  /** False: it exists, but this pipeline may not use it. Default true. */
  readonly authorized?: boolean;
}

export interface VariableGroup {
  readonly name: string;
  readonly variables: Readonly<Record<string, { readonly value: string; readonly isSecret?: boolean }>>;
  /** False: it exists, but this pipeline may not use it. Default true. */
  readonly authorized?: boolean;
}

/** A machine that is a resource of an environment. Steps for it run on this machine all the same. */
export interface VirtualMachine {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
}

export interface Environment {
  readonly id: string;
  readonly name: string;
  readonly virtualMachines?: readonly VirtualMachine[];
}

/** Something whose checks gate a stage. */
export interface ProtectedResource {
  readonly kind: 'environment' | 'serviceConnection' | 'variableGroup';
  readonly name: string;
}

/** Names one job of one run, for the OIDC request URI. */
export interface JobIdentity {
  readonly planId: string;
  readonly jobId: string;
}

/** What surrounds a pipeline run: the organisation, its resources, and the people who approve. */
export interface PipelineWorld {
  readonly organisation: { readonly id: string; readonly name: string; readonly collectionUri: string };
  readonly project: { readonly id: string; readonly name: string };
  /** By name or id; undefined when there is none. */
  serviceConnection(nameOrId: string): ServiceConnection | undefined;
  variableGroup(name: string): VariableGroup | undefined;
  environment(name: string): Environment | undefined;
  /** The token behind System.AccessToken; asked for once per step, so that it may be renewed. */
  jobToken(job: JobIdentity): string;
  /** SYSTEM_OIDCREQUESTURI. */
  oidcRequestUri(job: JobIdentity): string;
  /** Added to the environment of every process, e.g. NODE_EXTRA_CA_CERTS. */
  readonly environmentVariables: Readonly<Record<string, string>>;
  /** Asked once per stage that uses protected resources, after its condition and before its first job. */
  approve(stage: string, resources: readonly ProtectedResource[]): boolean | Promise<boolean>;
}
