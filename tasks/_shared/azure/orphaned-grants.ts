import { isWithin, lastPart, parseArmId } from '../fleet/arm-id.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import { grantMark } from '../fleet/marks.js';
import { toProblem } from '../reconcile/problem.js';
import type { Reader } from '../reconcile/resource.js';
import { strongReader } from '../reconcile/plan.js';
import type { Azure } from './azure.js';
import { clusterState } from './cluster-state.js';
import { apiVersions } from './api-versions.js';
import { readIdentity } from './identity-state.js';
import { kubeletUse } from './kubelet-use.js';
import { assignmentsAt } from './own-grants.js';
import type { RoleAssignmentState } from './role-assignments.js';
import { clustersAround } from './visible-clusters.js';

/** A grant of this project whose principal is gone, or may be. */
export interface OrphanedGrant {
  readonly assignment: RoleAssignmentState;
  /** How it is known that the principal is gone, in a clause; absent where it could not be found out. */
  readonly evidence?: string;
  /** Why it could not be found out. */
  readonly unclear?: string;
}

/**
 * The grants of this project at a scope and below it whose principal is gone: deleting an identity or a cluster leaves its role assignments.
 * The identity or cluster that the grant's own description names is read, strongly: it is not there any more, or has another principal.
 * Clusters may share one kubelet identity, so that of nodes is gone only when no cluster of the run, and none that is seen in their
 * subscriptions and in that of the named cluster, has it; a cluster that does not say what its nodes run as leaves it unclear.
 * A grant without such a name is not judged. Source: azure-docs, troubleshooting RBAC (assignments of deleted principals stay).
 * @throws Problem when the assignments cannot be listed.
 */
export async function orphanedGrants(azure: Azure, scope: string, reader: Reader, identities: Azure, clusters: readonly ClusterEntry[]): Promise<OrphanedGrant[]> {
  const own = (await assignmentsAt(azure, scope, reader)).filter((entry) => isWithin(entry.scope, scope) && grantMark(entry.description)?.principal !== undefined);
  const judged = await Promise.all(own.map(async (assignment): Promise<OrphanedGrant | undefined> => {
    const named = grantMark(assignment.description)?.principal ?? '';
    try {
      const now = await reader.once(`principal of ${named.toLowerCase()}`, () => principalOf(identities, named));
      const principalId = assignment.principalId.toLowerCase();
      if (now === undefined || now.toLowerCase() === principalId) return undefined;
      if (isCluster(named)) {
        const { user, unclear } = kubeletUse(await clustersAround(identities, clusters, [named], reader), principalId);
        if (user !== undefined) return undefined;
        if (unclear !== undefined) return { assignment, unclear };
      }
      return { assignment, evidence: now === '' ? `${lastPart(named)} is gone` : `${lastPart(named)} was made anew and has another principal` };
    } catch (error) {
      azure.signal.throwIfAborted();
      return { assignment, unclear: toProblem(error).parts.because };
    }
  }));
  return judged.filter((one) => one !== undefined);
}

function isCluster(id: string): boolean {
  return parseArmId(id)?.type.toLowerCase() === 'microsoft.containerservice/managedclusters';
}

/** The principal of an identity, or of a cluster's nodes; empty when it is gone, undefined for an id of another kind. */
async function principalOf(azure: Azure, id: string): Promise<string | undefined> {
  const place = parseArmId(id);
  if (place === undefined) return undefined;
  switch (place.type.toLowerCase()) {
    case 'microsoft.managedidentity/userassignedidentities':
      return (await readIdentity(azure, { ...place, given: true }, strongReader))?.principalId ?? '';
    case 'microsoft.containerservice/managedclusters': {
      const raw = await azure.arm.get(place.id, apiVersions.managedClusters, { tried: `read ${id}`, what: `Cluster ${place.name} cannot be read` });
      return raw === undefined ? '' : (clusterState(raw, id).kubelet?.objectId ?? '');
    }
    default:
      return undefined;
  }
}
