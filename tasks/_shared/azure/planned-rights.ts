import type { Finding } from '../reconcile/preflight.js';
import { placeOf } from '../reconcile/preflight.js';
import type { Plan, PlannedChange } from '../reconcile/plan.js';
import type { ProblemParts } from '../reconcile/problem.js';
import { writes, type Content, type Permission } from '../reconcile/resource.js';
import { Limiter } from '../reconcile/limits.js';
import { parseArmId } from '../fleet/arm-id.js';
import type { Json } from '../fleet/json.js';
import { many } from '../fleet/wording.js';
import type { Azure } from './azure.js';

/** A right in Azure that a write of the plan needs, with what it would send. */
export interface PlannedRight {
  readonly entry: PlannedChange;
  readonly permission: Permission;
  readonly content?: Content;
}

/** What one of the looks at a plan found. */
export interface Look {
  readonly findings: readonly Finding[];
  /** What it could not look at or judge, in words that follow "not evaluated: ". */
  readonly open: readonly string[];
}

/** Every right in Azure that the plan's writes need. */
export function plannedRights(plan: Plan): PlannedRight[] {
  return plan.flatMap((entry) => {
    const { resource, change, observed, known, permissions } = entry;
    if (!writes(change)) return [];
    const content = resource.content?.(change, observed, known);
    return permissions.filter(({ plane }) => plane === 'azure').map((permission) => ({ entry, permission, ...(content === undefined ? {} : { content }) }));
  });
}

/** A finding at the resource that needs a right. */
export function findingAt({ resource }: PlannedChange, problem: ProblemParts): Finding {
  return { ...placeOf(resource.cluster), resource: resource.key, problem, awaits: false };
}

/** So many requests of one look go on at a time. */
const atATime = 10;

/**
 * What is set at or above each of these scopes, and, where one request can serve several scopes of a resource group, what is below as well.
 * A group that may not be asked is asked scope by scope.
 * @param ask lists what is set at and above a scope, with `below` also what is set below it
 * @returns by scope; undefined for those that could not be read
 */
export async function listedAt(azure: Azure, scopes: readonly string[], ask: (scope: string, below: boolean) => Promise<readonly Json[]>): Promise<ReadonlyMap<string, readonly Json[] | undefined>> {
  const places = new Map<string, string[]>();
  for (const scope of new Set(scopes)) {
    const place = groupOf(scope) ?? scope;
    const known = [...places.keys()].find((other) => other.toLowerCase() === place.toLowerCase()) ?? place;
    places.set(known, [...(places.get(known) ?? []), scope]);
  }
  const limiter = new Limiter(atATime);
  const read = (scope: string, below: boolean): Promise<readonly Json[] | undefined> =>
    limiter.run(async () => {
      try {
        return await ask(scope, below);
      } catch {
        azure.signal.throwIfAborted();
        return undefined;
      }
    });
  const answers = [...places].map(async ([place, members]) => {
    const together = members.length > 1 ? await read(place, true) : undefined;
    return Promise.all(members.map(async (scope) => [scope, together ?? (await read(scope, false))] as const));
  });
  return new Map((await Promise.all(answers)).flat());
}

/** `locks at 2 of 5 scopes`, for those that could not be read. */
export function unread(what: string, found: ReadonlyMap<string, unknown>): string[] {
  const missing = [...found.values()].filter((items) => items === undefined).length;
  return missing === 0 ? [] : [`${what} at ${missing} of ${many(found.size, 'scope')}`];
}

/** The resource group that a scope lies in. */
export function groupOf(scope: string): string | undefined {
  return /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+/i.exec(scope)?.[0];
}

/** Type of what an ARM id names, and what it lies in or, of an extension such as a role assignment, is made on. */
export function kindOf(id: string): { readonly type: string; readonly name: string; readonly scope?: string } {
  const provider = id.toLowerCase().lastIndexOf('/providers/');
  const [namespace = '', ...rest] = id.slice(provider + '/providers/'.length).split('/');
  const type = [namespace, ...rest.filter((_part, index) => index % 2 === 0)].join('/');
  const name = rest.at(-1) ?? '';
  if (parseArmId(id) !== undefined) return { type, name };
  return { type, name, scope: rest.length > 2 ? id.split('/').slice(0, -2).join('/') : id.slice(0, provider) };
}
