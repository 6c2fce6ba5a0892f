import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testClockVariable } from '../tasks/_shared/agent/test-clock.js';
import { startContoso } from '../tests/demo/contoso-run.js';
import { runBundled } from '../tests/e2e/bundled-task.js';
import { plantConverged } from '../tests/fleet/converged.js';
import { isRecord } from '../tests/simulators/kernel/service.js';
import { subscriptions } from '../tests/simulators/world/contoso.js';
import type { World } from '../tests/simulators/world/world.js';

/** What the bundle of FederateServiceAccount needs for a large fleet on which nothing is left to do. */
export interface LargeRun {
  readonly succeeded: boolean;
  /** The last lines of the log, for when it did not succeed. */
  readonly log: readonly string[];
  readonly writes: number;
  readonly requests: number;
  /** Of the task's process alone. */
  readonly peakRssMb: number;
  readonly cpuMs: number;
}

const group = 'rg-fleet';
/** How much faster than real time the task's own pace goes: the buckets of the real service make this run last minutes. */
const rate = 8;
/** The task's process says itself what it used, when it ends. */
const hook = "process.on('exit', () => require('node:fs').writeFileSync(process.env.BENCH_USAGE, JSON.stringify(process.resourceUsage())));";

/** Runs the bundled task once, in a process of its own, against listening simulators in this one. */
export async function measureLargeProcess(clusters: number): Promise<LargeRun> {
  const stage = await startContoso();
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  try {
    const { world, pipelineWorld } = stage;
    const ids = await plantFleet(world, clusters);
    const [list, usage, script] = ['clusters.txt', 'usage.json', 'hook.cjs'].map((name) => join(folder, name));
    if (list === undefined || usage === undefined || script === undefined) throw new Error('no files');
    await writeFile(list, ids.join('\n'));
    await writeFile(script, hook);
    world.network.log.clear();
    const { lines } = await runBundled(stage, 'FederateServiceAccount', 'contoso-all', {
      inputs: {
        azureSubscription: pipelineWorld.serviceConnection('contoso-all')?.id ?? '',
        clusters: `@${list}`,
        ...{ boundaryPolicy: 'none', namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' },
        ...{ keyVault: world.arm.vaults.find('kv-contoso-dev').id, secrets: 'orders-db' },
      },
      environment: { [testClockVariable]: String(rate), NODE_OPTIONS: `--require=${script}`, BENCH_USAGE: usage },
    });
    const used: unknown = JSON.parse(await readFile(usage, 'utf8'));
    const figure = (name: string): number => (isRecord(used) && typeof used[name] === 'number' ? used[name] : Number.NaN);
    const { log } = world.network;
    return {
      succeeded: lines.some((line) => line.startsWith('##vso[task.complete result=Succeeded')),
      log: lines.slice(-20),
      writes: log.writes().length,
      requests: log.all().length,
      peakRssMb: figure('maxRSS') / 1024,
      cpuMs: (figure('userCPUTime') + figure('systemCPUTime')) / 1000,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
    await stage.close();
  }
}

/** Clusters on which everything is as FederateServiceAccount wants it; their ids. */
async function plantFleet(world: World, count: number): Promise<string[]> {
  const deployer = world.directory.all().find(({ displayName }) => displayName === 'contoso-all');
  if (deployer === undefined) throw new Error('no principal contoso-all');
  const places = Object.values(subscriptions);
  for (const place of places) {
    world.hierarchy.addResourceGroup(place, group, 'westeurope');
    for (const role of ['Owner', 'Azure Kubernetes Service RBAC Cluster Admin']) world.assign(deployer.objectId, role, `/subscriptions/${place}`);
  }
  const vault = world.arm.vaults.find('kv-contoso-dev').id;
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push(await plantConverged(world, { subscriptionId: places[index % places.length] ?? '', group, name: `aks-${String(index + 1).padStart(4, '0')}` }, vault));
  return ids;
}
