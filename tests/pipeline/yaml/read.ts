import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, Scalar } from 'yaml';
import type { Node as LibraryNode, Pair } from 'yaml';
import type { Position, Problems } from '../problems.js';
import { list, map, scalar } from './nodes.js';
import type { MapEntry, YamlNode } from './nodes.js';

class Reader {
  readonly #file: string;
  readonly #problems: Problems;
  readonly lines = new LineCounter();

  constructor(file: string, problems: Problems) {
    this.#file = file;
    this.#problems = problems;
  }

  at(offset: number): Position {
    const { line, col } = this.lines.linePos(offset);
    return { file: this.#file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  problem(offset: number, message: string): void {
    this.#problems.add(this.at(offset), message);
  }

  node(source: LibraryNode | null, parent: Position): YamlNode {
    if (source === null) return scalar(null, parent);
    const at = source.range ? this.at(source.range[0]) : parent;
    if (isAlias(source)) {
      this.#problems.add(at, 'Anchors and aliases are not supported by Azure Pipelines.');
      return scalar(null, at);
    }
    if (source.anchor !== undefined) this.#problems.add(at, `Anchors are currently not supported. Remove the anchor '${source.anchor}'.`);
    if (isMap<LibraryNode, LibraryNode | null>(source)) return map(source.items.map((pair) => this.#entry(pair, at)), at);
    if (isSeq<LibraryNode | null>(source)) return list(source.items.map((item) => this.node(item, at)), at);
    if (isScalar(source)) return this.#scalar(source, at);
    return scalar(null, at);
  }

  #entry(pair: Pair<LibraryNode, LibraryNode | null>, parent: Position): MapEntry {
    const key = this.node(pair.key, parent);
    if (key.kind === 'scalar') return { key, value: this.node(pair.value, key.at) };
    this.#problems.add(key.at, 'A mapping key must be a scalar.');
    return { key: scalar('', key.at), value: scalar(null, key.at) };
  }

  #scalar(source: Scalar, at: Position): YamlNode {
    const value = source.value;
    if (typeof value === 'string') return scalar(value, at, value);
    if (value === null) return scalar(null, at, source.type === Scalar.PLAIN ? (source.source ?? '') : '');
    if (typeof value === 'boolean' || typeof value === 'number') return scalar(value, at, source.source ?? String(value));
    this.#problems.add(at, 'This YAML tag is not supported by Azure Pipelines.');
    return scalar(null, at);
  }
}

/**
 * Reads one YAML document into nodes with positions. Anchors, tags and several documents are refused as the service does.
 * @returns undefined when the text is not YAML at all; the problems say why.
 */
export function readYaml(text: string, file: string, problems: Problems): YamlNode | undefined {
  const reader = new Reader(file, problems);
  const documents = parseAllDocuments(text, { lineCounter: reader.lines, version: '1.2', schema: 'core', uniqueKeys: false, prettyErrors: false });
  const list = 'empty' in documents ? [] : documents;
  const [document, second] = list;
  if (document === undefined) return scalar(null, reader.at(0));
  if (second !== undefined) {
    reader.problem(second.range[0], 'A pipeline file holds one YAML document.');
    return undefined;
  }
  for (const error of document.errors) reader.problem(error.pos[0], error.message);
  if (document.errors.length > 0) return undefined;
  return reader.node(document.contents, reader.at(0));
}
