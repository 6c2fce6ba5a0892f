import { objects, object, text } from '../fleet/json.js';
import { identityKeys } from './connection.js';
import { kinds, metadataOf, type ClusterObject, type ObjectRef } from './objects.js';
import { identityFaults, type ExpectedIdentity } from './pod-identity.js';
import { serviceAccountOf } from './pod-templates.js';
import type { ServiceAccountName } from './service-account.js';

const ended = new Set(['Succeeded', 'Failed']);

/** The pods of a list that run, or are about to, as a service account. */
export function podsAs(account: ServiceAccountName, pods: readonly ClusterObject[]): ClusterObject[] {
  return pods.filter((pod) => serviceAccountOf(pod) === account.name && !metadataOf(pod).deleting && !ended.has(text(object(pod.status).phase) ?? ''));
}

/** True for a pod that the webhook looks at. Source: azure-workload-identity docs, labels and annotations. */
export function isLabelled(pod: ClusterObject): boolean {
  return metadataOf(pod).labels[identityKeys.use] === 'true';
}

/**
 * The client ids that a pod's containers have in the place of this identity's, `(none)` among them; empty when all have it.
 * @param fixed names of containers whose variable the pod template itself sets: starting the pod anew would not change it
 */
export function otherClientIds(pod: ClusterObject, expected: ExpectedIdentity, fixed: ReadonlySet<string> = new Set()): string[] {
  const faults = identityFaults(pod, expected).filter(({ aspect, container }) => aspect === 'clientId' && !fixed.has(container));
  return [...new Set(faults.map(({ found }) => found ?? '(none)'))];
}

/**
 * What can be restarted so that a pod is made anew: its Deployment, StatefulSet or DaemonSet; undefined for pods of anything else. The
 * Deployment follows from the name of its ReplicaSet. Source: kubernetes pkg/controller/deployment (`<name>-<pod-template-hash>`).
 */
export function restartTarget(pod: ClusterObject): ObjectRef | undefined {
  const { namespace, labels } = metadataOf(pod);
  const owner = objects(pod.metadata.ownerReferences).find((entry) => entry.controller === true);
  const name = text(owner?.name);
  const place = namespace === undefined ? {} : { namespace };
  if (name === undefined) return undefined;
  if (owner?.kind === kinds.statefulSet.kind) return { ...kinds.statefulSet, ...place, name };
  if (owner?.kind === kinds.daemonSet.kind) return { ...kinds.daemonSet, ...place, name };
  const hash = `-${labels['pod-template-hash'] ?? ''}`;
  return owner?.kind === kinds.replicaSet.kind && hash !== '-' && name.endsWith(hash) ? { ...kinds.deployment, ...place, name: name.slice(0, -hash.length) } : undefined;
}
