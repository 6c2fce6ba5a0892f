import { parseDocument } from 'yaml';

/** A YAML text that was read, or why it could not be. */
export type YamlText = { readonly content: unknown } | { readonly flaw: string };

/** Reads a YAML text with one document. What is wrong is named and located, never repeated: the text may be confidential. */
export function readYaml(text: string): YamlText {
  const document = parseDocument(text, { logLevel: 'error', prettyErrors: false });
  const [mistake] = document.errors;
  if (mistake !== undefined) return { flaw: `${mistake.code.toLowerCase().replaceAll('_', ' ')} at ${placeOf(text, mistake.pos[0])}` };
  try {
    return { content: document.toJS() };
  } catch {
    return { flaw: 'an alias that refers to nothing, or to too much' };
  }
}

/** What is wrong with a YAML text that should be a mapping or empty; undefined when nothing is. */
export function mappingFlaw(text: string): string | undefined {
  const read = readYaml(text);
  if ('flaw' in read) return `it is not YAML: ${read.flaw}`;
  const { content } = read;
  const isMapping = content === null || (typeof content === 'object' && !Array.isArray(content));
  return isMapping ? undefined : 'it is YAML, but not a mapping';
}

/** Where in a text an offset is, as people count: `line 3, column 1`. */
export function placeOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split('\n');
  return `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
}
