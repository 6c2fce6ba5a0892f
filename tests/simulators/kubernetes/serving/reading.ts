import type { Kind } from '../objects/kinds.js';
import { fieldMatcher, labelMatcher, type Matcher } from '../objects/selectors.js';
import { ApiError, badRequest, expired } from '../objects/status.js';
import type { ObjectStore } from '../objects/store.js';
import { keyOf, numberAt, textAt, type Fields, type KubernetesObject } from '../objects/values.js';
import type { Call } from './call.js';

/** A list as it is answered: its objects and its metadata. */
export interface Listed {
  readonly objects: readonly KubernetesObject[];
  readonly metadata: Fields;
}

/** The selection that a list or watch asks for. A watch of one name is a selection of that name. */
export function selectionOf(call: Call): Matcher {
  const labels = labelMatcher(call.query.get('labelSelector') ?? '');
  const fields = fieldMatcher(call.kind, call.query.get('fieldSelector') ?? '');
  return (object) => labels(object) && fields(object) && (call.name === '' || object.metadata.name === call.name);
}

/** Objects of a call's collection with limit and continue. @throws ApiError 410 for a continue token from before a compaction. */
export function listed(call: Call, store: ObjectStore): Listed {
  const selection = selectionOf(call);
  const all = store.list(call.kind, call.namespace).filter(selection);
  checkVersion(call.query, store);
  const from = position(call.query.get('continue') ?? '', store);
  const rest = from === undefined ? all : all.filter((object) => key(object) > from.after);
  const limit = Number(call.query.get('limit') ?? 0);
  const page = limit > 0 ? rest.slice(0, limit) : rest;
  const left = rest.length - page.length;
  const version = from?.version ?? store.version;
  const last = page.at(-1);
  const token = Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: version, start: last === undefined ? '' : key(last) })).toString('base64url');
  const more = left > 0 ? { continue: token, ...(call.query.has('labelSelector') || call.query.has('fieldSelector') ? {} : { remainingItemCount: left }) } : {};
  return { objects: page, metadata: { resourceVersion: String(version), ...more } };
}

function key(object: KubernetesObject): string {
  return keyOf(object.metadata.namespace, object.metadata.name);
}

function checkVersion(query: URLSearchParams, store: ObjectStore): void {
  const asked = query.get('resourceVersion') ?? '';
  if (asked !== '' && !/^\d+$/.test(asked)) throw badRequest(`resourceVersion: Invalid value: "${asked}": strconv.ParseUint: parsing "${asked}": invalid syntax`);
  if (query.get('resourceVersionMatch') === 'Exact' && Number(asked) < store.oldest) throw expired(Number(asked), store.oldest);
}

function position(token: string, store: ObjectStore): { after: string; version: number } | undefined {
  if (token === '') return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    throw badRequest('continue key is not valid: illegal base64 data');
  }
  const version = numberAt(parsed, ['rv'], 0);
  if (version < store.oldest) {
    const why = 'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.';
    throw new ApiError(410, 'Expired', why);
  }
  return { after: textAt(parsed, 'start'), version };
}

/** A list object. Items of built-in kinds carry no kind and apiVersion of their own. */
export function listObject(kind: Kind, { objects, metadata }: Listed): Fields {
  const items = objects.map((object) => {
    if (kind.type === undefined) return object;
    return Object.fromEntries(Object.entries(object).filter(([field]) => field !== 'kind' && field !== 'apiVersion'));
  });
  return { kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata, items };
}
