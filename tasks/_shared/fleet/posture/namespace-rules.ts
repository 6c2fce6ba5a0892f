import { accessRules } from './namespace-access-rules.js';
import { credentialRules } from './namespace-credential-rules.js';
import { edgeRules } from './namespace-edge-rules.js';
import { identityRules } from './namespace-identity-rules.js';
import { isolationRules } from './namespace-isolation-rules.js';
import { meshRule } from './namespace-mesh-rule.js';
import type { NamespaceRule } from './rule.js';

/** Every rule of the security baseline over a namespace, in the order of reports. */
export const namespaceRules: readonly NamespaceRule[] = [...isolationRules, ...credentialRules, ...identityRules, ...accessRules, ...edgeRules, meshRule];

/** Kinds that the rules want listed in each namespace, besides its secrets: as {@link NamespaceFacts.objects} names them, with where the API server has them. */
export const namespacedKinds = {
  Pod: 'v1',
  Deployment: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
  ServiceAccount: 'v1',
  Service: 'v1',
  ResourceQuota: 'v1',
  NetworkPolicy: 'networking.k8s.io/v1',
  Ingress: 'networking.k8s.io/v1',
  RoleBinding: 'rbac.authorization.k8s.io/v1',
  PeerAuthentication: 'security.istio.io/v1',
} as const;

/**
 * Kinds that the rules want listed for the whole cluster. Of PeerAuthentication only those in a root namespace of Istio count; a cluster that does
 * not know the kind has none of them.
 */
export const clusterWideKinds = {
  ClusterRole: 'rbac.authorization.k8s.io/v1',
  ClusterRoleBinding: 'rbac.authorization.k8s.io/v1',
  PeerAuthentication: 'security.istio.io/v1',
} as const;
