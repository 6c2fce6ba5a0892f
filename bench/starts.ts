import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { runBundled } from '../tests/e2e/bundled-task.js';
import { root } from '../tests/e2e/built-tasks.js';
import { startContoso, type ContosoStage } from '../tests/demo/contoso-run.js';
import { clusterId } from '../tests/simulators/world/contoso.js';
import type { TaskName } from './targets.js';

/** The start of one task, beside that of an empty node process in the same minutes. */
export interface Start {
  readonly task: TaskName;
  /** Medians. Milliseconds. */
  readonly firstRequestMs: number;
  readonly nodeMs: number;
  readonly ratio: number;
}

const rounds = 9;
const workload = { boundaryPolicy: 'none', namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const inputs: Readonly<Record<TaskName, Record<string, string>>> = {
  SelectClusters: { variableGroup: 'wi-nonprod' },
  EnableWorkloadIdentity: {},
  FederateServiceAccount: workload,
  GrantRegistryRole: { ...workload, registry: 'rg-shared/crcontosodev', repositories: 'orders/api' },
  DeployWithIdentity: { ...workload, releaseName: 'orders-api', chart: 'tests/fixtures/contoso/charts/orders-api' },
};

/** Starts each bundled task several times against listening simulators, from the start of its process to its first request; median. */
export async function measureStarts(tasks: readonly TaskName[]): Promise<Start[]> {
  const stage = await startContoso();
  try {
    const times = new Map<TaskName, number[]>(tasks.map((task) => [task, []]));
    const empty: number[] = [];
    // In turn, so that whatever else the machine does meets all of them alike.
    for (let round = 0; round < rounds; round += 1) {
      empty.push(emptyProcess());
      for (const task of tasks) times.get(task)?.push(await firstRequest(stage, task));
    }
    const nodeMs = median(empty);
    return tasks.map((task) => {
      const firstRequestMs = median(times.get(task) ?? []);
      return { task, firstRequestMs, nodeMs, ratio: firstRequestMs / nodeMs };
    });
  } finally {
    await stage.close();
  }
}

function emptyProcess(): number {
  const started = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return performance.now() - started;
}

async function firstRequest(stage: ContosoStage, task: TaskName): Promise<number> {
  let first: number | undefined;
  stage.world.network.latency = () => {
    first ??= performance.now();
    return 0;
  };
  const own = stage.pipelineWorld.serviceConnection('contoso-nonprod');
  let started = 0;
  await runBundled(stage, task, 'contoso-nonprod', {
    inputs: { azureSubscription: own?.id ?? '', clusters: clusterId('dev'), dryRun: 'true', ...inputs[task] },
    environment: { SYSTEM_DEFAULTWORKINGDIRECTORY: join(root) },
    started: (interrupt) => {
      started = performance.now();
      // Only the start is of interest: the task may stop as soon as something has arrived.
      const watch = setInterval(() => {
        if (first === undefined) return;
        clearInterval(watch);
        interrupt();
      }, 5);
      watch.unref();
    },
  });
  if (first === undefined) throw new Error(`${task} sent no request`);
  return first - started;
}

/** The middle of some values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
