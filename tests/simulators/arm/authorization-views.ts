import { builtInRoles, type RoleDefinition } from '../azure/role-definitions.js';
import type { DenyAssignment } from '../azure/deny-assignments.js';
import type { RoleAssignment } from '../azure/roles.js';

/** Who wrote an assignment, and when; ARM shows it with the assignment. */
export interface Provenance {
  readonly createdOn: Date;
  readonly createdBy: string;
  readonly updatedOn: Date;
  readonly updatedBy: string;
}

const builtIn = new Set(builtInRoles.map(({ id }) => id));

/** `BuiltInRole` or `CustomRole`. */
export function roleType({ id }: RoleDefinition): string {
  return builtIn.has(id) ? 'BuiltInRole' : 'CustomRole';
}

/** ARM id of an assignment. */
export function assignmentId({ scope, name }: Pick<RoleAssignment, 'scope' | 'name'>): string {
  return `${scope.replace(/\/$/, '')}/providers/Microsoft.Authorization/roleAssignments/${name}`;
}

/** An assignment as ARM answers it. Source: npm @azure/arm-authorization 9.0.0. */
export function assignmentView(entry: RoleAssignment, { createdOn, updatedOn, createdBy, updatedBy }: Provenance): object {
  const { scope, principalId, principalType, roleDefinitionId, name } = entry;
  const subscription = /^\/subscriptions\/[^/]+/i.exec(scope)?.[0] ?? '';
  const properties = {
    roleDefinitionId: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${roleDefinitionId}`,
    principalId,
    principalType,
    scope: scope === '' ? '/' : scope,
    condition: entry.condition ?? null,
    conditionVersion: entry.conditionVersion ?? null,
    description: entry.description ?? null,
    createdOn: createdOn.toISOString(),
    updatedOn: updatedOn.toISOString(),
    createdBy,
    updatedBy,
    delegatedManagedIdentityResourceId: null,
  };
  return { id: assignmentId(entry), type: 'Microsoft.Authorization/roleAssignments', name, properties };
}

/** A role definition as ARM answers it. Source: npm @azure/arm-authorization 9.0.0. */
export function definitionView(definition: RoleDefinition): object {
  const { id, name, actions, notActions, dataActions, notDataActions } = definition;
  const permissions = [{ actions, notActions, dataActions, notDataActions }];
  const properties = { roleName: name, type: roleType(definition), description: '', assignableScopes: ['/'], permissions };
  return { id: `/providers/Microsoft.Authorization/roleDefinitions/${id}`, type: 'Microsoft.Authorization/roleDefinitions', name: id, properties };
}

/** Attributes of a role assignment as conditions call them. Source: azure-docs, conditions-authorization-actions-attributes. */
export function attributesOf(entry: Partial<Pick<RoleAssignment, 'roleDefinitionId' | 'principalId' | 'principalType'>> | undefined): Record<string, string> {
  const { roleDefinitionId, principalId, principalType } = entry ?? {};
  const values = { RoleDefinitionId: roleDefinitionId?.split('/').at(-1), PrincipalId: principalId, PrincipalType: principalType };
  return Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[`Microsoft.Authorization/roleAssignments:${name}`, value]])));
}

/** A deny assignment as ARM answers it. Source: npm @azure/arm-authorization 9.0.0. */
export function denyView(entry: DenyAssignment): object {
  const { name, scope, actions, notActions = [], dataActions = [], notDataActions = [] } = entry;
  const properties = {
    denyAssignmentName: entry.displayName,
    description: '',
    permissions: [{ actions, notActions, dataActions, notDataActions }],
    scope,
    doNotApplyToChildScopes: entry.doNotApplyToChildScopes ?? false,
    principals: entry.principals,
    excludePrincipals: entry.excludePrincipals ?? [],
    isSystemProtected: true,
    ...(entry.condition === undefined ? {} : { condition: entry.condition, conditionVersion: '2.0' }),
  };
  return { id: `${scope}/providers/Microsoft.Authorization/denyAssignments/${name}`, type: 'Microsoft.Authorization/denyAssignments', name, properties };
}
