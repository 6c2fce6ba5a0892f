import type { Job, VariableDeclaration } from '../compile/model.js';
import { evaluate } from '../expressions/evaluate.js';
import type { ExpressionFunction } from '../expressions/functions.js';
import type { RunExpressions } from '../expressions/runtime.js';
import { toBoolean, toText } from '../expressions/values.js';
import type { Value } from '../expressions/values.js';
import { pairs } from './condition.js';
import { dependencyStatus, jobDependencies, runtimeExpression, stageDependencies, variablesContext } from './contexts.js';
import type { Status } from './contexts.js';
import type { JobInstance, RunContext } from './job-context.js';
import { isPredefined } from './predefined.js';
import type { JobResult, StageResult } from './result.js';
import { JobVariables } from './variables.js';

/** What a job can see of the run around it. */
export interface Sight {
  readonly declarations: readonly VariableDeclaration[];
  /** Results of the jobs it names in dependsOn. */
  readonly jobs: readonly JobResult[];
  /** Results of the stages its stage names in dependsOn. */
  readonly stages: readonly StageResult[];
  readonly status: Status;
  readonly expressions: RunExpressions;
}

/** Puts the declarations into effect, one after another; a later one wins. Group secrets are masked at once. */
export function declareVariables(variables: JobVariables, declarations: readonly VariableDeclaration[], run: RunContext, evaluateRuntime: (expression: string) => Value): void {
  for (const one of declarations) {
    if (one.kind === 'value') {
      if (isPredefined(one.name) && variables.get(one.name) !== undefined) continue;
      const expression = runtimeExpression(one.value);
      variables.set(one.name, expression === undefined ? one.value : toText(evaluateRuntime(expression)), { readOnly: one.readOnly, secret: false });
      continue;
    }
    for (const [name, variable] of Object.entries(run.world.variableGroup(one.group)?.variables ?? {})) {
      if (variable.isSecret === true) run.masker.add(variable.value);
      variables.set(name, variable.value, { secret: variable.isSecret === true, readOnly: false });
    }
  }
}

function contextValues(variables: JobVariables, sight: Sight): ReadonlyMap<string, Value> {
  return new Map<string, Value>([
    ['variables', variablesContext(pairs(variables))],
    ['pipeline', sight.expressions.pipeline],
    ['dependencies', jobDependencies(sight.jobs)],
    ['stageDependencies', stageDependencies(sight.stages)],
  ]);
}

/** Evaluates a `$[ ]` of the job itself. @throws {ExpressionError} when evaluation fails. */
export function evaluateForJob(expression: string, variables: JobVariables, sight: Sight, functions: ReadonlyMap<string, ExpressionFunction> = new Map()): Value {
  return evaluate(expression, { values: contextValues(variables, sight), functions });
}

/**
 * The variables of one copy of a job: predefined ones, what the file declares, what the copy alone has.
 * @throws {ExpressionError} when a `$[ ]` cannot be evaluated.
 */
export function variablesFor(predefined: Readonly<Record<string, string>>, instance: JobInstance | undefined, sight: Sight, run: RunContext): JobVariables {
  const variables = new JobVariables();
  for (const [name, value] of Object.entries(predefined)) variables.set(name, value, { readOnly: isPredefined(name) });
  declareVariables(variables, sight.declarations, run, (expression) => evaluateForJob(expression, variables, sight, sight.expressions.variableFunctions));
  for (const [name, value] of instance?.variables ?? []) variables.set(name, value);
  variables.resolve();
  for (const one of variables.all()) if (one.secret) run.masker.add(one.value);
  return variables;
}

/** Whether a job runs; without a condition it does when everything above it went well. @throws {ExpressionError} when evaluation fails. */
export function isWanted(job: Job, variables: JobVariables, sight: Sight): boolean {
  const condition = job.condition === undefined || job.condition.text.trim() === '' ? 'succeeded()' : job.condition.text;
  return toBoolean(evaluate(condition, { values: contextValues(variables, sight), functions: dependencyStatus(sight.status) }));
}
