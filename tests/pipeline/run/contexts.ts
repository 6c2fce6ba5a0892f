import type { ExpressionFunction } from '../expressions/functions.js';
import { toText } from '../expressions/values.js';
import type { Value } from '../expressions/values.js';
import { map, mapOf, scalar } from '../yaml/nodes.js';
import type { MapNode, YamlNode } from '../yaml/nodes.js';
import { isGood } from './result.js';
import type { JobResult, Result, StageResult } from './result.js';

/** Where a runtime expression stands; that decides what it may refer to. */
export type ContextLevel = 'pipeline' | 'stage' | 'job' | 'step';

/** The named values of each place. Source: azure-devops-docs, process/expressions ("Dependencies"). */
export const contexts: Readonly<Record<ContextLevel, readonly string[]>> = {
  pipeline: ['variables', 'pipeline'],
  stage: ['variables', 'pipeline', 'dependencies'],
  job: ['variables', 'pipeline', 'dependencies', 'stageDependencies'],
  step: ['variables'],
};

const statusNames = ['always', 'canceled', 'failed', 'succeeded', 'succeededorfailed'];

/** The status functions of a condition; those of stages and jobs take names. */
export function statusSignatures(level: ContextLevel): ReadonlyMap<string, { readonly min: number; readonly max: number }> {
  const named = level === 'stage' || level === 'job';
  return new Map(statusNames.map((name) => [name, { min: 0, max: named && name !== 'always' && name !== 'canceled' ? Number.POSITIVE_INFINITY : 0 }]));
}

/** The expression of a `$[ ]` value; undefined for every other value. It must be the whole value, as in the service. */
export function runtimeExpression(value: string): string | undefined {
  const trimmed = value.trim();
  return trimmed.startsWith('$[') && trimmed.endsWith(']') ? trimmed.slice(2, -1).trim() : undefined;
}

/** What the status functions look at. */
export interface Status {
  readonly canceled: boolean;
  /** Results by lower-case name of everything in the dependency graph above, direct or not. */
  readonly ancestors: ReadonlyMap<string, Result>;
}

function evaluateStatus(args: readonly (() => Value)[], status: Status, test: (results: readonly Result[], named: boolean) => boolean): boolean {
  const names = args.map((arg) => toText(arg()).toLowerCase());
  const results = names.length === 0 ? [...status.ancestors.values()] : names.map((name) => status.ancestors.get(name) ?? 'Skipped');
  return test(results, names.length > 0);
}

/** The status functions of stages and jobs. Source: azure-devops-docs, process/expressions ("Job status check functions"). */
export function dependencyStatus(status: Status): ReadonlyMap<string, ExpressionFunction> {
  const one = (test: (results: readonly Result[], named: boolean) => boolean): ExpressionFunction => ({
    min: 0,
    max: Number.POSITIVE_INFINITY,
    call: (args) => evaluateStatus(args, status, test),
  });
  return new Map([
    ['always', one(() => true)],
    ['canceled', one(() => status.canceled)],
    ['succeeded', one((results) => !status.canceled && results.every(isGood))],
    ['failed', one((results) => !status.canceled && results.includes('Failed'))],
    ['succeededorfailed', one((results, named) => !status.canceled && (!named || results.every((result) => isGood(result) || result === 'Failed')))],
  ]);
}

/** The status functions of a step, which look at its job so far. */
export function stepStatus(job: Result, canceled: boolean): ReadonlyMap<string, ExpressionFunction> {
  const one = (value: boolean): ExpressionFunction => ({ min: 0, max: 0, call: () => value });
  return new Map([
    ['always', one(true)],
    ['canceled', one(canceled)],
    ['succeeded', one(!canceled && isGood(job))],
    ['failed', one(!canceled && job === 'Failed')],
    ['succeededorfailed', one(!canceled && (isGood(job) || job === 'Failed'))],
  ]);
}

function outputs(pairs: Iterable<readonly [string, string]>): YamlNode {
  return mapOf(pairs);
}

/** `dependencies` of a job: results and outputs of jobs of the same stage. */
export function jobDependencies(jobs: readonly JobResult[]): MapNode {
  return mapOf(jobs.map((job) => [job.name, mapOf([['result', job.result], ['outputs', outputs(job.outputs)]])] as const));
}

/** `stageDependencies` of a job: per stage its jobs, each with result and outputs. */
export function stageDependencies(stages: readonly StageResult[]): MapNode {
  return mapOf(stages.map((stage) => [stage.name, jobDependencies(stage.jobs)] as const));
}

/** `dependencies` of a stage: outputs of all jobs of a stage, each prefixed by its job. */
export function dependenciesOfStage(stages: readonly StageResult[]): MapNode {
  return mapOf(
    stages.map((stage) => {
      const all = stage.jobs.flatMap((job) => [...job.outputs].map(([name, value]) => [`${job.name}.${name}`, value] as const));
      return [stage.name, mapOf([['result', stage.result], ['outputs', outputs(all)]])] as const;
    }),
  );
}

/** Variables as a context. */
export function variablesContext(pairs: Iterable<readonly [string, string]>): MapNode {
  return map([...pairs].map(([name, value]) => ({ key: scalar(name), value: scalar(value) })));
}
