import type { ClusterEntry } from '../fleet/clusters.js';
import type { Json } from '../fleet/json.js';
import type { ClusterFacts, Gathered, GrantFact } from '../fleet/posture/rule.js';
import { attempt, type Read } from '../reconcile/attempt.js';
import type { Reader } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import { readCluster, type ClusterState } from './cluster-state.js';
import { diagnosticSettings } from './diagnostic-setting.js';

/** What is read once for many clusters. */
export interface SharedFacts {
  /** Clusters that a list has shown already, by ARM id in lower case; the others are read one by one. */
  readonly listed: ReadonlyMap<string, ClusterState>;
  /** Every grant that can be seen; rules pick those of a cluster's own identities. */
  readonly grants: Gathered<GrantFact>;
  /** The policy assignments that reach a cluster. */
  policies(cluster: ClusterState): Promise<Read<readonly Json[]>>;
}

/** A cluster with what the rules want to know of it. */
export interface AuditedState {
  readonly state: ClusterState;
  readonly facts: ClusterFacts;
}

/** Reads a cluster as the rules over clusters see it. Unread where the cluster itself cannot be read or is not there; a cancelled run throws. */
export async function readClusterFacts(azure: Azure, entry: ClusterEntry, shared: SharedFacts, reader: Reader): Promise<Read<AuditedState>> {
  const found = await attempt(azure.signal, async () => shared.listed.get(entry.id.toLowerCase()) ?? (await readCluster(azure, entry, reader)));
  if ('unread' in found) return found;
  const state = found.found;
  if (state === undefined) return { unread: `there is no cluster ${entry.id}` };
  const [settings, policyAssignments] = await Promise.all([attempt(azure.signal, () => diagnosticSettings(azure, entry, reader)), shared.policies(state)]);
  const { label, id } = entry;
  return { found: { state, facts: { label, id, tenantId: azure.connection.tenantId, raw: state.raw, diagnosticSettings: settings, policyAssignments, grants: shared.grants } } };
}
