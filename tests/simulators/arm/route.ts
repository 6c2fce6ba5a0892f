import type { Caller } from '../azure/authority.js';
import type { SimResponse } from '../kernel/service.js';
import { wrapped } from './refusals.js';

/** A request to ARM that is signed in and has a known api-version. */
export interface ArmCall {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly caller: Caller;
  /** The simulator's own address, for links. */
  readonly origin: string;
  /** True when the caller has a role at, above or below a scope: what lists across scopes show. */
  readonly sees: (scope: string) => boolean;
}

/** One operation of one resource kind. */
export interface Operation {
  readonly method: string;
  /** Matched against the path; its named groups are given to the other functions. */
  readonly path: RegExp;
  /** Accepted api-versions; others are refused as the service refuses them. */
  readonly versions: readonly string[];
  /** The action that the caller needs, and where; no check when absent. */
  readonly right?: (parts: Parts, body: unknown) => { readonly action: string; readonly scope: string; readonly attributes?: Readonly<Record<string, string>> };
  handle(call: ArmCall, parts: Parts): SimResponse | Promise<SimResponse>;
}

/** Named groups of a route's path; empty text for those that did not take part. */
export type Parts = (name: string) => string;

/** A resource provider of the simulator. */
export interface Provider {
  readonly operations: readonly Operation[];
}

const guid = '[0-9a-fA-F-]{36}';

/** Pieces of paths, without regard to case as ARM reads them. */
export const pieces = {
  subscription: `/subscriptions/(?<s>${guid})`,
  group: `/subscriptions/(?<s>${guid})/resourcegroups/(?<rg>[^/]+)`,
};

/** The piece of a path that names the scope of an extension; empty for the whole tenant. */
export const anyScope = '(?<scope>/.*|)';

/** The scope that {@link anyScope} found; `/` for the whole tenant. */
export function scopeOf(parts: Parts): string {
  return normalScope(parts('scope'));
}

/** A scope without the slash at its end; `/` for the whole tenant. */
export function normalScope(scope: string): string {
  return scope.replace(/\/+$/, '') || '/';
}

/** A route's expression: the whole path, without regard to case, a trailing slash tolerated. */
export function at(...parts: string[]): RegExp {
  return new RegExp(`^${parts.join('')}/?$`, 'i');
}

/** The resource group's id that a path lies in, as ARM spells it. */
export function groupOf(parts: Parts): string {
  return `/subscriptions/${parts('s')}/resourceGroups/${parts('rg')}`;
}

/** Splits a list into pages with `nextLink`s that continue it. `$top` makes a page smaller, where the operation has it. */
export function paged(call: ArmCall, items: readonly object[], size: number): SimResponse {
  const skip = wholeNumber(call.query.get('$skiptoken'), 0);
  if (skip === undefined) return wrapped(400, 'InvalidSkipToken', "The value of the query parameter '$skiptoken' is invalid.");
  const value = items.slice(skip, skip + size);
  const rest = new URLSearchParams(call.query);
  rest.set('$skiptoken', String(skip + size));
  const next = skip + size < items.length ? { nextLink: `${call.origin}${encodeURI(call.path)}?${rest.toString()}` } : {};
  return { status: 200, body: { value, ...next } };
}

/** The digits of a query parameter, `otherwise` when it is absent; undefined when it is no whole number. */
export function wholeNumber(text: string | null, otherwise: number): number | undefined {
  if (text === null) return otherwise;
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
