import { isMap, isScalar, type Node } from 'yaml';
import { Problem } from '../../reconcile/problem.js';
import { shown } from '../shown.js';
import { some } from '../wording.js';
import { at, readNodes, type FileMistake, type NodeReader } from '../yaml-nodes.js';
import { severities, type RuleText, type Severity } from './rule.js';

/** The profiles that are always there, and that a file extends. */
export const baseProfiles = ['prod', 'nonprod'] as const;
export type BaseProfile = (typeof baseProfiles)[number];

/** What a profile makes of a rule: how bad a failure is, or that the rule is not looked at. */
export type RuleSetting = Severity | 'off';
const settings: readonly RuleSetting[] = ['off', ...severities];

/** Where a rule looked, as far as an exception can name it. */
export interface FindingPlace {
  /** Id of the rule. */
  readonly rule: string;
  /** The cluster's label; absent for what belongs to no cluster. */
  readonly cluster?: string;
  readonly namespace?: string;
  readonly object?: string;
}

/** A finding that is accepted until a day. What it does not name is any. */
export interface AuditException extends FindingPlace {
  readonly reason: string;
  /** The last day on which it counts, in UTC: `2027-01-31`. */
  readonly until: string;
}

/** How an audit judges: which rules, how bad each is, and what is accepted for a time. */
export interface AuditProfile {
  /** `prod`, `nonprod`, or what the file is called. */
  readonly name: string;
  readonly base: BaseProfile;
  /** By id of the rule. */
  readonly settings: ReadonlyMap<string, RuleSetting>;
  readonly exceptions: readonly AuditException[];
}

/** What a profile has to know of a rule. */
export type ProfiledRule = Pick<RuleText, 'id' | 'severity'>;

/**
 * Rules that weigh one severity less in `nonprod`: who may reach a cluster from outside, who administers it, and how much it may use. Each is the id
 * of a rule, or how ids begin, and an asterisk.
 */
export const lighterInNonprod: readonly string[] = [
  'cluster-admin-groups',
  'cluster-api-server-access',
  'namespace-cluster-only-services',
  'namespace-ingress-behind-waf',
  'namespace-no-public-*',
  'namespace-quota',
];

/** The profile of a name that needs no file. */
export function builtInProfile(base: BaseProfile, rules: readonly ProfiledRule[], lighter: readonly string[] = lighterInNonprod): AuditProfile {
  const isLighter = (id: string): boolean => base === 'nonprod' && lighter.some((pattern) => fits(pattern, id));
  return { name: base, base, settings: new Map(rules.map(({ id, severity }) => [id, isLighter(id) ? oneLess(severity) : severity])), exceptions: [] };
}

function oneLess(severity: Severity): Severity {
  return severity === 'high' ? 'medium' : 'low';
}

/** Whether a text is what a pattern says: the same, or begun like one that ends in an asterisk. */
function fits(pattern: string, text: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** How a profile sees a rule. */
export function settingOf({ settings: all }: AuditProfile, { id, severity }: ProfiledRule): RuleSetting {
  return all.get(id) ?? severity;
}

/** True on the days on which an exception counts. @param today in UTC: `2027-01-31` */
export function isValidOn({ until }: AuditException, today: string): boolean {
  return today <= until;
}

/** True when a finding is what an exception is about, whatever the day. Clusters are compared without regard to case, as Azure does. */
export function isAbout(exception: AuditException, { rule, cluster, namespace, object }: FindingPlace): boolean {
  if (exception.rule !== rule) return false;
  if (exception.cluster !== undefined && exception.cluster.toLowerCase() !== cluster?.toLowerCase()) return false;
  if (exception.namespace !== undefined && exception.namespace !== namespace) return false;
  return exception.object === undefined || (object !== undefined && fits(exception.object, object));
}

/** `public-load-balancer at aks-1, orders, service api`. */
export function placeText({ rule, cluster, namespace, object }: FindingPlace): string {
  const place = [cluster, namespace, object].filter((part) => part !== undefined);
  return place.length === 0 ? rule : `${rule} at ${place.join(', ')}`;
}

/**
 * Reads the file of an audit profile: `version: 1`, `extends`, `rules`, `exceptions`.
 * @param name what reports call the profile
 * @param rules all that there are
 * @returns the profile, or every mistake in it in the order of the file
 */
export function parseAuditProfile(
  text: string, name: string, rules: readonly ProfiledRule[], lighter?: readonly string[],
): { readonly profile: AuditProfile } | { readonly mistakes: readonly FileMistake[] } {
  const empty = { ...builtInProfile('prod', rules, lighter), name };
  const { value: profile, mistakes } = readNodes(text, empty, (reader, root) => readProfile(reader, root, empty, rules, lighter));
  return mistakes.length === 0 ? { profile } : { mistakes };
}

/** A mistake in the file of a profile, as the task reports it. */
export function profileProblem({ line, column, because, remedy }: FileMistake, input = 'profile'): Problem {
  return new Problem({ code: 'WI1090', what: `Input ${input} names an audit profile with a mistake at line ${line}, column ${column}`, because, remedy });
}

function readProfile(reader: NodeReader, root: Node | null, empty: AuditProfile, rules: readonly ProfiledRule[], lighter: readonly string[] | undefined): AuditProfile {
  const fields = reader.mapping(root, 'the profile', ['version', 'extends'], ['rules', 'exceptions']);
  if (fields === undefined) return empty;
  const version = fields.get('version');
  if (version !== undefined && !(isScalar(version) && version.value === 1)) reader.refuse(version, 'version', 'version: 1');
  const extended = reader.text(fields.get('extends'), 'extends');
  const base = baseProfiles.find((known) => known === extended?.text);
  if (extended !== undefined && base === undefined) reader.refuse(extended.node, 'extends', baseProfiles.join(' or '));
  const { settings: basic } = builtInProfile(base ?? 'prod', rules, lighter);
  const ids = rules.map(({ id }) => id);
  const own = readSettings(reader, fields.get('rules'), ids);
  const exceptions = reader.items(fields.get('exceptions'), 'exceptions', true).flatMap((node) => readException(reader, node, ids) ?? []);
  refuseRepeated(reader, exceptions);
  return { name: empty.name, base: base ?? 'prod', settings: new Map([...basic, ...own]), exceptions: exceptions.map(({ exception }) => exception) };
}

function readSettings(reader: NodeReader, node: Node | undefined, ids: readonly string[]): [string, RuleSetting][] {
  if (node === undefined || (isMap(node) && node.items.length === 0)) return [];
  return reader.entries(node, 'rules', `a mapping from ids of rules to ${settings.join(', ')}`).flatMap(({ key, name, value }): [string, RuleSetting][] => {
    knownRule(reader, key, name, ids);
    const setting = settings.find((known) => isScalar(value) && value.value === known);
    if (setting === undefined) reader.refuse(value, `the setting of ${shown(name)}`, settings.join(', '));
    return setting === undefined ? [] : [[name, setting]];
  });
}

/** Notes an id that no rule has, with those that are like it. */
function knownRule(reader: NodeReader, node: Node, id: string, ids: readonly string[]): void {
  if (ids.includes(id)) return;
  const words = id.toLowerCase().split(/[^a-z0-9]+/).filter((word) => word.length > 2);
  const alike = ids.filter((known) => known.split('-').some((word) => words.includes(word)));
  const hint = alike.length === 0 ? 'every report lists them' : `such as ${some(alike)}`;
  reader.note(at(node), `there is no rule "${shown(id)}"`, `give the id of a rule: ${hint}`);
}

interface ReadException {
  readonly node: Node;
  readonly exception: AuditException;
}

function readException(reader: NodeReader, node: Node, ids: readonly string[]): ReadException | undefined {
  const fields = reader.mapping(node, 'an exception', ['rule', 'reason', 'until'], ['cluster', 'namespace', 'object']);
  if (fields === undefined) return undefined;
  const rule = reader.text(fields.get('rule'), 'rule');
  if (rule !== undefined) knownRule(reader, rule.node, rule.text, ids);
  const part = (name: 'cluster' | 'namespace' | 'object'): Partial<Record<typeof name, string>> => {
    const found = reader.text(fields.get(name), name);
    return found === undefined ? {} : { [name]: found.text };
  };
  const exception = {
    rule: rule?.text ?? '',
    ...part('cluster'), ...part('namespace'), ...part('object'),
    reason: reader.sentence(fields.get('reason'), 'reason'),
    until: reader.day(fields.get('until'), 'until', 'the last day on which the exception counts'),
  };
  return { node, exception };
}

/** Notes exceptions for what another one is for: which of the two days counts would be a riddle. */
function refuseRepeated(reader: NodeReader, exceptions: readonly ReadException[]): void {
  const seen = new Set<string>();
  for (const { node, exception } of exceptions) {
    if (exception.rule === '') continue;
    const { rule, cluster, namespace, object } = exception;
    const key = JSON.stringify([rule, cluster?.toLowerCase(), namespace, object]);
    if (seen.has(key)) reader.note(at(node), `another exception is for ${shown(placeText(exception))} already`, 'keep one of the two');
    seen.add(key);
  }
}
