import type { Position, Problems } from '../problems.js';
import { list } from './nodes.js';
import type { MapEntry, MapNode, YamlNode } from './nodes.js';

/** Reads a mapping key by key; what nobody asked for is a problem, so that no key is ever ignored. */
export class MapReader {
  readonly at: Position;
  readonly #node: MapNode;
  readonly #what: string;
  readonly #problems: Problems;
  readonly #seen = new Set<string>();

  private constructor(node: MapNode, what: string, problems: Problems) {
    this.at = node.at;
    this.#node = node;
    this.#what = what;
    this.#problems = problems;
    const names = new Set<string>();
    for (const { key } of node.entries) {
      if (names.has(key.text)) problems.add(key.at, `'${key.text}' is already defined`);
      names.add(key.text);
    }
  }

  /** @returns undefined, with a problem, when the node is no mapping. */
  static of(node: YamlNode, what: string, problems: Problems): MapReader | undefined {
    if (node.kind === 'map') return new MapReader(node, what, problems);
    problems.add(node.at, `Expected a mapping: ${what}.`);
    return undefined;
  }

  has(key: string): boolean {
    return this.#node.entries.some((entry) => entry.key.text === key);
  }

  keys(): readonly string[] {
    return this.#node.entries.map((entry) => entry.key.text);
  }

  /** The first of these keys that the mapping has. */
  firstOf(keys: readonly string[]): string | undefined {
    return keys.find((key) => this.has(key));
  }

  entry(key: string): MapEntry | undefined {
    this.#seen.add(key);
    return this.#node.entries.find((entry) => entry.key.text === key);
  }

  node(key: string): YamlNode | undefined {
    return this.entry(key)?.value;
  }

  /** Accepts keys that make no difference to a local run. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#seen.add(key);
  }

  /** Refuses, by name, keys that the service knows and this runner does not. */
  refuse(...keys: readonly string[]): void {
    for (const key of keys) {
      const entry = this.entry(key);
      if (entry !== undefined) this.#problems.unsupported(entry.key.at, `${this.#what}: ${key}`);
    }
  }

  string(key: string): string | undefined {
    const node = this.node(key);
    if (node === undefined) return undefined;
    if (node.kind === 'scalar') return node.text;
    this.#problems.add(node.at, `Expected a scalar for '${key}'.`);
    return undefined;
  }

  boolean(key: string): boolean | undefined {
    const text = this.string(key)?.toLowerCase();
    if (text === undefined || text === 'true' || text === 'false') return text === undefined ? undefined : text === 'true';
    const node = this.node(key);
    if (text.includes('$(') || text.includes('$[')) this.#problems.unsupported(node?.at ?? this.at, `a runtime value for '${key}'`);
    else this.#problems.add(node?.at ?? this.at, `Expected a boolean for '${key}', found '${text}'.`);
    return undefined;
  }

  number(key: string): number | undefined {
    const text = this.string(key);
    if (text === undefined || /^\d+(\.\d+)?$/.test(text)) return text === undefined ? undefined : Number(text);
    const node = this.node(key);
    if (text.includes('$')) this.#problems.unsupported(node?.at ?? this.at, `a runtime value for '${key}'`);
    else this.#problems.add(node?.at ?? this.at, `Expected a number for '${key}', found '${text}'.`);
    return undefined;
  }

  list(key: string): readonly YamlNode[] | undefined {
    const node = this.node(key);
    if (node === undefined) return undefined;
    if (node.kind === 'list') return node.items;
    if (node.kind === 'scalar' && node.text === '') return list([], node.at).items;
    this.#problems.add(node.at, `Expected a sequence for '${key}'.`);
    return undefined;
  }

  /** A list of strings, or a single one; undefined when absent. */
  strings(key: string): readonly string[] | undefined {
    const node = this.node(key);
    if (node === undefined) return undefined;
    if (node.kind === 'scalar') return node.text === '' ? [] : [node.text];
    return (this.list(key) ?? []).flatMap((item) => {
      if (item.kind === 'scalar') return [item.text];
      this.#problems.add(item.at, `Expected a scalar in '${key}'.`);
      return [];
    });
  }

  /** A mapping of names to texts. */
  texts(key: string): ReadonlyMap<string, { readonly text: string; readonly at: Position }> {
    const node = this.node(key);
    if (node === undefined || (node.kind === 'scalar' && node.text === '')) return new Map();
    if (node.kind !== 'map') {
      this.#problems.add(node.at, `Expected a mapping for '${key}'.`);
      return new Map();
    }
    return new Map(
      node.entries.flatMap(({ key: name, value }) => {
        if (value.kind === 'scalar') return [[name.text, { text: value.text, at: value.at }] as const];
        this.#problems.add(value.at, `Expected a scalar for '${name.text}'.`);
        return [];
      }),
    );
  }

  /** Reports every key that was never asked for, as the service does. */
  done(): void {
    for (const { key } of this.#node.entries) {
      if (!this.#seen.has(key.text)) this.#problems.add(key.at, `Unexpected value '${key.text}'`);
    }
  }
}
