import type { GrantFact } from '../fleet/posture/rule.js';
import { attempt, type Read } from '../reconcile/attempt.js';
import type { Reader } from '../reconcile/resource.js';
import { rightAt, type Azure } from './azure.js';
import type { ClusterState } from './cluster-state.js';
import { identitiesIn, type IdentityState } from './identity-state.js';
import { assignmentsAt } from './own-grants.js';
import { missingActions } from './permissions.js';
import type { RoleAssignmentState } from './role-assignments.js';
import { dangerOf, rolesIn, type RoleDefinition } from './role-definitions.js';
import { vaultsIn, type VaultState } from './vault-state.js';
import { visibleClusters } from './visible-clusters.js';

/** What a subscription has that access goes from, to, or by way of: each list in as many requests as it has pages, whatever the number of clusters. */
export interface AccessInventory {
  readonly subscriptionId: string;
  readonly clusters: Read<readonly ClusterState[]>;
  readonly identities: Read<readonly IdentityState[]>;
  /** At, above and below the subscription. */
  readonly assignments: Read<readonly RoleAssignmentState[]>;
  /** By GUID. */
  readonly roles: Read<ReadonlyMap<string, RoleDefinition>>;
  readonly vaults: Read<readonly VaultState[]>;
}

/** The lists of {@link AccessInventory} with the action that each needs at the subscription. */
export const inventoryActions = {
  clusters: 'Microsoft.ContainerService/managedClusters/read',
  identities: 'Microsoft.ManagedIdentity/userAssignedIdentities/read',
  assignments: 'Microsoft.Authorization/roleAssignments/read',
  roles: 'Microsoft.Authorization/roleDefinitions/read',
  vaults: 'Microsoft.KeyVault/vaults/read',
} as const satisfies Partial<Record<keyof AccessInventory, string>>;

/**
 * Reads the lists of a subscription side by side. What is refused says why; a cancelled run throws. Whoever may read only a part of a subscription is
 * answered with a list of that part, or an empty one, so that a list counts only with the right to all of it. Source: MicrosoftDocs/azure-docs#110373,
 * for lists of Azure Policy.
 */
export async function readInventory(azure: Azure, subscriptionId: string, reader: Reader): Promise<AccessInventory> {
  const scope = `/subscriptions/${subscriptionId}`;
  const [lacking, clusters, identities, assignments, roles, vaults] = await Promise.all([
    missingActions(azure, Object.values(inventoryActions).map((action) => rightAt(azure, action, scope))),
    attempt(azure.signal, () => visibleClusters(azure, subscriptionId, reader)),
    attempt(azure.signal, () => identitiesIn(azure, scope, reader)),
    attempt(azure.signal, () => assignmentsAt(azure, scope, reader)),
    attempt(azure.signal, () => rolesIn(azure, subscriptionId, reader)),
    attempt(azure.signal, () => vaultsIn(azure, subscriptionId, reader)),
  ]);
  const whole = <T>(name: keyof typeof inventoryActions, list: Read<T>): Read<T> => {
    const right = lacking.find(({ action }) => action === inventoryActions[name]);
    return right === undefined || 'unread' in list ? list : { unread: `a list shows only what one may see, and the service connection has no right ${right.action} there` };
  };
  return {
    subscriptionId,
    clusters: whole('clusters', clusters),
    identities: whole('identities', identities),
    assignments: whole('assignments', assignments),
    roles: whole('roles', roles),
    vaults: whole('vaults', vaults),
  };
}

/** A role assignment as rules see it: by the name of its role, with what speaks against the role. */
export interface NamedAssignment extends GrantFact {
  readonly assignment: RoleAssignmentState;
  /** Why what the role allows could not be read; absent where it was. */
  readonly roleUnread?: string;
  /** True for a role that allows nothing but what a data plane does. */
  readonly dataOnly: boolean;
}

/** The assignments of a subscription by the names of their roles. A role that no list has keeps its GUID. */
export function namedAssignments({ assignments, roles }: Pick<AccessInventory, 'assignments' | 'roles'>): Read<readonly NamedAssignment[]> {
  if ('unread' in assignments) return assignments;
  return { found: assignments.found.map((assignment) => {
    const definition = 'found' in roles ? roles.found.get(assignment.role) : undefined;
    const danger = definition === undefined ? undefined : dangerOf(definition);
    const { scope, principalId } = assignment;
    return {
      assignment,
      role: definition?.name ?? assignment.role,
      scope,
      principalId,
      dataOnly: definition?.rights.every(({ actions }) => actions.length === 0) ?? false,
      ...(danger === undefined ? {} : { danger }),
      ...(definition === undefined ? { roleUnread: 'unread' in roles ? roles.unread : 'its definition is not among those of the subscription' } : {}),
    };
  }) };
}
