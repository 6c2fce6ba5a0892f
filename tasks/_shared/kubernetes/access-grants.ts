import { objects, texts, type Json } from '../fleet/json.js';
import { ownKeys } from './connection.js';
import { kinds, type ClusterObject, type ObjectRef } from './objects.js';

/** A role that a group gets in a namespace. */
export interface AccessGrant {
  /** Object id of the Entra group: as such AKS hands groups to RBAC. Source: AKS docs, Kubernetes RBAC with Microsoft Entra ID. */
  readonly group: string;
  readonly role: { readonly kind: 'ClusterRole' | 'Role'; readonly name: string };
}

/** Where grants hold, and with which release they were made. */
export interface AccessPlace {
  readonly namespace: string;
  readonly release: string;
}

/** Roles that every cluster has, made to be given to users of a namespace. Source: Kubernetes RBAC docs, user-facing roles. */
export const userRoles: readonly string[] = ['view', 'edit', 'admin'];

const apiGroup = 'rbac.authorization.k8s.io';

/**
 * The binding of a grant. Its name says everything that RBAC does not let anybody change later, and the release, so that another role is another
 * object: it is made before the old one goes, and nobody is without access in between.
 */
export function bindingOf({ group, role }: AccessGrant, { namespace, release }: AccessPlace): ClusterObject & { readonly metadata: { readonly name: string } } {
  return {
    ...kinds.roleBinding,
    metadata: { namespace, name: `aks-workload-identity.${release}.${group}.${role.kind.toLowerCase()}.${role.name}`, labels: { [ownKeys.managed]: 'true', [ownKeys.access]: release } },
    roleRef: { apiGroup, kind: role.kind, name: role.name },
    subjects: [{ apiGroup, kind: 'Group', name: group }],
  };
}

/** The role of a grant as an object of the cluster. */
export function roleOf({ role }: AccessGrant, namespace: string): ObjectRef {
  return role.kind === 'ClusterRole' ? { ...kinds.clusterRole, name: role.name } : { ...kinds.role, namespace, name: role.name };
}

/** How a plan names a role. */
export function roleTitle({ kind, name }: AccessGrant['role']): string {
  return `${kind} ${name}`;
}

/** True for a role that lets its holders do everything: it is cluster-admin under another name. */
export function allowsEverything(role: Json): boolean {
  return objects(role.rules).some((rule) => [rule.verbs, rule.apiGroups, rule.resources].every((values) => texts(values).includes('*')));
}
