import { isRecord } from '../kernel/service.js';

const imageTypes = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json'];
const indexTypes = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json'];

/** What a manifest points at. */
export interface ManifestReferences {
  readonly blobs: readonly string[];
  readonly manifests: readonly string[];
}

/**
 * Checks a pushed manifest and lists what it points at; undefined when it is no valid manifest of its media type.
 * Source: OCI image specification (image manifest, image index) and Docker image manifest version 2 schema 2.
 */
export function manifestReferences(mediaType: string, content: Buffer): ManifestReferences | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content.toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isRecord(parsed) || parsed.schemaVersion !== 2) return undefined;
  if (parsed.mediaType !== undefined && parsed.mediaType !== mediaType) return undefined;
  if (imageTypes.includes(mediaType)) {
    const { config, layers } = parsed;
    const blobs = Array.isArray(layers) ? digests([config, ...(layers as unknown[])]) : undefined;
    return blobs === undefined ? undefined : { blobs, manifests: [] };
  }
  if (!indexTypes.includes(mediaType)) return undefined;
  const entries = parsed.manifests;
  const manifests = Array.isArray(entries) ? digests(entries) : undefined;
  return manifests === undefined ? undefined : { blobs: [], manifests };
}

function digests(descriptors: readonly unknown[]): string[] | undefined {
  const found = descriptors.map((entry) => (isRecord(entry) && typeof entry.digest === 'string' ? entry.digest : undefined));
  return found.every((digest) => digest !== undefined) ? found : undefined;
}

/** True when an `Accept` header, if there is one, takes this media type. */
export function accepts(header: string | undefined, mediaType: string): boolean {
  if (header === undefined) return true;
  const ranges = header.split(',').map((range) => range.split(';')[0]?.trim());
  return ranges.some((range) => range === mediaType || range === '*/*' || range === 'application/*');
}
