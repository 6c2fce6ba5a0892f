import { isAlias, isMap, isScalar, isSeq, type Node, type ParsedNode, type YAMLSeq } from 'yaml';
import { list, object } from './json.js';

/** What to put where: nothing, to take something away. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly insert: string;
}

/** A place that is not there, or that cannot be told from its surroundings. */
export class NoSuchPlace extends Error {}

/**
 * What takes an item out of a sequence, the last place first. An item in lines of its own goes with its lines; a sequence without any other item becomes `[]`.
 * @param root of a document that keeps its source tokens
 * @param path to the item: its last step is an index
 * @throws NoSuchPlace
 */
export function itemRemoval(text: string, root: ParsedNode | null, path: readonly (string | number)[]): Splice[] {
  const index = path.at(-1);
  const { sequence, colon } = sequenceAt(text, root, path.slice(0, -1));
  const item = typeof index === 'number' ? sequence.items[index] : undefined;
  if (typeof index !== 'number' || item === undefined) throw new NoSuchPlace(`${path.join('.')} is not there`);
  if (sequence.flow === true) return [flowRemoval(sequence, index, path)];
  const lines = linesOf(text, sequence, index, path);
  if (sequence.items.length > 1) return [lines];
  if (colon === undefined) throw new NoSuchPlace(`${path.join('.')} is the only item of a sequence without a key`);
  return [lines, { start: colon + 1, end: colon + 1, insert: ' []' }];
}

/** The sequence at a path, and the colon behind its key where it is the value of one. */
function sequenceAt(text: string, root: ParsedNode | null, path: readonly (string | number)[]): { readonly sequence: YAMLSeq; readonly colon: number | undefined } {
  let node: unknown = root;
  let colon: number | undefined;
  for (const step of path) {
    colon = undefined;
    if (isSeq(node)) node = typeof step === 'number' ? node.items[step] : undefined;
    else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      const after = rangeOf(pair?.key)?.[1];
      colon = after === undefined ? undefined : colonAfter(text, after);
      node = pair?.value;
    } else node = undefined;
  }
  if (isSeq(node)) return { sequence: node, colon };
  throw new NoSuchPlace(`${path.join('.')} is ${isAlias(node) ? 'a reference to another place' : 'no sequence'}`);
}

function colonAfter(text: string, start: number): number | undefined {
  const colon = text.indexOf(':', start);
  return colon === -1 ? undefined : colon;
}

/** An item of `[a, b]` with one comma. */
function flowRemoval(sequence: YAMLSeq, index: number, path: readonly (string | number)[]): Splice {
  const [before, own, next] = [index - 1, index, index + 1].map((at) => rangeOf(sequence.items[at]));
  const [start, end] = own ?? [];
  if (start === undefined || end === undefined) throw new NoSuchPlace(`${path.join('.')} has no place`);
  if (next?.[0] !== undefined) return { start, end: next[0], insert: '' };
  return { start: before?.[1] ?? start, end, insert: '' };
}

/** The lines of an item, from its hyphen to the end of what it has. Comments above it belong to whatever is there, and stay. */
function linesOf(text: string, sequence: YAMLSeq, index: number, path: readonly (string | number)[]): Splice {
  const hyphen = hyphenOf(sequence, index);
  const itemEnd = rangeOf(sequence.items[index])?.[1];
  if (hyphen === undefined || itemEnd === undefined) throw new NoSuchPlace(`${path.join('.')} has no place`);
  const start = text.lastIndexOf('\n', hyphen - 1) + 1;
  if (text.slice(start, hyphen).trim() !== '') throw new NoSuchPlace(`${path.join('.')} does not begin a line`);
  if (text[itemEnd - 1] === '\n') return { start, end: itemEnd, insert: '' };
  const lineEnd = text.indexOf('\n', itemEnd);
  return { start, end: lineEnd === -1 ? text.length : lineEnd + 1, insert: '' };
}

/** Source: yaml docs, concrete syntax trees. */
function hyphenOf(sequence: Node, index: number): number | undefined {
  const token = object(list(object(sequence.srcToken).items)[index]);
  const hyphen = list(token.start).map(object).find(({ type }) => type === 'seq-item-ind');
  return typeof hyphen?.offset === 'number' ? hyphen.offset : undefined;
}

/** Where a node begins, where its value ends, and where it ends itself. */
export function rangeOf(node: unknown): readonly number[] | undefined {
  const { range } = object(node);
  const numbers = list(range).filter((part): part is number => typeof part === 'number');
  return numbers.length < 2 ? undefined : numbers;
}
