import { createHash } from 'node:crypto';
import type { SimRequest, SimResponse } from '../../kernel/service.js';
import type { Kind, KindRegistry } from '../objects/kinds.js';
import type { Fields } from '../objects/values.js';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

function subresources(kind: Kind): { readonly name: string; readonly kind: string; readonly verbs: readonly string[]; readonly group?: string; readonly version?: string }[] {
  const own = ['get', 'patch', 'update'];
  return [
    ...(kind.status ? [{ name: 'status', kind: kind.kind, verbs: own }] : []),
    ...(kind.scale ? [{ name: 'scale', kind: 'Scale', verbs: own, group: 'autoscaling', version: 'v1' }] : []),
    ...(kind.kind === 'ServiceAccount' ? [{ name: 'token', kind: 'TokenRequest', verbs: ['create'], group: 'authentication.k8s.io', version: 'v1' }] : []),
    ...(kind.kind === 'Pod' ? [{ name: 'log', kind: 'Pod', verbs: ['get'] }] : []),
  ];
}

function verbsOf(kind: Kind): readonly string[] {
  return kind.ask ? ['create'] : verbs;
}

function groups(kinds: KindRegistry): Map<string, Map<string, Kind[]>> {
  const result = new Map<string, Map<string, Kind[]>>();
  for (const kind of kinds.all()) {
    const versions = result.get(kind.group) ?? new Map<string, Kind[]>();
    versions.set(kind.version, [...(versions.get(kind.version) ?? []), kind]);
    result.set(kind.group, versions);
  }
  return result;
}

function aggregated(kinds: KindRegistry, core: boolean): SimResponse {
  const items = [...groups(kinds)].filter(([group]) => (group === '') === core).map(([group, versions]) => ({
    metadata: { name: group, creationTimestamp: null },
    versions: [...versions].map(([version, rows]) => ({ version, freshness: 'Current', resources: rows.map(aggregatedResource) })),
  }));
  const body = { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
  return { status: 200, headers: { 'content-type': 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' }, body: JSON.stringify(body) };
}

function aggregatedResource(kind: Kind): Fields {
  const { group, version, plural, singular, shortNames, categories } = kind;
  const inner = subresources(kind).map((sub) => ({ subresource: sub.name, responseKind: { group: sub.group ?? group, version: sub.version ?? version, kind: sub.kind }, verbs: sub.verbs }));
  return {
    resource: plural,
    responseKind: { group, version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: verbsOf(kind),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(inner.length > 0 ? { subresources: inner } : {}),
  };
}

function legacyGroup(group: string, versions: Map<string, Kind[]>): Fields {
  const list = [...versions.keys()].map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: list, preferredVersion: list[0] };
}

function resourceList(groupVersion: string, rows: readonly Kind[]): Fields {
  const resources = rows.flatMap((kind) => [
    {
      name: kind.plural,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: verbsOf(kind),
      ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
      ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    },
    ...subresources(kind).map((sub) => ({ name: `${kind.plural}/${sub.name}`, singularName: '', namespaced: kind.namespaced, ...(sub.group === undefined ? {} : { group: sub.group, version: sub.version }), kind: sub.kind, verbs: sub.verbs })),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

/** Answers discovery, legacy or aggregated as the Accept header asks; undefined when the path is not of discovery. */
export function discovery(request: SimRequest, kinds: KindRegistry): SimResponse | undefined {
  const [root = '', group = '', version, ...rest] = request.url.pathname.split('/').filter((part) => part !== '');
  if (rest.length > 0 || (root === 'api' && version !== undefined)) return undefined;
  const modern = (request.headers.accept ?? '').includes('g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  const all = groups(kinds);
  if (group === '') {
    if (modern) return aggregated(kinds, root === 'api');
    if (root === 'api') return { status: 200, body: { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] } };
    const list = [...all].filter(([name]) => name !== '').map(([name, versions]) => legacyGroup(name, versions));
    return { status: 200, body: { kind: 'APIGroupList', apiVersion: 'v1', groups: list } };
  }
  const [of, at] = root === 'api' ? ['', group] : [group, version];
  const versions = all.get(of);
  if (versions === undefined) return undefined;
  if (at === undefined) return { status: 200, body: { kind: 'APIGroup', apiVersion: 'v1', ...legacyGroup(of, versions) } };
  const rows = versions.get(at);
  return rows === undefined ? undefined : { status: 200, body: resourceList(of === '' ? at : `${of}/${at}`, rows) };
}

/** Answers OpenAPI v3: an index, and per group-version the operations without schemas. Undefined for other paths. */
export function openApi(request: SimRequest, kinds: KindRegistry, version: string): SimResponse | undefined {
  const path = request.url.pathname.replace(/\/$/, '');
  const byVersion = new Map<string, Kind[]>();
  for (const kind of kinds.all()) {
    const key = kind.group === '' ? `api/${kind.version}` : `apis/${kind.apiVersion}`;
    byVersion.set(key, [...(byVersion.get(key) ?? []), kind]);
  }
  if (path === '/openapi/v3') {
    const paths = [...byVersion].map(([key, rows]) => {
      const hash = createHash('sha256').update(JSON.stringify(rows)).digest('hex').slice(0, 32).toUpperCase();
      return [key, { serverRelativeURL: `/openapi/v3/${key}?hash=${hash}` }] as const;
    });
    return { status: 200, body: { paths: Object.fromEntries(paths) } };
  }
  const rows = byVersion.get(path.replace('/openapi/v3/', ''));
  if (rows === undefined) return undefined;
  const paths = Object.fromEntries(rows.filter((kind) => !kind.ask).map((kind) => [objectPath(kind), { patch: patchOperation(kind) }]));
  return { status: 200, body: { openapi: '3.0.0', info: { title: 'Kubernetes', version }, components: { schemas: {} }, paths } };
}

function objectPath(kind: Kind): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.apiVersion}`;
  return `${root}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.plural}/{name}`;
}

function patchOperation(kind: Kind): Fields {
  const parameter = (name: string): Fields => ({ name, in: 'query', schema: { type: 'string' } });
  return {
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': { group: kind.group, version: kind.version, kind: kind.kind },
    parameters: [parameter('fieldValidation'), parameter('dryRun')],
  };
}
