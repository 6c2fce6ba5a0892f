/** A part of a page under its title; nothing where it is empty. */
export function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `### ${title}`, '', ...lines];
}

/** The service cuts a summary off at a megabyte: the attachment has all of it. Source: Azure Pipelines docs, logging commands. */
export const longestTable = 200;

/** A table whose cells are escaped, of at most `longest` rows, and how many more there are. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], longest = longestTable): string[] {
  if (rows.length === 0) return [];
  if (rows.length > longest) return [...table(heads, rows.slice(0, longest), longest), '', `and ${rows.length - longest} more, in the log and in the attached report`];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map((cells) => line(cells.map(escape)))];
}

/** Makes Markdown and HTML show a text as it is. */
export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(/[\\`*_[\]|#~]/g, '\\$&').replaceAll(/\s*[\r\n]\s*/g, ' ');
}
