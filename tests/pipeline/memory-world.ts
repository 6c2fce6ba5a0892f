import type { Environment, JobIdentity, PipelineWorld, ProtectedResource, ServiceConnection, VariableGroup } from './world.js';

/** What a {@link MemoryWorld} holds; everything else gets a harmless default. */
export interface MemoryWorldOptions {
  readonly connections?: readonly ServiceConnection[];
  readonly groups?: readonly VariableGroup[];
  readonly environments?: readonly string[];
  /** Virtual machines by environment: each with its tags. */
  readonly machines?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly environmentVariables?: Readonly<Record<string, string>>;
  readonly approve?: (stage: string, resources: readonly ProtectedResource[]) => boolean;
}

/** A world without services behind it. */
export class MemoryWorld implements PipelineWorld {
  readonly organisation = { id: '0c7a3c52-0000-4000-8000-000000000001', name: 'contoso', collectionUri: 'https://dev.azure.test/contoso/' };
  readonly project = { id: '0c7a3c52-0000-4000-8000-000000000002', name: 'Fabrikam' };
  readonly environmentVariables: Readonly<Record<string, string>>;
  /** Every approval that was asked for, in order. */
  readonly asked: { readonly stage: string; readonly resources: readonly ProtectedResource[] }[] = [];
  readonly #options: MemoryWorldOptions;

  constructor(options: MemoryWorldOptions = {}) {
    this.#options = options;
    this.environmentVariables = options.environmentVariables ?? {};
  }

  serviceConnection(nameOrId: string): ServiceConnection | undefined {
    return this.#options.connections?.find((one) => one.name === nameOrId || one.id === nameOrId.toLowerCase());
  }

  variableGroup(name: string): VariableGroup | undefined {
    return this.#options.groups?.find((one) => one.name === name);
  }

  environment(name: string): Environment | undefined {
    const index = this.#options.environments?.indexOf(name) ?? -1;
    if (index === -1) return undefined;
    const machines = Object.entries(this.#options.machines?.[name] ?? {});
    return { id: String(index + 1), name, virtualMachines: machines.map(([machine, tags], place) => ({ id: String(place + 1), name: machine, tags })) };
  }

  jobToken(job: JobIdentity): string {
    return `job-token-${job.jobId}`;
  }

  oidcRequestUri(job: JobIdentity): string {
    const { collectionUri } = this.organisation;
    return `${collectionUri}${this.project.id}/_apis/distributedtask/hubs/build/plans/${job.planId}/jobs/${job.jobId}/oidctoken`;
  }

  approve(stage: string, resources: readonly ProtectedResource[]): boolean {
    this.asked.push({ stage, resources });
    return this.#options.approve?.(stage, resources) ?? true;
  }
}
