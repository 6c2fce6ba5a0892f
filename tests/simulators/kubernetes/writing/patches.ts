import jsonPatch, { type Operation } from 'fast-json-patch';
import { isRecord } from '../../kernel/service.js';
import { fieldShape, shapeOf, type ListRule, type Shape } from '../objects/schema.js';
import { ApiError, badRequest } from '../objects/status.js';
import { copy, same, type Fields } from '../objects/values.js';

/** RFC 7386. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Fields = isRecord(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, field);
    else result[field] = mergePatch(result[field], value);
  }
  return result;
}

function isOperation(value: unknown): value is Operation {
  return isRecord(value) && typeof value.op === 'string' && typeof value.path === 'string';
}

/** RFC 6902. @throws ApiError 400 for what is no patch, 422 for one that cannot be applied. */
export function jsonPatched(target: Fields, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  if (!patch.every(isOperation)) throw badRequest('error decoding patch: Unexpected kind: unknown');
  try {
    return jsonPatch.applyPatch<unknown>(copy(target), patch, true, false).newDocument;
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
    throw new ApiError(422, 'Invalid', `the server rejected our request due to an error in our request: ${message}`, {});
  }
}

const order = '$setElementOrder/';
const remove = '$deleteFromPrimitiveList/';

/** Kubernetes' strategic merge patch with all its directives. */
export function strategicPatch(target: unknown, patch: Fields, shape: Shape): Fields {
  const { $patch: directive, $retainKeys: retained, ...rest } = patch;
  if (directive === 'delete') return {};
  const result: Fields = isRecord(target) && directive !== 'replace' ? { ...target } : {};
  if (Array.isArray(retained)) {
    for (const field of Object.keys(result)) if (!retained.includes(field)) Reflect.deleteProperty(result, field);
  }
  for (const [field, value] of Object.entries(rest)) {
    if (field.startsWith(remove)) removePrimitives(result, field.slice(remove.length), value);
    else if (!field.startsWith('$')) patchField(result, field, value, shape);
  }
  for (const [field, value] of Object.entries(rest)) {
    if (field.startsWith(order)) reorder(result, field.slice(order.length), value, shape);
  }
  return result;
}

function patchField(result: Fields, field: string, value: unknown, shape: Shape): void {
  const inner = fieldShape(shape, field) ?? { is: 'any' };
  if (value === null) Reflect.deleteProperty(result, field);
  else if (isRecord(value)) result[field] = strategicPatch(result[field], value, inner);
  else if (Array.isArray(value) && inner.is === 'list' && inner.rule !== undefined) result[field] = patchList(result[field], value, inner.rule, shapeOf(inner.of));
  else result[field] = copy(value);
}

function patchList(current: unknown, patch: readonly unknown[], rule: ListRule, inner: Shape): unknown[] {
  const items = Array.isArray(current) ? [...(current as unknown[])] : [];
  const { merge } = rule;
  if (merge === undefined) return rule.set === true ? [...items, ...patch.filter((value) => !items.includes(value))] : [...patch];
  if (patch.some((item) => isRecord(item) && item.$patch === 'replace')) return patch.filter((item) => !(isRecord(item) && '$patch' in item));
  for (const item of patch.filter(isRecord)) {
    if (item[merge] === undefined) throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${merge}`);
    const index = items.findIndex((other) => isRecord(other) && other[merge] === item[merge]);
    if (item.$patch === 'delete') {
      if (index >= 0) items.splice(index, 1);
    } else if (index >= 0) {
      items[index] = strategicPatch(items[index], item, inner);
    } else {
      items.push(strategicPatch({}, item, inner));
    }
  }
  return items;
}

function removePrimitives(result: Fields, field: string, values: unknown): void {
  const current = result[field];
  if (!Array.isArray(current) || !Array.isArray(values)) return;
  result[field] = current.filter((item: unknown) => !values.some((value) => same(item, value)));
}

/** Items named in the order come first, in that order; the others follow as they were. */
function reorder(result: Fields, field: string, wanted: unknown, shape: Shape): void {
  const current = result[field];
  const inner = fieldShape(shape, field);
  if (!Array.isArray(current) || !Array.isArray(wanted) || inner?.is !== 'list') return;
  const merge = inner.rule?.merge;
  const key = (item: unknown): unknown => (merge !== undefined && isRecord(item) ? item[merge] : item);
  const positions = wanted.map(key);
  const place = (item: unknown): number => {
    const index = positions.indexOf(key(item));
    return index < 0 ? positions.length : index;
  };
  result[field] = [...(current as unknown[])].sort((left, right) => place(left) - place(right));
}
