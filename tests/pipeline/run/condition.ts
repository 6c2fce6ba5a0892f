import { evaluate } from '../expressions/evaluate.js';
import { toBoolean } from '../expressions/values.js';
import { stepStatus, variablesContext } from './contexts.js';
import type { JobContext } from './job-context.js';
import type { JobVariables } from './variables.js';

/** Variables as name and value, for expressions. */
export function pairs(variables: JobVariables): readonly (readonly [string, string])[] {
  return variables.all().map((one) => [one.name, one.value] as const);
}

/** Whether a step runs; without a condition it does when all went well so far. @throws {ExpressionError} when evaluation fails. */
export function evaluateCondition(job: JobContext, condition: string | undefined): boolean {
  const text = condition === undefined || condition.trim() === '' ? 'succeeded()' : condition;
  const values = new Map([['variables', variablesContext(pairs(job.variables))]]);
  return toBoolean(evaluate(text, { values, functions: stepStatus(job.status, job.signal.aborted) }));
}
