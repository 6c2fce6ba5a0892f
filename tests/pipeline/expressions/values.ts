import { nowhere, primitiveText, scalar } from '../yaml/nodes.js';
import type { ListNode, MapNode, YamlNode } from '../yaml/nodes.js';
import type { Position } from '../problems.js';
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

/** What an expression can evaluate to; collections are YAML nodes, so that what is inserted keeps its positions. */
export type Value = null | boolean | number | string | Version | ListNode | MapNode;

export function isCollection(value: Value): value is ListNode | MapNode {
  return typeof value === 'object' && value !== null && !(value instanceof Version);
}

/** A node as a value. A number that is written in another way than it prints (`1.30`, `007`) stays text, so that nothing is lost. */
export function fromNode(node: YamlNode): Value {
  if (node.kind !== 'scalar') return node;
  return typeof node.value === 'number' && String(node.value) !== node.text ? node.text : node.value;
}

/** A value as a node; what has no position of its own gets `at`. */
export function toNode(value: Value, at: Position = nowhere): YamlNode {
  if (value instanceof Version) return scalar(value.toString(), at);
  if (isCollection(value)) return value;
  return scalar(value, at);
}

/** The kind's name as Azure's messages print it. */
export function kindName(value: Value): string {
  if (value === null) return 'Null';
  if (value instanceof Version) return 'Version';
  if (typeof value === 'boolean') return 'Boolean';
  if (typeof value === 'number') return 'Number';
  if (typeof value === 'string') return 'String';
  return value.kind === 'list' ? 'Array' : 'Object';
}

/** Null, false, 0 and the empty string are false; everything else is true. Source: expressions, "Type casting". */
export function toBoolean(value: Value): boolean {
  if (value instanceof Version || isCollection(value)) return true;
  return value !== null && value !== false && value !== 0 && value !== '';
}

/** Undefined where the conversion fails. */
export function tryString(value: Value): string | undefined {
  if (value instanceof Version) return value.toString();
  return isCollection(value) ? undefined : primitiveText(value);
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

/** Undefined where the conversion fails. */
export function tryVersion(value: Value): Version | undefined {
  if (value instanceof Version) return value;
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  return /^\d+(\.\d+){1,3}$/.test(text) ? new Version(text) : undefined;
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
    if (node instanceof Version) return node.toString();
    if (!isCollection(node)) return node;
    if (node.kind === 'list') return node.items.map((item) => plain(fromNode(item)));
    return Object.fromEntries(node.entries.map((entry) => [entry.key.text, plain(fromNode(entry.value))]));
  };
  return JSON.stringify(plain(value), undefined, 2);
}
