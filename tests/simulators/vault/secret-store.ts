import { randomBytes } from 'node:crypto';

/** One version of a secret. Times are seconds since 1970. */
export interface SecretVersion {
  readonly version: string;
  readonly value: string;
  enabled: boolean;
  readonly created: number;
  updated: number;
  readonly contentType?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** What a test may say about a secret besides its value. */
export interface SecretOptions {
  readonly enabled?: boolean;
  readonly contentType?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** The secrets of a vault, each with its versions in order of creation. */
export class SecretStore {
  readonly #secrets = new Map<string, SecretVersion[]>();
  readonly #deleted = new Map<string, SecretVersion[]>();

  constructor(private readonly seconds: () => number) {}

  /** Adds a version, which becomes the current one; its version id. */
  set(name: string, value: string, options: SecretOptions = {}): string {
    const now = this.seconds();
    const { enabled = true, ...rest } = options;
    const version = randomBytes(16).toString('hex');
    const added = { version, value, enabled, created: now, updated: now, ...rest };
    this.#secrets.set(name.toLowerCase(), [...this.versions(name), added]);
    return version;
  }

  /** Enables or disables the current version. */
  enable(name: string, enabled: boolean): void {
    const current = this.find(name);
    if (current === undefined) throw new RangeError(`no secret ${name}`);
    current.enabled = enabled;
    current.updated = this.seconds();
  }

  delete(name: string): void {
    this.#secrets.delete(name.toLowerCase());
  }

  /** Deletes so that it can be recovered. */
  softDelete(name: string): void {
    this.#deleted.set(name.toLowerCase(), [...this.versions(name)]);
    this.delete(name);
  }

  /** The current version of what was deleted and can be recovered. */
  deleted(name: string): SecretVersion | undefined {
    return this.#deleted.get(name.toLowerCase())?.at(-1);
  }

  names(): string[] {
    return [...this.#secrets.keys()].sort();
  }

  versions(name: string): readonly SecretVersion[] {
    return this.#secrets.get(name.toLowerCase()) ?? [];
  }

  /** The given version, or the current one. */
  find(name: string, version?: string): SecretVersion | undefined {
    const all = this.versions(name);
    return version === undefined ? all.at(-1) : all.find((entry) => entry.version === version);
  }
}
