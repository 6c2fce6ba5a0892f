/** The name of the first variable that the agent left as it was written; undefined when there is none. */
export function unexpanded(text: string): string | undefined {
  return /\$\(([A-Za-z_][\w.-]*)\)/.exec(text)?.[1];
}

/** Why a value has not the form that it should, as far as its looks tell. */
export function flawOf(text: string): string {
  if (/^(["'`]).*\1$/s.test(text)) return 'the quotation marks are part of the value';
  if (/[,;]$/.test(text)) return 'it ends in a separator, and the input takes one value';
  if (/^\$(\[|\{\{)/.test(text)) return 'the expression was not evaluated: Azure Pipelines evaluates $[ ] in variables and conditions only';
  return 'it does not have the form that the task accepts';
}

/** The origin of an https address without path, query or user; undefined for anything else. */
export function httpsOrigin(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const bare = url?.protocol === 'https:' && url.username === '' && url.pathname === '/' && url.search === '' && url.hash === '';
  return bare ? url.origin : undefined;
}

/** Entries separated by commas or lines. */
export function entriesIn(text: string): readonly string[] {
  return text.split(/[,\r\n]+/).map((entry) => entry.trim()).filter((entry) => entry !== '');
}

/** Entries of which those with `=` have a line each, since what follows may have commas; the others are separated by commas or lines. */
export function assignmentsIn(text: string): readonly string[] {
  return text.split(/[\r\n]+/).flatMap((line) => (line.includes('=') ? [line.trim()] : entriesIn(line)));
}
