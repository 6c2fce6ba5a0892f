import { broadRoles } from '../../../tasks/_shared/fleet/posture/cluster-roles.js';
import type { Outcome } from '../../../tasks/_shared/fleet/posture/rule.js';
import { kubelet, monitoringAgent, rbacPolicy, registry, subscription, tenant, workspace, type Change } from './sound-cluster.js';

/** Where values of a cluster are. */
const p = 'raw.properties';
const aad = `${p}.aadProfile`;
const network = `${p}.networkProfile`;
const addOns = `${p}.addonProfiles`;
const access = `${p}.apiServerAccessProfile`;
const guidUnknown = 'eeeeeeee-0000-4000-8000-000000000001';
const nodeGroup = `${subscription}/resourcegroups/mc_rg-aks_aks-prd-1_westeurope`;

const sent = (...logs: readonly object[]): Change => ({ 'diagnosticSettings.found': [{ name: 'audit', properties: { workspaceId: workspace, logs } }] });
const on = (category: string): object => ({ category, enabled: true });
const group = (categoryGroup: string): object => ({ categoryGroup, enabled: true });
const assigned = (definition: object | undefined, properties: object = { policyDefinitionId: rbacPolicy }): Change => ({ 'policyAssignments.found': [{ name: 'aks-rbac', properties, definition }] });
const audited = { id: rbacPolicy, effect: 'Audit' };
const audit = (more: object): object => ({ name: 'aks-rbac', properties: { policyDefinitionId: rbacPolicy }, definition: audited, ...more });
const initiative = `${subscription}/providers/Microsoft.Authorization/policySetDefinitions/baseline`;
const granted = (role: string, scope: string, principalId: string): Change => ({ 'grants.found': [{ role, scope, principalId }] });
const servicePrincipal = { [`${p}.servicePrincipalProfile.clientId`]: guidUnknown };

/** An outcome, what is changed for it, and the evidence it gives. */
export type Case = readonly [Outcome, Change, RegExp];

/** What each rule says of the sound cluster after a change, and what it names as evidence. */
export const cases: Readonly<Record<string, readonly Case[]>> = {
  'cluster-entra-integration': [
    ['pass', {}, /aadProfile\.managed is true/],
    ['fail', { [aad]: undefined }, /aadProfile is absent/],
    ['fail', { [aad]: { clientAppID: guidUnknown, serverAppID: guidUnknown } }, /aadProfile\.managed is absent/],
  ],
  'cluster-entra-tenant': [
    ['pass', { [`${aad}.tenantID`]: tenant.toUpperCase() }, /tenant is 0f0a1b2c/],
    ['fail', { [`${aad}.tenantID`]: guidUnknown }, /tenantID is eeeeeeee.* tenant is 0f0a1b2c/],
    ['notApplicable', { [aad]: undefined }, /managed is not true/],
    ['unknown', { [`${aad}.tenantID`]: undefined }, /tenantID is absent/],
  ],
  'cluster-azure-rbac': [['pass', {}, /enableAzureRBAC is true/], ['fail', { [`${aad}.enableAzureRBAC`]: false }, /is false/], ['fail', { [aad]: undefined }, /is absent/]],
  'cluster-local-accounts': [['pass', {}, /is true/], ['fail', { [`${p}.disableLocalAccounts`]: false }, /is false/], ['fail', { [`${p}.disableLocalAccounts`]: undefined }, /is absent/]],
  'cluster-admin-groups': [
    ['pass', {}, /names bbbbbbbb-/],
    ['pass', { [`${aad}.enableAzureRBAC`]: false }, /names bbbbbbbb-/],
    ['fail', { [`${aad}.enableAzureRBAC`]: false, [`${aad}.adminGroupObjectIDs`]: [] }, /names no group, and .*enableAzureRBAC is false/],
    ['notApplicable', { [`${aad}.adminGroupObjectIDs`]: undefined }, /none is needed: .*enableAzureRBAC is true/],
    ['notApplicable', { [`${aad}.managed`]: false }, /managed is not true/],
  ],
  'cluster-oidc-issuer': [
    ['pass', {}, /enabled is true, issuerURL is https:\/\/westeurope\.oic/],
    ['pass', { [`${p}.oidcIssuerProfile`]: { enabled: true } }, /issuerURL is absent/],
    ['fail', { [`${p}.oidcIssuerProfile`]: { enabled: false } }, /enabled is false/],
  ],
  'cluster-workload-identity': [['pass', {}, /enabled is true/], ['fail', { [`${p}.securityProfile`]: {} }, /enabled is absent/]],
  'cluster-pod-identity': [['pass', {}, /enabled is false/], ['pass', { [`${p}.podIdentityProfile`]: undefined }, /is absent/], ['fail', { [`${p}.podIdentityProfile.enabled`]: true }, /is true/]],
  'cluster-key-vault-csi': [
    ['pass', {}, /is enabled, enableSecretRotation is true/],
    ['pass', { [addOns]: { azurekeyvaultsecretsprovider: { enabled: true, config: { EnableSecretRotation: 'True' } } } }, /is enabled/],
    ['fail', { [`${addOns}.azureKeyvaultSecretsProvider.config.enableSecretRotation`]: 'false' }, /enableSecretRotation is false/],
    ['fail', { [`${addOns}.azureKeyvaultSecretsProvider.enabled`]: false }, /is disabled/],
    ['fail', { [addOns]: undefined }, /add-on azureKeyvaultSecretsProvider is absent/],
  ],
  'cluster-kubernetes-version': [
    ['pass', {}, /^Kubernetes 1\.33\.5$/],
    ['pass', { [`${p}.currentKubernetesVersion`]: '1.27.0' }, /1\.27\.0/],
    ['pass', { [`${p}.currentKubernetesVersion`]: undefined }, /^Kubernetes 1\.33$/],
    ['fail', { [`${p}.currentKubernetesVersion`]: '1.26.15' }, /1\.26\.15/],
    ['fail', { [`${p}.currentKubernetesVersion`]: '1.9.1' }, /1\.9\.1/],
    ['unknown', { [`${p}.currentKubernetesVersion`]: undefined, [`${p}.kubernetesVersion`]: undefined }, /does not say/],
  ],
  'cluster-api-server-access': [
    ['pass', {}, /authorizedIPRanges is 203\.0\.113\.0\/24/],
    ['pass', { [access]: { enablePrivateCluster: true } }, /enablePrivateCluster is true/],
    ['pass', { [access]: { authorizedIPRanges: ['0.0.0.0/32'] } }, /0\.0\.0\.0\/32/],
    ['fail', { [access]: undefined }, /enablePrivateCluster is absent, authorizedIPRanges names none/],
    ['fail', { [access]: { authorizedIPRanges: ['203.0.113.0/24', '0.0.0.0/0'] } }, /has 0\.0\.0\.0\/0, which limits nothing/],
    ['fail', { [access]: { authorizedIPRanges: ['0.0.0.0/1', '128.0.0.0/1'] } }, /0\.0\.0\.0\/1, 128\.0\.0\.0\/1/],
  ],
  'cluster-azure-cni': [
    ['pass', { [`${network}.networkPlugin`]: 'Azure' }, /networkPlugin is Azure/],
    ['fail', { [`${network}.networkPlugin`]: 'kubenet' }, /kubenet/],
    ['fail', { [`${network}.networkPlugin`]: 'none' }, /none/],
  ],
  'cluster-network-policy-engine': [
    ...['azure', 'calico', 'cilium'].map((engine): Case => ['pass', { [network]: { networkPlugin: 'azure', networkPolicy: engine } }, new RegExp(`networkPolicy is ${engine}`)]),
    ['pass', { [`${network}.networkPolicy`]: undefined }, /networkDataplane is cilium/],
    ['fail', { [network]: { networkPlugin: 'azure', networkDataplane: 'azure' } }, /networkPolicy is absent/],
    ['fail', { [`${network}.networkPolicy`]: 'none' }, /networkPolicy is none/],
    ['notApplicable', { [network]: { networkPlugin: 'none', networkPolicy: 'none' } }, /networkPlugin is none/],
    ['unknown', { [`${network}.networkPolicy`]: 'antrea' }, /antrea.*no engine of that name is known/],
  ],
  'cluster-azure-policy-add-on': [
    ['pass', { [addOns]: { azurePolicy: { enabled: true } } }, /is enabled/],
    ['fail', { [`${addOns}.azurepolicy.enabled`]: false }, /is disabled/],
    ['fail', { [addOns]: {} }, /add-on azurepolicy is absent/],
  ],
  'cluster-rbac-policy': [
    ['pass', {}, /assignment aks-rbac: effect is Audit/],
    ['pass', assigned({ id: '/x/own', displayName: 'Azure Role-Based Access Control (RBAC) should be used on Kubernetes Services', effect: 'deny' }, {}), /effect is deny/],
    ['pass', assigned({ id: rbacPolicy.toUpperCase(), effect: 'Audit' }, {}), /effect is Audit/],
    ['pass', assigned(audited, { policyDefinitionId: initiative, enforcementMode: 'Default' }), /effect is Audit/],
    ['pass', { 'policyAssignments.found': [audit({ exemption: { name: 'waived' } }), audit({ name: 'second' })] }, /assignment second: effect is Audit/],
    ['fail', assigned({ id: rbacPolicy, effect: 'Disabled' }), /effect is Disabled/],
    ['fail', { 'policyAssignments.found': [audit({ exemption: { name: 'waived' } })] }, /^assignment aks-rbac: exemption waived takes the cluster out$/],
    ['fail', { 'policyAssignments.found': [audit({ exemption: { name: 'waived', expiresOn: '2027-01-31T00:00:00Z' } })] }, /exemption waived takes the cluster out until 2027-01-31T00:00:00Z$/],
    ['fail', { 'policyAssignments.found': [audit({ exemptionsUnread: 'no right', definition: { id: rbacPolicy, effect: 'Disabled' } })] }, /effect is Disabled$/],
    ['fail', assigned(audited, { enforcementMode: 'DoNotEnforce' }), /enforcementMode is DoNotEnforce/],
    ['fail', assigned(audited, { notScopes: [`${subscription}/RESOURCEGROUPS/rg-aks`] }), /leaves .*RESOURCEGROUPS\/rg-aks out/],
    ['fail', { 'policyAssignments.found': [] }, /none of the 0 assigned policies/],
    ['unknown', assigned(undefined, { policyDefinitionId: initiative }), /definitions could not be read: baseline/],
    ['unknown', assigned({ id: rbacPolicy }), /effect could not be read/],
    ['unknown', assigned({ id: rbacPolicy }, { policyDefinitionId: rbacPolicy, parameters: { effect: { value: 'Audit' } } }), /effect could not be read/],
    ['unknown', { 'policyAssignments.found': [audit({ exemptionsUnread: 'no right' })] }, /effect is Audit, but its exemptions could not be read: no right$/],
    ['unknown', assigned(audited, { enforcementMode: 'Enroll' }), /enforcementMode is Enroll, and enrolments are not read/],
    ['unknown', { policyAssignments: { unread: 'the connection may not read them' } }, /policy assignments could not be read: the connection may not/],
  ],
  'cluster-audit-logs': [
    ['pass', {}, /kube-audit-admin to workspace log-contoso; .*guard to workspace/],
    ['pass', sent(on('Kube-Audit'), on('guard')), /kube-audit to/],
    ['pass', sent(group('allLogs')), /^setting audit sends allLogs to workspace log-contoso$/],
    ['pass', { 'diagnosticSettings.found': ['kube-audit', 'guard'].map((name) => ({ name, properties: { workspaceId: workspace, logs: [on(name)] } })) }, /setting guard sends guard/],
    ['fail', { 'diagnosticSettings.found': [] }, /no diagnostic setting/],
    ['fail', sent(on('kube-audit-admin')), /guard is not sent/],
    ['fail', sent(on('guard'), { category: 'kube-audit', enabled: false }), /neither kube-audit-admin nor kube-audit/],
    ['fail', { 'diagnosticSettings.found': [{ name: 'a', properties: { storageAccountId: '/x', logs: [on('kube-audit'), on('guard')] } }] }, /not sent to a workspace/],
    ['unknown', sent(group('audit')), /group audit, and which categories it has is not documented/],
    ['unknown', { diagnosticSettings: { unread: 'the request was refused (403)' } }, /refused \(403\)/],
  ],
  'cluster-container-monitoring': [
    ['pass', {}, /omsagent is enabled, with workspace log-contoso/],
    ['pass', { [addOns]: { omsAgent: { enabled: true, config: { loganalyticsworkspaceresourceid: workspace } } } }, /with workspace/],
    ['pass', { [addOns]: {}, [`${p}.azureMonitorProfile.containerInsights`]: { enabled: true, logAnalyticsWorkspaceResourceId: workspace } }, /containerInsights\.enabled is true, with workspace/],
    ['fail', { [`${addOns}.omsagent.config`]: {} }, /enabled and names no workspace/],
    ['fail', { [`${addOns}.omsagent.enabled`]: false }, /disabled; .*containerInsights\.enabled is absent/],
  ],
  'cluster-control-plane-identity': [
    ['pass', {}, /identity\.type is UserAssigned: id-aks-prd-1/],
    ['fail', { 'raw.identity': { type: 'SystemAssigned' } }, /SystemAssigned/],
    ['fail', { 'raw.identity': undefined }, /identity\.type is absent/],
  ],
  'cluster-no-service-principal': [
    ['pass', { [`${p}.servicePrincipalProfile.clientId`]: 'MSI' }, /clientId is MSI/],
    ['pass', { [`${p}.servicePrincipalProfile`]: undefined }, /clientId is absent, identity\.type is UserAssigned/],
    ['fail', servicePrincipal, /clientId is eeeeeeee/],
    ['unknown', { [`${p}.servicePrincipalProfile`]: undefined, 'raw.identity': undefined }, /neither a service principal nor/],
  ],
  'cluster-kubelet-pull': [
    ['pass', {}, /AcrPull on .*acrcontoso/],
    ['pass', granted('Container Registry Repository Reader', registry, kubelet.toUpperCase()), /Repository Reader/],
    ['pass', granted('7F951DDA-4ed3-4680-a7ca-43fe172d538d', registry, kubelet), /7F951DDA/],
    ['fail', granted('AcrPush', registry, kubelet), /among the 1 grant of/],
    ['fail', granted('AcrPull', registry, monitoringAgent), /among the 0 grants of/],
    ['notApplicable', { ...servicePrincipal, [`${p}.identityProfile`]: undefined }, /nodes run as a service principal/],
    ['unknown', { [`${p}.identityProfile`]: undefined }, /kubeletidentity is absent/],
    ['unknown', { grants: { found: [], unread: ['the request was refused (403)'] } }, /refused \(403\)/],
    ['pass', { 'grants.unread': ['the request was refused (403)'] }, /AcrPull on .*acrcontoso/],
  ],
  'cluster-kubelet-nothing-else': [
    ['pass', {}, /1 grant that can be seen/],
    ['pass', { 'grants.found': [] }, /0 grants/],
    ['fail', granted('Key Vault Secrets User', `${subscription}/resourceGroups/rg-shared`, kubelet), /Key Vault Secrets User on .*rg-shared/],
    ['fail', granted('AcrPull', subscription, kubelet), /AcrPull on \/subscriptions/],
    ['notApplicable', { ...servicePrincipal, [`${p}.identityProfile`]: undefined }, /nodes run as a service principal/],
    ['unknown', { [`${p}.identityProfile`]: undefined }, /kubeletidentity is absent/],
    ['unknown', { 'grants.unread': ['the request was refused (403)'] }, /refused \(403\)/],
    ['fail', { ...granted('AcrPull', subscription, kubelet), 'grants.unread': ['the request was refused (403)'] }, /AcrPull on \/subscriptions/],
  ],
  'cluster-add-on-roles': [
    ['pass', {}, /Monitoring Metrics Publisher on/],
    ['pass', { 'grants.found': [] }, /none that can be seen/],
    ['pass', granted('Contributor', nodeGroup, monitoringAgent), /1 grant/],
    ['pass', granted('contributor', `${subscription}/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/agw`, monitoringAgent), /1 grant/],
    ...broadRoles.flatMap(({ name, id }) => [name.toUpperCase(), id].map((role): Case => ['fail', granted(role, subscription, monitoringAgent), /omsagent has .*: it can /])),
    ['fail', granted('Owner', nodeGroup, monitoringAgent), /Owner on/],
    ['fail', { [`${p}.ingressProfile.webAppRouting.identity`]: { objectId: kubelet }, ...granted('Owner', subscription, kubelet) }, /webAppRouting has Owner/],
    ['notApplicable', { [addOns]: { azurepolicy: { enabled: true, identity: null } } }, /no add-on has an identity/],
    ['unknown', granted(guidUnknown, subscription, monitoringAgent), /could not be read: omsagent has eeeeeeee/],
    ['unknown', { 'grants.unread': ['the request was refused (403)'] }, /refused \(403\)/],
    ['fail', { ...granted('Owner', nodeGroup, monitoringAgent), 'grants.unread': ['the request was refused (403)'] }, /Owner on/],
  ],
};

/** Rules that apply to every cluster, and why. */
export const alwaysApply: Readonly<Record<string, string>> = {
  'cluster-entra-integration': 'every cluster can have it',
  'cluster-azure-rbac': 'every cluster can have it, once it has the Entra integration that the procedure asks for, too',
  'cluster-local-accounts': 'a cluster without Entra integration has local accounts and nothing else',
  'cluster-oidc-issuer': 'every cluster can have it',
  'cluster-workload-identity': 'every cluster can have it',
  'cluster-pod-identity': 'what is not there is off',
  'cluster-key-vault-csi': 'the procedures ask for it whatever runs on the cluster; rotation belongs to it',
  'cluster-kubernetes-version': 'every cluster has one',
  'cluster-api-server-access': 'every cluster has an API server',
  'cluster-azure-cni': 'the procedures name it, so that a cluster with a plugin of its own goes without',
  'cluster-azure-policy-add-on': 'every cluster can have it',
  'cluster-rbac-policy': 'it is assigned above clusters, whatever they are',
  'cluster-audit-logs': 'every cluster writes them',
  'cluster-container-monitoring': 'every cluster can have it',
  'cluster-control-plane-identity': 'every cluster has a control plane; one with a service principal has no identity for it',
  'cluster-no-service-principal': 'every cluster runs as one or the other',
};

/** A flip of one property that a rule watches: the rule, the flip, the dependants that change with it, and what holds before where the sound cluster hides them. */
export type Mutation = readonly [rule: string, path: string, value: unknown, alsoChange?: readonly string[], before?: Change];

export const mutations: readonly Mutation[] = [
  ['cluster-entra-integration', aad, undefined, ['cluster-admin-groups', 'cluster-azure-rbac', 'cluster-entra-tenant']],
  ['cluster-entra-integration', `${aad}.managed`, false, ['cluster-admin-groups', 'cluster-entra-tenant']],
  ['cluster-entra-tenant', `${aad}.tenantID`, guidUnknown],
  ['cluster-entra-tenant', 'tenantId', guidUnknown],
  ['cluster-azure-rbac', `${aad}.enableAzureRBAC`, false],
  ['cluster-azure-rbac', `${aad}.enableAzureRBAC`, false, ['cluster-admin-groups'], { [`${aad}.adminGroupObjectIDs`]: [] }],
  ['cluster-local-accounts', `${p}.disableLocalAccounts`, false],
  ['cluster-admin-groups', `${aad}.adminGroupObjectIDs`, []],
  ['cluster-oidc-issuer', `${p}.oidcIssuerProfile.enabled`, false],
  ['cluster-workload-identity', `${p}.securityProfile.workloadIdentity.enabled`, false],
  ['cluster-pod-identity', `${p}.podIdentityProfile.enabled`, true],
  ['cluster-key-vault-csi', `${addOns}.azureKeyvaultSecretsProvider.enabled`, false],
  ['cluster-key-vault-csi', `${addOns}.azureKeyvaultSecretsProvider.config.enableSecretRotation`, 'false'],
  ['cluster-kubernetes-version', `${p}.currentKubernetesVersion`, '1.26.15'],
  ['cluster-api-server-access', `${access}.authorizedIPRanges`, ['0.0.0.0/0']],
  ['cluster-api-server-access', `${access}.enablePrivateCluster`, true, [], { [`${access}.authorizedIPRanges`]: [] }],
  ['cluster-azure-cni', `${network}.networkPlugin`, 'kubenet'],
  ['cluster-azure-cni', `${network}.networkPlugin`, 'none', ['cluster-network-policy-engine']],
  ['cluster-network-policy-engine', `${network}.networkPolicy`, 'none'],
  ['cluster-network-policy-engine', `${network}.networkDataplane`, 'azure', [], { [`${network}.networkPolicy`]: undefined }],
  ['cluster-azure-policy-add-on', `${addOns}.azurepolicy.enabled`, false],
  ['cluster-rbac-policy', 'policyAssignments.found.0.definition.effect', 'Disabled'],
  ['cluster-rbac-policy', 'policyAssignments.found.0.properties.enforcementMode', 'DoNotEnforce'],
  ['cluster-rbac-policy', 'policyAssignments.found.0.properties.notScopes', [subscription]],
  ['cluster-rbac-policy', 'policyAssignments.found.0.exemption', { name: 'waived' }],
  ['cluster-rbac-policy', 'policyAssignments.found.0.exemptionsUnread', 'no right'],
  ['cluster-audit-logs', 'diagnosticSettings.found.0.properties.logs.0.enabled', false],
  ['cluster-audit-logs', 'diagnosticSettings.found.0.properties.logs.1.enabled', false],
  ['cluster-audit-logs', 'diagnosticSettings.found.0.properties.workspaceId', undefined],
  ['cluster-container-monitoring', `${addOns}.omsagent.enabled`, false],
  ['cluster-container-monitoring', `${addOns}.omsagent.config.logAnalyticsWorkspaceResourceID`, undefined],
  ['cluster-container-monitoring', `${p}.azureMonitorProfile.containerInsights`, { enabled: true, logAnalyticsWorkspaceResourceId: workspace }, [], { [`${addOns}.omsagent.enabled`]: false }],
  ['cluster-control-plane-identity', 'raw.identity.type', 'SystemAssigned'],
  ['cluster-control-plane-identity', 'raw.identity', undefined, ['cluster-no-service-principal'], { [`${p}.servicePrincipalProfile`]: undefined }],
  ['cluster-no-service-principal', `${p}.servicePrincipalProfile.clientId`, guidUnknown],
  ['cluster-no-service-principal', `${p}.servicePrincipalProfile.clientId`, guidUnknown, ['cluster-kubelet-nothing-else', 'cluster-kubelet-pull'], { [`${p}.identityProfile`]: undefined }],
  ['cluster-kubelet-pull', 'grants.found.0.principalId', guidUnknown],
  ['cluster-kubelet-pull', 'grants.found.0.role', 'Contributor', ['cluster-kubelet-nothing-else']],
  ['cluster-kubelet-nothing-else', 'grants.found.0.scope', subscription],
  ['cluster-kubelet-nothing-else', 'grants.found.2.principalId', kubelet],
  ['cluster-kubelet-nothing-else', `${p}.identityProfile.kubeletidentity.objectId`, undefined, ['cluster-kubelet-pull']],
  ['cluster-add-on-roles', 'grants.found.1.role', 'Contributor'],
  ['cluster-add-on-roles', 'grants.found.2.principalId', monitoringAgent],
];
