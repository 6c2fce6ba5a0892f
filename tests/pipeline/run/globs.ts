/**
 * A file pattern as the agent understands it: `?` and `*` stay within a folder, `**` does not. Upper and lower case are the same.
 * Source: azure-devops-docs, tasks/file-matching-patterns.
 */
export function glob(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*\/|\*\*|\*|\?/g, (wild) => ({ '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*' })[wild] ?? '[^/]');
  return new RegExp(`^${source}$`, 'i');
}

/** Whether patterns, taken one after another, leave a path in; one that starts with `!` takes out. No patterns leave everything in. */
export function isMatch(path: string, patterns: readonly string[]): boolean {
  let included = patterns.length === 0;
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) included &&= !glob(pattern.slice(1)).test(path);
    else included ||= glob(pattern).test(path);
  }
  return included;
}
