import type { PipelineWorld, ProtectedResource, ServiceConnection, VariableGroup } from '../../pipeline/world.js';
import { tenantId } from '../azure/authority.js';
import { idOf } from '../azure/directory.js';
import { canaries, clusterId, connections, organisation, project, subscriptions, type ConnectionName } from './contoso.js';
import type { World } from './world.js';

/** The environments of contoso's project; none has resources. */
export const contosoEnvironments: readonly string[] = ['nonprod', 'prod', 'all'];

/** How the contoso world looks to a pipeline. */
export interface ContosoPipeline {
  /** Added to the environment of every task. */
  readonly environment: Readonly<Record<string, string>>;
  /** Called for each stage with protected resources; true lets it run. */
  approve(stage: string, resources: readonly ProtectedResource[]): boolean;
}

/** The contoso organisation in front of its world: service connections, variable groups, environments, tokens. */
export function contosoPipelineWorld(world: World, pipeline: ContosoPipeline): PipelineWorld {
  const pipelineId = 1;
  const groups = variableGroups(world);
  groups.forEach(({ name, variables }, index) => {
    world.devops.groups.push({ id: index + 1, projectId: project.id, name, variables, readers: 'all' });
  });
  const named = Object.keys(connections).map((key) => serviceConnection(world, key as ConnectionName));
  return {
    organisation: { ...organisation, collectionUri: world.devops.collectionUri(world.origins.devops) },
    project,
    serviceConnection: (nameOrId) => named.find(({ name, id }) => name === nameOrId || id === nameOrId),
    variableGroup: (name) => groups.find((group) => group.name === name),
    environment: (name) => (contosoEnvironments.includes(name) ? { id: idOf(`environment ${name}`), name } : undefined),
    jobToken: ({ planId, jobId }) => world.devops.issueJobToken({ projectId: project.id, pipelineId, planId, jobId, hub: 'build' }),
    oidcRequestUri: ({ planId, jobId }) => world.devops.oidcRequestUri(world.origins.devops, { projectId: project.id, pipelineId, planId, jobId, hub: 'build' }),
    environmentVariables: pipeline.environment,
    approve: (stage, resources) => pipeline.approve(stage, resources),
  };
}

function serviceConnection(world: World, which: ConnectionName): ServiceConnection {
  const { id, name, subscription } = connections[which];
  const principal = world.directory.all().find(({ displayName }) => displayName === name);
  if (principal === undefined) throw new Error(`no principal for ${name}`);
  const signIn = { tenantid: tenantId, serviceprincipalid: principal.appId };
  const withSecret = which === 'prodPlan';
  return {
    id,
    name,
    type: 'AzureRM',
    url: `${world.origins.arm}/`,
    scheme: withSecret ? 'ServicePrincipal' : 'WorkloadIdentityFederation',
    parameters: withSecret ? { ...signIn, authenticationType: 'spnKey', serviceprincipalkey: canaries.clientSecret } : signIn,
    data: {
      subscriptionid: subscription,
      subscriptionname: name,
      environment: 'AzureCloud',
      ScopeLevel: 'Subscription',
      environmentAuthorityUrl: `${world.origins.entra}/`,
      activeDirectoryServiceEndpointResourceId: 'https://management.core.windows.net/',
    },
  };
}

function variableGroups(world: World): VariableGroup[] {
  const rings = [
    { name: 'wi-nonprod', ids: [clusterId('dev'), clusterId('test')], subscription: subscriptions.dev, suffix: 'dev' },
    { name: 'wi-prod', ids: [clusterId('prd')], subscription: subscriptions.prd, suffix: 'prd' },
    { name: 'wi-all', ids: [clusterId('dev'), clusterId('test'), clusterId('prd')], subscription: subscriptions.dev, suffix: 'dev' },
  ];
  return rings.map(({ name, ids, subscription, suffix }) => ({
    name,
    variables: {
      clusters: { value: ids.join(',') },
      keyVault: { value: `rg-shared/kv-contoso-${suffix}` },
      registry: { value: `/subscriptions/${subscription}/resourceGroups/rg-shared/providers/Microsoft.ContainerRegistry/registries/crcontoso${suffix}` },
      imageRepository: { value: `${String(world.arm.registries.find(`crcontoso${suffix}`).properties.loginServer)}/orders/api` },
      unrelatedPassword: { value: canaries.groupSecret, isSecret: true },
    },
  }));
}
