import { randomBytes, scryptSync } from 'node:crypto';

/** Memory that one digest takes is 128 × N × r bytes: 32 MiB. Takes some 60 ms. Source: RFC 7914; Node.js docs, crypto.scryptSync. */
const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const saltBytes = 10;
const digestBytes = 20;

/**
 * Secret values of a chart. They are in no digest that a plan or a log shows: whoever reads it could try short passwords out. What tells
 * them from others is a label of the release's Secret, where Helm keeps the values themselves: a random salt, and a digest that is slow to make, as
 * the label is an argument of a command for a moment.
 */
export class SecretValues {
  readonly #text: () => string;
  readonly #labels = new Map<string, string>();
  #own: string | undefined;

  /** @param text YAML, a mapping */
  constructor(text: () => string) {
    this.#text = text;
  }

  /** The YAML, for a file of mode 0600. */
  reveal(): string {
    return this.#text();
  }

  /** A label for a release that is made with them; the same for every cluster of a run. Fits a label: 61 characters, hexadecimal digits and a dot. */
  label(): string {
    return (this.#own ??= this.#labelled(randomBytes(saltBytes).toString('hex')));
  }

  /** Whether a label was made for these values. */
  match(label: string): boolean {
    const [salt = ''] = label.split('.');
    return this.#labelled(salt) === label;
  }

  /** Clusters that one run deployed to share a salt. */
  #labelled(salt: string): string {
    const label = this.#labels.get(salt) ?? `${salt}.${scryptSync(this.#text().replaceAll('\r\n', '\n'), salt, digestBytes, cost).toString('hex')}`;
    this.#labels.set(salt, label);
    return label;
  }
}
