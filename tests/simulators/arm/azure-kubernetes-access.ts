import type { AccessControl, TokenAuthority } from '../azure/authority.js';
import type { ClusterAccess, KubernetesUser, RequestAttributes } from '../kubernetes/access.js';

/** Source: AKS docs, kubelogin-authentication. */
const serverApplication = '6dae42f8-4368-4678-94ff-3960e28e3630';
/** Groups of the API server's own kinds; every other group is one of custom resources. Source: Kubernetes API reference. */
const ownGroups = new Set([
  ...['', 'apps', 'autoscaling', 'batch', 'extensions', 'policy'],
  ...['admissionregistration', 'apiextensions', 'apiregistration', 'authentication', 'authorization', 'certificates', 'coordination', 'discovery'].map((name) => `${name}.k8s.io`),
  ...['events', 'flowcontrol.apiserver', 'metrics', 'networking', 'node', 'rbac.authorization', 'resource', 'scheduling', 'storage'].map((name) => `${name}.k8s.io`),
]);
const verbs: Record<string, string> = { get: 'read', list: 'read', watch: 'read', create: 'write', update: 'write', patch: 'write', delete: 'delete', deletecollection: 'delete' };

/**
 * Entra sign-in and Azure RBAC of one AKS cluster: a request becomes a data action on the cluster or on one of its namespaces.
 * `serviceaccounts/token` is taken for a write below serviceaccounts; the service's own name for it is not confirmed.
 * Source: azure-docs, Azure Kubernetes Service RBAC role definitions; AKS docs, entra-id-authorization.
 */
export class AzureKubernetesAccess implements ClusterAccess {
  constructor(
    private readonly clusterId: string,
    private readonly authority: TokenAuthority,
    private readonly access: AccessControl,
  ) {}

  authenticate(authorization: string): KubernetesUser | undefined {
    const caller = this.authority.verify(authorization, [serverApplication]);
    return caller === undefined ? undefined : { name: caller.objectId, groups: ['system:authenticated'] };
  }

  authorize(user: KubernetesUser, { verb, group, resource, subresource, namespace }: RequestAttributes): boolean {
    const place = namespace === '' ? this.clusterId : `${this.clusterId}/namespaces/${namespace}`;
    const kind = verbs[verb] ?? 'action';
    return this.access.allows({ objectId: user.name, data: true, action: dataAction(group, resource, subresource, kind), scope: place });
  }
}

function dataAction(group: string, resource: string, subresource: string, kind: string): string {
  const base = 'Microsoft.ContainerService/managedClusters';
  if (!ownGroups.has(group)) return `${base}/customresources/${kind}`;
  const path = [group, resource, subresource].filter((part) => part !== '').join('/');
  return `${base}/${path}/${kind}`;
}
