import { Instant } from './instant.js';
import { ExpressionError } from './lexer.js';
import { compare, equal, fromNode, isCollection, kindName, toBoolean, toJson, toText, tryString } from './values.js';
import type { Value } from './values.js';
import { list, scalar } from '../yaml/nodes.js';

/** An argument, evaluated when asked for: `and`, `or`, `iif` and `coalesce` stop early. */
export type Argument = () => Value;

/** A function of the expression language. */
export interface ExpressionFunction {
  readonly min: number;
  readonly max: number;
  readonly call: (args: readonly Argument[]) => Value;
}

const many = Number.POSITIVE_INFINITY;

function lazy(min: number, max: number, call: (args: readonly Argument[]) => Value): ExpressionFunction {
  return { min, max, call };
}

/** A function of a fixed number of arguments, all evaluated. */
function fixed(count: number, call: (a: Value, b: Value, c: Value) => Value): ExpressionFunction {
  return { min: count, max: count, call: (args) => call(args[0]?.() ?? null, args[1]?.() ?? null, args[2]?.() ?? null) };
}

function text(call: (a: string, b: string, c: string) => Value, count: number): ExpressionFunction {
  return fixed(count, (a, b, c) => call(toText(a), toText(b), toText(c)));
}

function upper(call: (a: string, b: string) => boolean): ExpressionFunction {
  return text((a, b) => call(a.toUpperCase(), b.toUpperCase()), 2);
}

function isIn(args: readonly Argument[]): boolean {
  const [first, ...others] = args;
  const left = first?.() ?? null;
  return others.some((other) => equal(left, other()));
}

function containsValue(collection: Value, wanted: Value): boolean {
  if (!isCollection(collection)) return false;
  const items = collection.kind === 'list' ? collection.items : collection.entries.map((entry) => entry.value);
  return items.some((item) => equal(wanted, fromNode(item)));
}

function formatted(value: Value, specifier: string | undefined): string {
  if (specifier === undefined || specifier === '') return toText(value);
  if (value instanceof Instant) return value.format(specifier);
  throw new ExpressionError(`The format specifiers '${specifier}' are not valid for objects of type '${kindName(value)}'`);
}

function format(template: string, args: readonly Argument[]): string {
  const pattern = /\{\{|\}\}|\{(\d+)(?::([^}]*))?\}|[{}]/g;
  return template.replace(pattern, (hole: string, index: string | undefined, specifier: string | undefined) => {
    if (hole === '{{' || hole === '}}') return hole.charAt(0);
    if (index === undefined) throw new ExpressionError(`The following format string is invalid: ${template}`);
    const arg = args[Number(index)];
    if (arg === undefined) throw new ExpressionError(`The following format string references more arguments than were supplied: ${template}`);
    return formatted(arg(), specifier);
  });
}

function join(separator: string, items: Value): string {
  if (!isCollection(items)) return toText(items);
  if (items.kind === 'map') return '';
  return items.items.map((item) => tryString(fromNode(item)) ?? '').join(separator);
}

function length(value: Value): number {
  if (isCollection(value)) {
    if (value.kind === 'list') return value.items.length;
    throw new ExpressionError(`Unable to convert from ${kindName(value)} to String.`);
  }
  return toText(value).length;
}

function coalesce(args: readonly Argument[]): Value {
  for (const arg of args) {
    const value = arg();
    if (value !== null && value !== '') return value;
  }
  return null;
}

/** The functions that every expression may use, by name in lower case. Source: azure-devops-docs, process/expressions ("Functions"). */
export const commonFunctions: ReadonlyMap<string, ExpressionFunction> = new Map<string, ExpressionFunction>([
  ['and', lazy(2, many, (args) => args.every((arg) => toBoolean(arg())))],
  ['or', lazy(2, many, (args) => args.some((arg) => toBoolean(arg())))],
  ['not', fixed(1, (a) => !toBoolean(a))],
  ['xor', fixed(2, (a, b) => toBoolean(a) !== toBoolean(b))],
  ['eq', fixed(2, equal)],
  ['ne', fixed(2, (a, b) => !equal(a, b))],
  ['lt', fixed(2, (a, b) => compare(a, b) < 0)],
  ['le', fixed(2, (a, b) => compare(a, b) <= 0)],
  ['gt', fixed(2, (a, b) => compare(a, b) > 0)],
  ['ge', fixed(2, (a, b) => compare(a, b) >= 0)],
  ['in', lazy(1, many, isIn)],
  ['notin', lazy(1, many, (args) => !isIn(args))],
  ['contains', upper((a, b) => a.includes(b))],
  ['containsvalue', fixed(2, containsValue)],
  ['startswith', upper((a, b) => a.startsWith(b))],
  ['endswith', upper((a, b) => a.endsWith(b))],
  ['coalesce', lazy(2, many, coalesce)],
  ['format', lazy(1, many, (args) => format(toText(args[0]?.() ?? null), args.slice(1)))],
  ['join', fixed(2, (separator, items) => join(toText(separator), items))],
  ['lower', text((value) => value.toLowerCase(), 1)],
  ['upper', text((value) => value.toUpperCase(), 1)],
  ['trim', text((value) => value.trim(), 1)],
  ['replace', text((value, from, to) => (from === '' ? value : value.replaceAll(from, () => to)), 3)],
  ['length', fixed(1, length)],
  ['converttojson', fixed(1, toJson)],
  ['iif', lazy(3, 3, ([condition, yes, no]) => (toBoolean(condition?.() ?? null) ? yes?.() : no?.()) ?? null)],
]);

/** What `${{ }}` has on top. `split` is refused at run time: its list could not be used there. */
export const templateFunctions: ReadonlyMap<string, ExpressionFunction> = new Map<string, ExpressionFunction>([
  ['split', text((value, separator) => list(value.split(separator === '' ? /(?!)/ : separator).map((part) => scalar(part))), 2)],
]);

const inConditions = 'is only available in conditions';

/** Where the functions that not every expression may use are available; for messages. */
export const elsewhere: ReadonlyMap<string, string> = new Map([
  ['counter', "is only available in the value of a variable, as $[ counter('prefix', 1) ]"],
  ['split', 'is only available in ${{ }} expressions'],
  ['always', inConditions],
  ['canceled', inConditions],
  ['failed', inConditions],
  ['succeeded', inConditions],
  ['succeededorfailed', inConditions],
]);
