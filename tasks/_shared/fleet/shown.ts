/** Characters that nobody sees in a log, or that would break its lines: controls, joiners, other spaces than the usual one. */
const unseen = /(?! )[\p{Cc}\p{Cf}\p{Z}]/u;
const everyUnseen = new RegExp(unseen, 'gu');

/** Longest part of a value that a message repeats: enough for nearly every ARM id. */
const shownLength = 250;

/** A value as a message repeats it: one line, of bounded length, with every character to be seen. */
export function shown(text: string, longest = shownLength): string {
  const line = text.replace(everyUnseen, spelled);
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

/** The first character of a text that is not to be seen, as `U+200B`, with its place counted from 1; undefined when there is none. */
export function unseenIn(text: string): { readonly character: string; readonly place: number } | undefined {
  const found = unseen.exec(text);
  if (found === null) return undefined;
  return { character: `U+${hex(found[0])}`, place: found.index + 1 };
}

function spelled(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  return `\\u{${hex(character)}}`;
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}
