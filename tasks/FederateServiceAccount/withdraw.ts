import { LeftoverProof, leftoverCheck } from '../_shared/agent/leftovers.js';
import type { Desired } from '../_shared/agent/planned-task.js';
import type { Services } from '../_shared/agent/services.js';
import { distinctScopes, othersServed, ownName, readFacts, removeGrants, serves, Unreadable, withdrawalsOf, type GrantScope, type IdentityFacts, type Undone, type Withdrawal } from '../_shared/agent/withdrawal.js';
import { ClusterLookup } from '../_shared/azure/cluster-lookup.js';
import { credentialRemovalKey, FederatedCredentialRemoval } from '../_shared/azure/federated-credential-removal.js';
import type { FederatedCredentialState } from '../_shared/azure/federated-credentials.js';
import type { FleetUse } from '../_shared/azure/fleet-use.js';
import { IdentityRemoval } from '../_shared/azure/identity-removal.js';
import { grantRemovalKey } from '../_shared/azure/role-assignment-removal.js';
import { isWithin, sameId } from '../_shared/fleet/arm-id.js';
import type { History } from '../_shared/fleet/history.js';
import { knownPolicies, type VaultPolicies } from '../_shared/azure/vault-policies.js';
import { VaultPolicyRemoval } from '../_shared/azure/vault-policy-removal.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import { identityKeys } from '../_shared/kubernetes/connection.js';
import { kinds, pathOf } from '../_shared/kubernetes/objects.js';
import { readAnnotations } from '../_shared/kubernetes/service-account.js';
import { ServiceAccountRemoval } from '../_shared/kubernetes/service-account-removal.js';
import { problemOf, type ProblemParts } from '../_shared/reconcile/problem.js';
import { output } from '../_shared/reconcile/ref.js';
import type { Removal } from '../_shared/reconcile/removal.js';
import type { AnyResource, Reader } from '../_shared/reconcile/resource.js';

/** What a withdrawal takes back. */
export interface WithdrawalOptions {
  readonly placed: readonly PlacedWorkload[];
  /** Where a workload's identity may have been granted something. */
  readonly scopesOf: (workload: PlacedWorkload) => readonly GrantScope[];
  /** The access policies of the vaults that may let a workload's identity in. */
  readonly policiesOf: (workload: PlacedWorkload) => readonly VaultPolicies[];
  /** Whether what is in the clusters goes as well. */
  readonly accounts: boolean;
  readonly history: History;
  readonly fleet: FleetUse;
  /** What the run removes besides, because its counterpart is gone. */
  readonly pruned: readonly Removal[];
}

/**
 * Lists what goes when service accounts shall not act as their identities any more, in the order in which nothing is left hanging:
 * annotations, then grants, then credentials, then the identity. What is there is read first, since only what is ours goes.
 */
export async function withdrawFederation(options: WithdrawalOptions, services: Services, reader: Reader): Promise<Undone> {
  const parts = await Promise.all(withdrawalsOf(options.placed).map((withdrawal) => withdrawIdentity(withdrawal, options, services, reader)));
  return {
    resources: parts.flatMap(({ resources }) => resources),
    proofs: parts.flatMap(({ proofs }) => proofs),
    checks: [leftoverCheck(parts.flatMap(({ left }) => left))],
  };
}

type Part = Pick<Desired, 'resources' | 'proofs'> & { readonly left: readonly ProblemParts[] };

async function withdrawIdentity(withdrawal: Withdrawal, options: WithdrawalOptions, services: Services, reader: Reader): Promise<Part> {
  const { azure } = services;
  const { place, workloads, owner } = withdrawal;
  try {
    const facts = await readFacts(azure, withdrawal, reader);
    return await listRemovals(withdrawal, facts, options, services, reader);
  } catch (error) {
    const problem = problemOf(error, azure.signal, `look at identity ${place.name}`);
    return { resources: [...workloads.map(({ entry }) => new ClusterLookup(azure, entry, { issuer: false })), new Unreadable('identity', place.id, problem, owner)], proofs: [], left: [] };
  }
}

async function listRemovals(withdrawal: Withdrawal, facts: IdentityFacts, options: WithdrawalOptions, services: Services, reader: Reader): Promise<Part> {
  const { azure } = services;
  const { place, workloads, owner } = withdrawal;
  const where = owner === undefined ? {} : { cluster: owner };
  const accounts = workloads.flatMap((workload) => withdrawAccount(workload, facts, options, services));
  const pruned = new Set(options.pruned.map(({ key }) => key));
  const isPruned = ({ name }: FederatedCredentialState): boolean => pruned.has(credentialRemovalKey(place.id, name));
  const stay = othersServed({ ...facts, credentials: facts.credentials.filter((entry) => !isPruned(entry)) }, withdrawal);
  const scopes = distinctScopes(workloads.flatMap((workload) => [...options.scopesOf(workload)]));
  const grants = await removeGrants({
    grantee: { id: place.id, name: place.name, ...(facts.identity === undefined ? {} : { principalId: facts.identity.principalId }) },
    scopes,
    history: options.history,
    fate: () => ({ stays: stay }),
    because: 'its workload is withdrawn',
    after: accounts.map(({ removal }) => removal.key),
    cluster: owner,
  }, reader);
  const vaults = [...new Map(workloads.flatMap((workload) => options.policiesOf(workload)).map((one) => [one.place.id.toLowerCase(), one])).values()];
  const principals = principalsAt(facts, options.history, place.id);
  const entries = vaults.flatMap((of) => principals(of.place.id).map((id) =>
    ({ of, removal: new VaultPolicyRemoval(of, { id, name: place.name }, options.history, { ...where, after: accounts.map(({ removal }) => removal.key) }, stay) })));
  const policies = entries.map(({ removal }) => removal);
  const before = [...grants.unreadable, ...grants.removals, ...policies].map(({ key }) => key);
  const credentials = workloads.map((workload) => new FederatedCredentialRemoval(azure, place.id, ownName(workload), `${workload.title} is withdrawn`, {
    cluster: workload.entry.label,
    after: [...before, ...accounts.filter((one) => one.workload === workload).map(({ removal }) => removal.key)],
  }));
  const going = new Set(stay === undefined ? grants.removals.map(({ key }) => key) : []);
  const leaving = {
    credential: (entry: FederatedCredentialState) => isPruned(entry) || workloads.some((workload) => sameId(ownName(workload), entry.name)),
    grant: (entry: { readonly id: string }) => going.has(grantRemovalKey(entry)) || pruned.has(grantRemovalKey(entry)),
  };
  const identity = new IdentityRemoval(azure, place, { fleet: options.fleet, leaving, scopes, policies: entries.map(({ of, removal }) => ({ of, leaves: (entry) => removal.leaves(entry) })) }, { ...where, after: [...before, ...pruned, ...credentials.map(({ key }) => key)] });
  const removals: Removal[] = [...accounts.map(({ removal }) => removal), ...grants.removals, ...policies, ...credentials, identity];
  const left = [...grants.left, ...foreignCredentials(withdrawal, facts)];
  const notes = workloads.flatMap((workload) => notesOn(workload, facts, options));
  const proof = new LeftoverProof(`withdrawal of ${place.id.toLowerCase()}`, `withdrawal of ${place.name}`, removals, { left, notes }, owner);
  return { resources: [...accounts.map(({ cluster }) => cluster), ...grants.unreadable, ...removals], proofs: [proof], left };
}

/** Principals whose entries may be the identity's: its own, and those that a ledger shows of one that is gone. */
function principalsAt(facts: IdentityFacts, history: History, identityId: string): (vaultId: string) => string[] {
  const own = facts.identity === undefined ? [] : [facts.identity.principalId];
  return (vaultId) => {
    const known = knownPolicies(history, identityId).filter((one) => sameId(one.vaultId, vaultId)).map(({ principalId }) => principalId);
    return [...new Set([...own, ...known])];
  };
}

interface WithdrawnAccount {
  readonly workload: PlacedWorkload;
  readonly cluster: AnyResource;
  readonly removal: ServiceAccountRemoval;
}

/** Nothing for a cluster that is gone: what was in it is gone as well. */
function withdrawAccount(workload: PlacedWorkload, { identity, clusters, unread }: IdentityFacts, { accounts, history }: WithdrawalOptions, services: Services): WithdrawnAccount[] {
  const { entry, namespace, serviceAccount } = workload;
  if (!accounts || !(clusters.has(entry.label) || unread.has(entry.label))) return [];
  const cluster = new ClusterLookup(services.azure, entry, { issuer: false });
  const clientId = identity?.clientId ?? clientIdInLedger(workload, history);
  const withdrawn = { name: workload.identity.name, ...(clientId === undefined ? {} : { clientId }) };
  const removal = new ServiceAccountRemoval(services.cluster(entry), { namespace, name: serviceAccount }, withdrawn, history, output(cluster, (state) => state.id));
  return [{ workload, cluster, removal }];
}

/**
 * The client id of an identity that is gone. Ledgers do not name it beside the identity; so it is taken for the one that they show on the service
 * account when they show no other there, and writes to this identity or its credentials as well.
 */
function clientIdInLedger({ entry, identity, namespace, serviceAccount: name }: PlacedWorkload, history: History): string | undefined {
  if (!history.objects.some((one) => isWithin(one, identity.id) && history.of(one) !== undefined)) return undefined;
  const written = history.of(pathOf({ ...kinds.serviceAccount, namespace, name }), entry.id)?.afters ?? [];
  const [only, ...others] = new Set(written.flatMap((after) => readAnnotations(after)[identityKeys.clientId] ?? []));
  return others.length === 0 ? only : undefined;
}

/** Credentials of somebody else that let the workload use the identity. */
function foreignCredentials({ place, workloads }: Withdrawal, facts: IdentityFacts): ProblemParts[] {
  return workloads.flatMap((workload) => facts.credentials.filter((entry) => !sameId(entry.name, ownName(workload)) && serves(entry, workload, facts)).map((entry) => ({
    code: 'WI2311',
    what: `Federated credential ${entry.name} still lets ${workload.title} use identity ${place.name}`,
    because: 'it has another name than this project gives, so somebody else made it',
    remedy: `remove it by hand if nobody else needs it: az identity federated-credential delete --name ${entry.name} --identity-name ${place.name} --resource-group ${place.resourceGroup}`,
  })));
}

function notesOn({ entry, namespace }: PlacedWorkload, { clusters, unread }: IdentityFacts, { accounts }: WithdrawalOptions): string[] {
  if (!clusters.has(entry.label) && !unread.has(entry.label)) return [`cluster ${entry.label} is gone, and what was in it`];
  return accounts ? [`namespace ${namespace} stays`] : ['what is in the clusters stays, as createServiceAccount is false'];
}
