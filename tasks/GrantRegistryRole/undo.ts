import { LeftoverProof, leftoverCheck } from '../_shared/agent/leftovers.js';
import type { Desired } from '../_shared/agent/planned-task.js';
import { findOrphans } from '../_shared/agent/prune.js';
import type { RemovalInputs } from '../_shared/agent/removal-inputs.js';
import type { Services } from '../_shared/agent/services.js';
import { allUndone, distinctScopes, othersServed, readFacts, removeGrants, Unreadable, withdrawalsOf, type GrantRemovalOptions, type GrantScope, type Undone, type Withdrawal } from '../_shared/agent/withdrawal.js';
import { readCluster } from '../_shared/azure/cluster-state.js';
import { kubeletUse } from '../_shared/azure/kubelet-use.js';
import type { Grantee } from '../_shared/azure/own-grants.js';
import { clustersAround } from '../_shared/azure/visible-clusters.js';
import { repositoryRoleOf, type RegistryRole } from '../_shared/azure/registry-roles.js';
import type { RepositoryLimits } from '../_shared/azure/role-assignment-removal.js';
import { roles } from '../_shared/azure/roles.js';
import { sameId } from '../_shared/fleet/arm-id.js';
import type { ClusterEntry } from '../_shared/fleet/clusters.js';
import { grantMark } from '../_shared/fleet/marks.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import { sharedReader } from '../_shared/reconcile/plan.js';
import { problemOf, type ProblemParts } from '../_shared/reconcile/problem.js';
import type { Reader } from '../_shared/reconcile/resource.js';

/** Whose grants are taken back. */
export type Grantees =
  | { readonly kind: 'workload'; readonly placed: readonly PlacedWorkload[] }
  | { readonly kind: 'kubelet' }
  | { readonly kind: 'objectId'; readonly principalId: string };

/** What is taken back in a run: the grants of its grantees, those whose principal is gone, both or neither. */
export interface UndoOptions {
  readonly removal: RemovalInputs;
  readonly clusters: readonly ClusterEntry[];
  readonly grantees: Grantees;
  /** The registry of a cluster, with the Azure that may write there. */
  readonly scopeOf: (cluster: ClusterEntry) => GrantScope;
  /** What goes: this role, and the one that gives the same where roles are for repositories. The registry's mode may have changed since. */
  readonly role: RegistryRole;
  readonly limits: RepositoryLimits;
}

/** One grantee with the registries where it may have been granted something. */
interface Case {
  readonly grantee: Grantee & { readonly name: string };
  readonly scopes: readonly GrantScope[];
  readonly fate: GrantRemovalOptions['fate'];
}

/** Lists what a run takes back, in one plan with everything else. Reads first what is there, as only that can be judged. */
export async function undo(options: UndoOptions, services: Services): Promise<Undone> {
  const { removal, clusters } = options;
  const reader = sharedReader();
  const scopes = distinctScopes(clusters.map((cluster) => options.scopeOf(cluster)));
  const pruned = removal.prune ? [await findOrphans({ identities: [], clusters, scopes, spoken: new Set() }, services, reader)] : [];
  const parts = removal.state === 'absent' ? await Promise.all(caseReaders(options, services, reader).map((one) => withdraw(one, options, services, reader))) : [];
  const withdrawn = { resources: parts.flatMap(({ resources }) => resources), proofs: parts.flatMap(({ proofs }) => proofs), checks: [leftoverCheck(parts.flatMap(({ left }) => left))] };
  return allUndone([...pruned, withdrawn]);
}

interface CaseReader {
  readonly name: string;
  readonly owner: string | undefined;
  readonly read: () => Promise<Case>;
}

function caseReaders(options: UndoOptions, services: Services, reader: Reader): CaseReader[] {
  const { grantees, clusters, scopeOf } = options;
  switch (grantees.kind) {
    case 'workload':
      return withdrawalsOf(grantees.placed).map((withdrawal) => ({ name: withdrawal.place.name, owner: withdrawal.owner, read: () => workloadCase(withdrawal, options, services, reader) }));
    case 'kubelet':
      return clusters.map((entry) => ({ name: `kubelet of ${entry.label}`, owner: entry.label, read: () => kubeletCase(entry, options, services, reader) }));
    case 'objectId': {
      const { principalId } = grantees;
      const grantee = { id: '', inKeys: principalId, principalId, name: `principal ${principalId}` };
      return [{ name: grantee.name, owner: undefined, read: () => Promise.resolve({ grantee, scopes: distinctScopes(clusters.map((entry) => scopeOf(entry))), fate: () => ({}) }) }];
    }
  }
}

async function workloadCase(withdrawal: Withdrawal, { scopeOf }: UndoOptions, { azure }: Services, reader: Reader): Promise<Case> {
  const { place, workloads } = withdrawal;
  const facts = await readFacts(azure, withdrawal, reader);
  const principal = facts.identity === undefined ? {} : { principalId: facts.identity.principalId };
  const stays = othersServed(facts, withdrawal);
  return { grantee: { id: place.id, name: place.name, ...principal }, scopes: distinctScopes(workloads.map(({ entry }) => scopeOf(entry))), fate: ({ principalId }) => ({ stays, whole: principalId !== facts.identity?.principalId }) };
}

/** Clusters may share one kubelet identity: the grant stays while the nodes of another cluster, which this run does not work on, pull with it. */
async function kubeletCase(entry: ClusterEntry, { scopeOf, clusters }: UndoOptions, { azure }: Services, reader: Reader): Promise<Case> {
  const principalId = (await readCluster(azure, entry, reader))?.kubelet?.objectId;
  const fate: Case['fate'] = async (grant) => {
    const seen = await clustersAround(azure, clusters, [grantMark(grant.description)?.principal ?? ''], reader);
    const { user, unclear } = kubeletUse(seen.filter(({ id }) => !clusters.some((own) => sameId(own.id, id))), grant.principalId);
    if (user !== undefined) return { stays: `the nodes of cluster ${user} pull with the same identity` };
    if (unclear !== undefined) return { stays: `other nodes may pull with the same identity: ${unclear}` };
    return { whole: kubeletUse(seen, grant.principalId).user === undefined };
  };
  return { grantee: { id: entry.id, inKeys: `kubelet of ${entry.id}`, name: `kubelet of ${entry.label}`, ...(principalId === undefined ? {} : { principalId }) }, scopes: [scopeOf(entry)], fate };
}

type Part = Pick<Desired, 'resources' | 'proofs'> & { readonly left: readonly ProblemParts[] };

async function withdraw({ name, owner, read }: CaseReader, { removal, role, limits }: UndoOptions, { azure }: Services, reader: Reader): Promise<Part> {
  try {
    const { grantee, scopes, fate } = await read();
    const grants = await removeGrants({ grantee, scopes, history: removal.history, roles: [roles[role], roles[repositoryRoleOf[role]]], fate, because: `what was granted to ${name} is withdrawn`, after: [], cluster: owner, limits }, reader);
    const proof = new LeftoverProof(`withdrawal of ${name} ${grantee.id.toLowerCase()}`, `withdrawal of ${name}`, grants.removals, { left: grants.left, notes: [] }, owner);
    return { resources: [...grants.unreadable, ...grants.removals], proofs: [proof], left: grants.left };
  } catch (error) {
    const problem = problemOf(error, azure.signal, `look at ${name}`);
    return { resources: [new Unreadable('grants', name, problem, owner)], proofs: [], left: [] };
  }
}
