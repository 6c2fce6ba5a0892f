import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { knownClouds } from '../../../tasks/_shared/agent/clouds.js';
import type { PlannedTask } from '../../../tasks/_shared/agent/planned-task.js';
import { servicesOver, type Services } from '../../../tasks/_shared/agent/services.js';
import { InputReader } from '../../../tasks/_shared/agent/inputs.js';
import { connectAzure, type Azure } from '../../../tasks/_shared/azure/azure.js';
import { aksServerApplication, clusterAddress } from '../../../tasks/_shared/azure/cluster-credential.js';
import type { ServiceConnection, SignIn } from '../../../tasks/_shared/azure/connection.js';
import { parseClusters, type ClusterEntry } from '../../../tasks/_shared/fleet/clusters.js';
import type { PolicyOrigin } from '../../../tasks/_shared/fleet/policy-origin.js';
import type { ClusterConnection } from '../../../tasks/_shared/kubernetes/connection.js';
import { openDirect } from '../../../tasks/_shared/kubernetes/direct-connection.js';
import type { Approval } from '../../../tasks/_shared/reconcile/approval.js';
import type { JournalEntry, Ports } from '../../../tasks/_shared/reconcile/ports.js';
import type { Permission } from '../../../tasks/_shared/reconcile/resource.js';
import { Problem, type ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import type { AnyProof } from '../../../tasks/_shared/reconcile/proof.js';
import type { AnyResource } from '../../../tasks/_shared/reconcile/resource.js';
import { run, type RunResult } from '../../../tasks/_shared/reconcile/run.js';
import type { IdentityRecord } from '../../simulators/arm/identities.js';
import { tenantId } from '../../simulators/azure/authority.js';
import { idOf, type ServicePrincipal } from '../../simulators/azure/directory.js';
import { inProcessHttpClient } from '../../simulators/kernel-clients/in-process-http-client.js';
import { inProcessKubernetes } from '../../simulators/kernel-clients/in-process-kubernetes.js';
import { Network } from '../../simulators/kernel/network.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import type { KubernetesApi } from '../../simulators/kubernetes/kubernetes-api.js';
import { World } from '../../simulators/world/world.js';
import { FakeAgent } from '../agent/fake-agent.js';

export { tenantId };
export const subscriptionId = idOf('subscription of the unit tests');
export const correlationId = '5a5a5a5a-0000-4000-8000-000000000001';
export const clientSecret = 'canary-client-secret';
export const group = `/subscriptions/${subscriptionId}/resourceGroups/rg-dev`;

/** ARM id of a cluster in the group of the tests. */
export function clusterId(name = 'aks-1'): string {
  return `${group}/providers/Microsoft.ContainerService/managedClusters/${name}`;
}

/** ARM id of an identity in the group of the tests. */
export function identityId(name = 'id-orders'): string {
  return `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`;
}

/** How one run of a rig deviates from the usual. */
export interface RunChoices {
  readonly dryRun?: boolean;
  readonly failFast?: boolean;
  /** Resources worked on at a time. Default 25. */
  readonly concurrency?: number;
  /** The plan that was approved. Default: whatever the plan says is written. */
  readonly approval?: Approval;
  /** Service connections that inputs besides azureSubscription name. */
  readonly connections?: readonly ServiceConnection[];
}

/** What a task came to. */
export interface TaskRun {
  readonly result: RunResult;
  readonly outputs: Readonly<Record<string, string>>;
  /** The boundary policy that it told the frame of its run. */
  readonly policy?: PolicyOrigin;
}

/** A simulated Azure in this process with one signed-in service connection: an owner of its subscription and of the clusters. */
export class Rig {
  /** What counts as lacking where a cluster does not say which rights are missing: an error, unless a test means it. */
  unanswered: () => readonly Permission[] = () => {
    throw new Error('a cluster did not say which rights are missing');
  };

  readonly abort = new AbortController();
  readonly debug: string[] = [];
  readonly progress: string[] = [];
  readonly journal: (JournalEntry & { readonly outcome: string })[] = [];

  private constructor(
    readonly clock: VirtualClock,
    readonly world: World,
    readonly deployer: ServicePrincipal,
    readonly connection: ServiceConnection,
  ) {
    setMaxListeners(0, this.abort.signal);
  }

  /**
   * @param start where the clock begins; now, for credentials that the SDK dates by the machine's clock.
   * @param subscriptions all that the deployer owns; the first is the connection's.
   */
  static async start(start?: string, subscriptions: readonly string[] = [subscriptionId]): Promise<Rig> {
    const clock = new VirtualClock(start);
    const world = await World.create({ network: new Network(clock), certificateAuthority: 'in process', organisation: { id: idOf('contoso'), name: 'contoso' } });
    world.hierarchy.addManagementGroup({ name: 'nonprod', displayName: 'Non-production' });
    const deployer = world.directory.add({ displayName: 'deployer', kind: 'application', secrets: [clientSecret] });
    for (const id of subscriptions) {
      world.hierarchy.addSubscription({ id, displayName: 'unit', managementGroup: 'nonprod' });
      world.hierarchy.addResourceGroup(id, 'rg-dev', 'westeurope');
      world.assign(deployer.objectId, 'Owner', `/subscriptions/${id}`);
      world.assign(deployer.objectId, 'Azure Kubernetes Service RBAC Cluster Admin', `/subscriptions/${id}`);
    }
    const { arm, entra, logAnalytics } = world.origins;
    const cloud = { ...knownClouds[0], resourceManager: arm, authority: entra, logAnalytics: { endpoint: logAnalytics, audience: 'https://api.loganalytics.io' } };
    const signIn: SignIn = { kind: 'secret', clientId: deployer.appId, secret: () => clientSecret };
    return new Rig(clock, world, deployer, { id: 'c', name: 'contoso-nonprod', tenantId, subscriptionId: subscriptions[0] ?? subscriptionId, cloud, signIn });
  }

  /** A world with the identity `id-orders`, and a client in it. */
  static async withIdentity(): Promise<{ readonly rig: Rig; readonly azure: Azure; readonly identity: IdentityRecord }> {
    const rig = await Rig.start();
    return { rig, azure: await rig.connect(), identity: rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders', 'westeurope') };
  }

  /** The same world for another run, after this one was cancelled. */
  restarted(): Rig {
    return new Rig(this.clock, this.world, this.deployer, this.connection);
  }

  get network(): Network {
    return this.world.network;
  }

  /** Another service connection of the same tenant, whose principal has no rights yet. */
  otherConnection(name: string, ownSubscription = subscriptionId): ServiceConnection {
    const { appId } = this.world.directory.add({ displayName: name, kind: 'application', secrets: [clientSecret] });
    return { ...this.connection, id: name, name, subscriptionId: ownSubscription, signIn: { kind: 'secret', clientId: appId, secret: () => clientSecret } };
  }

  /** A fresh client of the connection, or of one that signs in otherwise. */
  connect(signIn: SignIn = this.connection.signIn): Promise<Azure> {
    return this.connectWith({ ...this.connection, signIn });
  }

  private async connectWith(connection: ServiceConnection): Promise<Azure> {
    const { clock, network } = this;
    const tools = { clock, signal: this.abort.signal, debug: (line: string) => void this.debug.push(line), correlationId };
    const azure = await connectAzure(connection, { ...tools, httpClient: inProcessHttpClient(network) });
    // Loads the typed clients: a virtual clock would take the wait for the disk for idleness.
    await azure.authorization();
    return azure;
  }

  /** Adds a cluster; `ready` has both features on already. */
  async addCluster(name = 'aks-1', state: 'bare' | 'ready' = 'bare', resource: Record<string, unknown> = {}): Promise<KubernetesApi> {
    const api = await this.world.addCluster({ subscriptionId, group: 'rg-dev', name, location: 'westeurope', resource });
    if (state === 'ready') {
      const issuerURL = this.issuer(name);
      this.world.arm.clusters.edit(name, { oidcIssuerProfile: { enabled: true, issuerURL }, securityProfile: { workloadIdentity: { enabled: true } } });
    }
    return api;
  }

  issuer(name = 'aks-1'): string {
    return this.world.arm.clusters.find(name).issuerUrl();
  }

  /** A vault with secrets, or a registry with an image, in the group of the tests. */
  async addVault(name = 'kv-unit', properties: Record<string, unknown> = {}): Promise<string> {
    const vault = await this.world.addVault({ subscriptionId, group: 'rg-dev', name, location: 'westeurope', properties });
    for (const secret of ['orders-db', 'orders-api-key', 'billing-db']) vault.secrets.set(secret, `canary-${secret}`);
    return this.world.arm.vaults.find(name).id;
  }

  async addRegistry(name = 'crunit', properties: Record<string, unknown> = {}): Promise<string> {
    const registry = await this.world.addRegistry({ subscriptionId, group: 'rg-dev', name, location: 'westeurope', properties });
    registry.addImage('orders/api', '1.0.0');
    return this.world.arm.registries.find(name).id;
  }

  /** Clusters as a user would list them. */
  entries(...names: string[]): ClusterEntry[] {
    return parseClusters(names.map((name) => clusterId(name)).join(','), subscriptionId).clusters;
  }

  entry(name = 'aks-1'): ClusterEntry {
    return this.entries(name)[0]!;
  }

  /** What tasks work with, wired as the agent does, but inside the process. */
  async services(clusters: readonly ClusterEntry[]): Promise<Services> {
    const azure = await this.connect();
    const open = async (entry: ClusterEntry): Promise<ClusterConnection> => {
      const token = (): Promise<string> => azure.token(aksServerApplication);
      const endpoint = { label: entry.label, clusterId: entry.id, ...(await clusterAddress(azure, entry)), token };
      return openDirect(endpoint, { clock: this.clock, signal: this.abort.signal, environment: {}, tempDirectory: '', http: inProcessKubernetes(this.network) });
    };
    return servicesOver({ azure, run: 'unit 1', connect: (connection) => this.connectWith(connection) }, clusters, open, () => this.unanswered());
  }

  /** Runs resources and proofs through the engine. */
  async run(resources: readonly AnyResource[], proofs: readonly AnyProof[] = [], choices: RunChoices = {}, services?: Services): Promise<RunResult> {
    const { permissions, checks } = services ?? (await this.services([]));
    const ports: Ports = {
      clock: this.clock,
      signal: this.abort.signal,
      journal: { intend: () => undefined, accept: () => undefined, settle: (entry, outcome) => void this.journal.push({ ...entry, outcome }) },
      progress: { waiting: (subject, text) => void this.progress.push(`${subject}: ${text}`) },
      permissions,
      checks,
    };
    const options = { dryRun: choices.dryRun ?? false, failFast: choices.failFast ?? false, concurrency: choices.concurrency ?? 25, ...(choices.approval === undefined ? {} : { approval: choices.approval }) };
    return run(resources, proofs, options, ports, { planned: () => undefined, checked: () => undefined, applied: () => undefined });
  }

  /** Runs a task from its inputs to its outputs. */
  async runTask<I>(task: PlannedTask<I, Services>, clusters: string | readonly string[], inputs: Readonly<Record<string, string>> = {}, choices: RunChoices = {}): Promise<TaskRun> {
    const listed = typeof clusters === 'string' ? clusters : clusters.map((name) => clusterId(name)).join('\n');
    const { clusters: entries, mistakes } = parseClusters(listed, subscriptionId);
    if (mistakes[0] !== undefined) throw new Error(mistakes[0].because);
    const shared = { connection: this.connection, clusters: entries, dryRun: choices.dryRun ?? false, concurrency: 10, failFast: choices.failFast ?? false };
    const agent = new FakeAgent(task.name);
    try {
      Object.assign(agent.inputs, { boundaryPolicy: 'none' }, inputs);
      const reader = new InputReader(agent);
      const own = task.read(reader, shared, (input) => choices.connections?.find(({ name }) => name === reader.optionalText(input)));
      reader.finish();
      const services = await this.services(entries);
      const desired = await task.desire(own, shared, services);
      const checks = [...services.checks, ...(desired.checks ?? [])];
      const result = await this.run(desired.resources, desired.proofs, choices, { ...services, checks });
      return { result, outputs: desired.outputs(result), ...(desired.policy === undefined ? {} : { policy: desired.policy }) };
    } finally {
      agent.dispose();
    }
  }

  /** Accepted writes of a service as `METHOD last two segments`, in order. */
  writes(service = ''): string[] {
    return this.network.log.writes(service).map(({ method, path }) => `${method} ${path.split('?')[0]!.split('/').slice(-2).join('/')}`);
  }

  /** Statuses of the requests to a service whose method and path match. */
  statuses(service: string, method: string, path: RegExp): number[] {
    return this.network.log.all(service).filter((entry) => entry.method === method && path.test(entry.path)).map(({ status }) => status);
  }
}

/** What was planned for a resource, and the problem that blocked, failed or skipped it. */
export function verdictOf(result: RunResult, resource: { readonly key: string }): { action: string; outcome?: string; problem?: ProblemParts } {
  const planned = result.plan.find((entry) => entry.resource.key === resource.key);
  if (planned === undefined) throw new Error(`${resource.key} was not planned`);
  const outcome = result.applied.find((entry) => entry.resource.key === resource.key)?.outcome;
  const problem = planned.change.action === 'blocked' ? planned.change.problem : outcome !== undefined && 'problem' in outcome ? outcome.problem : undefined;
  return { action: planned.change.action, ...(outcome === undefined ? {} : { outcome: outcome.result }), ...(problem === undefined ? {} : { problem }) };
}

/** The Problem that a promise is rejected with; anything else is an error of the test. */
export async function problemOf(promise: Promise<unknown>): Promise<ProblemParts> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Problem) return error.parts;
    throw error;
  }
  throw new Error('it should have failed');
}

/** MSAL keeps the host's token source, its HTTP client included, and its tokens for the whole process: not across worlds. */
export async function forgetHost(): Promise<void> {
  const { ManagedIdentityCredential } = await import('../../../tasks/_shared/azure/identity-sdk.js');
  const part = (holder: unknown, name: string): object => {
    const found: unknown = typeof holder === 'object' && holder !== null ? Reflect.get(holder, name) : undefined;
    assert.ok(typeof found === 'object' && found !== null, `MSAL has no ${name} any more`);
    return found;
  };
  const application = part(new ManagedIdentityCredential(), 'managedIdentityApp');
  Reflect.set(part(application, 'managedIdentityClient').constructor, 'identitySource', undefined);
  Reflect.set(application.constructor, 'nodeStorage', undefined);
}
