import { fileURLToPath } from 'node:url';
import { deployWithIdentity } from '../../tasks/DeployWithIdentity/deploy-with-identity.js';
import { enableWorkloadIdentity } from '../../tasks/EnableWorkloadIdentity/enable-workload-identity.js';
import { federateServiceAccount } from '../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../tasks/GrantRegistryRole/grant-registry-role.js';
import type { PlannedTask } from '../../tasks/_shared/agent/planned-task.js';
import type { Services } from '../../tasks/_shared/agent/services.js';
import type { RunResult } from '../../tasks/_shared/reconcile/run.js';
import { bootstrap } from '../bicep/bootstrapped.js';
import { managementGroupId } from '../simulators/arm/hierarchy.js';
import { clusterId, Rig, subscriptionId, type RunChoices } from '../unit/azure/azure-world.js';
import { withStandInHelm } from './stand-in-helm.js';

const groups = (name: string): string => `/subscriptions/${subscriptionId}/resourceGroups/${name}`;
const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', identityResourceGroup: 'rg-id' };
const federation = { ...workload, keyVault: 'rg-shared/kv-unit', secrets: 'orders-db' };
const registry = { registry: 'rg-shared/crunit' };
const chart = fileURLToPath(new URL('../fixtures/contoso/charts/orders-api/', import.meta.url));

/** One run of a task on the one cluster of the world. */
export interface RightsStep {
  readonly name: string;
  /** The task, and what sets the run apart from its others, as the page of permissions calls it. */
  readonly title: string;
  readonly run: (rig: Rig, choices?: RunChoices) => Promise<RunResult>;
}

function step<I>(name: string, title: string, task: PlannedTask<I, Services>, inputs: Record<string, string>): RightsStep {
  return { name, title, run: async (rig, choices) => (await rig.runTask(task, ['aks-1'], inputs, choices)).result };
}

/** Everything that the tasks do to one workload: there, back while nothing else uses the identity, and there again. */
export const rightsSteps: readonly RightsStep[] = [
  step('enable', 'EnableWorkloadIdentity', enableWorkloadIdentity, {}),
  step('federate', 'FederateServiceAccount', federateServiceAccount, federation),
  step('withdraw', 'FederateServiceAccount, `state: absent`', federateServiceAccount, { ...federation, state: 'absent' }),
  step('federate again', 'FederateServiceAccount', federateServiceAccount, federation),
  step('grant', 'GrantRegistryRole', grantRegistryRole, { ...workload, ...registry, repositories: 'orders/api', role: 'AcrPush' }),
  step('deploy', 'DeployWithIdentity', deployWithIdentity, { ...workload, releaseName: 'orders', chart }),
];

/** A world with one bare cluster, in which the pipeline's principal has what templates/bootstrap gives it, and nothing else. */
export async function bootstrappedRig(): Promise<Rig> {
  const rig = await Rig.start();
  const { world, deployer } = rig;
  for (const { name } of world.roles.assignments()) world.roles.remove(name);
  for (const name of ['rg-id', 'rg-shared']) world.hierarchy.addResourceGroup(subscriptionId, name, 'westeurope');
  await rig.addCluster();
  const shared = { subscriptionId, group: 'rg-shared', location: 'westeurope', properties: {} };
  (await world.addVault({ ...shared, name: 'kv-unit' })).secrets.set('orders-db', 'canary');
  (await world.addRegistry({ ...shared, name: 'crunit' })).addImage('orders/api', '1.0.0');
  bootstrap(world, { applier: deployer.objectId, subscriptions: [subscriptionId], clusters: [clusterId()], identityGroup: groups('rg-id'), targetGroups: [groups('rg-shared')] }, managementGroupId('nonprod'));
  const services = rig.services.bind(rig);
  rig.services = async (clusters): Promise<Services> => {
    const all = await services(clusters);
    return {
      ...all,
      cluster: (entry) => {
        const api = world.clusters.get(entry.name);
        if (api === undefined) throw new Error(`no cluster ${entry.name}`);
        return withStandInHelm(all.cluster(entry), api, rig.clock);
      },
    };
  };
  return rig;
}
