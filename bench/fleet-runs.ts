import { Fleet, type FleetSize } from '../tests/fleet/fleet.js';
import type { LoggedRequest } from '../tests/simulators/kernel/request-log.js';
import { bound } from './bound.js';
import { necessarySteps, type MeasuredTask } from './necessary.js';

/** What one run of one task cost. */
export interface TaskCost {
  readonly task: MeasuredTask;
  /** On the world's clock. Milliseconds. */
  readonly wallMs: number;
  readonly boundMs: number;
  readonly writes: number;
  readonly requests: number;
  readonly byKind: ReadonlyMap<string, number>;
  /** Of this process: task and simulators together. Milliseconds. */
  readonly cpuMs: number;
}

const measuredTasks: readonly MeasuredTask[] = ['EnableWorkloadIdentity', 'FederateServiceAccount', 'GrantRegistryRole'];

/** A fleet taken from nothing to proven access, and the same again when there is nothing left to do. */
export async function measureFleet(size: FleetSize): Promise<{ readonly cold: readonly TaskCost[]; readonly converged: readonly TaskCost[] }> {
  const fleet = await Fleet.start(size);
  try {
    const cold = await measureTasks(fleet);
    fleet.rest();
    return { cold, converged: await measureTasks(fleet) };
  } finally {
    fleet.close();
  }
}

/** A fleet on which nothing is left to do, however it came to that. */
export async function measureConverged(size: FleetSize): Promise<readonly TaskCost[]> {
  const fleet = await Fleet.start({ ...size, state: 'converged' });
  try {
    fleet.rest();
    return await measureTasks(fleet);
  } finally {
    fleet.close();
  }
}

async function measureTasks(fleet: Fleet): Promise<TaskCost[]> {
  const costs: TaskCost[] = [];
  for (const task of measuredTasks) {
    const boundMs = bound(necessarySteps(fleet.rig.world, task));
    const before = process.cpuUsage();
    const { end, requests, writes, wallMs } = await fleet.run(task);
    const { user, system } = process.cpuUsage(before);
    if (end.result !== 'Succeeded') throw new Error(`${task} ended as ${end.result}: ${end.message}`);
    costs.push({ task, wallMs, boundMs, writes: writes.length, requests: requests.length, byKind: byKind(requests), cpuMs: (user + system) / 1000 });
    // The next task is a process of its own, some time later.
    fleet.rig.clock.advance(60_000);
  }
  return costs;
}

/** Wall ÷ bound over all tasks of a run. */
export function ratio(costs: readonly TaskCost[]): number {
  return sum(costs.map(({ wallMs }) => wallMs)) / sum(costs.map(({ boundMs }) => boundMs));
}

/** The sum of numbers. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Requests by service, method and what they are about, most first. */
export function byKind(requests: readonly LoggedRequest[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const request of requests) counts.set(kindOf(request), (counts.get(kindOf(request)) ?? 0) + 1);
  return new Map([...counts].sort(([, one], [, other]) => other - one));
}

/** `arm GET managedClusters (list)`, `kubernetes POST token`, … */
export function kindOf({ service, method, path }: LoggedRequest): string {
  const [place = ''] = service.split('/');
  const [bare = ''] = path.split('?');
  if (place !== 'arm') return `${place} ${method} ${/selfsubject\w+|token$|namespaces(?=\/[^/]+$)|serviceaccounts|secrets|exchange|openid-configuration|jwks/.exec(bare)?.[0] ?? ''}`.trim();
  const segments = bare.split('/providers/').at(-1)?.split('/').slice(1) ?? [];
  const types = segments.filter((_segment, index) => index % 2 === 0);
  return `arm ${method} ${types.join('/')}${method === 'GET' && segments.length % 2 === 1 ? ' (list)' : ''}`;
}

/** How many requests read clusters, identities and grants, for each that was asked about. */
export function readsPerObject(costs: readonly TaskCost[], clusters: number): number {
  const [, federate] = costs;
  const reads = [...(federate?.byKind ?? [])].filter(([kind]) => /^arm GET (managedClusters|userAssignedIdentities|roleAssignments)( \(list\))?$/.test(kind));
  return sum(reads.map(([, count]) => count)) / (3 * clusters);
}
