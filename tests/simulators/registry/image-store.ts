import { createHash, randomUUID } from 'node:crypto';

/** A stored manifest, byte for byte as it was pushed. */
export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly content: Buffer;
}

interface Repository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, Manifest>;
  readonly tags: Map<string, string>;
}

interface Upload {
  readonly repository: string;
  content: Buffer;
}

/** The content digest of some bytes. */
export function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** Repositories with their blobs, manifests and tags, and the uploads under way. */
export class ImageStore {
  readonly #repositories = new Map<string, Repository>();
  readonly #uploads = new Map<string, Upload>();

  /** Names of all repositories that hold a manifest, sorted. */
  repositories(): string[] {
    const filled = [...this.#repositories].filter(([, repository]) => repository.manifests.size > 0);
    return filled.map(([name]) => name).sort();
  }

  /** Sorted tags; undefined for an unknown repository. */
  tags(repository: string): string[] | undefined {
    const found = this.#repositories.get(repository);
    return found === undefined || found.manifests.size === 0 ? undefined : [...found.tags.keys()].sort();
  }

  blob(repository: string, digest: string): Buffer | undefined {
    return this.#repositories.get(repository)?.blobs.get(digest);
  }

  /** A manifest by tag or digest. */
  manifest(repository: string, reference: string): Manifest | undefined {
    const found = this.#repositories.get(repository);
    return found?.manifests.get(found.tags.get(reference) ?? reference);
  }

  putBlob(repository: string, content: Buffer): string {
    const digest = digestOf(content);
    this.#of(repository).blobs.set(digest, content);
    return digest;
  }

  /** Stores a manifest under its digest, and under a tag where one is given. */
  putManifest(repository: string, mediaType: string, content: Buffer, tag?: string): string {
    const digest = digestOf(content);
    const target = this.#of(repository);
    target.manifests.set(digest, { digest, mediaType, content });
    if (tag !== undefined) target.tags.set(tag, digest);
    return digest;
  }

  /** Removes a manifest and its tags; false when there was none. */
  deleteManifest(repository: string, digest: string): boolean {
    const target = this.#repositories.get(repository);
    if (target?.manifests.delete(digest) !== true) return false;
    for (const [tag, tagged] of target.tags) if (tagged === digest) target.tags.delete(tag);
    return true;
  }

  startUpload(repository: string): string {
    const id = randomUUID();
    this.#uploads.set(id, { repository, content: Buffer.alloc(0) });
    return id;
  }

  /** Adds bytes to an upload; the total length, undefined for an unknown upload. */
  append(repository: string, id: string, content: Buffer): number | undefined {
    const upload = this.#uploads.get(id);
    if (upload?.repository !== repository) return undefined;
    upload.content = Buffer.concat([upload.content, content]);
    return upload.content.length;
  }

  /** Ends an upload and hands out its bytes; undefined for an unknown one. */
  finishUpload(repository: string, id: string): Buffer | undefined {
    const upload = this.#uploads.get(id);
    if (upload?.repository !== repository) return undefined;
    this.#uploads.delete(id);
    return upload.content;
  }

  #of(name: string): Repository {
    let repository = this.#repositories.get(name);
    if (repository === undefined) {
      repository = { blobs: new Map(), manifests: new Map(), tags: new Map() };
      this.#repositories.set(name, repository);
    }
    return repository;
  }
}
