import type { Position } from '../problems.js';

/** What a plain YAML scalar can be under the core schema. */
export type Primitive = null | boolean | number | string;

/** A scalar: `value` is what expressions see, `text` what the author wrote (so that `1.30` stays `1.30` where text is wanted). */
export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: Primitive;
  readonly text: string;
  readonly at: Position;
}

/** A sequence. `filtered` marks the result of a wildcard (`list.*.name`), through which property access maps. */
export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
  readonly at: Position;
  readonly filtered?: boolean;
}

/** One pair of a mapping. */
export interface MapEntry {
  readonly key: ScalarNode;
  readonly value: YamlNode;
}

/** A mapping; order matters. `strict` marks the declared parameters of a file: asking for another key is an error. */
export interface MapNode {
  readonly kind: 'map';
  readonly entries: readonly MapEntry[];
  readonly at: Position;
  readonly strict?: boolean;
}

/** A YAML tree with positions, before and after expansion. */
export type YamlNode = ScalarNode | ListNode | MapNode;

/** The place of things that no file contains. */
export const nowhere: Position = { file: '(run)', line: 1, column: 1 };

/** The text of a scalar that came from a value: booleans print as `True` and `False`, null as nothing. */
export function primitiveText(value: Primitive): string {
  if (value === null) return '';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return String(value);
}

export function scalar(value: Primitive, at: Position = nowhere, text: string = primitiveText(value)): ScalarNode {
  return { kind: 'scalar', value, text, at };
}

export function list(items: readonly YamlNode[], at: Position = nowhere): ListNode {
  return { kind: 'list', items, at };
}

export function map(entries: readonly MapEntry[], at: Position = nowhere): MapNode {
  return { kind: 'map', entries, at };
}

/** A mapping from names to primitives or nodes, for the contexts of expressions. */
export function mapOf(values: Iterable<readonly [string, Primitive | YamlNode]>, at: Position = nowhere): MapNode {
  const entries = [...values].map(([key, value]) => ({
    key: scalar(key, at),
    value: typeof value === 'object' && value !== null ? value : scalar(value, at),
  }));
  return map(entries, at);
}

/** The value of a key: exact match first, then without regard to case, as Azure Pipelines looks names up. */
export function lookup(node: MapNode, key: string): YamlNode | undefined {
  const exact = node.entries.find((entry) => entry.key.text === key);
  if (exact !== undefined) return exact.value;
  const lower = key.toLowerCase();
  return node.entries.find((entry) => entry.key.text.toLowerCase() === lower)?.value;
}
