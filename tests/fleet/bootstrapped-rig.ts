import { fileURLToPath } from 'node:url';
import { deployWithIdentity } from '../../tasks/DeployWithIdentity/deploy-with-identity.js';
import { enableWorkloadIdentity } from '../../tasks/EnableWorkloadIdentity/enable-workload-identity.js';
import { federateServiceAccount } from '../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../tasks/GrantRegistryRole/grant-registry-role.js';
import type { PlannedTask } from '../../tasks/_shared/agent/planned-task.js';
import type { Services } from '../../tasks/_shared/agent/services.js';
import { roles } from '../../tasks/_shared/azure/roles.js';
import { describeGrant } from '../../tasks/_shared/fleet/marks.js';
import { credentialName } from '../../tasks/_shared/fleet/names.js';
import type { RunResult } from '../../tasks/_shared/reconcile/run.js';
import { bootstrap } from '../bicep/bootstrapped.js';
import type { ValueMap } from '../bicep/values.js';
import { managementGroupId } from '../simulators/arm/hierarchy.js';
import { idOf } from '../simulators/azure/directory.js';
import { clusterId, Rig, subscriptionId, type RunChoices } from '../unit/azure/azure-world.js';
import { withStandInHelm } from './stand-in-helm.js';

const groups = (name: string): string => `/subscriptions/${subscriptionId}/resourceGroups/${name}`;
const boundaryPolicy = fileURLToPath(new URL('../fixtures/boundaries/nonprod.yml', import.meta.url));
const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', identityResourceGroup: 'rg-id', boundaryPolicy };
const federation = { ...workload, keyVault: 'rg-shared/kv-unit', secrets: 'orders-db' };
const pull = { ...workload, registry: 'rg-shared/crunit', repositories: 'orders/api' };
const chart = fileURLToPath(new URL('../fixtures/contoso/charts/orders-api/', import.meta.url));
const blobReader = { name: 'Storage Blob Data Reader', id: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' };

/** One run of a task on the one cluster of the world. */
export interface RightsStep {
  readonly name: string;
  /** The task, and what sets the run apart from its others, as the page of permissions calls it. */
  readonly title: string;
  readonly run: (rig: Rig, choices?: RunChoices) => Promise<RunResult>;
}

/** @param arrange what somebody else did before; asked before a dry run and again before the run itself */
function step<I>(name: string, title: string, task: PlannedTask<I, Services>, inputs: Record<string, string>, arrange?: (rig: Rig) => void): RightsStep {
  const run = async (rig: Rig, choices?: RunChoices): Promise<RunResult> => {
    arrange?.(rig);
    return (await rig.runTask(task, ['aks-1'], inputs, choices)).result;
  };
  return { name, title, run };
}

/** Everything that the tasks do to one workload: there, back while nothing else uses the identity, and there again. */
export const rightsSteps: readonly RightsStep[] = [
  step('enable', 'EnableWorkloadIdentity', enableWorkloadIdentity, {}),
  step('audit logs', 'EnableWorkloadIdentity, `auditWorkspace`', enableWorkloadIdentity, { auditWorkspace: 'rg-shared/law-audit' }),
  step('federate', 'FederateServiceAccount', federateServiceAccount, federation),
  step('withdraw', 'FederateServiceAccount, `state: absent`', federateServiceAccount, { ...federation, state: 'absent' }),
  step('restart', 'FederateServiceAccount, `restartWorkloads: true`', federateServiceAccount, { ...federation, restartWorkloads: 'true' }, startPods),
  step('access policy', 'FederateServiceAccount, a vault of access policies', federateServiceAccount, { ...federation, keyVault: 'rg-shared/kv-old', allowVaultWideAccess: 'true' }),
  step('grants', 'FederateServiceAccount, `grants`', federateServiceAccount, { ...federation, grants: `${blobReader.name} @ ${groups('rg-shared')}/providers/Microsoft.Storage/storageAccounts/st1` }),
  step('prune', 'FederateServiceAccount, `prune: true`', federateServiceAccount, { ...federation, prune: 'true' }, leaveOrphans),
  step('grant', 'GrantRegistryRole', grantRegistryRole, { ...pull, role: 'AcrPush' }),
  step('withdraw grant', 'GrantRegistryRole, `state: absent`', grantRegistryRole, { ...pull, role: 'AcrPush', state: 'absent' }),
  step('grant on repositories', 'GrantRegistryRole, repositories of a registry in ABAC mode', grantRegistryRole, { ...pull, registry: 'rg-shared/crabac' }),
  step('prune grants', 'GrantRegistryRole, `prune: true`', grantRegistryRole, { ...pull, prune: 'true' }, leaveOrphans),
  step('deploy', 'DeployWithIdentity', deployWithIdentity, { ...workload, releaseName: 'orders', chart }),
  step('isolate', 'DeployWithIdentity, `networkPolicy: default-deny`', deployWithIdentity, { ...workload, releaseName: 'orders', chart, networkPolicy: 'default-deny', allowedFlows: 'ingress-nginx/* -> *:8080', egressAllowed: 'internet:443' }),
  step('open', 'DeployWithIdentity, `networkPolicy: none` after it', deployWithIdentity, { ...workload, releaseName: 'orders', chart }),
  step('report admin user', 'GrantRegistryRole, `adminUser: report`', grantRegistryRole, { ...pull, adminUser: 'report' }),
  step('disable admin user', 'GrantRegistryRole, `adminUser: disable`', grantRegistryRole, { ...pull, adminUser: 'disable', force: 'true' }),
  step('restore admin user', 'GrantRegistryRole, `adminUser: restore`', grantRegistryRole, { ...pull, adminUser: 'restore' }),
];

/** Pods of the service account that run before it has an identity. */
function startPods({ world, clock }: Rig): void {
  const api = world.clusters.get('aks-1');
  if (api === undefined || api.find('Deployment', 'orders', 'old') !== undefined) return;
  if (api.find('Namespace', undefined, 'orders') === undefined) api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
  api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api' } });
  const labels = { app: 'old', 'azure.workload.identity/use': 'true' };
  const spec = { serviceAccountName: 'api', containers: [{ name: 'api', image: 'contoso/api:1' }] };
  api.put({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: 'orders', name: 'old' }, spec: { replicas: 1, selector: { matchLabels: { app: 'old' } }, template: { metadata: { labels }, spec } } });
  for (let second = 0; second < 10; second += 1) {
    clock.advance(1_000);
    api.list('Pod', 'orders');
  }
}

/** A credential of a cluster that is gone, and grants of an identity that is gone. */
function leaveOrphans({ world }: Rig): void {
  const gone = clusterId('aks-gone');
  const issuer = world.arm.clusters.find('aks-1').issuerUrl().replace(/[^/]+\/$/, `${idOf('issuer of aks-gone')}/`);
  world.arm.identities.find('id-orders-aks-1').credentials.set(credentialName(gone, 'aks-gone', 'orders', 'api'), issuer, 'system:serviceaccount:orders:api');
  const principal = `${groups('rg-id')}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-gone`;
  const places = [[`${world.arm.vaults.find('kv-unit').id}/secrets/orders-db`, roles['Key Vault Secrets User']], [world.arm.registries.find('crunit').id, roles.AcrPull]] as const;
  for (const [scope, roleDefinitionId] of places) {
    const name = idOf(`orphan at ${scope}`);
    if (world.roles.find(name) === undefined) world.roles.add({ name, scope, principalId: idOf('gone'), principalType: 'ServicePrincipal', roleDefinitionId, description: describeGrant({ workload: 'orders/api', principal, run: 'long ago' }) });
  }
}

/**
 * A world with one bare cluster, in which the pipeline's principal has what templates/bootstrap gives it, and nothing else.
 * @param more parameters of the deployment, besides those that the steps take
 */
export async function bootstrappedRig(more: ValueMap = {}): Promise<Rig> {
  const rig = await Rig.start();
  const { world, deployer } = rig;
  for (const { name } of world.roles.assignments()) world.roles.remove(name);
  for (const name of ['rg-id', 'rg-shared']) world.hierarchy.addResourceGroup(subscriptionId, name, 'westeurope');
  await rig.addCluster();
  const shared = { subscriptionId, group: 'rg-shared', location: 'westeurope', properties: {} };
  (await world.addVault({ ...shared, name: 'kv-unit' })).secrets.set('orders-db', 'canary');
  (await world.addVault({ ...shared, name: 'kv-old', properties: { enableRbacAuthorization: false } })).secrets.set('orders-db', 'canary');
  (await world.addRegistry({ ...shared, name: 'crunit', properties: { adminUserEnabled: true } })).addImage('orders/api', '1.0.0');
  (await world.addRegistry({ ...shared, name: 'crabac', properties: { roleAssignmentMode: 'AbacRepositoryPermissions' } })).addImage('orders/api', '1.0.0');
  const asked = { auditLogs: true, vaultPolicies: true, adminUser: true, moreGrantableRoles: [blobReader.id], ...more };
  bootstrap(world, { ...asked, applier: deployer.objectId, subscriptions: [subscriptionId], clusters: [clusterId()], identityGroup: groups('rg-id'), targetGroups: [groups('rg-shared')] }, managementGroupId('nonprod'));
  helmStandsIn(rig);
  return rig;
}

/** Deployments of the rig go without a helm process. */
export function helmStandsIn(rig: Rig): void {
  const services = rig.services.bind(rig);
  rig.services = async (clusters): Promise<Services> => {
    const all = await services(clusters);
    return {
      ...all,
      cluster: (entry) => {
        const api = rig.world.clusters.get(entry.name);
        if (api === undefined) throw new Error(`no cluster ${entry.name}`);
        return withStandInHelm(all.cluster(entry), api, rig.clock);
      },
    };
  };
}
