/**
 * The value with every text in it redacted; keys stay.
 * @param redact takes what is secret out of a text.
 */
export function redacted<T>(value: T, redact: (text: string) => string): T;
export function redacted(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item: unknown) => redacted(item, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]: [string, unknown]) => [key, redacted(item, redact)]));
}
