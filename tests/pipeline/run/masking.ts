function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Replaces secrets by `***` in everything that is printed. */
export class Masker {
  readonly #secrets = new Set<string>();
  #pattern: RegExp | undefined;

  /** Masks a value, each of its lines, and both as JSON would escape them. Blank values are not masked. */
  add(secret: string): void {
    const parts = [secret, secret.trim(), ...secret.split(/\r?\n/).map((line) => line.trim())];
    for (const part of parts.flatMap((one) => [one, JSON.stringify(one).slice(1, -1)])) {
      if (part.trim() !== '') this.#secrets.add(part);
    }
    this.#pattern = undefined;
  }

  /** The longest secret wins where several begin at one place. */
  mask(text: string): string {
    if (this.#secrets.size === 0) return text;
    this.#pattern ??= new RegExp([...this.#secrets].sort((left, right) => right.length - left.length).map(escaped).join('|'), 'g');
    return text.replace(this.#pattern, '***');
  }
}
