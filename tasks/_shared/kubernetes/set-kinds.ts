import { object, objects, text } from '../fleet/json.js';
import { Problem } from '../reconcile/problem.js';
import type { ClusterConnection, ServedKind } from './connection.js';
import { groupOf, kinds, nameOf, resourceName, type ClusterObject, type ObjectKind } from './objects.js';
import { reachOf } from './predictable-kinds.js';

/** Where the objects of a kind are. */
export interface PlacedKind extends ObjectKind {
  readonly plural: string;
  readonly namespaced: boolean;
  /** True where the set itself brings the definition: the cluster may not know the kind yet. */
  readonly defined: boolean;
}

/** The kinds of some objects, and what is wrong with those that the cluster does not have. */
export interface PlacedKinds {
  of(kind: ObjectKind): PlacedKind | undefined;
  readonly faults: readonly Problem[];
}

/** Finds out where objects belong: by what Kubernetes itself has, by the definitions among them, and by asking the cluster for the rest. */
export async function placeKinds(connection: ClusterConnection, found: readonly ClusterObject[]): Promise<PlacedKinds> {
  const placed = new Map<string, PlacedKind>();
  const asked = new Map<string, Promise<readonly ServedKind[] | undefined>>();
  const defined = found.flatMap(definitionsIn);
  const faults: Problem[] = [];
  for (const { apiVersion, kind, metadata } of found) {
    const key = `${apiVersion} ${kind}`;
    if (placed.has(key)) continue;
    const own = predicted({ apiVersion, kind }) ?? defined.find((one) => one.apiVersion === apiVersion && one.kind === kind);
    if (own !== undefined) {
      placed.set(key, own);
      continue;
    }
    const served = asked.get(apiVersion) ?? connection.served(apiVersion);
    asked.set(apiVersion, served);
    const known = (await served)?.find((one) => one.kind === kind);
    if (known === undefined) faults.push(notServed(connection, { apiVersion, kind }, text(metadata.name) ?? '', (await served) !== undefined));
    else placed.set(key, { apiVersion, kind, plural: known.plural, namespaced: known.namespaced, defined: false });
  }
  return { of: ({ apiVersion, kind }) => placed.get(`${apiVersion} ${kind}`), faults };
}

function predicted(kind: ObjectKind): PlacedKind | undefined {
  const reach = reachOf(kind);
  return reach === undefined ? undefined : { ...kind, plural: resourceName(kind.kind), namespaced: reach === 'namespace', defined: false };
}

/** The kinds that a definition makes. Source: Kubernetes API reference, CustomResourceDefinition. */
function definitionsIn(definition: ClusterObject): PlacedKind[] {
  if (definition.kind !== kinds.customResourceDefinition.kind || groupOf(definition.apiVersion) !== groupOf(kinds.customResourceDefinition.apiVersion)) return [];
  const { group, names, scope, versions } = object(definition.spec);
  const { kind, plural } = object(names);
  return objects(versions).map((version) => ({
    apiVersion: `${text(group) ?? ''}/${text(version.name) ?? ''}`,
    kind: text(kind) ?? '',
    plural: text(plural) ?? '',
    namespaced: scope === 'Namespaced',
    defined: true,
  }));
}

/** The Problem of an object whose kind the cluster does not have. */
export function notServed({ label }: Pick<ClusterConnection, 'label'>, { apiVersion, kind }: ObjectKind, name: string, versionKnown: boolean): Problem {
  return new Problem({
    code: 'WI4601',
    what: `${label} has no objects such as ${nameOf({ apiVersion, kind, name })}`,
    tried: `find the kind ${kind} of ${apiVersion}`,
    because: versionKnown ? `it serves ${apiVersion}, and that has no kind ${kind}` : `it does not serve ${apiVersion}`,
    remedy: 'correct apiVersion and kind; or install what defines the kind first, or put its CustomResourceDefinition among the manifests',
  });
}
