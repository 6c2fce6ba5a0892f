import type { KubernetesObject } from './objects/values.js';
import type { KubernetesApiOptions } from './options.js';
import { bootstrapRoles } from './rbac.js';

/** What a new cluster has: its namespaces, nodes, cluster roles with their bindings, and the secrets-store definition. */
export function furnish(options: KubernetesApiOptions, create: (object: KubernetesObject) => void): void {
  for (const name of ['default', 'kube-node-lease', 'kube-public', 'kube-system']) create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const name of options.nodes ?? ['aks-nodepool1-12345678-vmss000000', 'aks-nodepool1-12345678-vmss000001']) create(node(name, options.version));
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
  for (const [name, { rules, groups }] of Object.entries(bootstrapRoles)) {
    create({ apiVersion, kind: 'ClusterRole', metadata: { name, labels }, rules });
    const subjects = groups.map((group) => ({ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: group }));
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
    if (subjects.length > 0) create({ apiVersion, kind: 'ClusterRoleBinding', metadata: { name, labels }, subjects, roleRef });
  }
  if (options.secretsStore ?? true) create(secretProviderClass);
}

/** A node of the cluster. */
export function node(name: string, kubeletVersion: string): KubernetesObject {
  const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.azure.com/agentpool': 'nodepool1' };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: { kubeletVersion } } };
}

/** Source: the secrets-store CSI driver's chart. */
export const secretProviderClass: KubernetesObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'secretproviderclasses.secrets-store.csi.x-k8s.io' },
  spec: {
    group: 'secrets-store.csi.x-k8s.io',
    names: { kind: 'SecretProviderClass', listKind: 'SecretProviderClassList', plural: 'secretproviderclasses', singular: 'secretproviderclass' },
    scope: 'Namespaced',
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }],
  },
};
