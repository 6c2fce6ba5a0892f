import { fileURLToPath } from 'node:url';
import { builtTasks } from '../tests/e2e/built-tasks.js';
import { measureConverged, measureFleet, ratio, readsPerObject, sum, type TaskCost } from './fleet-runs.js';
import { measureLargeProcess } from './large-process.js';
import { measureStarts } from './starts.js';
import { measured, startedTasks, type Measured } from './targets.js';

/** Where the figures go while they are taken. */
type Say = (line: string) => void;

/** Takes every figure, in the order of the targets. */
export async function bench(say: Say): Promise<Measured[]> {
  await builtTasks();
  return [...(await small(say)), ...(await large(say)), ...(await starts(say))];
}

async function small(say: Say): Promise<Measured[]> {
  const one = await measureFleet({ clusters: 1, subscriptions: 1 });
  tell(say, '1 cluster cold', one.cold);
  const many = await measureFleet({ clusters: 25, subscriptions: 3 });
  tell(say, '25 clusters cold, three subscriptions', many.cold);
  tell(say, '25 clusters converged, three subscriptions', many.converged);
  return [
    measured('1 cluster cold', ratio(one.cold)),
    measured('25 clusters cold', ratio(many.cold)),
    measured('25 clusters converged', ratio(many.converged)),
    measured('25 clusters converged, writes', writesOf(many.converged)),
  ];
}

async function large(say: Say): Promise<Measured[]> {
  const clusters = 1000;
  const converged = await measureConverged({ clusters, subscriptions: 3 });
  tell(say, `${clusters} clusters converged, three subscriptions`, converged);
  const own = await measureLargeProcess(clusters);
  if (!own.succeeded) throw new Error(`FederateServiceAccount failed on ${clusters} clusters:\n${own.log.join('\n')}`);
  say(`${clusters} clusters converged, the bundle of FederateServiceAccount in a process of its own`);
  say(`  ${own.requests} requests, ${own.writes} writes, CPU ${seconds(own.cpuMs)}, peak RSS ${own.peakRssMb.toFixed(0)} MB`);
  return [
    measured(`${clusters} clusters converged, writes`, writesOf(converged) + own.writes),
    measured(`${clusters} clusters converged, peak RSS`, own.peakRssMb),
    measured(`${clusters} clusters converged, reads of clusters, identities and grants`, readsPerObject(converged, clusters)),
  ];
}

async function starts(say: Say): Promise<Measured[]> {
  const found = await measureStarts(startedTasks);
  say('Starts, process start to first request (medians)');
  for (const { task, firstRequestMs, nodeMs } of found) say(`  ${task.padEnd(24)}${firstRequestMs.toFixed(0).padStart(6)} ms, node -e 0 ${nodeMs.toFixed(0)} ms`);
  return found.map(({ task, ratio: value }) => measured(`start of ${task}`, value));
}

function tell(say: Say, title: string, costs: readonly TaskCost[]): void {
  const peak = process.resourceUsage().maxRSS / 1024;
  say(`${title}: ${ratio(costs).toFixed(2)} × bound, ${writesOf(costs)} writes`);
  for (const { task, wallMs, boundMs, requests, writes, cpuMs, byKind } of costs) {
    say(`  ${task.padEnd(24)}wall ${seconds(wallMs)}, bound ${seconds(boundMs)}, ${(wallMs / boundMs).toFixed(2)} ×, ${requests} requests, ${writes} writes, CPU ${seconds(cpuMs)} (with the simulators)`);
    for (const [kind, count] of byKind) say(`    ${String(count).padStart(6)}  ${kind}`);
  }
  say(`  peak RSS so far ${peak.toFixed(0)} MB (with the simulators)`);
}

function writesOf(costs: readonly TaskCost[]): number {
  return sum(costs.map(({ writes }) => writes));
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** One line for each target. */
export function table(results: readonly Measured[]): string {
  const width = Math.max(...results.map(({ name }) => name.length));
  return results.map(({ name, value, target, unit, pass }) => `  ${pass ? 'pass' : 'MISS'}  ${name.padEnd(width)}  ${String(value).padStart(8)} ${unit}, at most ${target}`).join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const json = process.argv.includes('--json');
  const say = (line: string): void => {
    if (!json) console.log(line);
  };
  bench(say).then(
    (results) => {
      console.log(json ? JSON.stringify(results.map(({ name, value, target, pass }) => ({ name, value, target, pass })), undefined, 2) : `\n${table(results)}`);
      process.exitCode = results.every(({ pass }) => pass) ? 0 : 1;
    },
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    },
  );
}
