import type { SimRequest, SimResponse } from '../kernel/service.js';
import { digestOf, type ImageStore } from './image-store.js';
import { manifestReferences } from './manifest.js';
import { refusal } from './refusals.js';
import { repositoryName, type Route } from './route.js';

const manifestPath = new RegExp(`^/v2/(${repositoryName})/manifests/([^/]+)$`);
const startPath = new RegExp(`^/v2/(${repositoryName})/blobs/uploads/$`);
const uploadPath = new RegExp(`^/v2/(${repositoryName})/blobs/uploads/([0-9a-f-]{36})$`);

/** The writing operations; undefined when the request is none of them. */
export function push(request: SimRequest): Route | undefined {
  const path = request.url.pathname;
  const [, repository, part] = manifestPath.exec(path) ?? startPath.exec(path) ?? uploadPath.exec(path) ?? [];
  if (repository === undefined) return undefined;
  const needs = { type: 'repository', name: repository, action: 'push' } as const;
  if (part === undefined) return request.method === 'POST' ? { needs, answer: (images) => start(images, request, repository) } : undefined;
  if (uploadPath.test(path)) {
    if (request.method === 'PATCH') return { needs, answer: (images) => append(images, request, repository, part) };
    return request.method === 'PUT' ? { needs, answer: (images) => finish(images, request, repository, part) } : undefined;
  }
  if (request.method === 'PUT') return { needs, answer: (images) => putManifest(images, request, repository, part) };
  if (request.method !== 'DELETE') return undefined;
  return { needs: { ...needs, action: 'delete' }, answer: (images) => deleteManifest(images, repository, part) };
}

function start(images: ImageStore, request: SimRequest, repository: string): SimResponse {
  const digest = request.url.searchParams.get('digest');
  if (digest !== null) return store(images, repository, request.body, digest);
  return underWay(repository, images.startUpload(repository), 0);
}

function append(images: ImageStore, request: SimRequest, repository: string, id: string): SimResponse {
  const length = images.append(repository, id, request.body);
  return length === undefined ? unknownUpload() : underWay(repository, id, length);
}

function finish(images: ImageStore, request: SimRequest, repository: string, id: string): SimResponse {
  const digest = request.url.searchParams.get('digest');
  if (digest === null) return refusal(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  const begun = images.finishUpload(repository, id);
  return begun === undefined ? unknownUpload() : store(images, repository, Buffer.concat([begun, request.body]), digest);
}

function store(images: ImageStore, repository: string, content: Buffer, digest: string): SimResponse {
  if (digestOf(content) !== digest) return refusal(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content', { digest });
  images.putBlob(repository, content);
  return created(`/v2/${repository}/blobs/${digest}`, digest, `blob ${repository}@${digest}`);
}

function putManifest(images: ImageStore, request: SimRequest, repository: string, reference: string): SimResponse {
  const mediaType = request.headers['content-type'] ?? '';
  const references = manifestReferences(mediaType, request.body);
  if (references === undefined) return refusal(400, 'MANIFEST_INVALID', 'manifest invalid');
  const missing =
    references.blobs.find((digest) => images.blob(repository, digest) === undefined) ??
    references.manifests.find((digest) => images.manifest(repository, digest) === undefined);
  if (missing !== undefined) return refusal(400, 'MANIFEST_BLOB_UNKNOWN', 'manifest references a manifest or blob unknown to registry', { digest: missing });
  const digest = digestOf(request.body);
  const byDigest = reference.startsWith('sha256:');
  if (byDigest && reference !== digest) return refusal(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  if (!byDigest && !/^\w[\w.-]{0,127}$/.test(reference)) return refusal(400, 'TAG_INVALID', 'manifest tag did not match URI');
  images.putManifest(repository, mediaType, request.body, byDigest ? undefined : reference);
  return created(`/v2/${repository}/manifests/${digest}`, digest, `manifest ${repository}:${reference}`);
}

function deleteManifest(images: ImageStore, repository: string, digest: string): SimResponse {
  if (!images.deleteManifest(repository, digest)) return refusal(404, 'MANIFEST_UNKNOWN', 'manifest unknown', { digest });
  return { status: 202, wrote: `manifest ${repository}@${digest}` };
}

function underWay(repository: string, id: string, length: number): SimResponse {
  const headers = { location: `/v2/${repository}/blobs/uploads/${id}`, 'docker-upload-uuid': id, range: `0-${Math.max(0, length - 1)}` };
  return { status: 202, headers, wrote: `upload ${repository}/${id}` };
}

function created(location: string, digest: string, wrote: string): SimResponse {
  return { status: 201, headers: { location, 'docker-content-digest': digest }, wrote };
}

function unknownUpload(): SimResponse {
  return refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
}
