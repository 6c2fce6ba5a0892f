import type { KeyObject } from 'node:crypto';
import { roles } from '../../tasks/_shared/azure/roles.js';
import { tenantId } from '../simulators/azure/authority.js';
import { idOf } from '../simulators/azure/directory.js';
import { rsaPrivateKey } from '../simulators/kernel/rsa-keys.js';
import type { World } from '../simulators/world/world.js';

let key: KeyObject | undefined;

/** One signing key for all clusters of a fleet: making one for each would take minutes, and their issuers tell them apart. */
export function sharedKey(): KeyObject {
  key ??= rsaPrivateKey();
  return key;
}

/** What a large world goes without, and shares. */
export const bareFurniture = { nodes: ['node-1'], secretsStore: false, signingKey: sharedKey };

/**
 * Adds a cluster on which everything is as EnableWorkloadIdentity, FederateServiceAccount and GrantRegistryRole want it, long since.
 * @param vault ARM id of the vault that holds `orders-db`
 * @param registry ARM id of the registry, if one is granted
 * @returns the cluster's ARM id
 */
export async function plantConverged(world: World, place: { readonly subscriptionId: string; readonly group: string; readonly name: string }, vault: string, registry?: string): Promise<string> {
  const { subscriptionId, group, name } = place;
  const resource = { properties: { oidcIssuerProfile: { enabled: true }, securityProfile: { workloadIdentity: { enabled: true } } } };
  const api = await world.addCluster({ ...place, location: 'westeurope', resource }, bareFurniture);
  const record = world.arm.clusters.find(name);
  const { credentials, principalId, clientId } = world.arm.identities.add(subscriptionId, group, `id-orders-${name}`, 'westeurope');
  credentials.set('wi', record.issuerUrl(), 'system:serviceaccount:orders:api');
  const grant = (scope: string, roleDefinitionId: string): void => {
    world.roles.add({ name: idOf(`${principalId} ${scope}`), scope, principalId, principalType: 'ServicePrincipal', roleDefinitionId, createdAt: Number.NEGATIVE_INFINITY });
  };
  grant(`${vault}/secrets/orders-db`, roles['Key Vault Secrets User']);
  if (registry !== undefined) grant(registry, roles.AcrPull);
  const annotations = { 'azure.workload.identity/client-id': clientId, 'azure.workload.identity/tenant-id': tenantId };
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
  api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api', annotations } });
  return record.id;
}
