import bootstrap from '../../../templates/bootstrap/roles.json' with { type: 'json' };
import type { Permission } from '../reconcile/resource.js';
import { allows, type Rule } from './permissions.js';

interface Role {
  readonly name: string;
  readonly rule: Rule;
  /** What to mind when it is assigned. */
  readonly but?: string;
}

function role(name: string, actions: readonly string[], more: { readonly notActions?: readonly string[]; readonly but?: string } = {}): Role {
  return { name, rule: { actions, notActions: more.notActions ?? [] }, ...(more.but === undefined ? {} : { but: more.but }) };
}

const identities = 'Microsoft.ManagedIdentity/userAssignedIdentities';
const clusters = 'Microsoft.ContainerService/managedClusters';

/** Built-in roles that writes of the tasks may need, the narrower before the wider; as far as they matter here. Source: azure-docs, built-in-roles. */
const builtIn: readonly Role[] = [
  role('Reader', ['*/read']),
  role('Azure Kubernetes Service Cluster User Role', [`${clusters}/read`, `${clusters}/listClusterUserCredential/action`]),
  role('Azure Kubernetes Service Contributor Role', [`${clusters}/read`, `${clusters}/write`]),
  role('Managed Identity Contributor', [...['read', 'write', 'delete'].flatMap((verb) => [`${identities}/${verb}`, `${identities}/federatedIdentityCredentials/${verb}`]), 'Microsoft.Authorization/*/read']),
  role('Role Based Access Control Administrator', ['Microsoft.Authorization/roleAssignments/write', 'Microsoft.Authorization/roleAssignments/delete', '*/read'], { but: 'under a condition that names the roles it may grant' }),
  role('Key Vault Contributor', ['Microsoft.KeyVault/*', 'Microsoft.Authorization/*/read']),
  role('Contributor', ['*'], { notActions: ['Microsoft.Authorization/*/Write', 'Microsoft.Authorization/*/Delete'] }),
  role('Owner', ['*']),
];

const ours: readonly Role[] = Object.values(bootstrap.custom).map(({ name, actions }) => role(name, actions));

/** Kinds that the role RBAC Writer writes; the others take RBAC Admin, which may do everything but namespaces and quotas. Source: azure-docs, built-in-roles; AKS docs, entra-id-authorization. */
const ordinaryKinds = /^(pods|services|serviceaccounts|secrets|configmaps|endpoints|persistentvolumeclaims|replicationcontrollers|events|(deployments|statefulsets|daemonsets|replicasets)\.apps|(jobs|cronjobs)\.batch|horizontalpodautoscalers\.autoscaling|(ingresses|networkpolicies)\.networking\.k8s\.io|poddisruptionbudgets\.policy|serviceaccounts\/token)$/;

/**
 * The least built-in role for each scope that would give all of these rights there, with the one of our bootstrap that does.
 * @returns a sentence without its full stop: `assign Managed Identity Contributor (or Workload Identity Identity Writer of templates/bootstrap) at …`
 */
export function leastRoles(lacking: readonly Permission[]): string {
  const groups = new Map<string, Permission[]>();
  for (const right of lacking) {
    const key = `${right.plane} ${right.scope}`;
    groups.set(key, [...(groups.get(key) ?? []), right]);
  }
  return [...groups.values()].map((rights) => `assign ${rights[0]?.plane === 'azure' ? inAzure(rights) : inCluster(rights)} at ${rights[0]?.scope ?? ''}`).join('; ');
}

function inAzure(rights: readonly Permission[]): string {
  const covers = ({ rule }: Role): boolean => rights.every(({ action }) => allows(rule, action));
  const least = builtIn.find(covers);
  const own = ours.filter(covers).sort((one, other) => one.rule.actions.length - other.rule.actions.length)[0];
  const name = least === undefined ? 'a custom role with these actions' : `${least.name}${least.but === undefined ? '' : ` ${least.but}`}`;
  return own === undefined ? name : `${name} (or ${own.name} of templates/bootstrap)`;
}

/** Where Azure RBAC decides in the cluster; elsewhere a role of Kubernetes does, which the page of permissions shows. */
function inCluster(rights: readonly Permission[]): string {
  const kinds = rights.map(({ action }) => action.split(' ')[1] ?? '');
  const reads = rights.every(({ action }) => /^(get|list|watch) /.test(action));
  if (reads && !kinds.includes('secrets')) return 'Azure Kubernetes Service RBAC Reader or a role of Kubernetes with these rights';
  const least = kinds.every((kind) => ordinaryKinds.test(kind)) ? 'Writer' : kinds.some((kind) => kind === 'namespaces' || kind === 'resourcequotas') ? 'Cluster Admin' : 'Admin';
  return `Azure Kubernetes Service RBAC ${least} or a role of Kubernetes with these rights`;
}
