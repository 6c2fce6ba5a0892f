import { FederatedCredentialRemoval } from '../azure/federated-credential-removal.js';
import { credentialsOf, type FederatedCredentialState } from '../azure/federated-credentials.js';
import { askIssuer } from '../azure/issuer-document.js';
import { orphanedGrants } from '../azure/orphaned-grants.js';
import { grantTitle, RoleAssignmentRemoval } from '../azure/role-assignment-removal.js';
import { subscriptionsOf, visibleClusters } from '../azure/visible-clusters.js';
import { lastPart, sameId } from '../fleet/arm-id.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import type { IdentityPlace } from '../fleet/identity-place.js';
import { isOwnCredential } from '../fleet/marks.js';
import { accountOf, credentialName } from '../fleet/names.js';
import { kinds } from '../kubernetes/objects.js';
import { Limiter } from '../reconcile/limits.js';
import { toProblem, type ProblemParts } from '../reconcile/problem.js';
import type { Removal } from '../reconcile/removal.js';
import type { Reader } from '../reconcile/resource.js';
import { LeftoverProof, leftoverCheck } from './leftovers.js';
import type { Services } from './services.js';
import type { GrantScope, Undone } from './withdrawal.js';

/** Where a run looks for what has lost its counterpart. */
export interface PruneOptions {
  /** The identities of the run. */
  readonly identities: readonly IdentityPlace[];
  readonly clusters: readonly ClusterEntry[];
  readonly scopes: readonly GrantScope[];
  /** Names of the credentials that the run itself wants or removes, by {@link credentialKey}. */
  readonly spoken: ReadonlySet<string>;
}

/** What goes because its counterpart is gone. */
export type Pruned = Undone & { readonly resources: readonly Removal[] };

/** What is known of one place where orphans were looked for. */
interface Orphans {
  readonly removals: readonly Removal[];
  readonly left: readonly ProblemParts[];
}

/** So many places are looked at side by side. */
const placesAtATime = 25;

/** How a credential is told from all others of the run. */
export function credentialKey(identityId: string, name: string): string {
  return `${identityId} ${name}`.toLowerCase();
}

/**
 * Finds what this project made and nothing uses any more: credentials whose cluster or service account is gone, and grants whose principal is
 * gone. What cannot be found out is left alone, and said. Reads only; the removals are planned with everything else of the run.
 */
export async function findOrphans(options: PruneOptions, services: Services, reader: Reader): Promise<Pruned> {
  const limiter = new Limiter(placesAtATime);
  const places = [
    ...options.identities.map((place) => () => credentialsWithoutUse(place, options, services, reader)),
    ...options.scopes.map((place) => () => grantsWithoutPrincipal(place, options, services, reader)),
  ];
  const found = await Promise.all(places.map((look) => limiter.run(look)));
  const resources = found.flatMap(({ removals }) => removals);
  const left = found.flatMap((one) => one.left);
  const proofs = resources.length + left.length === 0 ? [] : [new LeftoverProof('pruning', 'pruning', resources, { left, notes: [] })];
  return { resources, proofs, checks: [leftoverCheck(left)] };
}

async function credentialsWithoutUse(place: IdentityPlace, options: PruneOptions, services: Services, reader: Reader): Promise<Orphans> {
  const { azure } = services;
  try {
    const own = (await credentialsOf(azure, place.id, reader)).filter((entry) => isOwnCredential(entry) && !options.spoken.has(credentialKey(place.id, entry.name)));
    const judged = await Promise.all(own.map(async (entry) => ({ entry, ...(await judge(entry, place, options, services, reader)) })));
    return {
      removals: judged.flatMap(({ entry, evidence }) => (evidence === undefined ? [] : [new FederatedCredentialRemoval(azure, place.id, entry.name, evidence, {})])),
      left: judged.flatMap(({ entry, unclear }) => (unclear === undefined ? [] : [unclearOrphan(`Federated credential ${entry.name} of identity ${place.name}`, unclear)])),
    };
  } catch (error) {
    azure.signal.throwIfAborted();
    return { removals: [], left: [unclearOrphan(`What identity ${place.name} trusts`, toProblem(error).parts.because)] };
  }
}

async function grantsWithoutPrincipal({ azure: owner, scope }: GrantScope, { clusters }: PruneOptions, { azure }: Services, reader: Reader): Promise<Orphans> {
  try {
    const orphans = await orphanedGrants(owner, scope, reader, azure, clusters);
    return {
      removals: orphans.flatMap(({ assignment, evidence }) => (evidence === undefined ? [] : [new RoleAssignmentRemoval(owner, assignment, evidence, {})])),
      left: orphans.flatMap(({ assignment, unclear }) => (unclear === undefined ? [] : [unclearOrphan(`Grant ${grantTitle(assignment)} (assignment ${lastPart(assignment.id)})`, unclear)])),
    };
  } catch (error) {
    azure.signal.throwIfAborted();
    return { removals: [], left: [unclearOrphan(`What is granted at ${scope}`, toProblem(error).parts.because)] };
  }
}

interface Verdict {
  /** How it is known that the counterpart is gone, in a clause. */
  readonly evidence?: string;
  /** Why that could not be found out, though nothing that uses it was seen. */
  readonly unclear?: string;
}

async function judge(entry: FederatedCredentialState, place: IdentityPlace, options: PruneOptions, services: Services, reader: Reader): Promise<Verdict> {
  const { namespace, serviceAccount } = accountOf(entry.subject) ?? { namespace: '', serviceAccount: '' };
  const nameAt = ({ id, name }: { readonly id: string; readonly name: string }): string => credentialName(id, name, namespace, serviceAccount);
  const inFleet = options.clusters.find((cluster) => sameId(nameAt(cluster), entry.name));
  if (inFleet !== undefined) return judgeAccount(inFleet, namespace, serviceAccount, services);
  for (const subscription of subscriptionsOf([place, ...options.clusters].map(({ id }) => id))) {
    try {
      const clusters = await visibleClusters(services.azure, subscription, reader);
      if (clusters.some(({ id, issuerUrl }) => issuerUrl === entry.issuer || sameId(nameAt({ id, name: lastPart(id) }), entry.name))) return {};
    } catch (error) {
      services.azure.signal.throwIfAborted();
      return { unclear: `the clusters of subscription ${subscription} cannot be listed: ${toProblem(error).parts.because}` };
    }
  }
  const issuance = await reader.once(`issuer ${entry.issuer}`, () => askIssuer(services.azure, entry.issuer));
  if (issuance === 'gone') return { evidence: `its cluster is gone: none that this connection sees has its issuer or its name, and nothing is served at ${entry.issuer} any more` };
  return { unclear: issuance === 'served' ? `no cluster of it is seen, but its issuer ${entry.issuer} is still served` : issuance.unclear };
}

async function judgeAccount(cluster: ClusterEntry, namespace: string, name: string, services: Services): Promise<Verdict> {
  try {
    const account = await services.cluster(cluster).get({ ...kinds.serviceAccount, namespace, name });
    return account === undefined ? { evidence: `service account ${namespace}/${name} is gone from ${cluster.label}` } : {};
  } catch (error) {
    services.azure.signal.throwIfAborted();
    return { unclear: `${cluster.label} does not say whether service account ${namespace}/${name} is there: ${toProblem(error).parts.because}` };
  }
}

function unclearOrphan(what: string, because: string): ProblemParts {
  return {
    code: 'WI2315',
    what: `${what} was not pruned`,
    because,
    remedy: 'remove what stands in the way and run again with prune; or remove it by hand if you know that nothing uses it',
  };
}
