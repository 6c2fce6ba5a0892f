import { isRecord } from '../../kernel/service.js';
import type { Shape } from '../objects/schema.js';
import { copy, textAt, type Fields, type KubernetesObject } from '../objects/values.js';
import { decodeFields, encodeFields, leavesOf, sameLeaf, type FieldPath } from './field-sets.js';

/** Who writes: a field manager with the endpoint it uses. */
export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  /** `status`, `scale`, or empty for the object itself. */
  readonly subresource: string;
  /** RFC 3339, whole seconds. */
  readonly time: string;
}

/** One entry of `metadata.managedFields`, its field set decoded. */
export interface Ownership extends Writer {
  readonly operation: 'Apply' | 'Update';
  readonly fields: ReadonlySet<FieldPath>;
}

/** The owners that an object's managedFields name; malformed entries are left out. */
export function ownershipsOf(object: Fields | undefined): Ownership[] {
  const metadata = object?.metadata;
  const entries = isRecord(metadata) ? metadata.managedFields : undefined;
  return (Array.isArray(entries) ? entries : []).filter(isRecord).flatMap((entry): Ownership[] => {
    const operation = entry.operation;
    if (operation !== 'Apply' && operation !== 'Update') return [];
    const fields = new Set(decodeFields(entry.fieldsV1));
    const text = (field: string): string => textAt(entry, field);
    return [{ manager: text('manager'), operation, apiVersion: text('apiVersion'), subresource: text('subresource'), time: text('time'), fields }];
  });
}

/** The managedFields value for owners; an owner of nothing disappears. Appliers come first, as in the real server. */
export function managedFields(owners: readonly Ownership[]): Fields[] {
  const kept = owners.filter((owner) => owner.fields.size > 0);
  const ordered = [...kept.filter((owner) => owner.operation === 'Apply'), ...kept.filter((owner) => owner.operation === 'Update')];
  return ordered.map(({ manager, operation, apiVersion, time, fields, subresource }) => ({
    manager,
    operation,
    apiVersion,
    time,
    fieldsType: 'FieldsV1',
    fieldsV1: encodeFields(fields),
    ...(subresource === '' ? {} : { subresource }),
  }));
}

function isSame(owner: Ownership, writer: Writer, operation: Ownership['operation']): boolean {
  const matches = owner.manager === writer.manager && owner.operation === operation && owner.subresource === writer.subresource;
  return matches && (operation === 'Apply' || owner.apiVersion === writer.apiVersion);
}

/** The entry of one writer, if it has one. */
export function ownershipOf(owners: readonly Ownership[], writer: Writer, operation: Ownership['operation']): Ownership | undefined {
  return owners.find((owner) => isSame(owner, writer, operation));
}

/** The owners with one writer's entry replaced, in its place or at the end. */
export function withOwnership(owners: readonly Ownership[], entry: Ownership): Ownership[] {
  const found = owners.some((owner) => isSame(owner, entry, entry.operation));
  return found ? owners.map((owner) => (isSame(owner, entry, entry.operation) ? entry : owner)) : [...owners, entry];
}

/** The owners after a write other than apply: what changed belongs to the writer, what vanished to nobody. */
export function ownershipAfterUpdate(before: KubernetesObject | undefined, after: KubernetesObject, shape: Shape, owners: readonly Ownership[], writer: Writer): Ownership[] {
  const old = before === undefined ? new Map<FieldPath, unknown>() : leavesOf(before, shape);
  const now = leavesOf(after, shape);
  const changed = new Set([...now].filter(([path, value]) => !old.has(path) || !sameLeaf(old.get(path), value)).map(([path]) => path));
  const gone = new Set([...old.keys()].filter((path) => !now.has(path)));
  if (changed.size === 0 && gone.size === 0) return [...owners];
  const others = owners.map((owner) =>
    isSame(owner, writer, 'Update')
      ? { ...owner, fields: without(owner.fields, gone) }
      : { ...owner, fields: without(owner.fields, new Set([...changed, ...gone])) },
  );
  if (changed.size === 0) return others;
  const mine = ownershipOf(others, writer, 'Update');
  return withOwnership(others, { ...writer, operation: 'Update', fields: new Set([...(mine?.fields ?? []), ...changed]) });
}

/** A set without the members of another. */
export function without(fields: ReadonlySet<FieldPath>, gone: ReadonlySet<FieldPath>): ReadonlySet<FieldPath> {
  return new Set([...fields].filter((path) => !gone.has(path)));
}

/** The object with other managedFields; absent when nobody owns anything. */
export function withOwners(object: KubernetesObject, owners: readonly Ownership[]): KubernetesObject {
  const result = copy(object);
  const entries = managedFields(owners);
  if (entries.length === 0) delete result.metadata.managedFields;
  else result.metadata.managedFields = entries;
  return result;
}
