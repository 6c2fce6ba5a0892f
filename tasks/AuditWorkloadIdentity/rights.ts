import { inventoryActions } from '../_shared/azure/access-inventory.js';
import { assignedPolicyActions, policyDefinitionActions } from '../_shared/azure/assigned-policies.js';
import { userCredentialAction } from '../_shared/azure/cluster-credential.js';
import { signInRights } from '../_shared/azure/identity-sign-ins.js';
import type { LogPlace } from '../_shared/azure/log-analytics.js';
import { namespaceRights } from '../_shared/kubernetes/namespace-facts.js';
import type { Permission } from '../_shared/reconcile/resource.js';

/** What an audit looks at, as far as its rights depend on it. */
export interface AuditRightsOptions {
  /** GUIDs of the subscriptions that are looked into. */
  readonly subscriptions: readonly string[];
  /** The clusters that are looked into, by their ARM ids. */
  readonly clusters: readonly { readonly id: string }[];
  /** ARM ids of the management groups in which policies are defined; without them the rights to read those are left out. */
  readonly managementGroups?: readonly string[];
  /** The workspace with sign-ins; absent or undefined where none is asked. */
  readonly signIns?: LogPlace | undefined;
}

/** What is read at each subscription: the lists of the inventory, who identities trust, and which policies are assigned. */
const subscriptionActions = [
  ...Object.values(inventoryActions),
  'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read',
  ...assignedPolicyActions,
];

const clusterActions = [inventoryActions.clusters, userCredentialAction, 'Microsoft.Insights/diagnosticSettings/read'];

/**
 * The rights that an audit takes, all of them reading. None of them is needed: without one, what it would have shown stays unknown. The right to read
 * management groups is not among them: it is asked for only with a boundary policy, and only where Azure refuses the list of what is seen.
 */
export function auditRights({ subscriptions, clusters, managementGroups = [], signIns }: AuditRightsOptions): Permission[] {
  return [
    ...managementGroups.flatMap((scope) => inAzure(policyDefinitionActions, scope)),
    ...subscriptions.flatMap((id) => inAzure(subscriptionActions, `/subscriptions/${id}`)),
    ...clusters.flatMap(({ id }) => [...inAzure(clusterActions, id), ...namespaceRights({ clusterId: id }, { patterns: ['*'] })]),
    ...(signIns === undefined ? [] : signInRights(signIns)),
  ];
}

function inAzure(actions: readonly string[], scope: string): Permission[] {
  return actions.map((action) => ({ plane: 'azure', action, scope }));
}
