import { list, lookup, mapOf, scalar } from '../yaml/nodes.js';
import type { YamlNode } from '../yaml/nodes.js';
import { commonFunctions } from './functions.js';
import type { ExpressionFunction } from './functions.js';
import { ExpressionError } from './lexer.js';
import { parseExpression } from './parser.js';
import type { Expression, Grammar } from './parser.js';
import { fromNode, isCollection, tryNumber, tryString, ValueContext } from './values.js';
import type { Value } from './values.js';

/** Everything an expression can refer to, besides the common functions. */
export interface Scope {
  readonly values: ReadonlyMap<string, Value>;
  /** Names in lower case. */
  readonly functions?: ReadonlyMap<string, ExpressionFunction>;
}

/** The names of functions, in lower case, with the least and greatest number of arguments. */
export type Signatures = Grammar['functions'];

/** The grammar of a place that offers these names and, on top of the common ones, these functions; `refused` names contexts that this runner lacks. */
export function grammarOf(names: readonly string[], functions: Signatures = new Map(), refused: readonly string[] = []): Grammar {
  return { names, functions: new Map([...commonFunctions, ...functions]), refused };
}

function children(target: Value): readonly YamlNode[] {
  if (!isCollection(target)) return [];
  return target.kind === 'list' ? target.items : target.entries.map((entry) => entry.value);
}

function indexed(target: Value, index: Value): Value {
  if (target instanceof ValueContext) return target.get(tryString(index) ?? '');
  if (!isCollection(target)) return null;
  if (target.kind === 'map') {
    const key = tryString(index);
    const found = key === undefined ? undefined : lookup(target, key);
    if (found === undefined && target.strict === true) throw new ExpressionError(`Key not found '${key ?? ''}'`);
    return found === undefined ? null : fromNode(found);
  }
  if (target.filtered === true && typeof index === 'string') {
    const found = target.items.flatMap((item) => (item.kind === 'map' ? (lookup(item, index) ?? []) : []));
    return { ...list(found, target.at), filtered: true };
  }
  const position = tryNumber(index);
  const found = position === undefined ? undefined : target.items[position];
  return found === undefined ? null : fromNode(found);
}

/** Evaluates a parsed expression; a missing property, index or variable is null, a parameter that is not declared an error, as in the service. */
export function evaluateParsed(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'named':
      return scope.values.get(expression.name) ?? null;
    case 'wildcard':
      return { ...list(children(evaluateParsed(expression.target, scope))), filtered: true };
    case 'index':
      return indexed(evaluateParsed(expression.target, scope), evaluateParsed(expression.index, scope));
    case 'call': {
      const found = scope.functions?.get(expression.name) ?? commonFunctions.get(expression.name);
      return found?.call(expression.args.map((arg) => () => evaluateParsed(arg, scope))) ?? null;
    }
  }
}

/** Parses and evaluates. @throws {ExpressionError} when the service would refuse or fail. */
export function evaluate(text: string, scope: Scope): Value {
  const grammar = grammarOf([...scope.values.keys()], scope.functions);
  return evaluateParsed(parseExpression(text.trim(), grammar), scope);
}

/** The pairs that `${{ each }}` walks: items of a list, `key`/`value` pairs of a map. */
export function eachItem(value: Value): readonly Value[] | undefined {
  if (!isCollection(value)) return undefined;
  if (value.kind === 'list') return value.items.map(fromNode);
  return value.entries.map((entry) => mapOf([['key', scalar(entry.key.text, entry.key.at)], ['value', entry.value]], entry.key.at));
}
