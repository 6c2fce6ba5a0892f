import { isDeepStrictEqual } from 'node:util';
import { isAlias, isMap, isScalar, isSeq, parseAllDocuments, parseDocument, type Node, type Pair, type ParsedNode, type YAMLMap, type YAMLSeq } from 'yaml';
import { list, object, type Json } from './json.js';
import { itemRemoval, NoSuchPlace, rangeOf, type Splice } from './yaml-removal.js';

/** Where in a document, from its root: keys of mappings, indexes of sequences. */
export type YamlPath = readonly (string | number)[];

/** What a document shall have at a place. Mappings on the way are made where they are missing. */
export type YamlEdit =
  /** A text. */
  | { readonly path: YamlPath; readonly value: string }
  /** One item more in the sequence at the place, before the others. The sequence is made where it is missing. */
  | { readonly path: YamlPath; readonly item: Json }
  /** One item less: the path ends with its index. */
  | YamlRemoval;

/** An item that a sequence shall not have any more. */
export interface YamlRemoval {
  readonly path: YamlPath;
  readonly remove: true;
}

type YamlAddition = Exclude<YamlEdit, YamlRemoval>;

/** What could not be edited: a document that says a place in a way in which nothing can be put there without changing more. */
export class UneditableYaml extends Error {
  constructor(
    /** Index of the document. */
    readonly document: number,
    /** Why, in a clause. */
    readonly because: string,
  ) {
    super(`document ${document + 1}: ${because}`);
  }
}

/** Helm and Kubernetes read YAML 1.1, in which an unquoted yes is true. Source: sigs.k8s.io/yaml, over go-yaml 2. */
const dialect = { version: '1.1', logLevel: 'silent', prettyErrors: false } as const;

/**
 * Puts texts and items into the documents of a YAML source, takes items out, and leaves every other character as it is: comments, order, quotes. What comes of it is read again and
 * compared: it differs by these and by nothing else.
 * @param editsOf what a document is to get, by its content
 * @throws UneditableYaml where that cannot be done.
 */
export function editYaml(source: string, editsOf: (content: unknown, index: number) => readonly YamlEdit[]): string {
  return documentsIn(source).map((text, index) => {
    const content = contentOf(text);
    return editsOf(content, index).reduce((edited, edit) => withEdit(edited, edit, index), text);
  }).join('');
}

/** One document of a source; empty where it has none of this index. */
export function documentAt(source: string, index: number): string {
  return documentsIn(source)[index] ?? '';
}

/** The source cut before each document. */
function documentsIn(source: string): string[] {
  const starts = [...parseAllDocuments(source, dialect)].map(({ range }) => range[0]);
  return starts.map((start, index) => source.slice(index === 0 ? 0 : start, starts[index + 1] ?? source.length));
}

function contentOf(text: string): unknown {
  return parseDocument(text, dialect).toJS();
}

function withEdit(text: string, edit: YamlEdit, index: number): string {
  const document = parseDocument(text, dialect);
  if (document.errors[0] !== undefined) throw new UneditableYaml(index, 'it is no YAML');
  const before: unknown = document.toJS();
  if ('remove' in edit) return withoutItem(text, before, edit, index);
  const { path } = edit;
  const present = valueAt(before, path);
  if ('value' in edit && present === edit.value) return text;
  const { start, end, insert } = spliceFor(text, document.contents, edit, index);
  const edited = `${text.slice(0, start)}${insert}${text.slice(end)}`;
  const wanted = 'value' in edit ? edit.value : [edit.item, ...list(present)];
  if (!isDeepStrictEqual(contentOf(edited), withValue(before, path, wanted))) throw new UneditableYaml(index, `${path.join('.')} cannot be set without changing something else, such as what shares it by an anchor`);
  return edited;
}

function withoutItem(text: string, before: unknown, { path }: YamlRemoval, index: number): string {
  const splices = removalFrom(text, path, index);
  const edited = splices.reduce((left, { start, end, insert }) => `${left.slice(0, start)}${insert}${left.slice(end)}`, text);
  const items = list(valueAt(before, path.slice(0, -1))).filter((_item, at) => at !== path.at(-1));
  if (!isDeepStrictEqual(soundContent(edited), withValue(before, path.slice(0, -1), items))) throw new UneditableYaml(index, `${path.join('.')} cannot be taken out without changing something else, such as what shares it by an anchor`);
  return edited;
}

/** Undefined for what is no YAML, such as one with a reference to what is not there any more. */
function soundContent(text: string): unknown {
  const document = parseDocument(text, dialect);
  if (document.errors.length > 0) return undefined;
  try {
    return document.toJS();
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

function removalFrom(text: string, path: YamlPath, index: number): readonly Splice[] {
  try {
    return itemRemoval(text, parseDocument(text, { ...dialect, keepSourceTokens: true }).contents, path);
  } catch (error) {
    throw error instanceof NoSuchPlace ? new UneditableYaml(index, error.message) : error;
  }
}

/** What comes to stand where nothing was: a text, or a sequence of one item. */
type Added = string | readonly Json[];

/** What to put where, walking down to the last thing on the way that is there. */
function spliceFor(text: string, root: ParsedNode | null, edit: YamlAddition, index: number): Splice {
  const { path } = edit;
  const value = 'value' in edit ? edit.value : [edit.item];
  let node: Node | null = root;
  for (const [depth, step] of path.entries()) {
    const rest = path.slice(depth);
    if (isSeq(node)) {
      const item: unknown = typeof step === 'number' ? node.items[step] : undefined;
      if (!isMap(item) && !isSeq(item)) throw new UneditableYaml(index, `${path.slice(0, depth + 1).join('.')} is no mapping`);
      node = item;
      continue;
    }
    if (!isMap(node)) throw new UneditableYaml(index, `${path.slice(0, depth).join('.') || 'it'} is ${isAlias(node) ? 'a reference to another place' : 'no mapping'}`);
    const pair: Pair | undefined = node.items.find(({ key }) => isScalar(key) && key.value === step);
    if (pair === undefined) return intoMap(text, node, rest, value, index);
    if (depth === path.length - 1 && 'item' in edit && isSeq(pair.value)) return intoSequence(text, pair.value, edit.item, path, index);
    if (depth === path.length - 1 || isEmpty(pair.value)) return inPlaceOf(text, pair, rest.slice(1), value, path, index);
    node = pair.value as Node;
  }
  throw new UneditableYaml(index, 'there is nowhere to put it');
}

function isEmpty(value: unknown): boolean {
  return value === null || (isScalar(value) && value.value === null);
}

/** A new entry before the first one: what follows the last one may be anything. */
function intoMap(text: string, map: YAMLMap, path: YamlPath, value: Added, index: number): Splice {
  const [first] = map.items;
  if (map.flow === true) {
    const [start] = map.range ?? [];
    if (start === undefined) throw new UneditableYaml(index, 'a mapping has no place');
    const at = text.indexOf('{', start) + 1;
    const [key = '', ...rest] = path;
    return { start: at, end: at, insert: `${keyText(key)}: ${flow(rest, value)}${first === undefined ? '' : ', '}` };
  }
  const at = first === undefined ? undefined : rangeOf(first.key)?.[0];
  if (at === undefined) throw new UneditableYaml(index, 'a mapping has no place');
  const indent = ' '.repeat(at - (text.lastIndexOf('\n', at - 1) + 1));
  return { start: at, end: at, insert: `${block(path, value, indent)}\n${indent}` };
}

/** A new item before the first one. */
function intoSequence(text: string, sequence: YAMLSeq, item: Json, path: YamlPath, index: number): Splice {
  const start = rangeOf(sequence)?.[0];
  if (start === undefined) throw new UneditableYaml(index, `${path.join('.')} has no place`);
  if (sequence.flow === true) return { start: start + 1, end: start + 1, insert: `${flowText(item)}${sequence.items.length === 0 ? '' : ', '}` };
  return { start, end: start, insert: `- ${flowText(item)}\n${' '.repeat(start - (text.lastIndexOf('\n', start - 1) + 1))}` };
}

/** The value of an entry that is there: a text, or nothing. */
function inPlaceOf(text: string, { key, value: present }: Pair, rest: YamlPath, value: Added, path: YamlPath, index: number): Splice {
  const [start, end] = rangeOf(present) ?? [];
  const insert = flow(rest, value);
  if (typeof value !== 'string' && !isEmpty(present)) throw new UneditableYaml(index, `${path.join('.')} is ${isAlias(present) ? 'a reference to another place' : 'no sequence'}`);
  if (isScalar(present) && start !== undefined && end !== undefined && text.slice(start, end).trim() !== '') {
    if (present.type === 'BLOCK_FOLDED' || present.type === 'BLOCK_LITERAL') throw new UneditableYaml(index, `${path.join('.')} is a text of several lines`);
    return { start, end, insert };
  }
  if (!isEmpty(present)) throw new UneditableYaml(index, `${path.join('.')} is no text`);
  const after = rangeOf(key)?.[1];
  const colon = after === undefined ? -1 : text.indexOf(':', after);
  if (colon === -1) throw new UneditableYaml(index, `${path.join('.')} has no place`);
  return { start: colon + 1, end: colon + 1, insert: ` ${insert}` };
}

/** `a: {b: "value"}` in lines of their own, the first where it is put. */
function block(path: YamlPath, value: Added, indent: string): string {
  const [key = '', ...rest] = path;
  return rest.length === 0 ? `${keyText(key)}: ${flowText(value)}` : `${keyText(key)}:\n${indent}  ${block(rest, value, `${indent}  `)}`;
}

function flow(path: YamlPath, value: Added): string {
  const [key, ...rest] = path;
  return key === undefined ? flowText(value) : `{${keyText(key)}: ${flow(rest, value)}}`;
}

/** A value in one line. */
function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, part]) => `${keyText(key)}: ${flowText(part)}`).join(', ')}}`;
}

function keyText(key: string | number): string {
  const text = String(key);
  return /^[A-Za-z][\w./-]*$/.test(text) && !/^(?:y|n|yes|no|on|off|true|false|null)$/i.test(text) ? text : JSON.stringify(text);
}

function valueAt(content: unknown, path: YamlPath): unknown {
  return path.reduce<unknown>((at, step) => (typeof step === 'number' ? list(at)[step] : object(at)[step]), content);
}

function withValue(content: unknown, path: YamlPath, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (typeof step === 'number') return list(content).map((item, index) => (index === step ? withValue(item, rest, value) : item));
  const holder = object(content);
  return { ...holder, [step]: withValue(holder[step], rest, value) };
}
