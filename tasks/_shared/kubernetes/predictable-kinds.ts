import { groupOf, type ObjectKind } from './objects.js';

/** The kinds of one group: those that live in namespaces, and those of the whole cluster. */
interface Group {
  readonly namespaced: readonly string[];
  readonly clusterWide: readonly string[];
}

function group(namespaced: string, clusterWide = ''): Group {
  const names = (line: string): string[] => line.split(' ').filter((name) => name !== '');
  return { namespaced: names(namespaced), clusterWide: names(clusterWide) };
}

/**
 * Kinds of Kubernetes itself whose resource names follow the rule of `resourceName`. Of other kinds the name cannot be told from the kind:
 * Gateway's is `gateways`, where the rule says `gatewaies`. Source: Kubernetes API reference.
 */
const groups: Readonly<Record<string, Group>> = {
  '': group(
    'ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount',
    'Namespace Node PersistentVolume',
  ),
  apps: group('ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet'),
  batch: group('CronJob Job'),
  autoscaling: group('HorizontalPodAutoscaler'),
  policy: group('PodDisruptionBudget'),
  'networking.k8s.io': group('Ingress NetworkPolicy', 'IngressClass IPAddress ServiceCIDR'),
  'rbac.authorization.k8s.io': group('Role RoleBinding', 'ClusterRole ClusterRoleBinding'),
  'storage.k8s.io': group('CSIStorageCapacity', 'CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass'),
  'scheduling.k8s.io': group('', 'PriorityClass'),
  'coordination.k8s.io': group('Lease'),
  'apiextensions.k8s.io': group('', 'CustomResourceDefinition'),
};

/** Where objects of a kind live; undefined when the kind's resource name, and so a right on it, can only be guessed. */
export function reachOf({ apiVersion, kind }: ObjectKind): 'namespace' | 'cluster' | undefined {
  const found = groups[groupOf(apiVersion)];
  if (found?.namespaced.includes(kind) === true) return 'namespace';
  return found?.clusterWide.includes(kind) === true ? 'cluster' : undefined;
}

/** Groups whose kinds are all of the whole cluster. Source: Kubernetes API reference. */
const clusterWideGroups: readonly string[] = ['admissionregistration.k8s.io', 'apiextensions.k8s.io', 'apiregistration.k8s.io'];

/** True for a kind that is known to live in no namespace. */
export function isClusterWide(kind: ObjectKind): boolean {
  return reachOf(kind) === 'cluster' || clusterWideGroups.includes(groupOf(kind.apiVersion));
}
