import { isWithin, lastPart } from '../fleet/arm-id.js';
import type { Reader } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import { listOnce, type Pages } from './bulk.js';
import { azureProblem, thrownServiceError } from './errors.js';
import { scopePath } from './http.js';

/** One role assignment as far as we compare it. */
export interface RoleAssignmentState {
  readonly id: string;
  readonly scope: string;
  readonly principalId: string;
  /** `ServicePrincipal`, `Group`, … */
  readonly principalType?: string;
  /** GUID of the role definition, lower case. */
  readonly role: string;
  readonly condition?: string;
  /** What whoever made it says of it. */
  readonly description?: string;
  /** ISO 8601; absent where Azure does not say. */
  readonly createdOn?: string;
}

interface Listed {
  readonly id?: string;
  readonly scope?: string;
  readonly principalId?: string;
  readonly principalType?: string;
  readonly roleDefinitionId?: string;
  readonly condition?: string | null;
  readonly description?: string | null;
  readonly createdOn?: Date;
}

/** The assignments of one principal at, above and below a scope; of all principals when none is named. */
export async function listAssignments(azure: Azure, scope: string, principalId?: string): Promise<RoleAssignmentState[]> {
  const found: RoleAssignmentState[] = [];
  try {
    for await (const page of pages(azure, scope, principalId === undefined ? undefined : `principalId eq '${principalId}'`)) found.push(...page);
  } catch (error) {
    throw azureProblem(`list role assignments at ${scope}`, `The grants at ${scope} cannot be read`, error);
  }
  return found;
}

/**
 * How many role assignments a subscription has; those above it, which its list shows as well, do not count.
 * Source: azure-docs, troubleshooting RBAC limits.
 * @returns undefined when the list cannot be read
 */
export async function countAssignments(azure: Azure, subscriptionId: string): Promise<number | undefined> {
  const subscription = `/subscriptions/${subscriptionId}`;
  try {
    let count = 0;
    for await (const page of pages(azure, subscription)) count += page.filter(({ scope }) => isWithin(scope, subscription)).length;
    return count;
  } catch {
    azure.signal.throwIfAborted();
    return undefined;
  }
}

/** ARM id of the role assignment of a name at a scope. */
export function assignmentId(scope: string, name: string): string {
  return `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`;
}

const kind = 'principals with grants';

/** Announces that the assignments of a principal at, above and below a scope will be read. */
export function expectAssignments(azure: Azure, scope: string, principal: string): void {
  azure.expected.add(kind, scope, principal);
}

/**
 * The assignments of one principal at, above and below a scope, read once per run; where many principals are asked about, from one list of all.
 */
export async function assignmentsOf(azure: Azure, reader: Reader, scope: string, principalId: string): Promise<readonly RoleAssignmentState[]> {
  const key = `role assignments at ${scope.toLowerCase()}`;
  const all = await listOnce(reader, key, azure.expected.count(kind, scope), azure.signal, () => pages(azure, scope));
  if (all?.complete === true) return (await reader.once(`${key} by principal`, () => Promise.resolve(byPrincipal(all.items)))).get(principalId.toLowerCase()) ?? [];
  return reader.once(`role assignments of ${principalId} at ${scope.toLowerCase()}`, () => listAssignments(azure, scope, principalId));
}

function byPrincipal(items: readonly RoleAssignmentState[]): ReadonlyMap<string, readonly RoleAssignmentState[]> {
  const found = new Map<string, RoleAssignmentState[]>();
  for (const item of items) found.set(item.principalId.toLowerCase(), [...(found.get(item.principalId.toLowerCase()) ?? []), item]);
  return found;
}

async function* pages(azure: Azure, scope: string, filter?: string): Pages<RoleAssignmentState> {
  const options = { abortSignal: azure.signal, ...(filter === undefined ? {} : { filter }) };
  const { roleAssignments } = await azure.authorization();
  for await (const page of roleAssignments.listForScope(scopePath(scope), options).byPage()) yield page.map(assignment);
}

/** Reads one assignment by name: a strong read. */
export async function getAssignment(azure: Azure, scope: string, name: string): Promise<RoleAssignmentState | undefined> {
  try {
    return assignment(await (await azure.authorization()).roleAssignments.get(scopePath(scope), name, { abortSignal: azure.signal }));
  } catch (error) {
    if (thrownServiceError(error)?.status === 404) return undefined;
    throw azureProblem(`read role assignment ${name} at ${scope}`, `The grants at ${scope} cannot be read`, error);
  }
}

function assignment(item: Listed): RoleAssignmentState {
  const { id = '', scope = '', principalId = '', roleDefinitionId = '', principalType } = item;
  const condition = item.condition ?? '';
  const description = item.description ?? '';
  const type = principalType === undefined ? {} : { principalType };
  const created = item.createdOn === undefined || Number.isNaN(item.createdOn.getTime()) ? {} : { createdOn: item.createdOn.toISOString() };
  return { id, scope, principalId, ...type, role: lastPart(roleDefinitionId).toLowerCase(), ...(condition === '' ? {} : { condition }), ...(description === '' ? {} : { description }), ...created };
}

/**
 * True for an assignment of one of these roles, without a condition, at a scope or above it.
 * Assignments of management groups count: a list at a scope returns those only when they lie above it.
 */
export function gives(entry: RoleAssignmentState, acceptedRoles: readonly string[], scope: string): boolean {
  return reaches(entry, scope) && acceptedRoles.includes(entry.role) && entry.condition === undefined;
}

/** True for an assignment at a scope or above it, whatever its role and condition. */
export function reaches(entry: Pick<RoleAssignmentState, 'scope'>, scope: string): boolean {
  return isWithin(scope, entry.scope) || managementGroup.test(entry.scope);
}

const managementGroup = /^\/providers\/Microsoft\.Management\/managementGroups\//i;
