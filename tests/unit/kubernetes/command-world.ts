import { setMaxListeners } from 'node:events';
import { fileURLToPath } from 'node:url';
import { deployWithIdentity } from '../../../tasks/DeployWithIdentity/deploy-with-identity.js';
import type { TaskEnd } from '../../../tasks/_shared/agent/agent.js';
import { knownClouds } from '../../../tasks/_shared/agent/clouds.js';
import { openCluster, type ClusterReach } from '../../../tasks/_shared/agent/cluster-connections.js';
import { openDirectly, type OpenCluster, type OpenTools } from '../../../tasks/_shared/agent/direct-cluster.js';
import { runPlannedTask } from '../../../tasks/_shared/agent/planned-task.js';
import { servicesOver, type Services } from '../../../tasks/_shared/agent/services.js';
import { connectAzure, type Azure } from '../../../tasks/_shared/azure/azure.js';
import type { ServiceConnection } from '../../../tasks/_shared/azure/connection.js';
import { parseClusters, type ClusterEntry } from '../../../tasks/_shared/fleet/clusters.js';
import type { ClusterConnection } from '../../../tasks/_shared/kubernetes/connection.js';
import type { DirectTools } from '../../../tasks/_shared/kubernetes/direct-connection.js';
import { systemClock, type Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { tenantId } from '../../simulators/azure/authority.js';
import { idOf, type ServicePrincipal } from '../../simulators/azure/directory.js';
import { inProcessHttpClient } from '../../simulators/kernel-clients/in-process-http-client.js';
import { inProcessKubernetes } from '../../simulators/kernel-clients/in-process-kubernetes.js';
import { createCertificateAuthority } from '../../simulators/kernel/certificate-authority.js';
import { LoopbackNetwork } from '../../simulators/kernel/loopback-network.js';
import type { KubernetesApi } from '../../simulators/kubernetes/kubernetes-api.js';
import { commandPod } from '../../simulators/world/command-pod.js';
import { World } from '../../simulators/world/world.js';
import { helmOf } from '../../tools/kube-tools.js';
import { FakeAgent } from '../agent/fake-agent.js';

export const subscriptionId = '00000000-0000-4000-8000-000000000001';
const clientSecret = 'canary-client-secret';
const place = { subscriptionId, group: 'rg-dev', location: 'westeurope' };
const chart = fileURLToPath(new URL('../../fixtures/contoso/charts/orders-api/', import.meta.url));

/** A cluster whose API server real clients reach, in a simulated Azure that this process reaches, with one signed-in service connection. Time goes fast. */
export class CommandWorld {
  readonly notices: string[] = [];
  readonly secrets: string[] = [];
  readonly abort = new AbortController();
  readonly #agents: FakeAgent[] = [];

  private constructor(
    readonly clock: Clock,
    readonly world: World,
    readonly api: KubernetesApi,
    readonly deployer: ServicePrincipal,
    readonly connection: ServiceConnection,
    readonly azure: Azure,
    readonly helm: string,
  ) {
    setMaxListeners(0, this.abort.signal);
  }

  /**
   * @param major of the helm on the agent
   * @param inPod of the helm in the pods of commands
   */
  static async start(major: 3 | 4 = 4, inPod: 3 | 4 = 3): Promise<CommandWorld> {
    const clock = systemClock(20);
    const authority = await createCertificateAuthority(new Date());
    const world = await World.create({ network: new LoopbackNetwork(clock, authority.server), certificateAuthority: authority.certificate, organisation: { id: idOf('contoso'), name: 'contoso' } });
    world.hierarchy.addSubscription({ id: subscriptionId, displayName: 'unit', managementGroup: 'nonprod' });
    world.hierarchy.addResourceGroup(subscriptionId, 'rg-dev', 'westeurope');
    const deployer = world.directory.add({ displayName: 'deployer', kind: 'application', secrets: [clientSecret] });
    for (const role of ['Owner', 'Azure Kubernetes Service RBAC Cluster Admin']) world.assign(deployer.objectId, role, `/subscriptions/${subscriptionId}`);
    const properties = { oidcIssuerProfile: { enabled: true }, securityProfile: { workloadIdentity: { enabled: true } } };
    const api = await world.addCluster({ ...place, name: 'aks-1', resource: { properties } }, { rolloutMs: 200 });
    world.arm.identities.add(subscriptionId, 'rg-dev', 'id-api-aks-1', 'westeurope');
    world.arm.clusters.commands.knobs.pod = commandPod(inPod);
    const cloud = { ...knownClouds[0], resourceManager: world.origins.arm, authority: world.origins.entra };
    const connection: ServiceConnection = { id: 'c', name: 'contoso-nonprod', tenantId, subscriptionId, cloud, signIn: { kind: 'secret', clientId: deployer.appId, secret: () => clientSecret } };
    const secrets: string[] = [clientSecret];
    const tools = { clock, signal: new AbortController().signal, correlationId: idOf('run'), debug: () => undefined, registerSecret: (text: string) => void secrets.push(text) };
    const azure = await connectAzure(connection, { ...tools, httpClient: inProcessHttpClient(world.network) });
    const made = new CommandWorld(clock, world, api, deployer, connection, azure, await helmOf(major));
    made.secrets.push(...secrets);
    return made;
  }

  get clientId(): string {
    return this.world.arm.identities.find('id-api-aks-1').clientId;
  }

  get entry(): ClusterEntry {
    const [entry] = parseClusters('rg-dev/aks-1', subscriptionId).clusters;
    if (entry === undefined) throw new Error('no entry');
    return entry;
  }

  /** Makes it a private cluster that this process does not reach. */
  seclude(): void {
    this.edit({ apiServerAccessProfile: { enablePrivateCluster: true } });
    this.world.arm.clusters.hide('aks-1');
  }

  edit(properties: Record<string, unknown>): void {
    this.world.arm.clusters.edit('aks-1', properties);
  }

  /** A connection as the services open it. */
  open(reach: Partial<ClusterReach> = {}, http: NonNullable<DirectTools['http']> = inProcessKubernetes(this.world.network)): Promise<ClusterConnection> {
    return openCluster(this.azure, this.entry, this.#tools(this.#agent('Opening'), http), { way: 'auto', allowLocalAccounts: false, ...reach });
  }

  /** Runs DeployWithIdentity from its inputs to its end. */
  async deploy(inputs: Readonly<Record<string, string>> = {}): Promise<{ readonly end: TaskEnd; readonly agent: FakeAgent }> {
    const agent = this.#agent('DeployWithIdentity');
    const given = { azureSubscription: 'c', clusters: 'rg-dev/aks-1', boundaryPolicy: 'none', namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', chart, releaseName: 'orders', helmPath: this.helm, timeoutInMinutes: '120' };
    Object.assign(agent.inputs, given, inputs);
    const createServices = (shared: { readonly clusters: readonly ClusterEntry[]; readonly openCluster?: OpenCluster }): Promise<Services> => {
      const connect = (): Promise<Azure> => Promise.reject(new Error('one connection'));
      return Promise.resolve(servicesOver({ azure: this.azure, run: 'unit 1', connect }, shared.clusters, (entry) => (shared.openCluster ?? openDirectly)(this.azure, entry, this.#tools(agent))));
    };
    const refuse = (): Promise<string> => Promise.reject(new Error('signs in with a secret'));
    const end = await runPlannedTask(agent, deployWithIdentity, createServices, refuse, () => this.clock);
    return { end, agent };
  }

  async close(): Promise<void> {
    for (const agent of this.#agents) agent.dispose();
    await this.world.close();
  }

  #tools(agent: FakeAgent, http = inProcessKubernetes(this.world.network)): OpenTools {
    const notice = (line: string): void => {
      agent.line(line);
      this.notices.push(line);
    };
    const progress = { waiting: (subject: string, text: string) => agent.debug(`${subject}: ${text}`) };
    return { environment: { PATH: '/usr/bin:/bin' }, tempDirectory: agent.tempDirectory, progress, notice, usual: notice, http };
  }

  #agent(task: string): FakeAgent {
    const agent = new FakeAgent(task);
    this.#agents.push(agent);
    const { cloud } = this.connection;
    agent.endpoints.c = {
      url: cloud.resourceManager,
      scheme: 'ServicePrincipal',
      parameters: { serviceprincipalid: this.deployer.appId, tenantid: tenantId, authenticationType: 'spnKey', serviceprincipalkey: clientSecret },
      data: { subscriptionid: subscriptionId, environment: 'AzureCloud', environmentAuthorityUrl: cloud.authority },
    };
    return agent;
  }
}
