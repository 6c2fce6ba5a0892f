import type { Azure } from './azure.js';
import { azureProblem, thrownServiceError } from './errors.js';

/** One role assignment as far as we compare it. */
export interface RoleAssignmentState {
  readonly id: string;
  readonly scope: string;
  readonly principalId: string;
  /** GUID of the role definition, lower case. */
  readonly role: string;
  readonly condition?: string;
}

interface Listed {
  readonly id?: string;
  readonly scope?: string;
  readonly principalId?: string;
  readonly roleDefinitionId?: string;
  readonly condition?: string | null;
}

/** The assignments of one principal at, above and below a scope. */
export async function listAssignments(azure: Azure, scope: string, principalId: string): Promise<RoleAssignmentState[]> {
  const found: RoleAssignmentState[] = [];
  try {
    const options = { filter: `principalId eq '${principalId}'`, abortSignal: azure.signal };
    for await (const item of azure.authorization.roleAssignments.listForScope(scope.replace(/^\//, ''), options)) found.push(assignment(item));
  } catch (error) {
    throw azureProblem(`list role assignments at ${scope}`, `The grants at ${scope} cannot be read`, error);
  }
  return found;
}

/** Reads one assignment by name: a strong read. */
export async function getAssignment(azure: Azure, scope: string, name: string): Promise<RoleAssignmentState | undefined> {
  try {
    return assignment(await azure.authorization.roleAssignments.get(scope.replace(/^\//, ''), name, { abortSignal: azure.signal }));
  } catch (error) {
    if (thrownServiceError(error)?.status === 404) return undefined;
    throw azureProblem(`read role assignment ${name} at ${scope}`, `The grants at ${scope} cannot be read`, error);
  }
}

function assignment(item: Listed): RoleAssignmentState {
  const { id = '', scope = '', principalId = '', roleDefinitionId = '' } = item;
  const condition = item.condition ?? '';
  return { id, scope, principalId, role: (roleDefinitionId.split('/').at(-1) ?? '').toLowerCase(), ...(condition === '' ? {} : { condition }) };
}

/**
 * True for an assignment of one of these roles, without a condition, at a scope or above it.
 * Assignments of management groups count: a list at a scope returns those only when they lie above it.
 */
export function gives(entry: RoleAssignmentState, acceptedRoles: readonly string[], scope: string): boolean {
  const above = `${scope}/`.toLowerCase().startsWith(`${entry.scope.toLowerCase().replace(/\/$/, '')}/`);
  return (above || managementGroup.test(entry.scope)) && acceptedRoles.includes(entry.role) && entry.condition === undefined;
}

const managementGroup = /^\/providers\/Microsoft\.Management\/managementGroups\//i;
