/**
 * Takes out of a line of a program's log what looks like a secret. Nobody can tell for certain what is one, so that rather too much goes: what stands behind a
 * telling name, credentials of addresses, tokens, keys, and long words that no name looks like.
 */
export function masked(line: string): string {
  return patterns.reduce((text, [pattern, by]) => text.replace(pattern, by), line);
}

const patterns: readonly (readonly [RegExp, string])[] = [
  // Colours, and what else terminals obey.
  [/\p{Cc}\[[0-9;]*[A-Za-z]|\p{Cc}/gu, ''],
  [/\b((?:proxy-)?authorization|(?:set-)?cookie)(["']?\s*[:=]\s*).*/gi, '$1$2***'],
  [/\b(bearer|basic)\s+[\w+/.=~-]+/gi, '$1 ***'],
  [/([a-z][a-z0-9+.-]*:\/\/)[^/\s@]+@/gi, '$1***@'],
  [/([\w.-]*(?:password|passwd|pwd|secret|token|credential|api[_-]?key|account[_-]?key|access[_-]?key|private[_-]?key|signature|connection[_-]?string|assertion)[\w.-]*["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;&}]+)/gi, '$1***'],
  [/([?&](?:sig|code|key)=)[^&\s;]+/gi, '$1***'],
  [/\beyJ[\w-]+\.[\w.-]*/g, '***'],
  [/\b[0-9a-f]{32,}\b/gi, '***'],
  [/(?<![\w+~-])(?=[\w+~-]*\d)(?=[\w+~-]*[a-z])(?=[\w+~-]*[A-Z])[\w+~-]{24,}={0,2}/g, '***'],
];
