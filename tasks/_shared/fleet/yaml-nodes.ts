import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node } from 'yaml';
import { shown, unseenIn } from './shown.js';

/** What is wrong with a YAML file that a user wrote, and where. Lines and columns count from 1. */
export interface FileMistake {
  readonly line: number;
  readonly column: number;
  /** What is wrong, as a clause. */
  readonly because: string;
  /** What to write instead. */
  readonly remedy: string;
}

const date = /^\d{4}-\d{2}-\d{2}$/;

/**
 * Reads a YAML file with all its mistakes.
 * @param empty the value of a file that is no YAML
 * @param read makes the value, and notes what is wrong
 */
export function readNodes<T>(text: string, empty: T, read: (reader: NodeReader, root: Node | null) => T): { readonly value: T; readonly mistakes: readonly FileMistake[] } {
  const places = new LineCounter();
  const document = parseDocument(text, { lineCounter: places, logLevel: 'error', prettyErrors: false });
  const reader = new NodeReader(places);
  for (const { code, pos } of document.errors) reader.note(pos[0], `it is not YAML here: ${code.toLowerCase().replaceAll('_', ' ')}`, 'correct the YAML');
  const value = document.errors.length > 0 ? empty : read(reader, document.contents);
  return { value, mistakes: reader.mistakes };
}

/** A text of the file with its place. */
export interface Found {
  readonly node: Node;
  readonly text: string;
}

/** Takes nodes of the file as what they should be, and notes what they are not. */
export class NodeReader {
  readonly #mistakes: { readonly offset: number; readonly mistake: FileMistake }[] = [];

  constructor(private readonly places: LineCounter) {}

  /** In the order of the file. */
  get mistakes(): FileMistake[] {
    return this.#mistakes.toSorted((one, other) => one.offset - other.offset).map(({ mistake }) => mistake);
  }

  note(offset: number, because: string, remedy: string): void {
    const { line, col } = this.places.linePos(offset);
    this.#mistakes.push({ offset, mistake: { line, column: col, because, remedy } });
  }

  refuse(node: Node, what: string, form: string): void {
    const value = isScalar(node) ? shown(String(node.value)) : isSeq(node) ? 'a list' : isAlias(node) ? 'an alias' : 'a mapping';
    this.note(at(node), `${what} is ${isScalar(node) ? `"${value}"` : value}`, `give ${form}`);
  }

  /** The fields of a mapping, all of them known. */
  mapping(node: Node | null | undefined, what: string, required: readonly string[], optional: readonly string[]): ReadonlyMap<string, Node> | undefined {
    const known = [...required, ...optional];
    const entries = this.entries(node ?? undefined, what, `a mapping with ${known.join(', ')}`);
    if (!isMap(node)) return undefined;
    for (const { key, name } of entries) if (!known.includes(name)) this.note(at(key), `${what} has no field "${shown(name)}"`, `possible are ${known.join(', ')}`);
    const fields = new Map(entries.filter(({ name }) => known.includes(name)).map(({ name, value }) => [name, value]));
    for (const name of required) if (!fields.has(name)) this.note(at(node), `${what} lacks ${name}`, `add ${name}`);
    return fields;
  }

  /** The entries of a mapping that is not empty. */
  entries(node: Node | undefined, what: string, form: string): { readonly key: Node; readonly name: string; readonly value: Node }[] {
    if (!isMap<Node, Node | null>(node) || node.items.length === 0) {
      if (node === undefined) this.note(0, `${what} is empty`, `give ${form}`);
      else this.refuse(node, what, form);
      return [];
    }
    return node.items.map(({ key, value }) => ({ key, name: isScalar(key) ? String(key.value) : '', value: value ?? key }));
  }

  /** The items of a sequence; `vacant` ones may be missing or empty. */
  items(node: Node | undefined, what: string, vacant: boolean): Node[] {
    if (node === undefined && vacant) return [];
    if (isSeq<Node>(node) && (vacant || node.items.length > 0)) return node.items;
    if (node !== undefined) this.refuse(node, what, vacant ? 'a list' : 'a list that is not empty');
    return [];
  }

  texts(node: Node | undefined, what: string, vacant: boolean): Found[] {
    return this.items(node, what, vacant).flatMap((item) => this.text(item, `an entry of ${what}`) ?? []);
  }

  /** Texts of which none is there twice. */
  distinct(node: Node | undefined, what: string): Found[] {
    const texts = this.texts(node, what, false);
    this.once(texts.map(({ node: place, text }) => ({ node: place, name: text })), 'it is listed twice');
    return texts;
  }

  text(node: Node | undefined, what: string): Found | undefined {
    if (node === undefined) return undefined;
    const text = isScalar(node) && typeof node.value === 'string' ? node.value.trim() : '';
    if (text === '') {
      this.refuse(node, what, 'text');
      return undefined;
    }
    const found = unseenIn(text.replaceAll(/\s+/g, ' '));
    if (found !== undefined) this.note(at(node), `${what} has the character ${found.character}, which is not to be seen`, 'type the text anew');
    return { node, text };
  }

  matching(node: Node | undefined, what: string, pattern: RegExp, form: string): string {
    const found = this.text(node, what);
    if (found !== undefined && !pattern.test(found.text)) this.refuse(found.node, what, form);
    return found?.text ?? '';
  }

  /** A text in which line breaks do not matter. */
  sentence(node: Node | undefined, what: string): string {
    return this.text(node, what)?.text.replaceAll(/\s+/g, ' ') ?? '';
  }

  /**
   * A day as `2027-01-31`.
   * @param meaning what the day is
   */
  day(node: Node | undefined, what: string, meaning: string): string {
    const found = this.text(node, what);
    if (found === undefined) return '';
    const day = new Date(`${found.text}T00:00:00Z`);
    const exists = date.test(found.text) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(found.text);
    if (!exists) this.refuse(found.node, what, `a date such as 2027-01-31: ${meaning}, in UTC`);
    return found.text;
  }

  /** Notes names that are there before; case does not matter. */
  once(names: readonly { readonly node: Node; readonly name: string }[], because: string): void {
    const seen = new Set<string>();
    for (const { node, name } of names) {
      if (name !== '' && seen.has(name.toLowerCase())) this.note(at(node), `"${shown(name)}" is there twice: ${because}`, 'remove or rename one of the two');
      seen.add(name.toLowerCase());
    }
  }
}

/** Where a node begins; the beginning of the file for one that is not there. */
export function at(node: Node | undefined): number {
  return node?.range?.[0] ?? 0;
}
