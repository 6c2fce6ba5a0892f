import { parseArmId } from '../fleet/arm-id.js';
import type { Access, End, EndKind } from '../reconcile/access.js';
import type { ServiceConnection } from './connection.js';

/** Words for the ARM types that accesses end at. */
const kinds: Readonly<Record<string, EndKind>> = {
  'microsoft.containerservice/managedclusters': 'cluster',
  'microsoft.managedidentity/userassignedidentities': 'identity',
  'microsoft.keyvault/vaults': 'key vault',
  'microsoft.containerregistry/registries': 'registry',
};

/** What a role is granted for. */
export interface GrantedRole {
  readonly name: string;
  /** GUID of the role's definition. */
  readonly id?: string;
}

/** The end that an ARM id names: a cluster, an identity, a vault or what lies in it, a registry, any other resource or scope. */
export function resourceEnd(id: string, name = id.split('/').at(-1) ?? id): End {
  const resource = parseArmId(id.split('/').slice(0, 9).join('/'));
  return { kind: kinds[resource?.type.toLowerCase() ?? ''] ?? 'resource', name, id };
}

/** A principal of which only the object id is known: nobody can say where it lies. */
export function principalEnd(objectId: string): End {
  return { kind: 'principal', name: objectId, id: objectId };
}

/** A service connection lies where the subscription or management group lies that it was made for. */
export function connectionEnd({ name, tenantId, subscriptionId, managementGroup }: ServiceConnection): End {
  const group = managementGroup === undefined ? '' : `/providers/Microsoft.Management/managementGroups/${managementGroup}`;
  return { kind: 'service connection', name, id: subscriptionId === undefined ? group : `/subscriptions/${subscriptionId}`, tenantId };
}

/** A federated credential lets a cluster act as an identity, and a service connection writes to that identity. */
export function federationAccesses(connection: ServiceConnection, cluster: { readonly id: string; readonly label: string }, identityId: string): Access[] {
  const to = resourceEnd(identityId);
  return [connectionEnd(connection), resourceEnd(cluster.id, cluster.label)].map((from) => ({ kind: 'federation', from, to }));
}

/** What federation takes in a cluster: a service connection writes there, and lets a service account act as an identity. */
export function accountAccesses(connection: ServiceConnection, cluster: { readonly id: string; readonly label: string }, identityId: string): Access[] {
  return [...clusterAccesses(connection, cluster), ...federationAccesses(connection, cluster, identityId)];
}

/** A service connection writes into a cluster for a federation. */
export function clusterAccesses(connection: ServiceConnection, cluster: { readonly id: string; readonly label: string }): Access[] {
  return [{ kind: 'federation', from: connectionEnd(connection), to: resourceEnd(cluster.id, cluster.label) }];
}

/**
 * A grant lets a principal use what lies at a scope, and a service connection writes there.
 * @param grantee the identity; the cluster, for its kubelet; or a principal of which only the object id is known
 */
export function grantAccesses(connection: ServiceConnection, grantee: End, scope: { readonly id: string; readonly label: string }, role: GrantedRole): Access[] {
  const to = resourceEnd(scope.id, scope.label);
  return [connectionEnd(connection), grantee].map((from) => ({ kind: 'grant', from, to, role: role.name, ...(role.id === undefined ? {} : { roleId: role.id }) }));
}

/** A deployment lets a service connection decide what runs in a cluster. */
export function deployAccesses(connection: ServiceConnection, cluster: { readonly id: string; readonly label: string }): Access[] {
  return [{ kind: 'deploy', from: connectionEnd(connection), to: resourceEnd(cluster.id, cluster.label) }];
}
