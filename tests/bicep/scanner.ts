const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', $: '$', "'": "'", '\\': '\\' };

/** Reads a Bicep text piece by piece. Blanks before a piece are skipped, new lines only by `lines`. */
export class Scanner {
  #at = 0;

  constructor(private readonly source: string) {}

  get ended(): boolean {
    return this.#at >= this.source.length;
  }

  /** Skips new lines, blanks and comments. True when there was a new line. */
  lines(): boolean {
    const found = /^(?:[ \t]*(?:\/\/[^\n]*)?\n)*[ \t]*(?:\/\/[^\n]*$)?/.exec(this.#rest)?.[0] ?? '';
    this.#at += found.length;
    return found.includes('\n');
  }

  /** A declaration ends with its line. */
  endOfLine(): void {
    this.#blanks();
    if (!this.ended && !/^(?:\/\/[^\n]*)?\n/.test(this.#rest)) throw this.mistake('the end of the line is expected');
  }

  /** Takes this symbol if it is next. A symbol that begins a longer one is not that one. */
  take(symbol: string): boolean {
    if (!this.ahead(symbol)) return false;
    this.#at += symbol.length;
    return true;
  }

  /** Whether this symbol or word is next. */
  ahead(symbol: string): boolean {
    this.#blanks();
    if (!this.#rest.startsWith(symbol)) return false;
    const next = this.#rest.slice(symbol.length, symbol.length + 1);
    if (/\w$/.test(symbol)) return !/\w/.test(next);
    if (symbol === '=') return !['=', '>'].includes(next);
    if (symbol === '?') return next !== '?';
    if (symbol === '!' || symbol === '<' || symbol === '>') return next !== '=';
    return true;
  }

  /** Takes this symbol if it is next without a blank before it. */
  follows(symbol: string): boolean {
    if (!this.#rest.startsWith(symbol)) return false;
    this.#at += symbol.length;
    return true;
  }

  word(word: string): boolean {
    return this.take(word);
  }

  expect(symbol: string): void {
    if (!this.take(symbol)) throw this.mistake(`'${symbol}' is expected`);
  }

  identifier(): string {
    this.#blanks();
    const found = /^[A-Za-z_]\w*/.exec(this.#rest)?.[0];
    if (found === undefined) throw this.mistake('a name is expected');
    this.#at += found.length;
    return found;
  }

  number(): number | undefined {
    this.#blanks();
    const found = /^-?\d+/.exec(this.#rest)?.[0];
    if (found === undefined) return undefined;
    this.#at += found.length;
    return Number(found);
  }

  /** A text in quotes, with the expressions in it; undefined when none is next. */
  text<E>(expression: () => E): (string | E)[] | undefined {
    this.#blanks();
    const raw = /^'''\n?([^]*?)'''/.exec(this.#rest);
    if (raw !== null) {
      this.#at += raw[0].length;
      return [raw[1] ?? ''];
    }
    if (!this.follows("'")) return undefined;
    const parts: (string | E)[] = [];
    let plain = '';
    while (!this.follows("'")) {
      if (this.follows('${')) {
        parts.push(plain, expression());
        plain = '';
        this.expect('}');
      } else plain += this.#character();
    }
    return [...parts, plain];
  }

  #character(): string {
    const [found = '\n'] = this.#rest;
    if (found === '\n') throw this.mistake("a text has no end: ' is expected");
    this.#at += 1;
    if (found !== '\\') return found;
    const meant = escapes[this.#rest[0] ?? ''];
    if (meant === undefined) throw this.mistake('no such escape');
    this.#at += 1;
    return meant;
  }

  /** An error that names the place reached. */
  mistake(what: string): Error {
    const before = this.source.slice(0, this.#at).split('\n');
    return new Error(`line ${before.length}, column ${(before.at(-1) ?? '').length + 1}: ${what}`);
  }

  get #rest(): string {
    return this.source.slice(this.#at);
  }

  #blanks(): void {
    this.#at += /^[ \t]*/.exec(this.#rest)?.[0].length ?? 0;
  }
}
