import { groupId, lastPart, parseArmId, sameId } from '../fleet/arm-id.js';
import { regionName, regionsWithoutFederation } from '../fleet/identity-place.js';
import type { Inspection, PreflightCheck } from '../reconcile/check.js';
import { sharedReader, type Plan, type PlannedChange } from '../reconcile/plan.js';
import { placeOf, type Finding } from '../reconcile/preflight.js';
import { toProblem, type ProblemParts } from '../reconcile/problem.js';
import { foreseen, writes, type Permission, type Reader } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import type { ClusterState } from './cluster-state.js';
import { FederatedCredential, type CredentialObservation } from './federated-credential.js';
import { Identity, neverFederated, type IdentityObservation } from './identity.js';
import { clusterListRight, visibleClusters } from './visible-clusters.js';

/**
 * Looks, before a credential is written, whether any cluster of the identity's subscription runs on it: also one that the run does not
 * work on. Where the clusters cannot be listed, nothing is federated. Tells as well what the run will meet or leave behind: regions that
 * were documented to be without federation, and credentials of others that seem to serve and do not.
 */
export function federationCheck(azure: Azure): PreflightCheck {
  return {
    inspect: async (plan, { dryRun }): Promise<Inspection> => {
      const written = plan.flatMap(({ resource, change, observed }) => (resource instanceof FederatedCredential && writes(foreseen(change)) ? [{ resource, observed }] : []));
      const reader = sharedReader();
      const findings: Finding[] = [];
      const notes = [...regionNotes(plan), ...nearNotes(written)];
      for (const { resource } of written) {
        const place = parseArmId(resource.identityId);
        if (place === undefined) continue;
        const { subscriptionId } = place;
        const clusters = await clustersOf(azure, subscriptionId, reader);
        if ('code' in clusters && dryRun) {
          notes.push(`whether a cluster runs on ${place.name} is looked up when it is applied: this connection may not list the clusters of subscription ${subscriptionId}`);
          continue;
        }
        const problem = 'code' in clusters ? unseen(place.name, clusterListRight(azure, subscriptionId), clusters) : takenBy(place, clusters);
        if (problem !== undefined) findings.push({ ...placeOf(resource.cluster), resource: resource.key, problem, awaits: false });
      }
      return { findings, notes: [...new Set(notes)], forbidden: new Map(findings.map(({ resource, problem }) => [resource, problem])) };
    },
  };
}

async function clustersOf(azure: Azure, subscriptionId: string, reader: Reader): Promise<readonly ClusterState[] | ProblemParts> {
  try {
    return await visibleClusters(azure, subscriptionId, reader);
  } catch (error) {
    azure.signal.throwIfAborted();
    return toProblem(error).parts;
  }
}

function takenBy(place: { readonly id: string; readonly name: string; readonly subscriptionId: string; readonly resourceGroup: string }, clusters: readonly ClusterState[]): ProblemParts | undefined {
  const user = clusters.find(({ ownIdentities }) => ownIdentities.some((id) => sameId(id, place.id)));
  if (user !== undefined) return neverFederated(place.name, `cluster ${lastPart(user.id)} itself runs on it`);
  const group = groupId(place.subscriptionId, place.resourceGroup);
  const keeper = clusters.find(({ nodeResourceGroup }) => nodeResourceGroup !== undefined && sameId(groupId(place.subscriptionId, nodeResourceGroup), group));
  return keeper === undefined ? undefined : neverFederated(place.name, `it lies in the node resource group of cluster ${lastPart(keeper.id)}, which belongs to AKS`);
}

function unseen(identity: string, { action, scope }: Permission, { because, serviceCode, correlation }: ProblemParts): ProblemParts {
  return {
    code: 'WI2214',
    what: `It cannot be told whether a cluster runs on identity ${identity}`,
    tried: `list the clusters of subscription ${lastPart(scope)}`,
    because: `what a cluster runs on is never federated, and the list was refused: ${because}`,
    remedy: `grant ${action} at ${scope} to the service connection, see docs/permissions.md, then run again`,
    ...(serviceCode === undefined ? {} : { serviceCode }),
    ...(correlation === undefined ? {} : { correlation }),
  };
}

function regionNotes(plan: Plan): string[] {
  return plan.flatMap(({ resource, change, observed }) => {
    if (!(resource instanceof Identity) || foreseen(change).action !== 'create') return [];
    const { region = '' } = (observed ?? {}) as IdentityObservation;
    if (!regionsWithoutFederation.has(regionName(region))) return [];
    return [`identity ${resource.name} would be in ${region}, which Azure documents as a region without federated credentials: identityLocation names another (WI2212)`];
  });
}

function nearNotes(written: readonly Pick<PlannedChange, 'resource' | 'observed'>[]): string[] {
  return written.flatMap(({ resource, observed }) => {
    const { near } = (observed ?? {}) as Partial<CredentialObservation>;
    return near === undefined ? [] : [`credential ${near.name} was not made by this project and does not serve ${resource.name}, since ${near.flaw} (WI2213)`];
  });
}
