import { nowhere, primitiveText, scalar } from '../yaml/nodes.js';
import type { ListNode, MapNode, YamlNode } from '../yaml/nodes.js';
import type { Position } from '../problems.js';
import { Instant } from './instant.js';
import { ExpressionError } from './lexer.js';

/** A version literal such as `1.2.3`. */
export class Version {
  readonly parts: readonly number[];

  constructor(text: string) {
    this.parts = text.split('.').map(Number);
  }

  toString(): string {
    return this.parts.join('.');
  }
}

/** A context of values that YAML cannot write, such as `pipeline`; names in lower case. */
export class ValueContext {
  readonly #values: ReadonlyMap<string, Value>;

  constructor(values: ReadonlyMap<string, Value>) {
    this.#values = values;
  }

  get(name: string): Value {
    return this.#values.get(name.toLowerCase()) ?? null;
  }
}

/** What an expression can evaluate to; collections are YAML nodes, so that what is inserted keeps its positions. */
export type Value = null | boolean | number | string | Version | Instant | ValueContext | ListNode | MapNode;

export function isCollection(value: Value): value is ListNode | MapNode {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

/** A node as a value. A number that is written in another way than it prints (`1.30`, `007`) stays text, so that nothing is lost. */
export function fromNode(node: YamlNode): Value {
  if (node.kind !== 'scalar') return node;
  return typeof node.value === 'number' && String(node.value) !== node.text ? node.text : node.value;
}

/**
 * What an expression puts into the tree in place of itself. Booleans and numbers become text: `${{ true }}` is the string `True`
 * from there on. Source: azure-devops-docs#13472.
 */
export function toNode(value: Value, at: Position = nowhere): YamlNode {
  if (isCollection(value)) return value;
  return scalar(value === null ? null : toText(value), at);
}

/** The kind's name as Azure's messages print it. */
export function kindName(value: Value): string {
  if (value === null) return 'Null';
  if (value instanceof Version) return 'Version';
  if (value instanceof Instant) return 'DateTime';
  if (value instanceof ValueContext) return 'Object';
  if (typeof value === 'boolean') return 'Boolean';
  if (typeof value === 'number') return 'Number';
  if (typeof value === 'string') return 'String';
  return value.kind === 'list' ? 'Array' : 'Object';
}

/** Null, false, 0 and the empty string are false; everything else is true. Source: expressions, "Type casting". */
export function toBoolean(value: Value): boolean {
  if (typeof value === 'object' && value !== null) return true;
  return value !== null && value !== false && value !== 0 && value !== '';
}

/** Undefined where the conversion fails. */
export function tryString(value: Value): string | undefined {
  if (value instanceof Version || value instanceof Instant) return value.toString();
  return typeof value === 'object' && value !== null ? undefined : primitiveText(value);
}

/** @throws {ExpressionError} for arrays and objects. */
export function toText(value: Value): string {
  const text = tryString(value);
  if (text === undefined) throw new ExpressionError(`Unable to convert from ${kindName(value)} to String.`);
  return text;
}

/** Undefined where the conversion fails. The empty string and null are 0; thousands separators and blanks around are accepted. */
export function tryNumber(value: Value): number | undefined {
  if (value === null) return 0;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  const text = value.trim().replace(/(?<=\d),(?=\d)/g, '');
  if (text === '') return 0;
  return /^[-+]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : undefined;
}

/** Undefined where the conversion fails: two to four parts, each within 32 bits; a number needs a decimal that is not zero. */
export function tryVersion(value: Value): Version | undefined {
  if (value instanceof Version) return value;
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  if (!/^\d+(\.\d+){1,3}$/.test(text)) return undefined;
  const version = new Version(text);
  return version.parts.every((part) => part < 2 ** 31) ? version : undefined;
}

function tryInstant(value: Value): Instant | undefined {
  if (value instanceof Instant) return value;
  return typeof value === 'string' ? Instant.tryParse(value) : undefined;
}

function compareVersions(left: Version, right: Version): number {
  for (let index = 0; index < 4; index += 1) {
    const difference = (left.parts[index] ?? -1) - (right.parts[index] ?? -1);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

function compareText(left: string, right: string): number {
  const [a, b] = [left.toUpperCase(), right.toUpperCase()];
  return a === b ? 0 : a < b ? -1 : 1;
}

/**
 * Compares after converting the right side to the kind of the left one; strings without regard to case.
 * @returns undefined when the right side cannot be converted, or the left one has no order.
 */
function compareAs(left: Value, right: Value): number | undefined {
  if (typeof left === 'boolean') return Number(left) - Number(toBoolean(right));
  if (typeof left === 'number') {
    const number = tryNumber(right);
    return number === undefined ? undefined : Math.sign(left - number);
  }
  if (typeof left === 'string') {
    const text = tryString(right);
    return text === undefined ? undefined : compareText(left, text);
  }
  if (left instanceof Version) {
    const version = tryVersion(right);
    return version === undefined ? undefined : compareVersions(left, version);
  }
  if (left instanceof Instant) {
    const instant = tryInstant(right);
    return instant === undefined ? undefined : Math.sign(left.milliseconds - instant.milliseconds);
  }
  return undefined;
}

/** `eq`: false when the right side cannot be converted; arrays and objects equal only themselves. */
export function equal(left: Value, right: Value): boolean {
  if (left === null) return right === null || right === '';
  if (isCollection(left)) return left === right;
  return compareAs(left, right) === 0;
}

/** The order behind `lt`, `le`, `gt`, `ge`. @throws {ExpressionError} when the sides cannot be compared. */
export function compare(left: Value, right: Value): number {
  const order = compareAs(left, right);
  if (order === undefined) throw new ExpressionError(`Unable to convert from ${kindName(right)} to ${kindName(left)}. Value: ${tryString(right) ?? kindName(right)}`);
  return order;
}

/** JSON text with an indent of two, as `convertToJson` prints it. */
export function toJson(value: Value): string {
  const plain = (node: Value): unknown => {
    if (!isCollection(node)) return typeof node === 'object' && node !== null ? (tryString(node) ?? null) : node;
    if (node.kind === 'list') return node.items.map((item) => plain(fromNode(item)));
    return Object.fromEntries(node.entries.map((entry) => [entry.key.text, plain(fromNode(entry.value))]));
  };
  return JSON.stringify(plain(value), undefined, 2);
}
