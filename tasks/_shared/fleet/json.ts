/** Any JSON object, as services answer. */
export type Json = Readonly<Record<string, unknown>>;

/** The value when it is a JSON object, else an empty one. */
export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** A key as an object spells it, whatever its case: services answer some names in varying case. Undefined where the object has none of the name. */
export function keyIn(holder: Json, key: string): string | undefined {
  return Object.keys(holder).find((name) => name.toLowerCase() === key.toLowerCase());
}

/** The value when it is a string that is not empty. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The value when it is a number. */
export function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** The value when it is an array, else an empty one. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The strings of an array that are not empty; empty when it is none. */
export function texts(value: unknown): string[] {
  return list(value).flatMap((entry) => text(entry) ?? []);
}

/** The objects of an array; empty when it is none. */
export function objects(value: unknown): readonly Json[] {
  return list(value).map(object);
}

/** The entries of an object that are strings: labels, annotations, selectors. */
export function strings(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(object(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(entries);
}

/** Parses JSON text; undefined when it is none. */
export function parseJson(body: string | undefined): unknown {
  try {
    return JSON.parse(body ?? '');
  } catch {
    return undefined;
  }
}

/** JSON text that is equal for equal JSON values, whatever the order of their keys. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  const sorted = entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${sorted.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(',')}}`;
}
