import { lifecycleHooks } from '../compile/model.js';
import type { Deployment, Job, LifecycleHook } from '../compile/model.js';
import type { Value } from '../expressions/values.js';
import { machinesOf } from '../validate/deployments.js';
import type { PipelineWorld, VirtualMachine } from '../world.js';
import { instancesOf } from './instances.js';
import type { JobInstance } from './job-context.js';

/** What a job does: rounds one after another, in each what runs at the same time; the first that fails is the last. */
export interface Course {
  readonly rounds: readonly (readonly JobInstance[])[];
  /** Runs after the rounds: of a deployment, `on: success` or `on: failure`, on the machines of the rounds that were begun. */
  readonly after: (succeeded: boolean, begun: readonly (readonly JobInstance[])[]) => readonly JobInstance[];
}

/** How hooks call themselves as jobs; names of outputs are found without regard to case. Source: deployment-jobs docs, "Deploy_VM1". */
const titles: Readonly<Record<LifecycleHook, string>> = { preDeploy: 'PreDeploy', deploy: 'Deploy', routeTraffic: 'RouteTraffic', postRouteTraffic: 'PostRouteTraffic', success: 'OnSuccess', failure: 'OnFailure' };

/** What `strategy.action` says to KubernetesManifest. Source: deployment-jobs docs, "Canary deployment strategy". */
function action(hook: LifecycleHook): string {
  if (hook === 'success') return 'promote';
  return hook === 'failure' ? 'reject' : 'deploy';
}

interface Place {
  readonly machine?: VirtualMachine;
  readonly increment?: string;
}

function variablesOf(kind: Deployment['kind'], hook: LifecycleHook, { machine, increment }: Place): ReadonlyMap<string, string> {
  return new Map([
    ...(kind === 'runOnce' ? [] : [['strategy.name', kind] as const]),
    ...(kind === 'canary' ? [['strategy.action', action(hook)] as const] : []),
    ...(increment === undefined ? [] : [['strategy.increment', increment] as const]),
    ...(machine === undefined ? [] : [['Environment.ResourceName', machine.name] as const, ['Environment.ResourceId', machine.id] as const]),
  ]);
}

/** One hook as the jobs that it becomes, one for each place; none when the author did not write it. */
function hookInstances(job: Job, deployment: Deployment, hook: LifecycleHook, places: readonly Place[]): readonly JobInstance[] {
  const steps = deployment.hooks.get(hook);
  if (steps === undefined) return [];
  return places.map((place, index) => {
    const suffix = place.machine?.name ?? place.increment;
    const name = suffix === undefined ? titles[hook] : `${titles[hook]}_${suffix}`;
    // The deploy hook of runOnce goes by the name of the job. Source: deployment-jobs docs, "Support for output variables".
    const own = name === 'Deploy';
    return {
      name,
      displayName: own ? job.displayName : `${job.displayName} ${name}`,
      prefix: `${own ? job.name : name}.`,
      steps,
      variables: variablesOf(deployment.kind, hook, place),
      ...(place.machine === undefined ? {} : { machine: place.machine }),
      position: index + 1,
      total: places.length,
    };
  });
}

/** How many of so many machines are deployed to at once; at least one. */
function batchSize(maxParallel: string, machines: number): number {
  const number = Number.parseInt(maxParallel, 10);
  return Math.max(1, maxParallel.endsWith('%') ? Math.floor((machines * number) / 100) : number);
}

function batches(machines: readonly VirtualMachine[], size: number): readonly (readonly Place[])[] {
  return Array.from({ length: Math.ceil(machines.length / size) }, (_, index) => machines.slice(index * size, (index + 1) * size).map((machine) => ({ machine })));
}

function deploymentCourse(job: Job, deployment: Deployment, world: PipelineWorld): Course {
  const machines = machinesOf(deployment, world);
  const nowhere: readonly Place[] = [{}];
  const round = (hook: LifecycleHook, places: readonly Place[]): readonly JobInstance[] => hookInstances(job, deployment, hook, places);
  const all = (places: readonly Place[]): readonly (readonly JobInstance[])[] => lifecycleHooks.map((hook) => round(hook, places));
  const rounds = (): readonly (readonly JobInstance[])[] => {
    switch (deployment.kind) {
      case 'runOnce':
        return all(deployment.machines ? machines.map((machine) => ({ machine })) : nowhere);
      case 'canary':
        return [round('preDeploy', nowhere), ...deployment.increments.flatMap((increment) => all([{ increment }]).slice(1))];
      case 'rolling':
        return batches(machines, batchSize(deployment.maxParallel, machines.length)).flatMap(all);
    }
  };
  return {
    rounds: rounds().filter((one) => one.length > 0),
    after: (succeeded, begun) => {
      const reached = machines.filter((machine) => begun.flat().some((one) => one.machine === machine));
      return round(succeeded ? 'success' : 'failure', deployment.machines ? reached.map((machine) => ({ machine })) : nowhere);
    },
  };
}

/**
 * The course of a job: its copies at once, or the hooks of a deployment in their order.
 * @throws {ExpressionError} when a matrix cannot be evaluated or would be refused.
 */
export function courseOf(job: Job, world: PipelineWorld, evaluate: (expression: string) => Value): Course {
  if (job.deployment !== undefined) return deploymentCourse(job, job.deployment, world);
  return { rounds: [instancesOf(job, evaluate)], after: () => [] };
}
