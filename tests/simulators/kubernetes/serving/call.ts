import { parse as parseYaml } from 'yaml';
import { isRecord, type SimRequest } from '../../kernel/service.js';
import type { KubernetesUser, RequestAttributes } from '../access.js';
import type { Kind, KindRegistry } from '../objects/kinds.js';
import { ApiError, badRequest, unknownResource, unsupportedMediaType } from '../objects/status.js';
import type { Fields } from '../objects/values.js';
import { decodeProtobuf } from '../writing/protobuf.js';

/** A request for a resource: what the path, the query and the headers say. */
export interface Call {
  readonly request: SimRequest;
  readonly user: KubernetesUser;
  readonly kind: Kind;
  /** Undefined for objects of the cluster, and for lists across all namespaces. */
  readonly namespace: string | undefined;
  /** Empty for a collection. */
  readonly name: string;
  readonly subresource: string;
  readonly query: URLSearchParams;
  readonly dryRun: boolean;
  readonly manager: string;
  readonly verb: string;
}

/** What a path under /api or /apis names, served or not. */
export interface Named {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string | undefined;
  /** Empty for a collection. */
  readonly name: string;
  readonly subresource: string;
}

/** Takes a path apart, as the server does before it knows whether it has such a resource. Source: k8s.io/apiserver pkg/endpoints/request. */
export function namedBy(path: string): Named {
  const parts = path.split('/').filter((part) => part !== '').map(decoded);
  const [group = '', version = '', ...rest] = parts[0] === 'api' ? ['', ...parts.slice(1)] : parts.slice(1);
  const [first, inner, third] = rest;
  const isNamespaced = group + version !== '' && first === 'namespaces' && rest.length >= 3 && !(group === '' && ['status', 'finalize'].includes(third ?? ''));
  const [plural = '', name = '', ...deeper] = isNamespaced ? rest.slice(2) : rest;
  return { group, version, plural, namespace: isNamespaced ? inner : undefined, name, subresource: deeper.join('/') };
}

/** What the authorizer is asked about a request. A namespace itself counts as in that namespace, so that rights there are enough to read it. Source: as above. */
export function attributesOf(named: Named, verb: string): RequestAttributes {
  const { group, plural: resource, name, subresource } = named;
  const own = group === '' && resource === 'namespaces' ? name : '';
  return { verb, group, resource, subresource, namespace: named.namespace ?? own, name };
}

/** The kind of what a path names. @throws ApiError 404 for a resource that is not served. */
export function kindNamed({ group, version, plural, namespace }: Named, kinds: KindRegistry): Kind {
  const kind = kinds.byPlural(group, version, plural);
  if (kind === undefined || (namespace !== undefined && !kind.namespaced)) throw unknownResource();
  return kind;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest(`invalid URL escape in "${part}"`);
  }
}

/** True when some version of a group is served under this path. */
export function isServedGroup(path: string, kinds: KindRegistry): boolean {
  const [root, group = '', version] = path.split('/').filter((part) => part !== '');
  if (root === 'api') return group === 'v1';
  return kinds.all().some((kind) => kind.group === group && (version === undefined || kind.version === version));
}

/** The Kubernetes verb of a request. @throws ApiError 405 for a method that does not fit the path. */
export function verbOf(method: string, place: { readonly name: string }, query: URLSearchParams): string | undefined {
  const one = place.name !== '';
  const watching = query.get('watch');
  if (method === 'GET' && (watching === 'true' || watching === '1')) return 'watch';
  return ({ GET: one ? 'get' : 'list', POST: 'create', PUT: one ? 'update' : undefined, PATCH: one ? 'patch' : undefined, DELETE: one ? 'delete' : 'deletecollection' } as Record<string, string | undefined>)[method];
}

/** The field manager: the query's, else the first part of the User-Agent. */
export function managerOf(request: SimRequest): string {
  const asked = request.url.searchParams.get('fieldManager') ?? '';
  return asked !== '' ? asked : (request.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown';
}

/** @throws ApiError 400 for any value but `All`. */
export function isDryRun(query: URLSearchParams): boolean {
  const values = query.getAll('dryRun');
  if (values.some((value) => value !== 'All')) {
    throw new ApiError(422, 'Invalid', `CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "${values.join()}": supported values: "All"`);
  }
  return values.length > 0;
}

/** The media type of a request's body, without parameters; JSON when none is named. */
export function mediaType(request: SimRequest): string {
  const written = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return written === '' ? 'application/json' : written;
}

const writable = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** The body as an object. @throws ApiError 415 for another media type, 400 for what cannot be parsed. */
export function readObject(request: SimRequest): Fields {
  const type = mediaType(request);
  if (type === 'application/vnd.kubernetes.protobuf') return decodeProtobuf(request.body);
  if (!writable.includes(type)) throw unsupportedMediaType(writable);
  const value = readText(request.body.toString('utf8'), type === 'application/yaml');
  if (!isRecord(value)) throw badRequest('couldn\'t get version/kind; json parse error: json: cannot unmarshal into Go value of type struct { APIVersion string; Kind string }');
  return value;
}

/** Parses JSON, or YAML where it is allowed (JSON is YAML). @throws ApiError 400. */
export function readText(text: string, yaml: boolean): unknown {
  try {
    const value: unknown = yaml ? parseYaml(text) : JSON.parse(text);
    return value;
  } catch (error) {
    throw badRequest(`the object provided is unrecognized (must be of type Object): couldn't get version/kind; parse error: ${error instanceof Error ? error.message : ''}`);
  }
}

/** The body of a DELETE, empty when there is none. */
export function readOptionalObject(request: SimRequest): Fields {
  return request.body.length === 0 ? {} : readObject(request);
}
