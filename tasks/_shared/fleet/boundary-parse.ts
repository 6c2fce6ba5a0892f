import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node } from 'yaml';
import { accessKinds, type AccessKind } from '../reconcile/access.js';
import { outside, principalPrefix, type AllowRule, type Boundary, type BoundaryPolicy } from './boundary-policy.js';
import { guidPattern, isGuid } from './guid.js';
import { shown, unseenIn } from './shown.js';

/** What is wrong with a boundary policy, and where. Lines and columns count from 1. */
export interface PolicyMistake {
  readonly line: number;
  readonly column: number;
  /** What is wrong, as a clause. */
  readonly because: string;
  /** What to write instead. */
  readonly remedy: string;
}

/** Names of boundaries and rules: they appear in logs, and in a rule's `from` and `to`. */
const namePattern = /^[A-Za-z0-9][\w.-]{0,79}$/;
const nameForm = 'letters, digits and . _ -, at most 80, beginning with a letter or digit';
/** Source: Azure docs, naming rules and restrictions, Microsoft.Management/managementGroups. */
const groupPattern = /^[-\w().]{0,89}[-\w()]$/;
const groupForm = 'the id of a management group, at most 90 letters, digits and - _ ( ) ., or its ARM id';
const groupPrefix = /^\/providers\/Microsoft\.Management\/managementGroups\//i;
const resourceId = new RegExp(`^/subscriptions/${guidPattern}(/[^/*\\s]+)*(/\\*)?$`, 'i');
const date = /^\d{4}-\d{2}-\d{2}$/;

function isPrincipal(from: string): boolean {
  return from.startsWith(principalPrefix) && isGuid(from.slice(principalPrefix.length));
}

/**
 * Reads a boundary policy, the file of the input `boundaryPolicy`; docs/boundaries.md has its format.
 * @returns the policy, or every mistake in it in the order of the file.
 */
export function parseBoundaryPolicy(text: string): { readonly policy: BoundaryPolicy } | { readonly mistakes: readonly PolicyMistake[] } {
  const places = new LineCounter();
  const document = parseDocument(text, { lineCounter: places, logLevel: 'error', prettyErrors: false });
  const reader = new NodeReader(places);
  for (const { code, pos } of document.errors) reader.note(pos[0], `it is not YAML here: ${code.toLowerCase().replaceAll('_', ' ')}`, 'correct the YAML');
  const policy = document.errors.length > 0 ? empty : readPolicy(reader, document.contents);
  return reader.mistakes.length === 0 ? { policy } : { mistakes: reader.mistakes };
}

const empty: BoundaryPolicy = { boundaries: [], rules: [], roles: [] };

function readPolicy(reader: NodeReader, root: Node | null): BoundaryPolicy {
  const policy = reader.mapping(root, 'the policy', ['version', 'boundaries'], ['allow', 'roles']);
  if (policy === undefined) return empty;
  const version = policy.get('version');
  if (version !== undefined && !(isScalar(version) && version.value === 1)) reader.refuse(version, 'version', 'version: 1');
  const boundaries = readBoundaries(reader, policy.get('boundaries'));
  const rules = reader.items(policy.get('allow'), 'allow', true).flatMap((node) => readRule(reader, node, boundaries) ?? []);
  reader.once(rules.map(({ node, rule: { name } }) => ({ node, name })), 'another rule has this name');
  return { boundaries, rules: rules.map(({ rule }) => rule), roles: reader.texts(policy.get('roles'), 'roles', true).map(({ text }) => text) };
}

function readBoundaries(reader: NodeReader, node: Node | undefined): Boundary[] {
  const entries = reader.entries(node, 'boundaries', 'a mapping from names to lists of management groups, such as nonprod: [mg-dev, mg-test]');
  const groups: { node: Node; name: string }[] = [];
  const boundaries = entries.map(({ key, name, value }) => {
    if (!namePattern.test(name)) reader.refuse(key, 'the name of a boundary', nameForm);
    else if (name.toLowerCase() === outside) reader.note(at(key), `no boundary can be called ${outside}`, `choose another name: ${outside} stands for everything in no boundary`);
    const managementGroups = reader.texts(value, `boundary ${shown(name)}`, false).map(({ node: place, text }) => {
      const group = text.replace(groupPrefix, '');
      if (!groupPattern.test(group)) reader.refuse(place, 'a management group', groupForm);
      else groups.push({ node: place, name: group });
      return group;
    });
    return { name, managementGroups };
  });
  reader.once(groups, 'the management group is in a boundary already');
  reader.once(entries.map(({ key, name }) => ({ node: key, name })), 'another boundary has this name');
  return boundaries;
}

function readRule(reader: NodeReader, node: Node, boundaries: readonly Boundary[]): { readonly node: Node; readonly rule: AllowRule } | undefined {
  const fields = reader.mapping(node, 'a rule', ['name', 'from', 'to', 'kinds', 'reason'], ['roles', 'resources', 'until']);
  if (fields === undefined) return undefined;
  const ends = [outside, ...boundaries.map(({ name }) => name)];
  const end = (key: 'from' | 'to'): string => {
    const found = reader.text(fields.get(key), key);
    if (found === undefined || (key === 'from' && isPrincipal(found.text))) return found?.text ?? '';
    const also = key === 'from' ? `, or ${principalPrefix}<object id>` : '';
    if (!ends.includes(found.text)) reader.refuse(found.node, key, `the name of a boundary of this file (${ends.join(', ')})${also}`);
    return found.text;
  };
  const name = reader.matching(fields.get('name'), 'name', namePattern, nameForm);
  const [from, to] = [end('from'), end('to')];
  if (from !== '' && from === to) reader.note(at(fields.get('to')), `the rule leads from ${shown(from)} to itself, which is no crossing`, 'name two different boundaries, or remove the rule');
  const kinds = readKinds(reader, fields.get('kinds'));
  const rule = {
    name, from, to, kinds,
    roles: readRoles(reader, fields, kinds),
    ...(fields.has('resources') ? { resources: readResources(reader, fields.get('resources')) } : {}),
    reason: readReason(reader, fields.get('reason')),
    ...(fields.has('until') ? { until: readDate(reader, fields.get('until')) } : {}),
  };
  return { node: fields.get('name') ?? node, rule };
}

function readKinds(reader: NodeReader, node: Node | undefined): AccessKind[] {
  return reader.distinct(node, 'kinds').flatMap(({ node: place, text }) => {
    const kind = accessKinds.find((known) => known === text);
    if (kind === undefined) reader.refuse(place, 'a kind', accessKinds.join(', '));
    return kind ?? [];
  });
}

/** Which roles a rule is about has to be said: a rule for grants without roles would allow any. */
function readRoles(reader: NodeReader, fields: ReadonlyMap<string, Node>, kinds: readonly AccessKind[]): string[] {
  const node = fields.get('roles');
  if (node === undefined) {
    if (kinds.includes('grant')) reader.note(at(fields.get('kinds')), 'a rule for grants has to say which roles', 'add roles, such as roles: [AcrPush]');
    return [];
  }
  if (kinds.length > 0 && !kinds.includes('grant')) reader.note(at(node), 'roles belong to grants, and the rule allows none', 'remove roles, or add grant to kinds');
  return reader.distinct(node, 'roles').map(({ text }) => text);
}

function readResources(reader: NodeReader, node: Node | undefined): string[] {
  return reader.distinct(node, 'resources').map(({ node: place, text }) => {
    if (!resourceId.test(text)) reader.refuse(place, 'a resource', 'an ARM id that begins with /subscriptions/<id>, or such an id and /* for everything below it');
    return text;
  });
}

function readReason(reader: NodeReader, node: Node | undefined): string {
  return reader.text(node, 'reason')?.text.replaceAll(/\s+/g, ' ') ?? '';
}

function readDate(reader: NodeReader, node: Node | undefined): string {
  const found = reader.text(node, 'until');
  if (found === undefined) return '';
  const day = new Date(`${found.text}T00:00:00Z`);
  const exists = date.test(found.text) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(found.text);
  if (!exists) reader.refuse(found.node, 'until', 'a date such as 2027-01-31: the last day on which the rule holds, in UTC');
  return found.text;
}

/** A text of the file with its place. */
interface Found {
  readonly node: Node;
  readonly text: string;
}

/** Takes nodes of the file as what they should be, and notes what they are not. */
class NodeReader {
  readonly #mistakes: { readonly offset: number; readonly mistake: PolicyMistake }[] = [];

  constructor(private readonly places: LineCounter) {}

  /** In the order of the file. */
  get mistakes(): PolicyMistake[] {
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

  /** Notes names that are there before; case does not matter. */
  once(names: readonly { readonly node: Node; readonly name: string }[], because: string): void {
    const seen = new Set<string>();
    for (const { node, name } of names) {
      if (name !== '' && seen.has(name.toLowerCase())) this.note(at(node), `"${shown(name)}" is there twice: ${because}`, 'remove or rename one of the two');
      seen.add(name.toLowerCase());
    }
  }
}

function at(node: Node | undefined): number {
  return node?.range?.[0] ?? 0;
}
