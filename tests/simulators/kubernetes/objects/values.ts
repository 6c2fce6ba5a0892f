import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../../kernel/service.js';

/** A JSON object of unknown fields. */
export type Fields = Record<string, unknown>;

/** The part of an object's metadata that the server itself reads. */
export interface Metadata extends Fields {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: unknown;
}

export interface OwnerReference extends Fields {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
}

/** Any Kubernetes object, stored or on its way. */
export interface KubernetesObject extends Fields {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
}

/** The value at a path of field names; undefined as soon as a step is missing. */
export function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((inner, step) => (isRecord(inner) ? inner[step] : undefined), value);
}

/** The object at a path; empty when there is none. */
export function fieldsAt(value: unknown, ...path: string[]): Fields {
  const found = at(value, ...path);
  return isRecord(found) ? found : {};
}

/** The objects in the list at a path; empty when there is none. */
export function itemsAt(value: unknown, ...path: string[]): Fields[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter(isRecord) : [];
}

/** The texts in the list at a path. */
export function textsAt(value: unknown, ...path: string[]): string[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter((item) => typeof item === 'string') : [];
}

/** The text at a path; empty when there is none. */
export function textAt(value: unknown, ...path: string[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
}

/** The number at a path. */
export function numberAt(value: unknown, path: string[], otherwise: number): number {
  const found = at(value, ...path);
  return typeof found === 'number' ? found : otherwise;
}

/** The string-to-string map at a path; other values are left out. */
export function mapAt(value: unknown, ...path: string[]): Record<string, string> {
  const entries = Object.entries(fieldsAt(value, ...path));
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** Sets a field when it is absent. */
export function defaultTo(target: Fields, field: string, value: unknown): void {
  target[field] ??= value;
}

/** The object in a field, made when it is absent, so that it can be filled. */
export function ensure(target: Fields, field: string): Fields {
  const found = target[field];
  if (isRecord(found)) return found;
  const made: Fields = {};
  target[field] = made;
  return made;
}

/** Equality of JSON values. */
export function same(left: unknown, right: unknown): boolean {
  return isDeepStrictEqual(left, right);
}

/** A deep copy of a JSON value. Objects are copied with every write, and structuredClone takes several times as long for them. */
export function copy<Value>(value: Value): Value;
export function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => copy(item));
  if (typeof value !== 'object' || value === null) return value;
  const copied: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) copied[key] = copy(field as unknown);
  return copied;
}

/** Kubernetes' form of a time: RFC 3339 in whole seconds. */
export function timestamp(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** `namespace/name`, or the name alone for objects of the cluster. */
export function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

/** The owner that controls an object, if any. */
export function controllerOf(object: KubernetesObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** True for an object that was read from JSON and has at least a metadata object. */
export function isObject(value: unknown): value is KubernetesObject {
  return isRecord(value) && typeof value.kind === 'string' && typeof value.apiVersion === 'string' && isRecord(value.metadata);
}
