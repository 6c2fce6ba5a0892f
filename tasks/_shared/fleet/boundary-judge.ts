import type { Access } from '../reconcile/access.js';
import { listsRole, outside, principalPrefix, type AllowRule, type BoundaryPolicy } from './boundary-policy.js';

/** What a policy says of one access: it stays within a boundary, a rule allows it, a rule allowed it until a day that is past, or nothing allows it. */
export type Verdict =
  | { readonly verdict: 'within' | 'refused' }
  | { readonly verdict: 'allowed' | 'expired'; readonly rule: AllowRule };

/**
 * The boundary that an object belongs to: that of the nearest management group above it that any boundary names, {@link outside} when none does.
 * @param groups names of the management groups above the object, the nearest first; of a management group itself first
 */
export function boundaryOf(policy: BoundaryPolicy, groups: readonly string[]): string {
  const owners = new Map(policy.boundaries.flatMap(({ name, managementGroups }) => managementGroups.map((group) => [group.toLowerCase(), name] as const)));
  return groups.map((group) => owners.get(group.toLowerCase())).find((name) => name !== undefined) ?? outside;
}

/** How a rule names a principal of which only the object id is known. */
export function principalSide(objectId: string): string {
  return `${principalPrefix}${objectId.toLowerCase()}`;
}

/**
 * Judges an access between two sides.
 * @param from name of a boundary, or what {@link principalSide} makes
 * @param to name of a boundary
 * @param today the day in UTC, `2027-01-31`
 */
export function judgeAccess({ rules }: BoundaryPolicy, access: Access, from: string, to: string, today: string): Verdict {
  if (from === to) return { verdict: 'within' };
  const fitting = rules.filter((rule) => sameSide(rule.from, from) && rule.to === to && covers(rule, access));
  const valid = fitting.find(({ until }) => until === undefined || today <= until);
  if (valid !== undefined) return { verdict: 'allowed', rule: valid };
  const [expired] = fitting.toSorted((one, other) => (other.until ?? '').localeCompare(one.until ?? ''));
  return expired === undefined ? { verdict: 'refused' } : { verdict: 'expired', rule: expired };
}

/** True when a rule is about an access, whatever its sides and whatever the day. */
function covers({ kinds, roles, resources }: AllowRule, { kind, role, roleId, alsoAs = [], to }: Access): boolean {
  if (!kinds.includes(kind)) return false;
  if (kind === 'grant' && (role === undefined || ![role, ...alsoAs].some((name) => listsRole(roles, name, roleId)))) return false;
  return resources === undefined || resources.some((resource) => matches(resource, to.id));
}

/** An id stands for itself only; one that ends in a slash and an asterisk for everything below it. */
function matches(resource: string, id: string): boolean {
  const [pattern, given] = [resource.toLowerCase(), id.toLowerCase()];
  return pattern.endsWith('/*') ? given.startsWith(pattern.slice(0, -1)) : given === pattern;
}

/** Boundaries are compared as they are written; the object id of a principal without regard to case. */
function sameSide(one: string, other: string): boolean {
  return one.startsWith(principalPrefix) ? one.toLowerCase() === other : one === other;
}

/**
 * The line of YAML that would allow an access, as an entry of `allow`.
 * @param role named in it, of a grant
 */
export function missingRule({ kind, role, to: { id } }: Access, from: string, to: string): string {
  const roles = kind === 'grant' ? `, roles: [${JSON.stringify(role ?? '')}]` : '';
  return `- {name: <name>, from: ${JSON.stringify(from)}, to: ${JSON.stringify(to)}, kinds: [${kind}]${roles}, resources: [${JSON.stringify(id)}], reason: "<why>", until: <yyyy-mm-dd>}`;
}
