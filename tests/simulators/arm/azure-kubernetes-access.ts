import type { AccessControl, AccessQuestion, TokenAuthority } from '../azure/authority.js';
import type { ClusterAccess, KubernetesUser, RequestAttributes } from '../kubernetes/access.js';

/** Source: AKS docs, kubelogin-authentication. */
const serverApplication = '6dae42f8-4368-4678-94ff-3960e28e3630';
/** Groups of the API server's own kinds; every other group is one of custom resources. Source: Kubernetes API reference. */
const ownGroups = new Set([
  ...['', 'apps', 'autoscaling', 'batch', 'extensions', 'policy'],
  ...['admissionregistration', 'apiextensions', 'apiregistration', 'authentication', 'authorization', 'certificates', 'coordination', 'discovery'].map((name) => `${name}.k8s.io`),
  ...['events', 'flowcontrol.apiserver', 'metrics', 'networking', 'node', 'rbac.authorization', 'resource', 'scheduling', 'storage'].map((name) => `${name}.k8s.io`),
]);
/** What the last part of a data action is called. Source: the authoriser of AKS, Azure/guard, `getActionName`. */
const kinds = new Map([
  ...['get', 'list', 'watch'].map((verb): [string, string] => [verb, 'read']),
  ...['create', 'update', 'patch'].map((verb): [string, string] => [verb, 'write']),
  ...['delete', 'deletecollection'].map((verb): [string, string] => [verb, 'delete']),
  ...['bind', 'escalate', 'use', 'impersonate'].map((verb): [string, string] => [verb, `${verb}/action`]),
]);

/** How a cluster lets users in at this moment. */
export interface ClusterDoor {
  /** Entra sign-in is on (`aadProfile.managed`). */
  readonly entra: boolean;
  /** Azure RBAC decides beside the cluster's own RBAC (`aadProfile.enableAzureRBAC`). */
  readonly azureRbac: boolean;
  /** Token of the static credential; undefined while local accounts are disabled. */
  readonly adminToken: string | undefined;
}

/**
 * Entra sign-in and Azure RBAC of one AKS cluster: a request becomes a data action on the cluster or on one of its namespaces. Subresources
 * are left aside but for `pods/exec`, so that creating `serviceaccounts/token` is a write of service accounts.
 * Source: Azure/guard, authz/providers/azure/rbac; AKS docs, entra-id-authorization.
 */
export class AzureKubernetesAccess implements ClusterAccess {
  constructor(
    private readonly clusterId: string,
    private readonly authority: TokenAuthority,
    private readonly access: AccessControl,
    private readonly door: () => ClusterDoor = () => ({ entra: true, azureRbac: true, adminToken: undefined }),
  ) {}

  authenticate(authorization: string): KubernetesUser | undefined {
    const { entra, adminToken } = this.door();
    if (adminToken !== undefined && authorization === `Bearer ${adminToken}`) return { name: 'masterclient', groups: ['system:masters', 'system:authenticated'] };
    const caller = entra ? this.authority.verify(authorization, [serverApplication]) : undefined;
    return caller === undefined ? undefined : { name: caller.objectId, groups: ['system:authenticated'] };
  }

  authorize(user: KubernetesUser, asked: RequestAttributes): boolean {
    if (!this.door().azureRbac) return false;
    const scope = asked.namespace === '' ? this.clusterId : `${this.clusterId}/namespaces/${asked.namespace}`;
    const question = dataQuestion(asked);
    return question !== undefined && this.access.allows({ ...question, objectId: user.name, data: true, scope });
  }
}

function dataQuestion({ verb, group, resource, subresource }: RequestAttributes): Pick<AccessQuestion, 'action' | 'attributes'> | undefined {
  const base = 'Microsoft.ContainerService/managedClusters';
  const kind = kinds.get(verb);
  if (kind === undefined) return undefined;
  if (!ownGroups.has(group)) {
    const attribute = `${base}/customResources`;
    return { action: `${base}/customresources/${kind}`, attributes: { [`${attribute}:group`]: group, [`${attribute}:kind`]: resource } };
  }
  const last = resource === 'pods' && subresource === 'exec' ? 'exec/action' : kind;
  return { action: [base, group, resource, last].filter((part) => part !== '').join('/') };
}
