import type { Json } from '../fleet/json.js';
import type { KnownAccounts } from '../fleet/posture/known-accounts.js';
import { clusterWideKinds, namespacedKinds } from '../fleet/posture/namespace-rules.js';
import { beginningsIn, canBeNamespace, isInScope, namesIn, type NamespaceScope } from '../fleet/posture/namespace-scope.js';
import type { Listed, NamespaceFacts, Read } from '../fleet/posture/rule.js';
import { lowerFirst } from '../fleet/wording.js';
import type { Problem } from '../reconcile/problem.js';
import type { Permission } from '../reconcile/resource.js';
import { refusedCode } from './api-errors.js';
import { ClusterReader, type Asked, type KindLists, type KindQuery } from './cluster-reader.js';
import type { ClusterConnection } from './connection.js';
import { kinds, metadataOf, type ClusterObject, type ObjectKind } from './objects.js';
import { rights } from './permissions.js';
import { helmRelease, secretFact } from './secret-facts.js';

/** A namespace as it was read: what the cluster itself says of it. */
export type ReadNamespace = Pick<NamespaceFacts, 'name' | 'raw' | 'objects' | 'secrets'>;

/** What a cluster says of the namespaces in scope. */
export interface ReadCluster {
  /** Those in scope that are there, by name. */
  readonly namespaces: readonly ReadNamespace[];
  /** Names in scope that the cluster does not have. */
  readonly absent: readonly string[];
  /**
   * Names in scope that are being deleted. They are left out of `namespaces`: nothing can be made in them any more that would mend a rule. Single
   * objects that are being deleted count like others, since pods go on running until they are gone.
   */
  readonly ending: readonly string[];
  /** Names in scope that could not be read although others could, and why. */
  readonly unread: readonly { readonly name: string; readonly because: string }[];
  readonly clusterWide: Listed;
  /** Service accounts, also of namespaces out of scope: credentials may trust those too. */
  readonly accounts: KnownAccounts;
}

/** Up to so many namespaces are asked for one by one; for more, and for asterisks, each kind is listed in the whole cluster. */
const few = 3;

/** Where else clusters have a kind that is not of Kubernetes itself. Source: Istio blog, v1 APIs: PeerAuthentication has v1 since Istio 1.22, and v1beta1 before. */
const optionalKinds: Readonly<Record<string, { readonly otherVersion: string }>> = { PeerAuthentication: { otherVersion: 'security.istio.io/v1beta1' } };

/** Releases of Helm are large, and no rule looks into them. Secrets can be selected by type. Source: Kubernetes docs, field selectors, supported fields. */
const withoutReleases = { fieldSelector: `type!=${helmRelease}` };

/** What is listed of a kind. */
interface Wanted {
  readonly kind: ObjectKind;
  /** Asked for in the whole cluster, whatever the scope. */
  readonly wide: boolean;
  /** Asked for in the namespaces in scope. */
  readonly namespaced: boolean;
}

function wantedKinds(): Wanted[] {
  return Object.entries({ ...namespacedKinds, ...clusterWideKinds }).map(([kind, apiVersion]) => ({
    kind: { apiVersion, kind },
    wide: Object.hasOwn(clusterWideKinds, kind) || kind === kinds.serviceAccount.kind,
    namespaced: Object.hasOwn(namespacedKinds, kind),
  }));
}

/** The names of a scope that is read namespace by namespace; undefined for one that is read in the whole cluster. */
function fewNames(scope: NamespaceScope): readonly string[] | undefined {
  const names = namesIn(scope);
  return beginningsIn(scope).length === 0 && names.length <= few ? names : undefined;
}

/** The rights that {@link readNamespaces} needs to leave nothing unread. */
export function namespaceRights(connection: Pick<ClusterConnection, 'clusterId'>, scope: NamespaceScope): Permission[] {
  const names = fewNames(scope);
  const list = (kind: ObjectKind, wide: boolean): Permission[] =>
    wide || names === undefined ? rights(connection, ['list'], kind) : names.flatMap((name) => rights(connection, ['list'], kind, name));
  return [
    ...(names === undefined ? rights(connection, ['list'], kinds.namespace) : names.flatMap((name) => rights(connection, ['get'], kinds.namespace, name))),
    ...list(kinds.secret, false),
    ...wantedKinds().flatMap(({ kind, wide }) => list(kind, wide)),
  ];
}

/**
 * Reads what the namespace rules want to know, and writes nothing. What cannot be read says why; a kind that is refused in the whole cluster is
 * asked for in each namespace in scope. Of secrets only what `secretFact` says leaves this function, and releases of Helm are not among them.
 * @returns `unread` when no namespace in scope can be told: the cluster cannot be reached or signed in to, or does not say which namespaces it has.
 * @throws the signal's reason when the run is cancelled, and nothing else.
 */
export async function readNamespaces(connection: ClusterConnection, scope: NamespaceScope, signal: AbortSignal): Promise<Read<ReadCluster>> {
  const reader = new ClusterReader(connection, signal);
  const present = await presentNamespaces(reader, scope);
  if ('unread' in present) return present;
  const { living, absent, ending, unread } = present.found;
  const names = living.map(({ name }) => name);
  const everywhere = fewNames(scope) === undefined;
  const query = <T>(kind: ObjectKind, wide: boolean, keep: (raw: Json) => T): KindQuery<T> => {
    const optional = optionalKinds[kind.kind];
    return { kind, wide: wide || everywhere, namespaces: names, keep, ...(optional === undefined ? {} : { optional }) };
  };
  const wanted = wantedKinds().filter(({ kind, wide }) => kind.kind !== kinds.serviceAccount.kind && (wide || names.length > 0));
  const [others, accounts, secrets] = await Promise.all([
    Promise.all(wanted.map(async ({ kind, wide, namespaced }) => ({ kind: kind.kind, namespaced, listed: await reader.lists(query(kind, wide, (raw) => raw)) }))),
    reader.lists(query(kinds.serviceAccount, true, (raw) => raw)),
    names.length === 0 ? undefined : reader.lists({ ...query(kinds.secret, false, secretFact), options: withoutReleases }),
  ]);
  signal.throwIfAborted();
  const lists = [...others.filter(({ namespaced }) => namespaced), { kind: kinds.serviceAccount.kind, listed: accounts }];
  const namespaces = living.map(({ name, raw }) => ({
    name,
    raw,
    objects: Object.fromEntries(lists.map(({ kind, listed }) => [kind, listed.in(name)])),
    secrets: secrets?.in(name) ?? { found: [] },
  }));
  const clusterWide = others.filter(({ kind }) => Object.hasOwn(clusterWideKinds, kind)).map(({ kind, listed }) => [kind, valuesOf(listed.everywhere)] as const);
  return { found: { namespaces, absent, ending, unread, clusterWide: Object.fromEntries(clusterWide), accounts: accountsOf(accounts, names, present.found) } };
}

function valuesOf<T>(read: Read<readonly { readonly value: T }[]>): Read<readonly T[]> {
  return 'found' in read ? { found: read.found.map(({ value }) => value) } : read;
}

/** The namespaces in scope as the cluster has them. */
interface Present extends Pick<ReadCluster, 'absent' | 'ending' | 'unread'> {
  readonly living: readonly { readonly name: string; readonly raw: Json }[];
  /** Names of all namespaces of the cluster, where they could be listed. */
  readonly all?: readonly string[];
}

async function presentNamespaces(reader: ClusterReader, scope: NamespaceScope): Promise<Read<Present>> {
  const names = fewNames(scope);
  if (names !== undefined) return namedNamespaces(reader, names);
  const listed = await reader.ask((connection) => connection.list(kinds.namespace, undefined));
  if ('found' in listed) return chosen(listed.found, scope);
  const named = listed.problem.code === refusedCode && beginningsIn(scope).length === 0;
  return named ? namedNamespaces(reader, namesIn(scope)) : { unread: reasonOf(listed.problem) };
}

function chosen(listed: readonly ClusterObject[], scope: NamespaceScope): Read<Present> {
  const all = listed.map((raw) => metadataOf(raw).name);
  const absent = namesIn(scope).filter((name) => !all.includes(name));
  return { found: { ...sorted(listed.filter((raw) => isInScope(scope, metadataOf(raw).name))), absent, unread: [], all } };
}

/** Reads namespaces by name. Names that no namespace can have are absent without a request. */
async function namedNamespaces(reader: ClusterReader, names: readonly string[]): Promise<Read<Present>> {
  const read = (name: string): Promise<Asked<ClusterObject | undefined>> => reader.ask((connection) => connection.get({ ...kinds.namespace, name }));
  const asked = await Promise.all(names.filter(canBeNamespace).map(async (name) => ({ name, answer: await read(name) })));
  const found: ClusterObject[] = [];
  const absent = names.filter((name) => !canBeNamespace(name));
  const unread: { name: string; because: string; whole: string }[] = [];
  for (const { name, answer } of asked) {
    if ('problem' in answer) unread.push({ name, because: answer.problem.parts.because, whole: reasonOf(answer.problem) });
    else if (answer.found === undefined) absent.push(name);
    else if (metadataOf(answer.found).name === name) found.push(answer.found);
    else unread.push({ name, because: notNamespace, whole: notNamespace });
  }
  const [first] = unread;
  if (first !== undefined && unread.length === asked.length) return { unread: first.whole };
  return { found: { ...sorted(found), absent: absent.sort(), unread: unread.map(({ name, because }) => ({ name, because })) } };
}

/** Said of a page of a proxy, for one. */
const notNamespace = 'what answered the request for a namespace is no namespace';

function sorted(found: readonly ClusterObject[]): Pick<Present, 'living' | 'ending'> {
  const byName = found.map((raw) => ({ name: metadataOf(raw).name, raw })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const deleting = ({ raw }: { readonly raw: ClusterObject }): boolean => metadataOf(raw).deleting;
  return { living: byName.filter((one) => !deleting(one)), ending: byName.filter(deleting).map(({ name }) => name) };
}

function reasonOf({ parts }: Problem): string {
  return `${lowerFirst(parts.what)}, because ${parts.because}`;
}

/** Where accounts cannot be listed in the whole cluster, those of the namespaces in scope are known, and that a namespace which is not there has none. */
function accountsOf(listed: KindLists<Json>, living: readonly string[], { absent, all }: Present): KnownAccounts {
  const { everywhere } = listed;
  const byNamespace = new Map<string, Read<ReadonlySet<string>>>();
  if ('found' in everywhere) {
    const names = new Map<string, Set<string>>();
    for (const { namespace, value } of everywhere.found) names.set(namespace, (names.get(namespace) ?? new Set()).add(metadataOf(value).name));
    for (const [namespace, found] of names) byNamespace.set(namespace, { found });
    return { byNamespace };
  }
  for (const namespace of all ?? []) byNamespace.set(namespace, everywhere);
  for (const namespace of absent) byNamespace.set(namespace, { found: new Set() });
  for (const namespace of living) {
    const own = listed.in(namespace);
    byNamespace.set(namespace, 'found' in own ? { found: new Set(own.found.map((raw) => metadataOf(raw).name)) } : own);
  }
  return all === undefined ? { byNamespace, elsewhere: everywhere.unread } : { byNamespace };
}
