import { sameId } from '../arm-id.js';
import { object, text, texts, type Json } from '../json.js';
import { some } from '../wording.js';
import { holds, properties, seen, verdict } from './cluster-values.js';
import { procedures } from './procedures.js';
import type { ClusterRule } from './rule.js';

const { authnAuthz, auth, enterpriseScale } = procedures;

/** Wire names of this file: npm @azure/arm-containerservice 25.5.0. */
function entra(raw: Json): Json {
  return object(properties(raw).aadProfile);
}

/** True when AKS itself manages the sign-in with Entra. Older clusters have an `aadProfile` with applications of their own and without `managed`. */
function integrated(raw: Json): boolean {
  return entra(raw).managed === true;
}

const notIntegrated = 'aadProfile.managed is not true, so no sign-in goes through Entra';

const entraIntegration: ClusterRule = {
  id: 'cluster-entra-integration',
  title: 'People and pipelines sign in to the cluster through Entra, managed by AKS',
  severity: 'high',
  source: [`${authnAuthz}, Cluster Auth`, `${enterpriseScale}, Design recommendations for operator access`],
  remedy: 'az aks update -g <group> -n <cluster> --enable-aad --aad-admin-group-object-ids <object ids of groups>; it cannot be switched off again',
  dependants: ['cluster-admin-groups', 'cluster-azure-rbac', 'cluster-entra-tenant'],
  judge: ({ raw }) => holds(integrated(raw), properties(raw).aadProfile === undefined ? 'aadProfile is absent' : seen('aadProfile.managed', entra(raw).managed)),
};

const entraTenant: ClusterRule = {
  id: 'cluster-entra-tenant',
  title: 'The cluster trusts the tenant of the service connection and no other',
  severity: 'medium',
  source: [`${enterpriseScale}, Design considerations for operator access`],
  remedy: 'az aks update -g <group> -n <cluster> --aad-tenant-id <tenant>, or note the other tenant as an exception with its reason',
  dependants: [],
  judge: ({ raw, tenantId }) => {
    const tenant = text(entra(raw).tenantID);
    if (!integrated(raw)) return verdict('notApplicable', notIntegrated);
    if (tenant === undefined) return verdict('unknown', 'aadProfile.tenantID is absent, so the cluster does not say which tenant it trusts');
    return holds(sameId(tenant, tenantId), `${seen('aadProfile.tenantID', tenant)}, the connection's tenant is ${tenantId}`);
  },
};

const azureRbac: ClusterRule = {
  id: 'cluster-azure-rbac',
  title: 'Azure role assignments decide who may do what in the cluster',
  severity: 'medium',
  source: [`${authnAuthz}, Cluster Auth`],
  remedy: 'az aks update -g <group> -n <cluster> --enable-azure-rbac, after giving roles to those who work on the cluster; the Entra integration has to be on',
  dependants: ['cluster-admin-groups'],
  judge: ({ raw }) => holds(entra(raw).enableAzureRBAC === true, seen('aadProfile.enableAzureRBAC', entra(raw).enableAzureRBAC)),
};

/** Without Entra integration AKS does not allow to disable local accounts; they are a way in all the same. Source: AKS docs, local accounts. */
const localAccounts: ClusterRule = {
  id: 'cluster-local-accounts',
  title: 'Local accounts are disabled: no certificate opens the cluster past Entra',
  severity: 'high',
  source: [`${auth}, RBAC`],
  remedy: 'az aks update -g <group> -n <cluster> --disable-local-accounts, then rotate the certificates (az aks rotate-certs) so that issued ones end; the Entra integration has to be on',
  dependants: [],
  judge: ({ raw }) => holds(properties(raw).disableLocalAccounts === true, seen('disableLocalAccounts', properties(raw).disableLocalAccounts)),
};

/**
 * Where Azure RBAC decides, administrators are named by role assignments and the list may be empty. Whether those assignments go to groups is
 * not seen here, so that an empty list is no pass. Source: AKS docs, Entra authorization (Azure RBAC) and managed Entra integration.
 */
const adminGroups: ClusterRule = {
  id: 'cluster-admin-groups',
  title: 'Administrators are Entra groups that the cluster names',
  severity: 'medium',
  source: [`${authnAuthz}, Cluster Auth`, `${auth}, RBAC`, `${enterpriseScale}, Design recommendations for operator access`],
  remedy: 'az aks update -g <group> -n <cluster> --aad-admin-group-object-ids <object ids of groups>',
  dependants: [],
  judge: ({ raw }) => {
    const groups = texts(entra(raw).adminGroupObjectIDs);
    if (!integrated(raw)) return verdict('notApplicable', notIntegrated);
    if (groups.length > 0) return verdict('pass', `aadProfile.adminGroupObjectIDs names ${some(groups)}`);
    if (entra(raw).enableAzureRBAC === true) return verdict('notApplicable', 'aadProfile.adminGroupObjectIDs names no group, and none is needed: aadProfile.enableAzureRBAC is true, so role assignments name the administrators');
    return verdict('fail', `aadProfile.adminGroupObjectIDs names no group, and ${seen('aadProfile.enableAzureRBAC', entra(raw).enableAzureRBAC)}`);
  },
};

/** Who gets into a cluster, and who decides it. */
export const accessRules: readonly ClusterRule[] = [entraIntegration, entraTenant, azureRbac, localAccounts, adminGroups];
