import type { Expression } from './syntax.js';
import { listed, mapping, plainFunction, text, truth, typeOf, type Value, type ValueMap } from './values.js';

/** What the names and the special functions of an expression stand for. */
export interface Surroundings {
  /** @throws Error for a name that is not declared. */
  readonly valueOf: (name: string) => Value;
  /** Functions that depend on the file or the deployment; undefined for every other. */
  readonly special: (name: string, values: readonly Value[]) => Value | undefined;
}

/** Evaluates an expression. @throws Error for whatever Azure would refuse. */
export function evaluate(expression: Expression, around: Surroundings): Value {
  const inner = (part: Expression): Value => evaluate(part, around);
  switch (expression.kind) {
    case 'text':
      return expression.parts.map((part) => (typeof part === 'string' ? part : written(inner(part)))).join('');
    case 'literal':
      return expression.value;
    case 'name':
      return around.valueOf(expression.name);
    case 'property':
      return property(inner(expression.of), inner(expression.key), expression.safe);
    case 'call':
      return call(expression.name, expression.arguments, around);
    case 'array':
      return expression.items.map(inner);
    case 'object':
      return Object.fromEntries(expression.entries.map(([key, value]) => [text(inner(key)), inner(value)]));
    case 'loop':
      return listed(inner(expression.over)).flatMap((item) => conditional(expression.body, within(around, expression.item, item)));
    case 'choice':
      return truth(inner(expression.condition)) ? inner(expression.yes) : inner(expression.no);
    case 'binary':
      return binary(expression.operator, inner(expression.left), () => inner(expression.right));
    case 'not':
      return !truth(inner(expression.of));
    case 'if':
    case 'lambda':
      throw new Error(`'${expression.kind}' has no value of its own`);
  }
}

/** The objects that the body of a resource or module comes to: none, one, or one for each item of its loop. */
export function instances(body: Expression, around: Surroundings): ValueMap[] {
  const found = body.kind === 'loop' ? listed(evaluate(body, around)) : conditional(body, around);
  return found.map(mapping);
}

function conditional(body: Expression, around: Surroundings): Value[] {
  if (body.kind !== 'if') return [evaluate(body, around)];
  return truth(evaluate(body.condition, around)) ? [evaluate(body.body, around)] : [];
}

function within(around: Surroundings, name: string, item: Value): Surroundings {
  return { ...around, valueOf: (asked) => (asked === name ? item : around.valueOf(asked)) };
}

function call(name: string, parts: readonly Expression[], around: Surroundings): Value {
  const [first, second] = parts;
  if (name === 'map' && first !== undefined && second?.kind === 'lambda') {
    return listed(evaluate(first, around)).map((item) => evaluate(second.body, within(around, second.item, item)));
  }
  const values = parts.map((part) => evaluate(part, around));
  const found = around.special(name, values) ?? plainFunction(name)?.(...values);
  if (found === undefined) throw new Error(`no function is called '${name}'`);
  return found;
}

function property(of: Value, key: Value, safe: boolean): Value {
  if (typeof key === 'number') {
    const found = listed(of)[key];
    if (found === undefined) throw new Error(`no item ${key} in ${JSON.stringify(of)}`);
    return found;
  }
  const found = mapping(of)[text(key)];
  if (found !== undefined) return found;
  if (safe) return null;
  throw new Error(`no '${text(key)}' in ${JSON.stringify(of)}`);
}

function binary(operator: string, left: Value, right: () => Value): Value {
  switch (operator) {
    case '&&':
      return truth(left) && truth(right());
    case '||':
      return truth(left) || truth(right());
    case '??':
      return left ?? right();
    case '==':
      return JSON.stringify(left) === JSON.stringify(right());
    case '!=':
      return JSON.stringify(left) !== JSON.stringify(right());
    default:
      throw new Error(`'${operator}' is not evaluated here`);
  }
}

function written(value: Value): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error(`not a text: ${typeOf(value)}`);
}
