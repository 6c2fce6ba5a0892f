import type { History } from '../fleet/history.js';
import { isWithin, lastPart, sameId } from '../fleet/arm-id.js';
import { grantMark, grantName } from '../fleet/marks.js';
import type { Reader } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import { listAssignments, type RoleAssignmentState } from './role-assignments.js';

/** Whose assignments are looked for. */
export interface Grantee {
  /** ARM id of the identity or cluster whose principal it is; empty for a principal that only has an object id. */
  readonly id: string;
  /** What keys of its grants name, and with them ledgers: `kubelet of <ARM id>`, an object id; {@link id} when absent. */
  readonly inKeys?: string;
  /** Absent while it cannot be told, e.g. because the identity is gone. */
  readonly principalId?: string;
}

/** The assignments of one grantee at a scope and below it. */
export interface GrantsFound {
  /** What this project made, by its name, its description or a ledger. */
  readonly ours: readonly RoleAssignmentState[];
  /** What somebody else made for the same principal. */
  readonly others: readonly RoleAssignmentState[];
}

/** All assignments at, above and below a scope, listed once per run. */
export function assignmentsAt(azure: Azure, scope: string, reader: Reader): Promise<readonly RoleAssignmentState[]> {
  return reader.once(`all role assignments at ${scope.toLowerCase()} by ${azure.connection.id}`, () => listAssignments(azure, scope));
}

/** Finds the assignments of a grantee at a scope and below it, and tells those of this project apart. */
export async function grantsOf(azure: Azure, scope: string, grantee: Grantee, history: History, reader: Reader): Promise<GrantsFound> {
  const there = (await assignmentsAt(azure, scope, reader)).filter((entry) => isWithin(entry.scope, scope));
  const made = (entry: RoleAssignmentState): boolean => {
    const resources = history.of(entry.id)?.made === true ? (history.of(entry.id)?.resources ?? []) : [];
    return resources.some((key) => key.endsWith(` for ${(grantee.inKeys ?? grantee.id).toLowerCase()}`));
  };
  const marked = (entry: RoleAssignmentState): boolean => grantee.id !== '' && sameId(grantMark(entry.description)?.principal ?? '', grantee.id);
  const own = (entry: RoleAssignmentState): boolean => grantee.principalId !== undefined && sameId(entry.principalId, grantee.principalId);
  const ours = there.filter((entry) => marked(entry) || made(entry) || (own(entry) && (isNamed(entry) || grantMark(entry.description) !== undefined)));
  return { ours, others: there.filter((entry) => own(entry) && !ours.includes(entry)) };
}

/** True when an assignment has the name that this project gives to it. */
function isNamed({ id, scope, role, principalId }: RoleAssignmentState): boolean {
  return sameId(lastPart(id), grantName(scope, role, principalId));
}
