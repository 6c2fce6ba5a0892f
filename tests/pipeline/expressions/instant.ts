import { ExpressionError } from './lexer.js';

const pad = (value: number, digits: number): string => String(Math.abs(value)).padStart(digits, '0');

/** `+02:00`, as .NET prints `zzz`. */
function offsetText(minutes: number): string {
  return `${minutes < 0 ? '-' : '+'}${pad(Math.trunc(minutes / 60), 2)}:${pad(minutes % 60, 2)}`;
}

/** The date and time specifiers that the service knows. Source: azure-pipelines-agent, docs/preview/datetimeexpressions.md. */
const specifiers: ReadonlyMap<string, (local: Date, offset: number) => string> = new Map([
  ['yyyy', (local: Date) => pad(local.getUTCFullYear(), 4)],
  ['yy', (local: Date) => pad(local.getUTCFullYear() % 100, 2)],
  ['MM', (local: Date) => pad(local.getUTCMonth() + 1, 2)],
  ['M', (local: Date) => String(local.getUTCMonth() + 1)],
  ['dd', (local: Date) => pad(local.getUTCDate(), 2)],
  ['d', (local: Date) => String(local.getUTCDate())],
  ['HH', (local: Date) => pad(local.getUTCHours(), 2)],
  ['H', (local: Date) => String(local.getUTCHours())],
  ['mm', (local: Date) => pad(local.getUTCMinutes(), 2)],
  ['m', (local: Date) => String(local.getUTCMinutes())],
  ['ss', (local: Date) => pad(local.getUTCSeconds(), 2)],
  ['s', (local: Date) => String(local.getUTCSeconds())],
  ['K', (_local: Date, offset: number) => (offset === 0 ? 'Z' : offsetText(offset))],
]);

const written = /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?)?\s*(Z|[-+]\d{2}:\d{2})?$/;

/**
 * A point in time with the offset it is shown in, such as `pipeline.startTime`. Two are equal when they are the same point in time.
 * Source: azure-pipelines-agent, docs/preview/datetimeexpressions.md.
 */
export class Instant {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly milliseconds: number;
  readonly #offset: number;

  /** @param offset minutes east of UTC. */
  constructor(milliseconds: number, offset = 0) {
    this.milliseconds = milliseconds;
    this.#offset = offset;
  }

  /** Reads `2018-01-02 21:45:21-05:00` and its documented variants; without an offset it is UTC. Undefined for anything else. */
  static tryParse(text: string): Instant | undefined {
    const found = written.exec(text.trim());
    if (found === null) return undefined;
    const part = (index: number): number => Number(found[index] ?? 0);
    const [month, day, zone] = [part(2), part(3), found[8]];
    const sign = zone?.startsWith('-') === true ? -1 : 1;
    const offset = zone === undefined || zone === 'Z' ? 0 : sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6)));
    const local = new Date(Date.UTC(part(1), month - 1, day, part(4), part(5), part(6), Number((found[7] ?? '').padEnd(3, '0').slice(0, 3))));
    if (local.getUTCMonth() + 1 !== month || local.getUTCDate() !== day) return undefined;
    return new Instant(local.getTime() - offset * 60_000, offset);
  }

  /** Formats by .NET specifiers; characters other than letters stand for themselves. @throws {ExpressionError} for letters that are no specifier. */
  format(specifier: string): string {
    const local = new Date(this.milliseconds + this.#offset * 60_000);
    return specifier.replace(/([A-Za-z])\1*/g, (run) => {
      const print = specifiers.get(run);
      if (print === undefined) throw new ExpressionError(`The format specifiers '${specifier}' are not valid for objects of type 'DateTime'`);
      return print(local, this.#offset);
    });
  }

  /** `2018-01-02 21:45:21-05:00`. */
  toString(): string {
    return `${this.format('yyyy-MM-dd HH:mm:ss')}${offsetText(this.#offset)}`;
  }
}
