import type { Services } from '../_shared/agent/services.js';
import { readClusterFacts, type AuditedState, type SharedFacts } from '../_shared/azure/cluster-facts.js';
import type { ClusterEntry } from '../_shared/fleet/clusters.js';
import { clusterRules } from '../_shared/fleet/posture/cluster-rules.js';
import type { SeenCluster } from '../_shared/fleet/posture/credential-review.js';
import { accountState, type KnownAccounts } from '../_shared/fleet/posture/known-accounts.js';
import { namespaceRules } from '../_shared/fleet/posture/namespace-rules.js';
import { reached, reachRules } from '../_shared/fleet/posture/record-rules.js';
import type { EdgeRules, NamespaceFacts, Verdict } from '../_shared/fleet/posture/rule.js';
import { some } from '../_shared/fleet/wording.js';
import { identityKeys } from '../_shared/kubernetes/connection.js';
import { metadataOf } from '../_shared/kubernetes/objects.js';
import { readNamespaces, type ReadCluster, type ReadNamespace } from '../_shared/kubernetes/namespace-facts.js';
import type { Read } from '../_shared/reconcile/attempt.js';
import type { Reader } from '../_shared/reconcile/resource.js';
import type { AuditedCluster, Judged } from '../_shared/report/audit-report.js';

/** A trust of an identity in scope, as pods need to know it. */
export interface TrustOfIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
}

/** What every cluster of an audit is looked at with. */
export interface ClusterAuditOptions {
  readonly services: Pick<Services, 'azure' | 'cluster'>;
  readonly shared: SharedFacts;
  /** Patterns of the namespaces in scope. */
  readonly namespaces: readonly string[];
  readonly edge: EdgeRules;
  /** What all identities in scope trust. */
  readonly trusts: Read<readonly TrustOfIdentity[]>;
}

/** What an audit found on one cluster. Objects of Kubernetes are judged and forgotten. */
export interface ClusterAudit {
  readonly cluster: AuditedCluster;
  readonly judged: readonly Judged[];
  /** Names of those that were looked at. */
  readonly namespaces: readonly string[];
  /** Names of namespaces in scope that the cluster does not have. */
  readonly absent: readonly string[];
  /** Names of namespaces in scope that are being deleted: nothing that would mend them can be made there any more. */
  readonly ending: readonly string[];
  /** Client ids that service accounts in scope name, in lower case. */
  readonly clientIds: readonly string[];
  /** For the review of credentials; unread where the cluster is not there or cannot be read. */
  readonly seen: Read<SeenCluster>;
}

/** Reads one cluster and its namespaces and judges them. What cannot be read is a verdict and no error; a cancelled run throws. */
export async function auditCluster(entry: ClusterEntry, options: ClusterAuditOptions, reader: Reader): Promise<ClusterAudit> {
  const { services: { azure } } = options;
  const { label, id } = entry;
  const read = await readClusterFacts(azure, entry, options.shared, reader);
  const reach = { rule: reachRules.cluster, cluster: label, verdict: reached('found' in read ? { found: `read as ${azure.connection.name}` } : read) };
  if ('unread' in read) return { cluster: { label, id }, judged: [reach], namespaces: [], absent: [], ending: [], clientIds: [], seen: read };
  const { state, facts } = read.found;
  const inside = await lookInside(entry, read.found, options);
  const found = 'found' in inside ? inside.found : undefined;
  const judged = [
    reach,
    ...clusterRules.map((rule) => ({ rule, cluster: label, verdict: rule.judge(facts) })),
    { rule: reachRules.namespaces, cluster: label, verdict: namespacesReached(inside) },
    ...(found?.unread ?? []).map(({ name, because }) => ({ rule: reachRules.namespaces, cluster: label, namespace: name, verdict: reached({ unread: because }) })),
    ...(found === undefined ? [] : judgeNamespaces(read.found, found, options)),
  ];
  const { kubernetesVersion: version, issuerUrl } = state;
  return {
    cluster: { label, id, ...(version === '' ? {} : { version }) },
    judged,
    namespaces: found?.namespaces.map(({ name }) => name) ?? [],
    absent: found?.absent ?? [],
    ending: found?.ending ?? [],
    clientIds: found?.namespaces.flatMap(clientIdsIn) ?? [],
    seen: { found: {
      id,
      label,
      ...(issuerUrl === undefined ? {} : { issuerUrl }),
      account: asked('found' in inside ? { found: inside.found.accounts } : inside),
    } },
  };
}

/** Keeps the names of accounts and nothing else alive: a function that is made where a cluster is judged keeps all of its objects until the audit ends. */
function asked(accounts: Read<KnownAccounts>): NonNullable<SeenCluster['account']> {
  return (namespace, name) => ('found' in accounts ? accountState(accounts.found, namespace, name) : accounts);
}

function lookInside(entry: ClusterEntry, { state }: AuditedState, { services, namespaces }: ClusterAuditOptions): Promise<Read<ReadCluster>> {
  if (state.power === 'Stopped') return Promise.resolve({ unread: 'the cluster is stopped' });
  return readNamespaces(services.cluster(entry), { patterns: namespaces }, services.azure.signal);
}

function namespacesReached(inside: Read<ReadCluster>): Verdict {
  if ('unread' in inside) return reached(inside);
  const { namespaces } = inside.found;
  return reached({ found: namespaces.length === 0 ? 'the cluster has none that is in scope' : some(namespaces.map(({ name }) => name)) });
}

function judgeNamespaces({ state, facts }: AuditedState, { namespaces, clusterWide }: ReadCluster, { edge, trusts }: ClusterAuditOptions): Judged[] {
  const federated = 'unread' in trusts ? trusts : { found: trusts.found.filter(({ issuer }) => issuer === state.issuerUrl) };
  return namespaces.flatMap((namespace) => {
    const own: NamespaceFacts = { ...namespace, clusterWide, federated, edge };
    return namespaceRules.flatMap((rule) => rule.judge(own, facts).map((verdict) => ({ rule, cluster: facts.label, namespace: namespace.name, verdict })));
  });
}

function clientIdsIn({ objects }: ReadNamespace): string[] {
  const accounts = objects.ServiceAccount;
  if (accounts === undefined || 'unread' in accounts) return [];
  return accounts.found.flatMap((account) => metadataOf(account).annotations[identityKeys.clientId]?.trim().toLowerCase() ?? []);
}
