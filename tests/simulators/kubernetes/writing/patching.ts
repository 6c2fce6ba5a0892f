import { isRecord } from '../../kernel/service.js';
import type { Kind } from '../objects/kinds.js';
import { objectShape } from '../objects/schema.js';
import { ApiError, badRequest, conflict, notFound, unsupportedMediaType } from '../objects/status.js';
import { at, copy, isObject, textAt, type Fields, type KubernetesObject } from '../objects/values.js';
import { applyConfiguration } from './apply.js';
import { decode, strictError } from './decoding.js';
import { ownershipsOf } from './managed-fields.js';
import { jsonPatched, mergePatch, strategicPatch } from './patches.js';
import { scaleOf } from './deletion.js';
import type { Write, Writer } from './writer.js';

/** How unknown fields are treated. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** A PATCH as it came. */
export interface Patch {
  /** Media type without parameters. */
  readonly type: string;
  /** The parsed body. */
  readonly body: unknown;
  readonly validation: FieldValidation;
  /** The query's fieldManager; required for apply. */
  readonly fieldManager: string;
  /** The query's force; undefined when it is not given. */
  readonly force: boolean | undefined;
}

/** What a body is about: the object at this place. */
export interface Target {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string;
}

/** Media types of patches that a kind takes. */
export function patchTypes(kind: Kind): string[] {
  const strategic = kind.type === undefined ? [] : ['application/strategic-merge-patch+json'];
  return ['application/json-patch+json', 'application/merge-patch+json', ...strategic, 'application/apply-patch+yaml'];
}

/** Completes an object from the request's path, as typed clients expect. @throws ApiError 400 where body and path disagree. */
export function addressed(body: Fields, target: Target): KubernetesObject {
  const { kind, namespace, name } = target;
  const object: Fields = { ...body, apiVersion: textAt(body, 'apiVersion') || kind.apiVersion, kind: textAt(body, 'kind') || kind.kind };
  if (object.apiVersion !== kind.apiVersion || object.kind !== kind.kind) {
    const got = `${textAt(object, 'apiVersion')}, Kind=${textAt(object, 'kind')}`;
    throw badRequest(`the API version in the data (${got}) does not match the expected API version (${kind.apiVersion}, Kind=${kind.kind})`);
  }
  const metadata: Fields = isRecord(body.metadata) ? { ...body.metadata } : {};
  const own = textAt(metadata, 'name');
  if (name !== '' && own !== '' && own !== name) throw badRequest(`the name of the object (${own}) does not match the name on the URL (${name})`);
  const place = textAt(metadata, 'namespace');
  if (namespace !== undefined && place !== '' && place !== namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (namespace === undefined) delete metadata.namespace;
  else metadata.namespace = namespace;
  metadata.name = own === '' ? name : own;
  const result = { ...object, metadata };
  if (!isObject(result)) throw badRequest('the object has no kind, apiVersion or metadata');
  return result;
}

/** Decodes a body by the kind's structure; unknown fields are refused, warned of or dropped. @throws ApiError 400. */
export function decodeObject(body: Fields, target: Target, validation: FieldValidation, warn: (text: string) => void): KubernetesObject {
  const object = addressed(body, target);
  const decoded = decode(target.kind, object);
  if (decoded.problems.length > 0 && validation === 'Strict') {
    const { kind, version } = target.kind;
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${strictError(decoded.problems)}`);
  }
  if (validation === 'Warn') decoded.problems.forEach(warn);
  return addressed(decoded.object, target);
}

/** Carries out a PATCH. Returns the object and whether the patch (an apply) created it. @throws ApiError as the API server does. */
export function patchObject(target: Target, current: KubernetesObject | undefined, patch: Patch, writer: Writer, write: Write, warn: (text: string) => void): { object: KubernetesObject; created: boolean } {
  if (!patchTypes(target.kind).includes(patch.type)) throw unsupportedMediaType(patchTypes(target.kind));
  if (patch.type === 'application/apply-patch+yaml') return apply(target, current, patch, writer, write);
  if (patch.force !== undefined) throw optionsInvalid('force: Forbidden: may not be specified for non-apply patch');
  if (current === undefined) throw notFound(target.kind, target.name);
  if (write.subresource === 'scale') return { object: patchScale(target, current, patch, writer, write), created: false };
  const patched = patchedBody(current, patch, target.kind);
  const decoded = decode(target.kind, patched);
  if (decoded.problems.length > 0 && patch.validation === 'Strict') {
    throw new ApiError(422, 'Invalid', ` "" is invalid: patch: Invalid value: ${JSON.stringify(JSON.stringify(patch.body))}: ${strictError(decoded.problems)}`, { causes: [] });
  }
  if (patch.validation === 'Warn') decoded.problems.forEach(warn);
  return { object: writer.update(target.kind, current, addressed(decoded.object, target), write), created: false };
}

function patchedBody(current: Fields, patch: Patch, kind: Kind): Fields {
  const shape = objectShape(kind.type);
  const { body } = patch;
  let result: unknown;
  if (patch.type === 'application/json-patch+json') result = jsonPatched(current, body);
  else if (!isRecord(body)) throw badRequest('error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}');
  else if (patch.type === 'application/merge-patch+json') result = mergePatch(copy(current), body);
  else result = strategicPatch(copy(current), body, shape);
  if (!isRecord(result)) throw badRequest('the patched value is not an object');
  return result;
}

function patchScale(target: Target, current: KubernetesObject, patch: Patch, writer: Writer, write: Write): KubernetesObject {
  const scale = patchedBody(scaleOf(current), patch, { ...target.kind, type: undefined });
  return rescale(target, current, scale, writer, write);
}

/** Writes the replicas of a Scale into the object that it scales. @throws ApiError 400 when it names no number. */
export function rescale(target: Target, current: KubernetesObject, scale: Fields, writer: Writer, write: Write): KubernetesObject {
  const replicas = at(scale, 'spec', 'replicas') ?? 0;
  if (typeof replicas !== 'number' || replicas < 0) throw badRequest('spec.replicas: Invalid value: must be greater than or equal to 0');
  const draft = copy(current);
  draft.spec = { ...(isRecord(draft.spec) ? draft.spec : {}), replicas };
  draft.metadata.resourceVersion = textAt(scale, 'metadata', 'resourceVersion');
  return scaleOf(writer.update(target.kind, current, draft, write));
}

function optionsInvalid(problem: string): ApiError {
  return new ApiError(422, 'Invalid', `PatchOptions.meta.k8s.io "" is invalid: ${problem}`, { group: 'meta.k8s.io', kind: 'PatchOptions' });
}

function apply(target: Target, current: KubernetesObject | undefined, patch: Patch, writer: Writer, write: Write): { object: KubernetesObject; created: boolean } {
  const { kind } = target;
  if (patch.fieldManager === '') throw optionsInvalid('fieldManager: Required value: is required for apply patch');
  if (!isRecord(patch.body)) throw badRequest('error decoding YAML: the body is not an object');
  const managed = at(patch.body, 'metadata', 'managedFields');
  if (managed !== undefined && managed !== null) throw badRequest('metadata.managedFields must be nil');
  if (textAt(patch.body, 'apiVersion') === '' || textAt(patch.body, 'kind') === '') throw badRequest('apiVersion and kind must be set');
  const decoded = decode(kind, addressed(patch.body, target));
  if (decoded.problems.length > 0) {
    const fields = decoded.problems.map((problem) => `.${/"(.*)"/.exec(problem)?.[1] ?? ''}: field not declared in schema`);
    const id = `${target.namespace === undefined ? '' : `${target.namespace}/`}${target.name}; ${kind.apiVersion}, Kind=${kind.kind}`;
    throw new ApiError(500, '', `failed to create typed patch object (${id}): ${fields.join('\n')}`);
  }
  const config = addressed(decoded.object, target);
  if (write.subresource === '' && kind.status) delete config.status;
  const { resourceVersion = '', uid = '' } = config.metadata;
  if (current === undefined && uid !== '') throw conflict(kind, target.name, 'uid mismatch: the provided object specified uid ' + uid + ', and no existing object was found');
  if (current === undefined && write.subresource !== '') throw notFound(kind, target.name);
  if (current !== undefined && resourceVersion !== '' && resourceVersion !== current.metadata.resourceVersion) throw conflict(kind, target.name);
  const who = { manager: patch.fieldManager, apiVersion: kind.apiVersion, subresource: write.subresource, time: writer.time() };
  const applied = applyConfiguration(current, config, objectShape(kind.type), who, patch.force === true, ownershipsOf(current));
  if (current === undefined) return { object: writer.create(kind, applied.object, write, applied.owners), created: true };
  return { object: writer.update(kind, current, applied.object, write, applied.owners), created: false };
}
