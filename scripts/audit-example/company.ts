import { rbacPolicyId } from '../../tasks/_shared/fleet/posture/cluster-oversight-rules.js';
import { describeGrant, grantName } from '../../tasks/_shared/fleet/marks.js';
import { credentialName } from '../../tasks/_shared/fleet/names.js';
import { roles } from '../../tasks/_shared/azure/roles.js';
import { bootstrap } from '../../tests/bicep/bootstrapped.js';
import { managementGroupId } from '../../tests/simulators/arm/hierarchy.js';
import type { IdentityRecord } from '../../tests/simulators/arm/identities.js';
import { idOf, type ServicePrincipal } from '../../tests/simulators/azure/directory.js';
import { isRecord } from '../../tests/simulators/kernel/service.js';
import type { LogWorkspace } from '../../tests/simulators/log-analytics/log-analytics.js';
import type { SignInEvent } from '../../tests/simulators/log-analytics/sign-in-query.js';
import { addConnection, clusterId, clusters, contosoTenant, subscriptions } from '../../tests/simulators/world/contoso.js';
import type { World } from '../../tests/simulators/world/world.js';
import type { WideNetwork } from './fleet.js';

/** The cluster of pre-production: it is stopped, so that nothing can be told of what is in it. */
export const stopped = { name: 'aks-ppd-neu-1', group: 'rg-ppd', location: 'northeurope' } as const;

/** ARM id of the stopped cluster. */
export const stoppedId = `/subscriptions/${subscriptions.ppd}/resourceGroups/${stopped.group}/providers/Microsoft.ContainerService/managedClusters/${stopped.name}`;

/** What the example plants in Azure that an audit signs in with or asks. */
export interface Company {
  readonly connection: { readonly id: string; readonly name: string };
  readonly auditor: ServicePrincipal;
  readonly signIns: LogWorkspace;
}

const contributor = 'b24988ac-6180-42a0-ab88-20f7382dd24c';
const github = 'https://token.actions.githubusercontent.com';
const account = 'system:serviceaccount:orders:api';

/** Adds to the fleet what a company has in Azure after some years: other clusters, settings, trusts and grants by hand, logs. */
export async function addCompany(world: World, network: WideNetwork): Promise<Company> {
  await addStoppedCluster(world);
  furnishClusters(world);
  addPolicies(world);
  const identityOf = (cluster: string): IdentityRecord => world.arm.identities.find(`id-orders-${cluster}`);
  const own = { dev: identityOf(clusters.dev.name), test: identityOf(clusters.test.name), ppd: identityOf(stopped.name), prd: identityOf(clusters.prd.name) };
  await addTrusts(world, network, own);
  addGrants(world, own);
  const signIns = world.addWorkspace({ subscriptionId: subscriptions.prd, group: 'rg-shared', name: 'law-contoso', location: 'westeurope', properties: {} });
  signIns.signIns.AADManagedIdentitySignInLogs = signInsOf(own);
  return { ...addAuditor(world, signIns.armId), signIns };
}

type Identities = Readonly<Record<'dev' | 'test' | 'ppd' | 'prd', IdentityRecord>>;

/** Pre-production was federated by a run as well, and is stopped at night. */
async function addStoppedCluster(world: World): Promise<void> {
  const { name, group, location } = stopped;
  await world.addCluster({ subscriptionId: subscriptions.ppd, group, name, location, resource: { properties: { oidcIssuerProfile: { enabled: true }, securityProfile: { workloadIdentity: { enabled: true } } } } });
  world.arm.clusters.edit(name, { powerState: { code: 'Stopped' } });
  const identity = world.arm.identities.add(subscriptions.ppd, group, `id-orders-${name}`, location);
  identity.credentials.set(credentialName(stoppedId, name, 'orders', 'api'), world.arm.clusters.find(name).issuerUrl(), account);
  grantByRun(world, identity, roles['Key Vault Secrets User'], `${vaultId('prd')}/secrets/orders-db`);
}

/** Settings of the clusters: most of the baseline holds, and each ring lacks something. */
function furnishClusters(world: World): void {
  const workspace = `/subscriptions/${subscriptions.prd}/resourceGroups/rg-shared/providers/Microsoft.OperationalInsights/workspaces/law-contoso`;
  const registries = { dev: 'dev', test: 'dev', ppd: 'prd', prd: 'prd' } as const;
  const names = { dev: clusters.dev.name, test: clusters.test.name, ppd: stopped.name, prd: clusters.prd.name };
  for (const key of ['dev', 'test', 'ppd', 'prd'] as const) {
    const { id, resource } = world.arm.clusters.find(names[key]);
    world.arm.clusters.edit(names[key], {
      apiServerAccessProfile: { authorizedIPRanges: key === 'test' ? [] : ['203.0.113.0/24'] },
      addonProfiles: {
        azurepolicy: { enabled: true },
        azureKeyvaultSecretsProvider: { enabled: true, config: { enableSecretRotation: 'true' } },
        omsagent: { enabled: key !== 'dev', config: { logAnalyticsWorkspaceResourceID: workspace } },
      },
    });
    if (key !== 'test') world.arm.diagnosticSettings.add(id, 'audit', { workspaceId: workspace, logs: ['kube-audit-admin', 'guard'].map((category) => ({ category, enabled: true })) });
    world.roles.add({ name: idOf(`pull ${id}`), scope: registryId(registries[key]), principalId: kubeletOf(resource.properties), principalType: 'ServicePrincipal', roleDefinitionId: roles.AcrPull, createdAt: Number.NEGATIVE_INFINITY });
  }
  world.arm.clusters.edit(clusters.dev.name, { disableLocalAccounts: false });
}

/** The policy of the baseline is assigned to everything, and dev is exempt from it for a while. */
function addPolicies({ arm: { policyAssignments } }: World): void {
  const definition = policyAssignments.addDefinition({
    scope: '',
    name: rbacPolicyId,
    properties: { displayName: 'Azure Role-Based Access Control (RBAC) should be used on Kubernetes Services', policyRule: { then: { effect: "[parameters('effect')]" } }, parameters: { effect: { defaultValue: 'Audit' } } },
  });
  const assignment = policyAssignments.addAssignment({ scope: managementGroupId(contosoTenant), name: 'aks-rbac', properties: { policyDefinitionId: definition } });
  policyAssignments.addExemption({ scope: clusterId('dev'), name: 'dev-sandbox', properties: { policyAssignmentId: assignment, exemptionCategory: 'Waiver', expiresOn: '2026-04-30T00:00:00Z' } });
}

/** Credentials that somebody made by hand, each wrong in its own way. */
async function addTrusts(world: World, network: WideNetwork, { dev, test, prd }: Identities): Promise<void> {
  const issuer = (name: string): string => world.arm.clusters.find(name).issuerUrl();
  const retired = 'aks-dev-weu-0';
  await world.addCluster({ subscriptionId: subscriptions.dev, group: clusters.dev.group, name: retired, location: 'westeurope' });
  dev.credentials.set('old-cluster', issuer(retired), account);
  world.removeCluster(retired);
  dev.credentials.set('orders-web', issuer(clusters.dev.name), 'system:serviceaccount:Orders:api');
  network.serve(github, { name: 'github', handle: () => Promise.resolve({ status: 200, body: { issuer: github } }) });
  test.credentials.set('github-deploy', github, 'repo:contoso/orders:ref:refs/heads/main');
  prd.credentials.set('smoke-test', issuer(clusters.test.name), account);
}

/** Grants that the first runs did not make, and one of theirs that somebody took away. */
function addGrants(world: World, { dev, test, prd }: Identities): void {
  grantByHand(world, dev, contributor, `/subscriptions/${subscriptions.dev}/resourceGroups/rg-shared`);
  grantByHand(world, test, roles['Key Vault Secrets User'], `${vaultId('dev')}/secrets/billing-db`);
  grantByHand(world, prd, roles['Key Vault Secrets User'], vaultId('prd'));
  grantByRun(world, test, roles.AcrPush, registryId('prd'));
  const pull = world.roles.assignments().find(({ principalId, roleDefinitionId }) => principalId === test.principalId && roleDefinitionId === roles.AcrPull);
  if (pull === undefined) throw new Error('no run let the test ring pull');
  world.roles.remove(pull.name);
}

function grantByHand(world: World, { principalId }: IdentityRecord, role: string, scope: string): void {
  world.roles.add({ name: idOf(`by hand: ${role} on ${scope} for ${principalId}`), scope, principalId, principalType: 'ServicePrincipal', roleDefinitionId: role, createdAt: Number.NEGATIVE_INFINITY });
}

/** A grant as GrantRegistryRole and FederateServiceAccount leave it. */
function grantByRun(world: World, { id, principalId }: IdentityRecord, role: string, scope: string): void {
  const description = describeGrant({ workload: 'orders/api', principal: id, run: 'orders-api 20260209.2' });
  world.roles.add({ name: grantName(scope, role, principalId), scope, principalId, principalType: 'ServicePrincipal', roleDefinitionId: role, description, createdAt: Number.NEGATIVE_INFINITY });
}

/** Sign-ins of the last months: nobody asked for a token of the production registry as the production identity. */
function signInsOf({ dev, test, ppd, prd }: Identities): SignInEvent[] {
  const vault = { resource: 'Azure Key Vault', resourceId: 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093' };
  const registry = { resource: 'Azure Container Registry', resourceId: '6a0ec4d3-30cb-4a83-91c0-ae56bc0e3d26' };
  const signIn = (at: string, { principalId }: IdentityRecord, service: Pick<SignInEvent, 'resource' | 'resourceId'>): SignInEvent => ({ at: new Date(at), principalId, ...service, resultType: '0' });
  return [
    signIn('2026-01-18T06:12:00Z', prd, vault),
    signIn('2026-02-27T16:40:00Z', dev, vault),
    signIn('2026-02-27T16:41:00Z', dev, registry),
    signIn('2026-02-26T09:05:00Z', test, vault),
    signIn('2026-02-24T13:30:00Z', test, registry),
    signIn('2026-02-27T18:00:00Z', ppd, vault),
    signIn('2026-03-02T01:58:00Z', prd, vault),
  ];
}

/**
 * A service connection for the audit of all rings at once, with the rights that the bootstrap gives to an auditor. The audit connections of contoso see one
 * ring each, as the documentation advises; one document over the whole fleet needs one principal that sees both sides of a boundary.
 */
function addAuditor(world: World, workspace: string): Omit<Company, 'signIns'> {
  const connection = { id: idOf('connection contoso-audit'), name: 'contoso-audit' };
  const auditor = addConnection(world, connection);
  const rings = [{ id: clusterId('dev'), key: 'dev' }, { id: clusterId('test'), key: 'test' }, { id: stoppedId, key: 'ppd' }, { id: clusterId('prd'), key: 'prd' }] as const;
  for (const { id, key } of rings) {
    const group = `/subscriptions/${subscriptions[key]}/resourceGroups/rg-shared`;
    bootstrap(world, { applier: 'nobody', auditor: auditor.objectId, subscriptions: [subscriptions[key]], clusters: [id], identityGroup: group, targetGroups: [group] }, managementGroupId(contosoTenant));
  }
  world.assign(auditor.objectId, 'Reader', workspace);
  return { connection, auditor };
}

function vaultId(at: 'dev' | 'prd'): string {
  return `/subscriptions/${subscriptions[at]}/resourceGroups/rg-shared/providers/Microsoft.KeyVault/vaults/kv-contoso-${at}`;
}

function registryId(at: 'dev' | 'prd'): string {
  return `/subscriptions/${subscriptions[at]}/resourceGroups/rg-shared/providers/Microsoft.ContainerRegistry/registries/crcontoso${at}`;
}

/** Object id of the identity that a cluster's nodes pull with. */
function kubeletOf({ identityProfile }: Readonly<Record<string, unknown>>): string {
  const kubelet = isRecord(identityProfile) ? identityProfile.kubeletidentity : undefined;
  if (!isRecord(kubelet) || typeof kubelet.objectId !== 'string') throw new Error('the cluster has no kubelet identity');
  return kubelet.objectId;
}
