import type { AccessKind } from '../reconcile/access.js';

/** A named set of management groups; whatever lies below one of them belongs to it, unless a nearer group belongs to another boundary. */
export interface Boundary {
  readonly name: string;
  /** Names (ids, not display names) of management groups. */
  readonly managementGroups: readonly string[];
}

/** Lets accesses of some kinds cross from one boundary to another. */
export interface AllowRule {
  readonly name: string;
  /** Name of a boundary, {@link outside}, or `principal:` and the object id of a principal of which nothing else is known. */
  readonly from: string;
  /** Name of a boundary, or {@link outside}. */
  readonly to: string;
  readonly kinds: readonly AccessKind[];
  /** Names or GUIDs of the roles that may be granted; empty for a rule that allows no grants. */
  readonly roles: readonly string[];
  /** ARM ids of what may be reached, or `<id>/*` for everything below; undefined for all that lies in `to`. */
  readonly resources?: readonly string[];
  readonly reason: string;
  /** Last day on which the rule holds, in UTC: `2027-01-31`; undefined for one that does not end. */
  readonly until?: string;
}

/** What may reach what across boundaries. */
export interface BoundaryPolicy {
  readonly boundaries: readonly Boundary[];
  readonly rules: readonly AllowRule[];
  /** Names or GUIDs of roles that may be granted although the task does not know them as harmless. */
  readonly roles: readonly string[];
}

/** The name for everything that lies in no boundary. */
export const outside = 'outside';

/** How a rule names a principal of which only the object id is known. */
export const principalPrefix = 'principal:';

/** How a rule names what an entry in the access policies of a vault gives, beside the names of roles. */
export const policyRole = 'access policy';

/** How a rule names what switching a registry's admin user on or off takes and gives, beside the names of roles. */
export const adminUserRole = 'admin user';

/** True when a policy lists a role, by its name or by the GUID of its definition. */
export function permitsRole(policy: BoundaryPolicy | undefined, name: string, guid: string): boolean {
  return policy !== undefined && listsRole(policy.roles, name, guid);
}

/** True when a list names a role, by its name or by the GUID of its definition. Case does not matter. */
export function listsRole(list: readonly string[], name: string, guid?: string): boolean {
  return list.some((entry) => entry.toLowerCase() === name.toLowerCase() || entry.toLowerCase() === guid?.toLowerCase());
}
