import { fileURLToPath } from 'node:url';
import { startContoso } from '../../demo/contoso-run.js';
import { Network } from '../../simulators/kernel/network.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import { connections, createContoso } from '../../simulators/world/contoso.js';
import { contosoEnvironments, contosoPipelineWorld } from '../../simulators/world/pipeline-world.js';
import { MemoryWorld } from '../memory-world.js';
import { checkPipeline, runPipeline } from '../run-pipeline.js';
import type { RunOptions } from '../run-pipeline.js';
import type { RunResult } from '../run/result.js';

/** The bundled tasks. */
const tasksFolder = fileURLToPath(new URL('../../../build/tasks/', import.meta.url));

/** What a run is given; the world adds itself. */
export type WorldRun = Omit<RunOptions, 'world' | 'tasksFolder'>;

/** What a pipeline finds in a world. */
export interface Contents {
  readonly serviceConnections: readonly string[];
  /** Each with the names of its variables. */
  readonly variableGroups: readonly { readonly name: string; readonly variables: readonly string[] }[];
  readonly environments: readonly string[];
}

/** A place for somebody's pipeline to run in. */
export interface CommandWorld {
  readonly about: string;
  contents(): Promise<Contents>;
  /** Checks without running anything. @throws {PipelineRefused} with every problem found. */
  check(run: WorldRun): Promise<void>;
  /** Starts the world, runs the pipeline in it, ends the world. @throws {PipelineRefused} before the first job. */
  run(run: WorldRun): Promise<RunResult>;
}

/** The company of the demo, without listeners: enough to look at. */
async function contosoAtRest(): Promise<{ readonly groups: Contents['variableGroups']; readonly world: RunOptions['world'] }> {
  const services = await createContoso(new Network(new VirtualClock()), '');
  const world = contosoPipelineWorld(services, { environment: {}, approve: () => true });
  return { world, groups: services.devops.groups.map(({ name, variables }) => ({ name, variables: Object.keys(variables) })) };
}

const contoso: CommandWorld = {
  about: 'Azure with three AKS clusters, two registries and two key vaults, Entra and Azure DevOps, all simulated; the company of the demo',
  contents: async () => ({
    serviceConnections: Object.values(connections).map(({ name }) => name),
    variableGroups: (await contosoAtRest()).groups,
    environments: contosoEnvironments,
  }),
  check: async (run) => {
    const { world } = await contosoAtRest();
    checkPipeline({ ...run, tasksFolder, world });
  },
  run: async ({ output, ...run }) => {
    const stage = await startContoso();
    try {
      return (await stage.run(output, run)).result;
    } finally {
      await stage.close();
    }
  },
};

const environments = ['dev', 'test', 'prod'];
const machines = { farm: { vm1: ['web'], vm2: ['web'], vm3: ['db'] } };

function memoryWorld(): MemoryWorld {
  return new MemoryWorld({ environments: [...environments, ...Object.keys(machines)], machines });
}

const memory: CommandWorld = {
  about: 'no services at all: for pipelines of scripts',
  contents: () =>
    Promise.resolve({ serviceConnections: [], variableGroups: [], environments: [...environments, ...Object.entries(machines).map(([name, all]) => `${name} (virtual machines ${Object.keys(all).join(', ')})`)] }),
  check: (run) => Promise.resolve(void checkPipeline({ ...run, tasksFolder, world: memoryWorld() })),
  run: (run) => runPipeline({ ...run, tasksFolder, world: memoryWorld() }),
};

/** The worlds by name; the first is the default. */
export const commandWorlds: ReadonlyMap<string, CommandWorld> = new Map([['contoso', contoso], ['memory', memory]]);
