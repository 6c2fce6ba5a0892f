/** Pieces of a multi-line secret below this length are structure, not secret; masking them would garble the log. */
const shortestPiece = 8;

/** So many first characters of secrets are looked for before the whole of them. */
const startLength = 8;

/** The secrets of a run. Knows every spelling under which a secret could show and takes it out of texts. */
export class Secrets {
  readonly #spellings = new Set<string>();
  /** By their first characters: a run of a large fleet knows thousands of tokens, which begin alike, and writes thousands of lines without any. */
  readonly #byStart = new Map<string, string[]>();

  /**
   * Adds a secret.
   * @returns the spellings that are new, each a single line, so that the agent can be told to mask them.
   *   A multi-line secret is masked line by line: the agent refuses line breaks (source: azure-pipelines-task-lib, setSecret).
   */
  register(text: string): readonly string[] {
    const lines = text.split(/\r?\n/).map((line) => line.trim());
    const pieces = lines.length === 1 ? lines : lines.filter((line) => line.length >= shortestPiece && !line.startsWith('-----'));
    const fresh = pieces.flatMap(spellings).filter((piece) => piece !== '' && !this.#spellings.has(piece));
    for (const piece of fresh) {
      this.#spellings.add(piece);
      const start = piece.slice(0, startLength);
      const alike = this.#byStart.get(start) ?? [];
      alike.push(piece);
      this.#byStart.set(start, alike);
    }
    return fresh;
  }

  /** The text with every known secret replaced. Needed where the agent does not mask: attachments, summaries, files. */
  redact(text: string): string {
    const possible = [...this.#byStart].flatMap(([start, pieces]) => (text.includes(start) ? pieces : []));
    return possible.sort((one, other) => other.length - one.length).reduce((rest, piece) => rest.replaceAll(piece, '***'), text);
  }
}

function spellings(piece: string): string[] {
  return [...new Set([piece, JSON.stringify(piece).slice(1, -1), encodeURIComponent(piece)])];
}
