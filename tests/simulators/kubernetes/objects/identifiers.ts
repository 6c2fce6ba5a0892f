import { createHash } from 'node:crypto';

/** Kubernetes' alphabet for generated names: no vowels, nothing that is easily confused. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** Letters of that alphabet, derived from a text. */
export function safeHash(text: string, length: number): string {
  const digest = createHash('sha256').update(text).digest();
  return Array.from(digest.subarray(0, length), (byte) => alphabet[byte % alphabet.length] ?? 'b').join('');
}

/** Uids, name suffixes and addresses that look random and are the same in each run with the same seed. */
export class Identifiers {
  #count = 0;

  constructor(private readonly seed: string | number) {}

  uid(): string {
    const hex = createHash('sha256').update(this.#next()).digest('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  }

  suffix(): string {
    return safeHash(this.#next(), 5);
  }

  /** A number below `bound`. */
  number(bound: number): number {
    return createHash('sha256').update(this.#next()).digest().readUInt32BE(0) % bound;
  }

  #next(): string {
    this.#count += 1;
    return `${this.seed}/${this.#count}`;
  }
}
