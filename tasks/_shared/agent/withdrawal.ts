import type { Azure } from '../azure/azure.js';
import { readCluster, type ClusterState } from '../azure/cluster-state.js';
import { credentialsOf, type FederatedCredentialState } from '../azure/federated-credentials.js';
import { readIdentity, type IdentityState } from '../azure/identity-state.js';
import { grantsOf, type Grantee } from '../azure/own-grants.js';
import { grantTitle, RoleAssignmentRemoval, type RepositoryLimits } from '../azure/role-assignment-removal.js';
import type { RoleAssignmentState } from '../azure/role-assignments.js';
import { lastPart, sameId } from '../fleet/arm-id.js';
import type { History } from '../fleet/history.js';
import type { IdentityPlace } from '../fleet/identity-place.js';
import { accountOf, credentialName, subjectOf } from '../fleet/names.js';
import type { PlacedWorkload } from '../fleet/workload.js';
import { Lookup } from '../reconcile/lookup.js';
import { problemOf, type Problem, type ProblemParts } from '../reconcile/problem.js';
import { blocked, type Change, type Reader } from '../reconcile/resource.js';
import type { Desired } from './planned-task.js';

/** An identity and those who shall not use it any more. */
export interface Withdrawal {
  readonly place: IdentityPlace;
  readonly workloads: readonly PlacedWorkload[];
  /** The cluster whose alone the identity is. */
  readonly owner: string | undefined;
}

/** A place where roles may have been given, with the Azure that may take them back. */
export interface GrantScope {
  readonly azure: Azure;
  /** ARM id of a vault, a registry or anything else. */
  readonly scope: string;
}

/** What a run takes back: a part of what it wants to be true, without outputs. */
export type Undone = Pick<Desired, 'resources' | 'proofs'> & { readonly checks: NonNullable<Desired['checks']> };

/** What several parts take back, in their order. */
export function allUndone(parts: readonly Undone[]): Undone {
  return {
    resources: parts.flatMap(({ resources }) => resources),
    proofs: parts.flatMap(({ proofs }) => proofs),
    checks: parts.flatMap(({ checks }) => checks),
  };
}

/** Each scope once, with the Azure that comes first: a vault's own connection before that of a line of `grants` at the same place. */
export function distinctScopes(scopes: readonly GrantScope[]): GrantScope[] {
  return [...new Map(scopes.toReversed().map((one) => [one.scope.toLowerCase(), one])).values()].toReversed();
}

/** Groups workloads by the identity that they use. */
export function withdrawalsOf(placed: readonly PlacedWorkload[]): Withdrawal[] {
  const groups = new Map<string, PlacedWorkload[]>();
  for (const workload of placed) {
    const key = workload.identity.id.toLowerCase();
    groups.set(key, [...(groups.get(key) ?? []), workload]);
  }
  return [...groups.values()].flatMap((workloads) => {
    const [first] = workloads;
    return first === undefined ? [] : [{ place: first.identity, workloads, owner: first.owner }];
  });
}

/** What was read of an identity before the removals are listed. */
export interface IdentityFacts {
  readonly identity?: IdentityState;
  readonly credentials: readonly FederatedCredentialState[];
  /** The clusters that are there, by label. */
  readonly clusters: ReadonlyMap<string, ClusterState>;
  /** Clusters of which it could not be read whether they are there. */
  readonly unread: ReadonlySet<string>;
}

/** @throws Problem when the identity or its credentials cannot be read; a cluster that cannot be read is noted only. */
export async function readFacts(azure: Azure, { place, workloads }: Withdrawal, reader: Reader): Promise<IdentityFacts> {
  const identity = await readIdentity(azure, place, reader);
  const credentials = identity === undefined ? [] : await credentialsOf(azure, place.id, reader);
  const clusters = new Map<string, ClusterState>();
  const unread = new Set<string>();
  for (const { entry } of workloads) {
    try {
      const cluster = await readCluster(azure, entry, reader);
      if (cluster !== undefined) clusters.set(entry.label, cluster);
    } catch {
      azure.signal.throwIfAborted();
      unread.add(entry.label);
    }
  }
  return { ...(identity === undefined ? {} : { identity }), credentials, clusters, unread };
}

/** The name of the credential that this project makes for a workload. */
export function ownName({ entry, namespace, serviceAccount }: PlacedWorkload): string {
  return credentialName(entry.id, entry.name, namespace, serviceAccount);
}

/** True for a credential that serves the workload, whoever made it. */
export function serves(entry: FederatedCredentialState, workload: PlacedWorkload, { clusters }: IdentityFacts): boolean {
  return entry.subject === subjectOf(workload.namespace, workload.serviceAccount) && entry.issuer === clusters.get(workload.entry.label)?.issuerUrl;
}

/**
 * Why the grants of an identity have to stay: service accounts that this run does not withdraw reach what was granted through the same
 * identity, whoever federated them: what was granted for one of them may have been granted under a credential that was adopted. Undefined when there are none.
 */
export function othersServed(facts: IdentityFacts, { workloads }: Withdrawal): string | undefined {
  const others = facts.credentials.filter((entry) => {
    if (workloads.some((workload) => sameId(entry.name, ownName(workload)) || serves(entry, workload, facts))) return false;
    // Namespaces and service accounts have no capitals: a subject with one lets nobody in.
    return accountOf(entry.subject) !== undefined && entry.subject === entry.subject.toLowerCase();
  });
  return others.length === 0 ? undefined : `others use the identity as well: ${others.map(({ name, subject }) => `federated credential ${name} (${subject})`).join(', ')}`;
}

/** What becomes of the grants of one grantee. */
export interface GrantRemovals {
  readonly removals: readonly RoleAssignmentRemoval[];
  /** Places that could not be looked at: each blocks what comes after it. */
  readonly unreadable: readonly Unreadable[];
  readonly left: readonly ProblemParts[];
}

/** What becomes of a grant. */
export interface GrantFate {
  /** Why it stays, in a clause; absent when it goes. */
  readonly stays?: string | undefined;
  /**
   * True when it goes as a whole, and not only for some repositories: its principal is gone, so that nobody can use it, and Azure refuses to write it
   * again for a principal that is gone.
   */
  readonly whole?: boolean;
}

/** How grants are looked for and removed. */
export interface GrantRemovalOptions {
  /** Whom they were given, as messages call it. */
  readonly grantee: Grantee & { readonly name: string };
  readonly scopes: readonly GrantScope[];
  readonly history: History;
  /** GUIDs of the roles that go, in lower case; every role when absent. Grants of other roles are neither removed nor told. */
  readonly roles?: readonly string[];
  /** What becomes of each grant. */
  readonly fate: (entry: RoleAssignmentState) => GrantFate | Promise<GrantFate>;
  readonly because: string;
  readonly after: readonly string[];
  readonly cluster: string | undefined;
  /** Where a role is limited to repositories: which of them go. */
  readonly limits?: RepositoryLimits;
}

/** Lists the removals of what this project granted to one grantee at some places; what others granted there is left, and told. */
export async function removeGrants({ grantee, scopes, history, roles, fate, because, after, cluster, limits }: GrantRemovalOptions, reader: Reader): Promise<GrantRemovals> {
  const asked = ({ role }: RoleAssignmentState): boolean => roles?.includes(role.toLowerCase()) ?? true;
  // One scope may lie in another: what both show is one.
  const removals = new Map<string, RoleAssignmentRemoval>();
  const left = new Map<string, ProblemParts>();
  const unreadable: Unreadable[] = [];
  const place = { after, ...(cluster === undefined ? {} : { cluster }) };
  for (const { azure, scope } of scopes) {
    try {
      const { ours, others } = await grantsOf(azure, scope, grantee, history, reader);
      for (const entry of ours.filter(asked)) {
        const { stays, whole } = await fate(entry);
        const removal = new RoleAssignmentRemoval(azure, entry, because, place, stays, whole === true ? undefined : limits);
        if (!removals.has(removal.key)) removals.set(removal.key, removal);
      }
      for (const entry of others.filter(asked)) left.set(entry.id.toLowerCase(), foreignGrant(entry, grantee.name));
    } catch (error) {
      unreadable.push(new Unreadable('grants', scope, problemOf(error, azure.signal, `look for grants at ${scope}`), cluster));
    }
  }
  return { removals: [...removals.values()], unreadable, left: [...left.values()] };
}

function foreignGrant(entry: RoleAssignmentState, name: string): ProblemParts {
  const id = lastPart(entry.id);
  return {
    code: 'WI2312',
    what: `Grant ${grantTitle(entry)} for ${name} stays`,
    because: `assignment ${id} was not made by this project: neither its name nor its description says so, and no ledger does`,
    remedy: `remove it by hand if nobody else needs it: az role assignment delete --ids ${entry.id}`,
  };
}

/** Something that has to be looked at before a removal can be planned, and could not be: it stops what comes after it. */
export class Unreadable extends Lookup<object> {
  constructor(
    readonly kind: string,
    where: string,
    private readonly problem: Problem,
    cluster?: string,
  ) {
    super(`${kind} at ${where.toLowerCase()} for ${cluster ?? 'all'}`, where.split('/').at(-1) ?? where, where, cluster);
  }

  observe(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  plan(): Change {
    return blocked(this.problem.parts);
  }
}
