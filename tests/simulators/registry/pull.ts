import type { SimRequest, SimResponse } from '../kernel/service.js';
import type { ImageStore } from './image-store.js';
import { accepts } from './manifest.js';
import { refusal } from './refusals.js';
import { repositoryName, type Route } from './route.js';

const version = { 'docker-distribution-api-version': 'registry/2.0' };
const manifestPath = new RegExp(`^/v2/(${repositoryName})/manifests/([^/]+)$`);
const blobPath = new RegExp(`^/v2/(${repositoryName})/blobs/(sha256:[0-9a-f]{64})$`);
const tagsPath = new RegExp(`^/v2/(${repositoryName})/tags/list$`);

/** The reading operations; undefined when the request is none of them. */
export function pull(request: SimRequest): Route | undefined {
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
  const path = request.url.pathname;
  if (path === '/v2/' || path === '/v2') return { answer: () => ({ status: 200, headers: version, body: {} }) };
  if (path === '/v2/_catalog') {
    return { needs: { type: 'registry', name: 'catalog', action: '*' }, answer: (images) => listing(request, 'repositories', images.repositories(), {}) };
  }
  const [, repository, reference] = manifestPath.exec(path) ?? blobPath.exec(path) ?? tagsPath.exec(path) ?? [];
  if (repository === undefined) return undefined;
  const needs = { type: 'repository', name: repository, action: 'pull' } as const;
  if (reference === undefined) return { needs, answer: (images) => tags(images, request, repository) };
  if (blobPath.test(path)) return { needs, answer: (images) => blob(images, request, repository, reference) };
  return { needs, answer: (images) => manifest(images, request, repository, reference) };
}

function manifest(images: ImageStore, request: SimRequest, repository: string, reference: string): SimResponse {
  const found = images.manifest(repository, reference);
  if (found === undefined) return refusal(404, 'MANIFEST_UNKNOWN', `manifest tagged by "${reference}" is not found`, { Name: repository, Revision: reference });
  if (!accepts(request.headers.accept, found.mediaType)) {
    return refusal(404, 'MANIFEST_UNKNOWN', `manifest of type ${found.mediaType} found, but accept header does not support it`);
  }
  return content(request, found.content, { 'content-type': found.mediaType, 'docker-content-digest': found.digest, etag: `"${found.digest}"` });
}

function blob(images: ImageStore, request: SimRequest, repository: string, digest: string): SimResponse {
  const found = images.blob(repository, digest);
  if (found === undefined) return refusal(404, 'BLOB_UNKNOWN', 'blob unknown to registry', { digest });
  return content(request, found, { 'content-type': 'application/octet-stream', 'docker-content-digest': digest });
}

function tags(images: ImageStore, request: SimRequest, repository: string): SimResponse {
  const all = images.tags(repository);
  if (all === undefined) return refusal(404, 'NAME_UNKNOWN', 'repository name not known to registry', { name: repository });
  return listing(request, 'tags', all, { name: repository });
}

/** Pages by `n` and `last`, with the next page in a Link header. Source: OCI distribution specification, listing tags. */
function listing(request: SimRequest, member: string, all: readonly string[], rest: object): SimResponse {
  const { searchParams, pathname } = request.url;
  const size = Number(searchParams.get('n') ?? '100');
  if (!Number.isInteger(size) || size < 1) return refusal(400, 'PAGINATION_NUMBER_INVALID', 'invalid number of results requested');
  const last = searchParams.get('last') ?? '';
  const remaining = all.filter((entry) => entry > last);
  const page = remaining.slice(0, size);
  const next = `<${pathname}?last=${encodeURIComponent(page.at(-1) ?? '')}&n=${size}>; rel="next"`;
  return { status: 200, headers: { ...version, ...(remaining.length > size ? { link: next } : {}) }, body: { ...rest, [member]: page } };
}

function content(request: SimRequest, body: Buffer, headers: Record<string, string>): SimResponse {
  const all = { ...version, ...headers, 'content-length': String(body.length) };
  return request.method === 'HEAD' ? { status: 200, headers: all } : { status: 200, headers: all, body };
}
