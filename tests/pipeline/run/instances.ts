import { isScalar, parseDocument, visit } from 'yaml';
import { legProblems } from '../compile/matrix.js';
import type { Job, MatrixLeg } from '../compile/model.js';
import { ExpressionError } from '../expressions/lexer.js';
import { toText } from '../expressions/values.js';
import type { Value } from '../expressions/values.js';
import { primitiveText } from '../yaml/nodes.js';
import { isRecord } from '../../simulators/kernel/service.js';
import { runtimeExpression } from './contexts.js';
import type { JobInstance } from './job-context.js';

/** JSON, with the single quotes that the service also takes (azure-devops-docs, process/phases, "Multi-job configuration"). */
function parseJson(text: string): unknown {
  const document = parseDocument(text, { schema: 'core', version: '1.2' });
  let bare: string | undefined;
  visit(document, {
    Scalar: (key, node) => {
      if (key !== 'key' && isScalar(node) && node.type === 'PLAIN' && typeof node.value === 'string') bare ??= node.value;
    },
  });
  if (document.errors[0] !== undefined) throw new ExpressionError(`The matrix is no JSON object: ${document.errors[0].message}`);
  if (bare !== undefined) throw new ExpressionError(`The matrix is no JSON object: ${bare} is not quoted.`);
  return document.toJS();
}

function legVariables(leg: string, value: unknown): ReadonlyMap<string, string> {
  if (value === null) return new Map();
  if (!isRecord(value)) throw new ExpressionError(`The matrix leg ${leg} is no object of variables.`);
  return new Map(
    Object.entries(value).map(([name, one]) => {
      if (typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean') return [name, primitiveText(one)] as const;
      throw new ExpressionError(`The variable ${name} of the matrix leg ${leg} is no text. Values of a matrix are flat: write lists as one text.`);
    }),
  );
}

/**
 * The legs in the text that an output variable holds. Nothing, `null` and `{}` are no legs.
 * @throws {ExpressionError} when the service would refuse it.
 */
export function parseLegs(text: string): readonly MatrixLeg[] {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === 'null') return [];
  const value = trimmed.startsWith('{') ? parseJson(trimmed) : undefined;
  if (!isRecord(value)) throw new ExpressionError(`The matrix is no JSON object: ${trimmed.slice(0, 40)}`);
  const legs = Object.entries(value).map(([name, variables]) => ({ name, variables: legVariables(name, variables) }));
  const [problem] = legProblems(legs.map(({ name }) => name));
  if (problem !== undefined) throw new ExpressionError(problem);
  return legs;
}

function legsOf(job: Job, evaluate: (expression: string) => Value): readonly MatrixLeg[] {
  const { strategy } = job;
  if (strategy === undefined) return [];
  if (strategy.kind === 'parallel') return Array.from({ length: strategy.count }, (_, index) => ({ name: `Job${index + 1}`, variables: new Map<string, string>() }));
  if ('text' in strategy.legs) {
    const expression = runtimeExpression(strategy.legs.text);
    return parseLegs(expression === undefined ? strategy.legs.text : toText(evaluate(expression)));
  }
  return strategy.legs;
}

/**
 * The copies of a job. A matrix without legs runs once, without the variables of a leg (azure-devops-docs#5259).
 * @throws {ExpressionError} when a matrix cannot be evaluated or would be refused.
 */
export function instancesOf(job: Job, evaluate: (expression: string) => Value): readonly JobInstance[] {
  const legs = legsOf(job, evaluate);
  if (legs.length === 0) return [{ name: '__default', displayName: job.displayName, prefix: '', steps: job.steps, variables: new Map(), position: 1, total: 1 }];
  return legs.map(({ name, variables }, index) => ({
    name,
    displayName: `${job.displayName} ${name}`,
    prefix: `${name}.`,
    steps: job.steps,
    variables,
    position: index + 1,
    total: legs.length,
  }));
}
