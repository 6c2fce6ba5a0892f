import { isRecord } from '../../kernel/service.js';
import { fieldShape, type ListRule, type Shape } from '../objects/schema.js';
import { same, type Fields } from '../objects/values.js';

/** A path into an object: elements `f:name`, `k:{"name":"c"}` or `v:"x"`, joined by line feeds. */
export type FieldPath = string;

/** Stands for "this list item exists", which is owned apart from the item's fields. */
const present = Symbol('list item');

/** The element that names a list item, e.g. `k:{"containerPort":80,"protocol":"TCP"}`. */
export function itemElement(item: unknown, rule: ListRule): string {
  if (rule.keys === undefined || !isRecord(item)) return `v:${JSON.stringify(item)}`;
  const keys = [...rule.keys].sort().map((key) => [key, item[key] ?? (key === 'protocol' ? 'TCP' : null)]);
  return `k:${JSON.stringify(Object.fromEntries(keys))}`;
}

/** True for lists whose items are owned one by one. */
export function isGranular(rule: ListRule | undefined): rule is ListRule {
  return rule !== undefined && (rule.keys !== undefined || rule.set === true);
}

/** Every leaf of an object with its value, as server-side apply sees it: atomic lists and maps count as one leaf. */
export function leavesOf(object: Fields, shape: Shape): Map<FieldPath, unknown> {
  const leaves = new Map<FieldPath, unknown>();
  collect(object, shape, [], leaves);
  for (const path of leaves.keys()) if (isServerOwned(path)) leaves.delete(path);
  return leaves;
}

function collect(value: unknown, shape: Shape, path: readonly string[], leaves: Map<FieldPath, unknown>): void {
  if (value === null || value === undefined) return;
  if (isRecord(value) && !('atomic' in shape && shape.atomic)) {
    const entries = Object.entries(value);
    if (entries.length === 0 && path.length > 0) leaves.set(path.join('\n'), value);
    for (const [field, inner] of entries) collect(inner, fieldShape(shape, field) ?? { is: 'any' }, [...path, `f:${field}`], leaves);
  } else if (Array.isArray(value) && shape.is === 'list' && isGranular(shape.rule)) {
    for (const item of value) {
      const inner = [...path, itemElement(item, shape.rule)];
      leaves.set(inner.join('\n'), present);
      if (isRecord(item)) collect(item, fieldShapeOfItems(shape), inner, leaves);
    }
  } else {
    leaves.set(path.join('\n'), value);
  }
}

function fieldShapeOfItems(shape: Shape): Shape {
  return shape.is === 'list' ? (fieldShape({ is: 'map', of: shape.of, atomic: false }, '') ?? { is: 'any' }) : { is: 'any' };
}

const serverOwned = ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink'];
const neverOwned = new Set(['f:apiVersion', 'f:kind', ...serverOwned.map((field) => `f:metadata\nf:${field}`)]);

function isServerOwned(path: FieldPath): boolean {
  return neverOwned.has(path) || path.startsWith('f:metadata\nf:managedFields');
}

/** True when both leaves hold the same value (or both only say that an item exists). */
export function sameLeaf(left: unknown, right: unknown): boolean {
  return left === right || same(left, right);
}

/** The FieldsV1 form of a set of paths. */
export function encodeFields(paths: Iterable<FieldPath>): Fields {
  const root: Fields = {};
  const members = new Set(paths);
  for (const path of [...members].sort()) {
    let node = root;
    const elements = path.split('\n');
    elements.forEach((element, index) => {
      const inner = node[element];
      const next: Fields = isRecord(inner) ? inner : {};
      if (inner === undefined) node[element] = next;
      else if (members.has(elements.slice(0, index + 1).join('\n')) && index < elements.length - 1) next['.'] = {};
      node = next;
    });
  }
  return root;
}

/** The set of paths of a FieldsV1 value. */
export function decodeFields(value: unknown, path: readonly string[] = []): FieldPath[] {
  const entries = Object.entries(isRecord(value) ? value : {});
  if (entries.length === 0) return path.length === 0 ? [] : [path.join('\n')];
  return entries.flatMap(([element, inner]) => (element === '.' ? [path.join('\n')] : decodeFields(inner, [...path, element])));
}

/** Takes the field or item at a path out of an object (in place), and the maps and lists that become empty by it. */
export function removeAt(target: unknown, path: FieldPath): void {
  removeElements(target, path.split('\n'));
}

function removeElements(target: unknown, [element = '', ...rest]: readonly string[]): void {
  if (Array.isArray(target)) {
    const index = target.findIndex((item: unknown) => isItem(item, element));
    if (index < 0) return;
    if (rest.length === 0) target.splice(index, 1);
    else removeElements(target[index], rest);
  } else if (isRecord(target)) {
    const field = element.slice(2);
    const inner = target[field];
    if (rest.length === 0) {
      Reflect.deleteProperty(target, field);
      return;
    }
    removeElements(inner, rest);
    const emptied = Array.isArray(inner) ? inner.length === 0 : isRecord(inner) && Object.keys(inner).length === 0;
    if (emptied) Reflect.deleteProperty(target, field);
  }
}

function isItem(item: unknown, element: string): boolean {
  const wanted: unknown = JSON.parse(element.slice(2));
  if (!element.startsWith('k:') || !isRecord(wanted)) return same(item, wanted);
  return isRecord(item) && Object.entries(wanted).every(([key, value]) => (item[key] ?? (key === 'protocol' ? 'TCP' : null)) === value);
}

/** A path as conflicts print it: `.spec.containers[name="c"].image`. */
export function printPath(path: FieldPath): string {
  return path.split('\n').map(printElement).join('');
}

function printElement(element: string): string {
  if (element.startsWith('f:')) return `.${element.slice(2)}`;
  const value: unknown = JSON.parse(element.slice(2));
  if (element.startsWith('v:') || !isRecord(value)) return `[=${JSON.stringify(value)}]`;
  return `[${Object.entries(value).map(([key, inner]) => `${key}=${JSON.stringify(inner)}`).join(',')}]`;
}
