import { createHash } from 'node:crypto';

/** What an expression of a Bicep file comes to. */
export type Value = string | number | boolean | null | readonly Value[] | ValueMap;

/** A mapping of values. */
export interface ValueMap {
  readonly [key: string]: Value;
}

/** The value that a JSON text stands for. @throws Error for a text that is none. */
export function fromJson(json: string): Value {
  return checked(JSON.parse(json));
}

function checked(value: unknown): Value {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(checked);
  if (typeof value !== 'object') throw new Error(`JSON has no ${typeof value}`);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, checked(inner)]));
}

/** The value as a mapping. @throws Error for any other. */
export function mapping(value: Value): ValueMap {
  if (typeof value !== 'object' || value === null || isList(value)) throw new Error(`not an object: ${JSON.stringify(value)}`);
  return value;
}

/** The value as a list. @throws Error for any other. */
export function listed(value: Value): readonly Value[] {
  if (!isList(value)) throw new Error(`not an array: ${JSON.stringify(value)}`);
  return value;
}

/** The value as a text. @throws Error for any other. */
export function text(value: Value): string {
  if (typeof value !== 'string') throw new Error(`not a string: ${JSON.stringify(value)}`);
  return value;
}

/** The value as a yes or no. @throws Error for any other. */
export function truth(value: Value): boolean {
  if (typeof value !== 'boolean') throw new Error(`not a bool: ${JSON.stringify(value)}`);
  return value;
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** The type of a value in the words of Bicep. */
export function typeOf(value: Value): string {
  if (isList(value)) return 'array';
  if (typeof value === 'number') return 'int';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** The namespace of the function `guid` of ARM templates. */
const guidNamespace = Buffer.from('11fb06fb712d4ddd98c7e71bbd588830', 'hex');

const functions: Readonly<Record<string, (...values: readonly Value[]) => Value>> = {
  concat: (...values) => (values.every(isList) ? values.flat() : values.map(text).join('')),
  empty: (value) => value === '' || value === null || (typeof value === 'object' && Object.keys(value).length === 0),
  guid: (...values) => guidOf(values.map(text).join('-')),
  items: (value) => Object.entries(mapping(value ?? null)).sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, entry]) => ({ key, value: entry })),
  join: (value, separator) => listed(value ?? null).map(text).join(text(separator ?? null)),
  last: (value) => listed(value ?? null).at(-1) ?? null,
  length: (value) => (typeof value === 'string' ? value.length : listed(value ?? null).length),
  replace: (value, from, to) => text(value ?? null).replaceAll(text(from ?? null), text(to ?? null)),
  split: (value, separator) => text(value ?? null).split(text(separator ?? null)),
  string: (value) => (typeof value === 'string' ? value : JSON.stringify(value)),
  tenantResourceId: (type, ...names) => `/providers/${interleaved(text(type ?? null), names.map(text))}`,
  toLower: (value) => text(value ?? null).toLowerCase(),
  uniqueString: (...values) => createHash('sha256').update(values.map(text).join('|')).digest('hex').slice(0, 13),
};

/** A function that needs nothing but its arguments. */
export function plainFunction(name: string): ((...values: readonly Value[]) => Value) | undefined {
  return functions[name];
}

/** `Microsoft.A/b/c` with names x, y: `Microsoft.A/b/x/c/y`. */
function interleaved(type: string, names: readonly string[]): string {
  const [provider = '', ...kinds] = type.split('/');
  if (kinds.length !== names.length) throw new Error(`${type} takes ${kinds.length} names, not ${names.length}`);
  return [provider, ...kinds.flatMap((kind, index) => [kind, names[index] ?? ''])].join('/');
}

function guidOf(name: string): string {
  const bytes = createHash('sha1').update(guidNamespace).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
