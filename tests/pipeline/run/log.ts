import type { Masker } from './masking.js';

/** Writes the lines of one job. */
export interface Log {
  readonly line: (text: string) => void;
}

const colours: readonly (readonly [string, string])[] = [
  ['##[error]', '\u001b[31m'],
  ['##[warning]', '\u001b[33m'],
  ['##[debug]', '\u001b[90m'],
  ['##[command]', '\u001b[34m'],
  ['##[section]', '\u001b[32m'],
  ['##[group]', '\u001b[1m'],
  ['Starting: ', '\u001b[32m'],
  ['Finishing: ', '\u001b[32m'],
];

/** What one job, or one heading, writes. */
interface Channel {
  readonly waiting: string[];
  closed: boolean;
}

/**
 * The log of a run. Jobs that run at the same time do not mix: one streams, the others wait for it to end.
 * Every line is masked here, so that nothing gets by.
 */
export class RunLog {
  readonly #output: (line: string) => void;
  readonly #masker: Masker;
  readonly #colour: boolean;
  readonly #channels: Channel[] = [];

  constructor(output: (line: string) => void, masker: Masker, colour: boolean) {
    this.#output = output;
    this.#masker = masker;
    this.#colour = colour;
  }

  /** Opens a place in the log; it keeps its order by opening. `close` must be called. */
  open(): Log & { readonly close: () => void } {
    const channel: Channel = { waiting: [], closed: false };
    this.#channels.push(channel);
    return {
      line: (text) => {
        for (const line of text.split(/\r?\n/)) channel.waiting.push(line);
        this.#flush();
      },
      close: () => {
        channel.closed = true;
        this.#flush();
      },
    };
  }

  /** One line outside of jobs. */
  line(text: string): void {
    const channel = this.open();
    channel.line(text);
    channel.close();
  }

  #flush(): void {
    for (;;) {
      const first = this.#channels[0];
      if (first === undefined) return;
      for (const line of first.waiting.splice(0)) this.#write(line);
      if (!first.closed) return;
      this.#channels.shift();
    }
  }

  #write(text: string): void {
    const line = this.#masker.mask(text);
    const colour = this.#colour ? colours.find(([mark]) => line.startsWith(mark))?.[1] : undefined;
    this.#output(colour === undefined ? line : `${colour}${line}\u001b[0m`);
  }
}
