import { fileURLToPath } from 'node:url';
import { deployWithIdentity } from '../../tasks/DeployWithIdentity/deploy-with-identity.js';
import { enableWorkloadIdentity } from '../../tasks/EnableWorkloadIdentity/enable-workload-identity.js';
import { federateServiceAccount } from '../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../tasks/GrantRegistryRole/grant-registry-role.js';
import type { TaskEnd } from '../../tasks/_shared/agent/agent.js';
import { runPlannedTask, type PlannedTask } from '../../tasks/_shared/agent/planned-task.js';
import type { Services } from '../../tasks/_shared/agent/services.js';
import { idOf } from '../simulators/azure/directory.js';
import type { LoggedRequest } from '../simulators/kernel/request-log.js';
import { applyLatencies } from '../simulators/world/latencies.js';
import { FakeAgent } from '../unit/agent/fake-agent.js';
import { clientSecret, Rig, tenantId } from '../unit/azure/azure-world.js';
import { bareFurniture, plantConverged } from './converged.js';
import { withStandInHelm } from './stand-in-helm.js';

/** How many clusters, spread evenly over how many subscriptions. */
export interface FleetSize {
  readonly clusters: number;
  readonly subscriptions: number;
  /** Default: bare clusters. */
  readonly state?: 'bare' | 'converged';
  /** Whether the latencies and token buckets of measurements are in force. Default: they are. */
  readonly measured?: boolean;
}

/** One run of a task on a fleet. */
export interface FleetRun {
  readonly end: TaskEnd;
  /** What was said to the agent. Its files are there until the fleet is closed. */
  readonly agent: FakeAgent;
  readonly requests: readonly LoggedRequest[];
  readonly writes: readonly LoggedRequest[];
  /** From the start of the task to its end, on the world's clock. Milliseconds. */
  readonly wallMs: number;
}

/** One of the planned tasks, whatever its inputs are. */
export type FleetTask = 'EnableWorkloadIdentity' | 'FederateServiceAccount' | 'GrantRegistryRole' | 'DeployWithIdentity';

const workload = { boundaryPolicy: 'none', namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const inputsOf: Readonly<Record<FleetTask, (fleet: Fleet) => Record<string, string>>> = {
  EnableWorkloadIdentity: () => ({}),
  FederateServiceAccount: ({ vaultId }) => ({ ...workload, keyVault: vaultId, secrets: 'orders-db' }),
  GrantRegistryRole: ({ registryId }) => ({ ...workload, registry: registryId, repositories: 'orders/api' }),
  DeployWithIdentity: () => ({ ...workload, releaseName: 'orders', chart: fileURLToPath(new URL('../fixtures/contoso/charts/orders-api/', import.meta.url)) }),
};

/**
 * A fleet of clusters of one company, in this process and on a virtual clock, with one vault and one registry. Tasks run on it through the same frame as under an agent, from inputs to outputs.
 */
export class Fleet {
  readonly #agents: FakeAgent[] = [];

  private constructor(
    readonly rig: Rig,
    readonly clusterIds: readonly string[],
    readonly vaultId: string,
    readonly registryId: string,
  ) {}

  static async start({ clusters, subscriptions, state = 'bare', measured = true }: FleetSize): Promise<Fleet> {
    const places = Array.from({ length: subscriptions }, (_, index) => idOf(`fleet subscription ${index + 1}`));
    const rig = await Rig.start(undefined, places);
    const { world } = rig;
    const shared = { subscriptionId: places[0] ?? '', group: 'rg-dev', location: 'westeurope', properties: {} };
    (await world.addVault({ ...shared, name: 'kv-fleet' })).secrets.set('orders-db', 'canary-orders-db');
    (await world.addRegistry({ ...shared, name: 'crfleet' })).addImage('orders/api', '1.0.0');
    const [vaultId, registryId] = [world.arm.vaults.find('kv-fleet').id, world.arm.registries.find('crfleet').id];
    const ids: string[] = [];
    for (let index = 0; index < clusters; index += 1) {
      const place = { subscriptionId: places[index % places.length] ?? '', group: 'rg-dev', name: `aks-${String(index + 1).padStart(4, '0')}` };
      if (state === 'converged') ids.push(await plantConverged(world, place, vaultId, registryId));
      else {
        await world.addCluster({ ...place, location: 'westeurope' }, bareFurniture);
        ids.push(world.arm.clusters.find(place.name).id);
      }
    }
    if (measured) applyLatencies(world);
    return new Fleet(rig, ids, vaultId, registryId);
  }

  /** Lets every token bucket fill up, and everything that takes time in Azure take effect. */
  rest(): void {
    this.rig.clock.advance(24 * 3600 * 1000);
  }

  /** Runs a task on the whole fleet, or on the clusters that `inputs` name. */
  run(task: FleetTask, inputs: Readonly<Record<string, string>> = {}): Promise<FleetRun> {
    const given = { ...inputsOf[task](this), ...inputs };
    switch (task) {
      case 'EnableWorkloadIdentity':
        return this.#run(enableWorkloadIdentity, given);
      case 'FederateServiceAccount':
        return this.#run(federateServiceAccount, given);
      case 'GrantRegistryRole':
        return this.#run(grantRegistryRole, given);
      case 'DeployWithIdentity':
        return this.#run(deployWithIdentity, given);
    }
  }

  async #run<I>(task: PlannedTask<I, Services>, inputs: Readonly<Record<string, string>>): Promise<FleetRun> {
    const { clock, world } = this.rig;
    const agent = this.#agent(task.name);
    Object.assign(agent.inputs, { azureSubscription: 'fleet', clusters: this.clusterIds.join('\n') }, inputs);
    world.network.log.clear();
    const started = clock.monotonic();
    const refuse = (): Promise<string> => Promise.reject(new Error('the fleet signs in with a secret'));
    const end = await runPlannedTask(agent, task, ({ clusters }) => this.#services(clusters), refuse, () => clock);
    const { log } = world.network;
    return { end, agent, requests: [...log.all()], writes: log.writes(), wallMs: clock.monotonic() - started };
  }

  /** The agents of all runs, with their files. */
  close(): void {
    for (const agent of this.#agents.splice(0)) agent.dispose();
  }

  #agent(task: string): FakeAgent {
    const { connection, deployer } = this.rig;
    const agent = new FakeAgent(task);
    this.#agents.push(agent);
    agent.endpoints.fleet = {
      url: connection.cloud.resourceManager,
      scheme: 'ServicePrincipal',
      parameters: { serviceprincipalid: deployer.appId, tenantid: tenantId, authenticationType: 'spnKey', serviceprincipalkey: clientSecret },
      data: { subscriptionid: connection.subscriptionId ?? '', environment: 'AzureCloud', environmentAuthorityUrl: connection.cloud.authority },
    };
    return agent;
  }

  async #services(clusters: Parameters<Rig['services']>[0]): Promise<Services> {
    const services = await this.rig.services(clusters);
    await services.azure.token(services.azure.cloud.resourceManagerAudience);
    return {
      ...services,
      cluster: (entry) => {
        const api = this.rig.world.clusters.get(entry.name);
        if (api === undefined) throw new Error(`no cluster ${entry.name}`);
        return withStandInHelm(services.cluster(entry), api, this.rig.clock);
      },
    };
  }
}
