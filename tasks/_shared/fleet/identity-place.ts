import { groupId, parseArmId } from './arm-id.js';
import type { ClusterEntry } from './clusters.js';
import { fillPattern, type NameParts } from './names.js';

/** Where an identity is, or shall be. */
export interface IdentityPlace {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly name: string;
  readonly id: string;
  /** True when the user named one existing identity by its ARM id: it is reused, never created. */
  readonly given: boolean;
}

/** Regions that were documented to be without federated credentials. Source: Entra docs, workload identity federation considerations. */
export const regionsWithoutFederation: ReadonlySet<string> = new Set(['malaysiasouth', 'newzealandnorth']);

/** A region as ARM compares it: `New Zealand North` is `newzealandnorth`. Source: azure-docs, regions list (names and display names). */
export function regionName(text: string): string {
  return text.replace(/\s/g, '').toLowerCase();
}

/** Longest name of a user-assigned identity. Not confirmed by a source that we read; the shortest limit in use. */
const nameLimit = 128;

/**
 * The identity of a workload on a cluster, from the input `identity`: an ARM id, or a name pattern that is filled for this cluster.
 * @param resourceGroup input identityResourceGroup; the cluster's own group when absent
 */
export function identityPlace(identity: string, resourceGroup: string | undefined, cluster: ClusterEntry, parts: Omit<NameParts, 'cluster'>): IdentityPlace {
  const given = parseArmId(identity);
  if (given !== undefined) {
    const { subscriptionId, resourceGroup: group, name, id } = given;
    return { subscriptionId, resourceGroup: group, name, id, given: true };
  }
  const group = resourceGroup ?? cluster.resourceGroup;
  const name = fillPattern(identity, { ...parts, cluster: cluster.name }, nameLimit);
  const id = `${groupId(cluster.subscriptionId, group)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`;
  return { subscriptionId: cluster.subscriptionId, resourceGroup: group, name, id, given: false };
}
