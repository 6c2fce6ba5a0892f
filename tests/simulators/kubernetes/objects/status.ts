import type { SimResponse } from '../../kernel/service.js';
import type { Kind } from './kinds.js';
import type { Fields } from './values.js';

/** One cause in `details.causes` of a Status. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** A refusal of the API server, answered as a `Status` object. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly details?: Fields,
  ) {
    super(message);
  }

  /** The Status object that the caller gets. */
  status(): Fields {
    const details = this.details === undefined ? {} : { details: this.details };
    const head = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: this.message };
    return { ...head, ...(this.reason === '' ? {} : { reason: this.reason }), ...details, code: this.code };
  }

  response(): SimResponse {
    return { status: this.code, headers: { 'content-type': 'application/json' }, body: this.status() };
  }
}

/** `deployments.apps`, or `secrets` for the core group. */
export function qualified(kind: Kind, name = kind.plural): string {
  return kind.group === '' ? name : `${name}.${kind.group}`;
}

function about(kind: Kind, name: string, byKind = false): Fields {
  return { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: byKind ? kind.kind : kind.plural };
}

export function notFound(kind: Kind, name: string): ApiError {
  return new ApiError(404, 'NotFound', `${qualified(kind)} "${name}" not found`, about(kind, name));
}

export function unknownResource(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function alreadyExists(kind: Kind, name: string): ApiError {
  return new ApiError(409, 'AlreadyExists', `${qualified(kind)} "${name}" already exists`, about(kind, name));
}

const modified = 'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(kind: Kind, name: string, why = modified): ApiError {
  return new ApiError(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`, about(kind, name));
}

/** 422. Several causes are listed in brackets, as the API machinery prints them. */
export function invalid(kind: Kind, name: string, causes: readonly Cause[]): ApiError {
  const lines = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const list = lines.length === 1 ? (lines[0] ?? '') : `[${lines.join(', ')}]`;
  return new ApiError(422, 'Invalid', `${qualified(kind, kind.kind)} "${name}" is invalid: ${list}`, { ...about(kind, name, true), causes });
}

export function required(field: string, message = ''): Cause {
  return { reason: 'FieldValueRequired', message: message === '' ? 'Required value' : `Required value: ${message}`, field };
}

/** A value printed as Go's `%#v` does for plain values: texts quoted, the rest as JSON. */
export function invalidValue(field: string, value: unknown, message: string): Cause {
  const shown = value === undefined ? 'null' : JSON.stringify(value);
  return { reason: 'FieldValueInvalid', message: `Invalid value: ${shown}: ${message}`, field };
}

export function forbiddenValue(field: string, message: string): Cause {
  return { reason: 'FieldValueForbidden', message: `Forbidden: ${message}`, field };
}

/** 403 by an admission plugin or by the server's own rules. */
export function refused(kind: Kind, name: string, why: string, extra: Fields = {}): ApiError {
  return new ApiError(403, 'Forbidden', `${qualified(kind)} "${name}" is forbidden: ${why}`, { ...about(kind, name), ...extra });
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

export function unauthorized(): ApiError {
  return new ApiError(401, 'Unauthorized', 'Unauthorized');
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new ApiError(415, 'UnsupportedMediaType', message);
}

export function expired(asked: number, oldest: number): ApiError {
  return new ApiError(410, 'Expired', `too old resource version: ${asked} (${oldest})`);
}
