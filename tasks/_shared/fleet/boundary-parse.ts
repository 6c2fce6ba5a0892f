import { isScalar, type Node } from 'yaml';
import { accessKinds, type AccessKind } from '../reconcile/access.js';
import { outside, principalPrefix, type AllowRule, type Boundary, type BoundaryPolicy } from './boundary-policy.js';
import { guidPattern, isGuid } from './guid.js';
import { shown } from './shown.js';
import { at, readNodes, type FileMistake, type NodeReader } from './yaml-nodes.js';

/** Names of boundaries and rules: they appear in logs, and in a rule's `from` and `to`. */
const namePattern = /^[A-Za-z0-9][\w.-]{0,79}$/;
const nameForm = 'letters, digits and . _ -, at most 80, beginning with a letter or digit';
/** Source: Azure docs, naming rules and restrictions, Microsoft.Management/managementGroups. */
const groupPattern = /^[-\w().]{0,89}[-\w()]$/;
const groupForm = 'the id of a management group, at most 90 letters, digits and - _ ( ) ., or its ARM id';
const groupPrefix = /^\/providers\/Microsoft\.Management\/managementGroups\//i;
const resourceId = new RegExp(`^/subscriptions/${guidPattern}(/[^/*\\s]+)*(/\\*)?$`, 'i');

function isPrincipal(from: string): boolean {
  return from.startsWith(principalPrefix) && isGuid(from.slice(principalPrefix.length));
}

/**
 * Reads a boundary policy, the file of the input `boundaryPolicy`; docs/boundaries.md has its format.
 * @returns the policy, or every mistake in it in the order of the file.
 */
export function parseBoundaryPolicy(text: string): { readonly policy: BoundaryPolicy } | { readonly mistakes: readonly FileMistake[] } {
  const { value: policy, mistakes } = readNodes(text, empty, readPolicy);
  return mistakes.length === 0 ? { policy } : { mistakes };
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
    reason: reader.sentence(fields.get('reason'), 'reason'),
    ...(fields.has('until') ? { until: reader.day(fields.get('until'), 'until', 'the last day on which the rule holds') } : {}),
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
