import type { SimResponse } from '../../kernel/service.js';
import type { KubernetesUser, RequestAttributes } from '../access.js';
import type { ControlPlane } from '../controllers/control-plane.js';
import { ApiError, badRequest, invalid, methodNotAllowed, notFound, qualified, unknownResource } from '../objects/status.js';
import type { ObjectStore } from '../objects/store.js';
import { copy, type Fields, type KubernetesObject } from '../objects/values.js';
import { deleteOptions, scaleOf, subresourceOf, type Deleter } from '../writing/deletion.js';
import { decodeObject, patchObject, rescale, type FieldValidation } from '../writing/patching.js';
import type { Write, Writer } from '../writing/writer.js';
import type { Clock } from '../../../../tasks/_shared/reconcile/clock.js';
import { mediaType, readObject, readOptionalObject, readText, type Call } from './call.js';
import { listed, listObject, selectionOf } from './reading.js';
import { tableOf, wantsTable } from './tables.js';
import { watch } from './watch.js';

/** What the resource handlers work with. */
export interface ServingContext {
  readonly name: string;
  readonly clock: Clock;
  readonly store: ObjectStore;
  readonly writer: Writer;
  readonly deleter: Deleter;
  readonly control: ControlPlane;
  readonly allowed: (user: KubernetesUser, attributes: RequestAttributes) => boolean;
  /** Lines of a pod's log, by `namespace/name`. */
  readonly logs: ReadonlyMap<string, readonly string[]>;
}

/** Serves one request for a stored resource. @throws ApiError. */
export function serveResource(call: Call, context: ServingContext): SimResponse {
  const handler = call.subresource === 'log' ? 'log' : call.verb;
  if (call.kind.kind === 'Pod' && ['exec', 'attach', 'portforward', 'eviction', 'binding', 'ephemeralcontainers', 'resize'].includes(call.subresource)) throw notSimulated(call);
  if (call.subresource.startsWith('proxy') || call.subresource === 'finalize') throw notSimulated(call);
  if (handler !== 'log' && subresourceOf(call.subresource) === undefined) throw unknownResource();
  if ((call.subresource === 'status' && !call.kind.status) || (call.subresource === 'scale' && !call.kind.scale)) throw unknownResource();
  return new Resource(call, context).serve(handler);
}

class Resource {
  readonly #warnings: string[] = [];

  constructor(
    private readonly call: Call,
    private readonly context: ServingContext,
  ) {}

  serve(handler: string): SimResponse {
    switch (handler) {
      case 'get':
        return this.#get();
      case 'list':
        return this.#list();
      case 'watch':
        return { status: 200, headers: { 'content-type': 'application/json' }, body: watch(this.call, this.context) };
      case 'create':
        return this.#create();
      case 'update':
        return this.#update();
      case 'patch':
        return this.#patch();
      case 'delete':
        return this.#delete();
      case 'deletecollection':
        return this.#deleteCollection();
      case 'log':
        return this.#log();
      default:
        throw methodNotAllowed();
    }
  }

  #current(): KubernetesObject | undefined {
    const { kind, namespace, name } = this.call;
    return this.context.store.get(kind, namespace, name);
  }

  #existing(): KubernetesObject {
    const found = this.#current();
    if (found === undefined) throw notFound(this.call.kind, this.call.name);
    return found;
  }

  #get(): SimResponse {
    const object = this.#existing();
    return this.#object(200, this.call.subresource === 'scale' ? scaleOf(object) : object);
  }

  #list(): SimResponse {
    const { kind, query } = this.call;
    const found = listed(this.call, this.context.store);
    if (!this.#asTable()) return { status: 200, body: listObject(kind, found) };
    return { status: 200, body: tableOf(kind, found.objects, found.metadata, query.get('includeObject'), this.context.clock.now()) };
  }

  #create(): SimResponse {
    const { kind, request } = this.call;
    if (this.call.name !== '') throw methodNotAllowed();
    if (kind.namespaced && this.call.namespace === undefined) throw methodNotAllowed();
    const object = decodeObject(readObject(request), this.call, this.#validation(), (text) => this.#warnings.push(text));
    if ((object.metadata.resourceVersion ?? '') !== '') throw badRequest('resourceVersion should not be set on objects to be created');
    if (object.metadata.name === '' && (object.metadata.generateName ?? '') === '') {
      throw invalid(kind, '', [{ reason: 'FieldValueRequired', message: 'Required value: name or generateName is required', field: 'metadata.name' }]);
    }
    const created = this.context.writer.create(kind, object, this.#write());
    return this.#wrote(this.#object(201, created), created);
  }

  #update(): SimResponse {
    const { kind, request } = this.call;
    const current = this.#existing();
    const body = readObject(request);
    if (this.call.subresource === 'scale') return this.#wrote(this.#object(200, rescale(this.call, current, body, this.context.writer, this.#write())), current);
    const object = decodeObject(body, this.call, this.#validation(), (text) => this.#warnings.push(text));
    if (kind.type === undefined && (object.metadata.resourceVersion ?? '') === '') {
      throw invalid(kind, this.call.name, [{ reason: 'FieldValueInvalid', message: 'Invalid value: 0x0: must be specified for an update', field: 'metadata.resourceVersion' }]);
    }
    const updated = this.context.writer.update(kind, current, object, this.#write());
    return this.#wrote(this.#object(200, updated), updated);
  }

  #patch(): SimResponse {
    const { query, request } = this.call;
    const type = mediaType(request);
    const current = this.#current();
    if (current === undefined && type === 'application/apply-patch+yaml') this.#mayCreate();
    const force = query.get('force');
    const patch = {
      type,
      body: readText(request.body.toString('utf8'), type === 'application/apply-patch+yaml'),
      validation: this.#validation(),
      fieldManager: query.get('fieldManager') ?? '',
      force: force === null ? undefined : force === 'true',
    };
    const result = patchObject(this.call, current, patch, this.context.writer, this.#write(), (text) => this.#warnings.push(text));
    return this.#wrote(this.#object(result.created ? 201 : 200, result.object), result.object);
  }

  #mayCreate(): void {
    const { kind, namespace = '', name, user } = this.call;
    const attributes = { verb: 'create', group: kind.group, resource: kind.plural, subresource: '', namespace, name };
    if (!this.context.allowed(user, attributes)) throw forbidden(user, attributes);
  }

  #delete(): SimResponse {
    const { kind, request, query } = this.call;
    const object = this.#existing();
    const options = deleteOptions(readOptionalObject(request), query);
    const left = this.context.deleter.delete(kind, object, options);
    const shown = left ?? (kind.kind === 'ServiceAccount' || kind.kind === 'Pod' ? object : undefined);
    const details = { name: object.metadata.name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural, uid: object.metadata.uid };
    const response = { status: 200, body: shown ?? { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details } };
    return options.dryRun ? response : this.#wrote(response, object);
  }

  #deleteCollection(): SimResponse {
    const { kind, namespace, request, query } = this.call;
    const options = deleteOptions(readOptionalObject(request), query);
    const objects = this.context.store.list(kind, namespace).filter(selectionOf(this.call));
    for (const object of objects) this.context.deleter.delete(kind, object, options);
    const response = { status: 200, body: listObject(kind, { objects, metadata: { resourceVersion: String(this.context.store.version) } }) };
    return options.dryRun ? response : { ...response, wrote: `${qualified(kind)} ${namespace ?? ''}/*` };
  }

  #log(): SimResponse {
    const pod = this.#existing();
    const lines = this.context.logs.get(`${pod.metadata.namespace ?? ''}/${pod.metadata.name}`);
    if (lines === undefined) throw notSimulated(this.call);
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: lines.map((line) => `${line}\n`).join('') };
  }

  #write(): Write {
    const subresource = subresourceOf(this.call.subresource) ?? '';
    return { manager: this.call.manager, subresource, dryRun: this.call.dryRun };
  }

  #validation(): FieldValidation {
    const written = this.call.query.get('fieldValidation') ?? '';
    if (written === '') return 'Warn';
    if (written === 'Strict' || written === 'Warn' || written === 'Ignore') return written;
    throw new ApiError(422, 'Invalid', `PatchOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "${written}": supported values: "Ignore", "Strict", "Warn"`);
  }

  #asTable(): boolean {
    return wantsTable(this.call.request.headers.accept ?? '');
  }

  #object(status: number, object: KubernetesObject): SimResponse {
    const warnings = this.#warnings.map((text) => `299 - ${JSON.stringify(text)}`).join(', ');
    const headers = warnings === '' ? {} : { headers: { warning: warnings } };
    if (!this.#asTable()) return { status, ...headers, body: copy<Fields>(object) };
    const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' };
    return { status, ...headers, body: tableOf(this.call.kind, [object], metadata, this.call.query.get('includeObject'), this.context.clock.now()) };
  }

  #wrote(response: SimResponse, object: KubernetesObject): SimResponse {
    if (this.call.dryRun) return response;
    const { namespace, name } = object.metadata;
    return { ...response, wrote: `${qualified(this.call.kind)} ${namespace === undefined ? '' : `${namespace}/`}${name}` };
  }
}

/** 501 by name, as a Status, so that clients show its text. */
function notSimulated({ kind, namespace, name, subresource }: Call): ApiError {
  const object = `${namespace === undefined ? '' : `${namespace}/`}${name}`;
  return new ApiError(501, 'NotImplemented', `${qualified(kind)}/${subresource} of ${object} is not simulated: this cluster runs no containers`, { name, kind: kind.plural });
}

/** 403 as the authorizer answers it. */
export function forbidden(user: KubernetesUser, asked: RequestAttributes): ApiError {
  const resource = asked.subresource === '' ? asked.resource : `${asked.resource}/${asked.subresource}`;
  const head = `${asked.group === '' ? asked.resource : `${asked.resource}.${asked.group}`}${asked.name === '' ? '' : ` "${asked.name}"`}`;
  const where = asked.namespace === '' ? 'at the cluster scope' : `in the namespace "${asked.namespace}"`;
  const message = `${head} is forbidden: User "${user.name}" cannot ${asked.verb} resource "${resource}" in API group "${asked.group}" ${where}`;
  const details = { ...(asked.name === '' ? {} : { name: asked.name }), ...(asked.group === '' ? {} : { group: asked.group }), kind: asked.resource };
  return new ApiError(403, 'Forbidden', message, details);
}
