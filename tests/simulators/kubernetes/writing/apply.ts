import { isRecord } from '../../kernel/service.js';
import { fieldShape, shapeOf, type ListRule, type Shape } from '../objects/schema.js';
import { ApiError } from '../objects/status.js';
import { copy, same, type Fields, type KubernetesObject } from '../objects/values.js';
import { isGranular, itemElement, leavesOf, printPath, removeAt, sameLeaf, type FieldPath } from './field-sets.js';
import { ownershipOf, without, withOwnership, type Ownership, type Writer } from './managed-fields.js';

/** What an apply results in, before defaults and validation. */
export interface Applied {
  readonly object: KubernetesObject;
  readonly owners: readonly Ownership[];
}

interface Clash {
  readonly owner: Ownership;
  readonly path: FieldPath;
}

/**
 * Server-side apply: merges a configuration into the live object, takes out what only this applier owned and no longer sends.
 * @throws ApiError 409 when another manager owns a field with another value, unless `force`.
 */
export function applyConfiguration(live: KubernetesObject | undefined, config: KubernetesObject, shape: Shape, writer: Writer, force: boolean, current: readonly Ownership[]): Applied {
  const sent = leavesOf(config, shape);
  const fields = new Set(sent.keys());
  if (live === undefined) return { object: copy(config), owners: [{ ...writer, operation: 'Apply', fields }] };
  const mine = ownershipOf(current, writer, 'Apply');
  const clashes = findClashes(leavesOf(live, shape), sent, current, mine);
  if (clashes.length > 0 && !force) throw conflictError(clashes);
  const lost = new Map<Ownership, Set<FieldPath>>();
  for (const { owner, path } of clashes) lost.set(owner, (lost.get(owner) ?? new Set()).add(path));
  const others = current.map((owner) => ({ ...owner, fields: without(owner.fields, lost.get(owner) ?? new Set()) }));
  const object = copy(live);
  Object.assign(object, merge(live, config, shape));
  dropAbandoned(object, mine, fields, others);
  const unchanged = mine?.fields.size === fields.size && [...fields].every((path) => mine.fields.has(path)) && same(object, live);
  const time = unchanged ? mine.time : writer.time;
  return { object, owners: withOwnership(others, { ...writer, time, operation: 'Apply', fields }) };
}

function findClashes(live: ReadonlyMap<FieldPath, unknown>, sent: ReadonlyMap<FieldPath, unknown>, owners: readonly Ownership[], mine: Ownership | undefined): Clash[] {
  return owners.flatMap((owner) => {
    if (owner === mine) return [];
    return [...owner.fields].filter((path) => sent.has(path) && !sameLeaf(live.get(path), sent.get(path))).map((path) => ({ owner, path }));
  });
}

function describe(owner: Ownership): string {
  const subresource = owner.subresource === '' ? '' : ` with subresource "${owner.subresource}"`;
  return `"${owner.manager}"${subresource}${owner.operation === 'Apply' ? '' : ` using ${owner.apiVersion}`}`;
}

function conflictError(clashes: readonly Clash[]): ApiError {
  const causes = clashes.map(({ owner, path }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${describe(owner)}`, field: printPath(path) }));
  const plural = clashes.length === 1 ? 'conflict' : 'conflicts';
  const byOwner = new Map<string, string[]>();
  for (const { owner, path } of clashes) byOwner.set(describe(owner), [...(byOwner.get(describe(owner)) ?? []), printPath(path)]);
  const texts = [...byOwner].map(([owner, paths]) => {
    const one = paths.length === 1;
    return one ? `conflict with ${owner}: ${paths.join('')}` : `conflicts with ${owner}:\n${paths.map((path) => `- ${path}`).join('\n')}`;
  });
  return new ApiError(409, 'Conflict', `Apply failed with ${clashes.length} ${plural}: ${texts.join('\n')}`, { causes });
}

function dropAbandoned(object: KubernetesObject, mine: Ownership | undefined, sent: ReadonlySet<FieldPath>, others: readonly Ownership[]): void {
  const abandoned = [...(mine?.fields ?? [])].filter((path) => !sent.has(path));
  const elsewhere = others.filter((owner) => !(owner.operation === 'Apply' && owner.manager === mine?.manager && owner.subresource === mine.subresource));
  const free = abandoned.filter((path) => !elsewhere.some((owner) => owner.fields.has(path)));
  for (const path of free.sort((left, right) => left.split('\n').length - right.split('\n').length)) {
    const isItem = /\n[kv]:[^\n]*$/.test(path);
    const heldInside = elsewhere.some((owner) => [...owner.fields].some((other) => other.startsWith(`${path}\n`)));
    if (!(isItem && heldInside) && !isItemKey(path)) removeAt(object, path);
  }
}

/** True for a field by which a list item is known: it goes with the item only. */
function isItemKey(path: FieldPath): boolean {
  const [item = '', field = ''] = path.split('\n').slice(-2);
  return item.startsWith('k:') && item.includes(`${JSON.stringify(field.slice(2))}:`);
}

function merge(live: unknown, config: unknown, shape: Shape): unknown {
  if (config === null) return live;
  const granular = !('atomic' in shape && shape.atomic);
  if (isRecord(live) && isRecord(config) && granular) {
    const result: Fields = { ...live };
    for (const [field, value] of Object.entries(config)) {
      if (value !== null) result[field] = merge(live[field], value, fieldShape(shape, field) ?? { is: 'any' });
    }
    return result;
  }
  if (Array.isArray(live) && Array.isArray(config) && shape.is === 'list' && isGranular(shape.rule)) {
    return mergeItems(live, config, shape.rule, shapeOf(shape.of));
  }
  return copy(config);
}

/** Sent items come in the sent order; live items that were not sent stay behind their live predecessor. */
function mergeItems(live: readonly unknown[], config: readonly unknown[], rule: ListRule, inner: Shape): unknown[] {
  const byElement = new Map(live.map((item) => [itemElement(item, rule), item]));
  const result = config.map((item) => ({ element: itemElement(item, rule), item: merge(byElement.get(itemElement(item, rule)), item, inner) }));
  let previous = '';
  for (const [element, item] of byElement) {
    if (!result.some((entry) => entry.element === element)) {
      result.splice(result.findIndex((entry) => entry.element === previous) + 1, 0, { element, item: copy(item) });
    }
    previous = element;
  }
  return result.map((entry) => entry.item);
}
