import { list, object, objects, text, texts, type Json } from '../fleet/json.js';
import { some } from '../fleet/wording.js';
import { parseManifests } from './chart.js';
import type { FieldChange } from '../reconcile/resource.js';
import type { ClusterConnection } from './connection.js';
import { foreignSubjects } from './foreign-objects.js';
import { groupOf, kinds, metadataOf, nameOf, type ObjectRef } from './objects.js';
import type { RenderedObject } from './rendered-objects.js';

/** An object of a chart after which somebody can reach more, or that all of the cluster feels. */
export interface WideningObject {
  readonly ref: ObjectRef;
  /** What it does, in a clause. */
  readonly effect: string;
  readonly content: Json;
  /** True for what Helm makes with the first revision only, and never changes. Source: helm docs, custom resource definitions, limitations. */
  readonly once: boolean;
}

const rbac = 'rbac.authorization.k8s.io';
const definitionGroup = groupOf(kinds.customResourceDefinition.apiVersion);
/** Kinds that stand in the way of other requests, or answer them. Source: Kubernetes API reference. */
const interceptors: Readonly<Record<string, string>> = { 'admissionregistration.k8s.io': 'looks into requests of all of the cluster', 'apiregistration.k8s.io': 'answers requests of all of the cluster' };

/** What of a rendering widens: RBAC, definitions of kinds, what intercepts requests, and objects of other namespaces. */
export function wideningObjects(rendered: readonly RenderedObject[], namespace: string): WideningObject[] {
  return rendered.flatMap((one) => {
    const effect = effectOf(one, namespace);
    return effect === undefined ? [] : [{ ref: one.ref, effect, content: one.content, once: false }];
  });
}

function effectOf(one: RenderedObject, namespace: string): string | undefined {
  const { content, ref } = one;
  const group = groupOf(ref.apiVersion);
  const place = ref.namespace !== undefined && ref.namespace !== namespace ? `; it is of namespace ${ref.namespace}` : '';
  if (group === rbac) return `${content.roleRef === undefined ? rulesOf(content) : bindingOf(one, namespace)}${place}`;
  if (group === definitionGroup) return 'defines a kind for all of the cluster';
  return interceptors[group] ?? (place !== '' || ref.kind === kinds.namespace.kind ? 'is not of the release’s namespace' : undefined);
}

function bindingOf(one: RenderedObject, namespace: string): string {
  const { kind, name } = object(one.content.roleRef);
  const others = objects(one.content.subjects).filter((subject) => subject.kind !== kinds.serviceAccount.kind);
  const own = objects(one.content.subjects).filter((subject) => subject.kind === kinds.serviceAccount.kind && (text(subject.namespace) ?? namespace) === namespace);
  const subjects = [...own.map((subject) => text(subject.name) ?? ''), ...foreignSubjects(one, namespace), ...others.map((subject) => `${(text(subject.kind) ?? '').toLowerCase()} ${text(subject.name) ?? ''}`)];
  return `${text(kind) ?? ''} ${text(name) ?? ''} for ${subjects.length === 0 ? 'nobody' : some(subjects, 3)}`;
}

function rulesOf({ rules, aggregationRule }: Json): string {
  if (aggregationRule !== undefined) return 'gathers the rules of other roles';
  const said = objects(rules).map((rule) => `${texts(rule.verbs).join('/')} ${[...texts(rule.resources), ...texts(rule.nonResourceURLs)].join('/')}`);
  return said.length === 0 ? 'no rules' : some(said, 3, '; ');
}

/** A piece of a rendering that is a file of a chart's folder `crds`. Source: helm pkg/cmd/template.go, flag --include-crds. */
const definitionSource = /^---\n# Source: \S*\/crds\/.*\n/;

/**
 * Takes the definitions out of a rendering that has those of the folder `crds` in it. They have no templates and can be long, so only their
 * names are read.
 */
export function withoutDefinitions(rendered: string): { readonly manifests: string; readonly definitions: readonly WideningObject[] } {
  const pieces = rendered.split(/^(?=---\n# Source: )/m);
  const isDefinition = (piece: string): boolean => definitionSource.test(piece);
  const names = pieces.filter(isDefinition).flatMap((piece) => piece.split(/^---.*$/m).flatMap(definitionName));
  const definitions = names.map((name) => ({ ref: { ...kinds.customResourceDefinition, name }, effect: 'defines a kind for all of the cluster', content: {}, once: true }));
  return { manifests: pieces.filter((piece) => !isDefinition(piece)).join(''), definitions };
}

function definitionName(document: string): string[] {
  if (!/^kind:\s*["']?CustomResourceDefinition/m.test(document)) return [];
  const block = /^metadata:[ \t]*\n((?:[ \t]+.*\n|\n)+)/m.exec(document)?.[1] ?? '';
  const indent = /^[ \t]+/.exec(block)?.[0] ?? '';
  const name = new RegExp(`^${indent}name:[ \\t]*["']?([a-z0-9.-]+)`, 'm').exec(block)?.[1];
  return name === undefined ? parseManifests(document).map((content) => metadataOf(content).name) : [name];
}

/**
 * Those that are not in the cluster as they are rendered. Where the cluster does not say, they count as missing: a plan that cannot look must
 * not call a change harmless.
 */
export async function newlyWidening(connection: ClusterConnection, all: readonly WideningObject[]): Promise<WideningObject[]> {
  const live = await Promise.all(all.map(({ ref }) => connection.get(ref).catch(() => undefined)));
  return all.filter(({ content, once, ref }, index) => {
    const found = live[index];
    if (found === undefined) return true;
    const isKnownKind = once || groupOf(ref.apiVersion) === definitionGroup;
    return !isKnownKind && !(has(found, { ...content, metadata: {} }) && has(metadataOf(found).labels, aggregation(content)));
  });
}

/** Labels by which a role becomes a part of others. Source: Kubernetes RBAC docs, aggregated ClusterRoles. */
function aggregation(content: Json): Json {
  return Object.fromEntries(Object.entries(metadataOf(content).labels).filter(([label]) => label.startsWith(`${rbac}/`)));
}

/** True when `found` says at least what `wanted` says: the API server adds defaults. Lists have to be of one length. */
function has(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return list(found).length === wanted.length && wanted.every((item, index) => has(list(found)[index], item));
  if (typeof wanted !== 'object' || wanted === null) return found === wanted || (found === undefined && wanted === null);
  return Object.entries(wanted).every(([key, item]) => has(object(found)[key], item));
}

/**
 * What a plan says of them, after what it says of the release itself.
 * @param first true for a release that is not there yet: only its first revision makes what is made once.
 */
export function wideningEffect(found: readonly WideningObject[], first: boolean, fields: readonly FieldChange[]): { readonly fields: readonly FieldChange[]; readonly widens: boolean } {
  const now = found.filter(({ once }) => first || !once);
  return { fields: [...fields, ...wideningFields(now)], widens: now.length > 0 };
}

/** So many are told one by one. */
const longest = 8;

function wideningFields(found: readonly WideningObject[]): FieldChange[] {
  const told = found.slice(0, longest).map(({ ref, effect }) => ({ field: nameOf(ref), after: effect }));
  const others = found.slice(longest).map(({ ref }) => nameOf(ref));
  return others.length === 0 ? told : [...told, { field: 'and others', after: others.join(', ') }];
}
