import { setMaxListeners } from 'node:events';
import { fileURLToPath } from 'node:url';
import { knownClouds } from '../../tasks/_shared/agent/clouds.js';
import { InputReader } from '../../tasks/_shared/agent/inputs.js';
import type { PlannedTask } from '../../tasks/_shared/agent/planned-task.js';
import { openRecord } from '../../tasks/_shared/agent/run-record.js';
import { servicesOver, type Services } from '../../tasks/_shared/agent/services.js';
import type { RunInputs } from '../../tasks/_shared/agent/shared-inputs.js';
import { connectAzure } from '../../tasks/_shared/azure/azure.js';
import { aksServerApplication, clusterAddress } from '../../tasks/_shared/azure/cluster-credential.js';
import type { ServiceConnection } from '../../tasks/_shared/azure/connection.js';
import { oidcToken } from '../../tasks/_shared/azure/oidc-token.js';
import { parseClusters } from '../../tasks/_shared/fleet/clusters.js';
import { openDirect } from '../../tasks/_shared/kubernetes/direct-connection.js';
import { Approval, approvedChange, type ApprovedChange } from '../../tasks/_shared/reconcile/approval.js';
import { run, type RunResult } from '../../tasks/_shared/reconcile/run.js';
import { deployWithIdentity } from '../../tasks/DeployWithIdentity/deploy-with-identity.js';
import { enableWorkloadIdentity } from '../../tasks/EnableWorkloadIdentity/enable-workload-identity.js';
import { federateServiceAccount } from '../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../tasks/GrantRegistryRole/grant-registry-role.js';
import { inProcessHttpClient } from '../simulators/kernel-clients/in-process-http-client.js';
import { inProcessKubernetes } from '../simulators/kernel-clients/in-process-kubernetes.js';
import { Network } from '../simulators/kernel/network.js';
import { takeKeysAgain } from '../simulators/kernel/rsa-keys.js';
import { VirtualClock } from '../simulators/kernel/virtual-clock.js';
import { clusterId, connections, contosoTenant, createContoso, project, subscriptions, type ConnectionName } from '../simulators/world/contoso.js';
import type { World } from '../simulators/world/world.js';
import type { FakeAgent } from '../unit/agent/fake-agent.js';
import { HelmStandIn } from './helm-stand-in.js';
import type { Lifeline } from './lifeline.js';

/** One step of the pipeline: a task with its inputs, on the clusters of a ring. */
export interface Step {
  readonly task: string;
  /** What a dry run of it shows, to be approved. */
  readonly plan: (stepWorld: StepWorld) => Promise<readonly ApprovedChange[]>;
  /** Runs it, within what was approved. */
  readonly start: (stepWorld: StepWorld, approved: readonly ApprovedChange[]) => Promise<'succeeded' | 'failed'>;
}

/** A ring of the contoso fleet. */
interface Ring {
  readonly connection: ConnectionName;
  readonly clusters: string;
  readonly suffix: string;
  readonly subscription: string;
}

/** The run in the pipeline's own words, as descriptions and ledgers have it. */
const runName = 'orders-api 20260105.1';

/** Where a step runs. */
export interface StepWorld {
  readonly world: World;
  readonly lifeline: Lifeline;
  readonly agent: FakeAgent;
  /** The line of helm where it is to outlive its task. */
  readonly helm?: Lifeline;
}

const chart = fileURLToPath(new URL('../fixtures/contoso/charts/orders-api/', import.meta.url));
const rings = {
  nonprod: { connection: 'nonprod', clusters: [clusterId('dev'), clusterId('test')].join(','), suffix: 'dev', subscription: subscriptions.dev },
  prod: { connection: 'prod', clusters: clusterId('prd'), suffix: 'prd', subscription: subscriptions.prd },
} satisfies Record<string, Ring>;

export type RingName = keyof typeof rings;

/**
 * A fresh contoso world in this process, on a clock of its own, with the delays that the demo has.
 * @param join makes its network, where that is not the usual
 */
export async function contosoWorld(join = (clock: VirtualClock): Network => new Network(clock)): Promise<World> {
  takeKeysAgain();
  const clock = new VirtualClock();
  const world = await createContoso(join(clock), 'in process');
  world.arm.clusters.knobs.updateMs = 20_000;
  world.entra.knobs.credentialVisibleMs = 5_000;
  world.roles.effectMs = 5_000;
  world.directory.replicationMs = 3_000;
  // The pipelines' own principals are older than that.
  clock.advance(60_000);
  return world;
}

/**
 * The steps that write in one ring of the pipeline in tests/fixtures/contoso.
 * @param values more values for the chart.
 * @param inputs more inputs of the deployment
 */
export function contosoSteps(name: RingName, values = '', inputs: Readonly<Record<string, string>> = {}): [enable: Step, federate: Step, grant: Step, deploy: Step] {
  const ring: Ring = rings[name];
  const workload = { boundaryPolicy: 'none', namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
  const registry = `/subscriptions/${ring.subscription}/resourceGroups/rg-shared/providers/Microsoft.ContainerRegistry/registries/crcontoso${ring.suffix}`;
  return [
    step(ring, enableWorkloadIdentity, {}),
    step(ring, federateServiceAccount, { ...workload, keyVault: `rg-shared/kv-contoso-${ring.suffix}`, secrets: 'orders-db' }),
    step(ring, grantRegistryRole, { ...workload, registry, role: 'AcrPull', repositories: 'orders/api' }),
    step(ring, deployWithIdentity, { ...workload, chart, releaseName: 'orders-api', timeoutInMinutes: '1', values: `service: {port: 8080}\n${values}`, ...inputs }),
  ];
}

function step<I>(ring: Ring, task: PlannedTask<I, Services>, inputs: Readonly<Record<string, string>>): Step {
  return {
    task: task.name,
    plan: async (stepWorld) => (await start(ring, task, inputs, stepWorld)).plan.map(({ resource, change }) => approvedChange(resource, change)),
    start: async (stepWorld, approved) => {
      const { result, applied, proofs, preflight } = await start(ring, task, inputs, stepWorld, new Approval(approved));
      const outcomes = [...applied.map(({ outcome }) => outcome), ...proofs.map(({ outcome }) => outcome), ...preflight.findings];
      for (const outcome of outcomes) if ('problem' in outcome) stepWorld.agent.error(JSON.stringify(outcome.problem));
      return result === 'succeeded' ? 'succeeded' : 'failed';
    },
  };
}

/** A dry run without an approval, a real one with it. */
async function start<I>(ring: Ring, task: PlannedTask<I, Services>, inputs: Readonly<Record<string, string>>, stepWorld: StepWorld, approval?: Approval): Promise<RunResult> {
  const { lifeline, agent } = stepWorld;
  setMaxListeners(0, agent.signal);
  Object.assign(agent.inputs, inputs);
  const connection = serviceConnection(ring, stepWorld);
  const { clusters } = parseClusters(ring.clusters, connection.subscriptionId);
  const shared = { connection, clusters, dryRun: approval === undefined, concurrency: 10, failFast: false };
  const reader = new InputReader(agent);
  const own = task.read(reader, shared, () => undefined);
  reader.finish();
  const services = await servicesFor(shared, stepWorld);
  const desired = await task.desire(own, shared, services);
  const record = openRecord(agent, { task: task.name, run: runName, signIn: connection.name, correlation: 'c' }, agent.signal);
  const progress = { waiting: (subject: string, text: string) => agent.debug(`${subject}: ${text}`) };
  const ports = { clock: lifeline.clock, signal: agent.signal, progress, permissions: services.permissions, checks: [...services.checks, ...(desired.checks ?? [])], journal: record.journal };
  const watcher = { planned: () => undefined, checked: () => undefined, applied: () => undefined };
  const result = await run(desired.resources, desired.proofs, { ...shared, ...(approval === undefined ? {} : { approval }) }, ports, watcher);
  agent.cleanUp();
  return result;
}

function serviceConnection({ connection }: Ring, { world, lifeline, agent }: StepWorld): ServiceConnection {
  const { id, name, subscription } = connections[connection];
  const principal = world.directory.all().find(({ displayName }) => displayName === name);
  if (principal === undefined) throw new Error(`no principal for ${name}`);
  const job = { projectId: project.id, pipelineId: 1, planId: 'plan', jobId: 'job', hub: 'build' as const };
  const request = { requestUri: world.devops.oidcRequestUri(world.origins.devops, job), accessToken: world.devops.issueJobToken(job), connectionId: id };
  const tools = { clock: lifeline.clock, signal: agent.signal, debug: () => undefined, httpClient: inProcessHttpClient(lifeline) };
  const cloud = { ...knownClouds[0], resourceManager: world.origins.arm, authority: world.origins.entra };
  const signIn = { kind: 'federated' as const, clientId: principal.appId, assertion: () => oidcToken(request, tools) };
  return { id, name, tenantId: contosoTenant, subscriptionId: subscription, cloud, signIn };
}

/** The services of a task, wired as the agent does, but over a lifeline and with the stand-in for helm. */
export async function servicesFor({ connection, clusters }: Pick<RunInputs, 'connection' | 'clusters'>, { lifeline, agent, helm }: Omit<StepWorld, 'world'>): Promise<Services> {
  const { clock } = lifeline;
  const { signal } = agent;
  const azure = await connectAzure(connection, { clock, signal, debug: () => undefined, correlationId: 'c', httpClient: inProcessHttpClient(lifeline) });
  await azure.token(azure.cloud.resourceManagerAudience);
  const token = (): Promise<string> => azure.token(aksServerApplication);
  return servicesOver({ azure, run: runName, connect: () => Promise.reject(new Error('one connection a ring')) }, clusters, async (entry) => {
    const { server, certificateAuthority } = await clusterAddress(azure, entry);
    const tools = { clock, signal, environment: {}, tempDirectory: agent.tempDirectory, http: inProcessKubernetes(lifeline) };
    const direct = await openDirect({ label: entry.label, clusterId: entry.id, server, certificateAuthority, token }, tools);
    const line = helm ?? lifeline;
    const standIn = new HelmStandIn({ dispatcher: line, clock: line.clock, server: () => Promise.resolve(server), token });
    return Object.assign(direct, { helm: standIn.run.bind(standIn) });
  });
}
