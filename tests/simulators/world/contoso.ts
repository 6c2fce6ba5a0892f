import { bootstrap } from '../../bicep/bootstrapped.js';
import { managementGroupId } from '../arm/hierarchy.js';
import { tenantId } from '../azure/authority.js';
import { idOf, type ServicePrincipal } from '../azure/directory.js';
import type { Network } from '../kernel/network.js';
import { World, type WorldParts } from './world.js';

/** Subscriptions of the management groups, one each. */
export const subscriptions = {
  dev: idOf('subscription contoso dev'),
  test: idOf('subscription contoso test'),
  ppd: idOf('subscription contoso ppd'),
  prd: idOf('subscription contoso prd'),
} as const;

type GroupName = keyof typeof subscriptions;

/** The clusters of the fleet, each in another state when a world begins. */
export const clusters = {
  /** Neither feature is on. */
  dev: { name: 'aks-dev-weu-1', group: 'rg-dev', at: 'dev', location: 'westeurope' },
  /** The issuer is on, workload identity is not. */
  test: { name: 'aks-test-weu-1', group: 'rg-test', at: 'test', location: 'westeurope' },
  /** Both are on, and the workload's identity exists already. */
  prd: { name: 'aks-prd-neu-1', group: 'rg-prd', at: 'prd', location: 'northeurope' },
} as const;

/** What the pipelines sign in with. */
export const connections = {
  nonprod: { name: 'contoso-nonprod', subscription: subscriptions.dev, id: idOf('connection contoso-nonprod') },
  nonprodPlan: { name: 'contoso-nonprod-plan', subscription: subscriptions.dev, id: idOf('connection contoso-nonprod-plan') },
  prod: { name: 'contoso-prod', subscription: subscriptions.prd, id: idOf('connection contoso-prod') },
  prodPlan: { name: 'contoso-prod-plan', subscription: subscriptions.prd, id: idOf('connection contoso-prod-plan') },
  /** They only read; the demo does not use them. */
  nonprodAudit: { name: 'contoso-nonprod-audit', subscription: subscriptions.dev, id: idOf('connection contoso-nonprod-audit') },
  prodAudit: { name: 'contoso-prod-audit', subscription: subscriptions.prd, id: idOf('connection contoso-prod-audit') },
  /** For the whole fleet in one ring; not used by the demo. */
  all: { name: 'contoso-all', subscription: subscriptions.dev, id: idOf('connection contoso-all') },
} as const;

export type ConnectionName = keyof typeof connections;

export const project = { id: idOf('project orders'), name: 'orders' };
export const organisation = { id: idOf('organisation contoso'), name: 'contoso' };

/** Texts that must never leave a credential; each is planted in one, and tests look for them in every output. */
export const canaries = {
  secretNonprod: 'canary-orders-db-nonprod-7d1f0c2e',
  secretProd: 'canary-orders-db-prod-93ab54ef',
  otherSecret: 'canary-billing-db-55c0ffee',
  clientSecret: 'canary-client-secret-0badc0de',
  groupSecret: 'canary-variable-group-1337beef',
} as const;

/**
 * The world of the demo: a company with four management groups, three clusters, two registries and two vaults.
 * @param apiServers what starts real API servers in place of the simulated ones.
 */
export async function createContoso(network: Network, certificateAuthority: string, apiServers?: WorldParts['apiServers']): Promise<World> {
  const world = await World.create({ network, certificateAuthority, organisation, ...(apiServers === undefined ? {} : { apiServers }) });
  for (const [name, id] of Object.entries(subscriptions)) {
    world.hierarchy.addManagementGroup({ name, displayName: `Contoso ${name}` });
    world.hierarchy.addSubscription({ id, displayName: `contoso-${name}`, managementGroup: name });
    for (const group of [`rg-${name}`, 'rg-shared']) world.hierarchy.addResourceGroup(id, group, 'westeurope');
  }
  await addClusters(world);
  await addVaultsAndRegistries(world);
  world.devops.projects.push(project);
  addPipelinePrincipals(world);
  return world;
}

/** ARM id of one of the fleet's clusters. */
export function clusterId(which: keyof typeof clusters): string {
  const { name, group, at } = clusters[which];
  return `/subscriptions/${subscriptions[at]}/resourceGroups/${group}/providers/Microsoft.ContainerService/managedClusters/${name}`;
}

async function addClusters(world: World): Promise<void> {
  const states = {
    dev: {},
    test: { properties: { oidcIssuerProfile: { enabled: true } } },
    prd: { properties: { oidcIssuerProfile: { enabled: true }, securityProfile: { workloadIdentity: { enabled: true }, defender: { securityMonitoring: { enabled: true } } } } },
  };
  for (const [key, { name, group, at, location }] of Object.entries(clusters)) {
    const resource = states[key as keyof typeof states];
    await world.openCluster({ subscriptionId: subscriptions[at], group, name, location, resource });
  }
  for (const name of [clusters.test.name, clusters.prd.name]) {
    const record = world.arm.clusters.find(name);
    world.arm.clusters.edit(name, { oidcIssuerProfile: { enabled: true, issuerURL: record.issuerUrl() } });
  }
  world.arm.identities.add(subscriptions.prd, clusters.prd.group, `id-orders-${clusters.prd.name}`, clusters.prd.location);
}

async function addVaultsAndRegistries(world: World): Promise<void> {
  const places: { at: GroupName; suffix: string; secret: string }[] = [
    { at: 'dev', suffix: 'dev', secret: canaries.secretNonprod },
    { at: 'prd', suffix: 'prd', secret: canaries.secretProd },
  ];
  for (const { at, suffix, secret } of places) {
    const place = { subscriptionId: subscriptions[at], group: 'rg-shared', location: 'westeurope', properties: {} };
    const vault = await world.addVault({ ...place, name: `kv-contoso-${suffix}` });
    vault.secrets.set('orders-db', secret);
    vault.secrets.set('billing-db', canaries.otherSecret);
    const registry = await world.addRegistry({ ...place, name: `crcontoso${suffix}` });
    registry.addImage('orders/api', '1.0.0');
  }
}

/** The principals behind the service connections, each with what templates/bootstrap gives it, and nothing else. */
function addPipelinePrincipals(world: World): void {
  const rings: { apply: ConnectionName; plan?: ConnectionName; audit?: ConnectionName; groups: (keyof typeof clusters)[]; shared: GroupName }[] = [
    { apply: 'nonprod', plan: 'nonprodPlan', audit: 'nonprodAudit', groups: ['dev', 'test'], shared: 'dev' },
    { apply: 'prod', plan: 'prodPlan', audit: 'prodAudit', groups: ['prd'], shared: 'prd' },
    { apply: 'all', groups: ['dev', 'test', 'prd'], shared: 'dev' },
  ];
  for (const { apply, plan, audit, groups, shared } of rings) {
    const applier = addPrincipal(world, apply).objectId;
    const planner = plan === undefined ? '' : addPrincipal(world, plan).objectId;
    const auditor = audit === undefined ? '' : addPrincipal(world, audit).objectId;
    const targetGroups = [`/subscriptions/${subscriptions[shared]}/resourceGroups/rg-shared`];
    // Identities lie beside their clusters here, so that each group of identities is a deployment of its own.
    for (const group of groups) {
      const identityGroup = `/subscriptions/${subscriptions[group]}/resourceGroups/${clusters[group].group}`;
      bootstrap(world, { applier, planner, auditor, subscriptions: [subscriptions[group]], clusters: [clusterId(group)], identityGroup, targetGroups, findObstacles: true }, managementGroupId(tenantId));
    }
  }
}

/** The planner of production still has a client secret; every other one has a service connection that is federated. */
function addPrincipal(world: World, which: ConnectionName): ServicePrincipal {
  const connection = connections[which];
  if (which !== 'prodPlan') return addConnection(world, connection);
  return world.directory.add({ displayName: connection.name, kind: 'application', secrets: [canaries.clientSecret], federatedCredentials: () => [] });
}

/** A service connection of the project, and an application of its name that trusts the connection's tokens. It has no rights yet. */
export function addConnection(world: World, { id, name }: { readonly id: string; readonly name: string }): ServicePrincipal {
  const registered = { id, projectId: project.id, name, pipelines: 'all' as const };
  world.devops.connections.push(registered);
  const trust = {
    name: 'azure-devops',
    issuer: world.devops.issuer(world.origins.devops),
    subject: world.devops.subject(registered),
    audience: 'api://AzureADTokenExchange',
    createdAt: Number.NEGATIVE_INFINITY,
  };
  return world.directory.add({ displayName: name, kind: 'application', secrets: [], federatedCredentials: () => [trust] });
}

/** Names the tenant for callers that only know this world. */
export const contosoTenant = tenantId;
