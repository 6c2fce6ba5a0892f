/** A `##vso[area.event property=value;…]data` line. */
export interface LoggingCommand {
  readonly area: string;
  readonly event: string;
  /** Names in lower case. */
  readonly properties: ReadonlyMap<string, string>;
  readonly data: string;
}

/** The line is meant as a command and is none. */
export interface MalformedCommand {
  readonly malformed: string;
}

const prefix = '##vso[';
// `%` itself is written `%AZP25`; a plain `%25` stays, as the agent leaves it. Source: agent Command.cs, task-lib taskcommand.ts.
const dataEscapes: readonly (readonly [string, string])[] = [['%0D', '\r'], ['%0A', '\n'], ['%AZP25', '%']];
const propertyEscapes: readonly (readonly [string, string])[] = [['%0D', '\r'], ['%0A', '\n'], ['%5D', ']'], ['%3B', ';'], ['%AZP25', '%']];

function unescaped(text: string, escapes: readonly (readonly [string, string])[]): string {
  return escapes.reduce((result, [code, character]) => result.replaceAll(code, character), text);
}

/** Parses a line strictly; undefined when it holds no command. The first `##vso[` and the `]` after it count, as for the agent. */
export function parseCommand(line: string): LoggingCommand | MalformedCommand | undefined {
  const start = line.indexOf(prefix);
  if (start === -1) return undefined;
  const end = line.indexOf(']', start);
  if (end === -1) return { malformed: 'the closing bracket is missing' };
  const inside = line.slice(start + prefix.length, end).trim();
  const blank = inside.indexOf(' ');
  const name = blank === -1 ? inside : inside.slice(0, blank);
  const match = /^([A-Za-z]+)\.([A-Za-z]+)$/.exec(name);
  if (match === null) return { malformed: `'${name}' is not of the form area.event` };
  const properties = new Map<string, string>();
  for (const pair of (blank === -1 ? '' : inside.slice(blank + 1)).split(';').map((one) => one.trim())) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    if (equals < 1) return { malformed: `the property '${pair}' is not of the form name=value` };
    properties.set(pair.slice(0, equals).trim().toLowerCase(), unescaped(pair.slice(equals + 1), propertyEscapes));
  }
  return { area: (match[1] ?? '').toLowerCase(), event: (match[2] ?? '').toLowerCase(), properties, data: unescaped(line.slice(end + 1), dataEscapes) };
}
