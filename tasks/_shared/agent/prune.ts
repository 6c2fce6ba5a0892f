import type { Azure } from '../azure/azure.js';
import { FederatedCredentialRemoval } from '../azure/federated-credential-removal.js';
import { credentialsOf, type FederatedCredentialState } from '../azure/federated-credentials.js';
import { askIssuer } from '../azure/issuer-document.js';
import { orphanedGrants } from '../azure/orphaned-grants.js';
import { grantTitle, RoleAssignmentRemoval } from '../azure/role-assignment-removal.js';
import { visibleClusters } from '../azure/visible-clusters.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import type { IdentityPlace } from '../fleet/identity-place.js';
import { isOwnCredential } from '../fleet/marks.js';
import { credentialName } from '../fleet/names.js';
import { kinds } from '../kubernetes/objects.js';
import { toProblem, type ProblemParts } from '../reconcile/problem.js';
import type { Removal } from '../reconcile/removal.js';
import type { Reader } from '../reconcile/resource.js';
import { LeftoverProof, leftoverCheck } from './leftovers.js';
import type { Desired } from './planned-task.js';
import type { Services } from './services.js';
import type { GrantScope } from './withdrawal.js';

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
export interface Pruned {
  readonly removals: readonly Removal[];
  readonly desired: Pick<Desired, 'proofs'> & { readonly checks: NonNullable<Desired['checks']> };
}

/** How a credential is told from all others of the run. */
export function credentialKey(identityId: string, name: string): string {
  return `${identityId.toLowerCase()} ${name}`;
}

/**
 * Finds what this project made and nothing uses any more: credentials whose cluster or service account is gone, and grants whose principal is
 * gone. What cannot be found out is left alone, and said. Reads only; the removals are planned with everything else of the run.
 */
export async function findOrphans(options: PruneOptions, services: Services, reader: Reader): Promise<Pruned> {
  const { azure } = services;
  const left: ProblemParts[] = [];
  const removals: Removal[] = [];
  for (const place of options.identities) {
    try {
      const own = (await credentialsOf(azure, place.id, reader)).filter((entry) => isOwnCredential(entry) && !options.spoken.has(credentialKey(place.id, entry.name)));
      for (const entry of own) {
        const { evidence, unclear } = await judge(entry, place, options, services, reader);
        if (evidence !== undefined) removals.push(new FederatedCredentialRemoval(azure, place.id, entry.name, evidence, {}));
        else if (unclear !== undefined) left.push(unclearOrphan(`Federated credential ${entry.name} of identity ${place.name}`, unclear));
      }
    } catch (error) {
      azure.signal.throwIfAborted();
      left.push(unclearOrphan(`What identity ${place.name} trusts`, toProblem(error).parts.because));
    }
  }
  for (const { azure: owner, scope } of options.scopes) {
    const found = await grantsWithoutPrincipal(owner, scope, azure, options.clusters, reader);
    removals.push(...found.removals);
    left.push(...found.left);
  }
  const proofs = removals.length + left.length === 0 ? [] : [new LeftoverProof('pruning', 'pruning', removals, { left, notes: [] })];
  return { removals, desired: { proofs, checks: [leftoverCheck(left)] } };
}

async function grantsWithoutPrincipal(owner: Azure, scope: string, azure: Azure, clusters: readonly ClusterEntry[], reader: Reader): Promise<{ removals: Removal[]; left: ProblemParts[] }> {
  try {
    const orphans = await orphanedGrants(owner, scope, reader, azure, clusters);
    return {
      removals: orphans.flatMap(({ assignment, evidence }) => (evidence === undefined ? [] : [new RoleAssignmentRemoval(owner, assignment, evidence, {})])),
      left: orphans.flatMap(({ assignment, unclear }) => (unclear === undefined ? [] : [unclearOrphan(`Grant ${grantTitle(assignment)} (assignment ${assignment.id.split('/').at(-1) ?? ''})`, unclear)])),
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
  const [, , namespace = '', serviceAccount = ''] = entry.subject.split(':');
  const nameAt = ({ id, name }: { readonly id: string; readonly name: string }): string => credentialName(id, name, namespace, serviceAccount);
  const inFleet = options.clusters.find((cluster) => nameAt(cluster) === entry.name);
  if (inFleet !== undefined) return judgeAccount(inFleet, namespace, serviceAccount, services);
  const subscriptions = new Set([place, ...options.clusters].map(({ subscriptionId }) => subscriptionId.toLowerCase()));
  for (const subscription of subscriptions) {
    try {
      const clusters = await visibleClusters(services.azure, subscription, reader);
      if (clusters.some(({ id, issuerUrl }) => issuerUrl === entry.issuer || nameAt({ id, name: id.split('/').at(-1) ?? '' }) === entry.name)) return {};
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
