import assert from 'node:assert/strict';
import { auditWorkloadIdentity } from '../../tasks/AuditWorkloadIdentity/audit-workload-identity.js';
import { readInputs as readAuditInputs } from '../../tasks/AuditWorkloadIdentity/inputs.js';
import { deployWithIdentity } from '../../tasks/DeployWithIdentity/deploy-with-identity.js';
import { enableWorkloadIdentity } from '../../tasks/EnableWorkloadIdentity/enable-workload-identity.js';
import { federateServiceAccount } from '../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../tasks/GrantRegistryRole/grant-registry-role.js';
import { InputReader } from '../../tasks/_shared/agent/inputs.js';
import type { Desired, PlannedTask } from '../../tasks/_shared/agent/planned-task.js';
import type { Services } from '../../tasks/_shared/agent/services.js';
import { otherConnections, readSharedInputs } from '../../tasks/_shared/agent/shared-inputs.js';
import { connectAzure } from '../../tasks/_shared/azure/azure.js';
import { lazyConnection } from '../../tasks/_shared/kubernetes/lazy-connection.js';
import type { RunResult } from '../../tasks/_shared/reconcile/run.js';
import { readInputs } from '../../tasks/SelectClusters/inputs.js';
import { selectClusters } from '../../tasks/SelectClusters/select-clusters.js';
import { VirtualClock } from '../simulators/kernel/virtual-clock.js';
import { FakeAgent, federatedEndpoint } from '../unit/agent/fake-agent.js';
import { Rig } from '../unit/azure/azure-world.js';
import { namesOf, read, readJson, tasks } from './tree.js';

/** What a task reads and sets when it is really run, as far as that goes without a cloud. */
interface Seen {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

const everyInput = {
  azureSubscription: 'connection',
  clusters: 'rg/aks-1',
  boundaryPolicy: 'none',
  namespace: 'orders',
  serviceAccount: 'api',
  identity: 'id-{workload}-{cluster}',
  keyVault: 'rg/kv-1',
  secrets: 'orders-db',
  registry: 'rg/crorders',
  repositories: 'orders/api',
  chart: 'tests/fixtures/contoso/charts/orders-api',
  releaseName: 'orders-api',
};

const nothingDone: RunResult = {
  dryRun: false,
  plan: [],
  preflight: { findings: [], permissions: [], lacking: [], notes: [], crossings: new Map(), forbidden: new Map() },
  applied: [],
  proofs: [],
  durationMs: 0,
  result: 'succeeded',
};

function agentFor(task: string): FakeAgent {
  const agent = new FakeAgent(task);
  agent.variables['System.OidcRequestUri'] = 'https://dev.azure.com/contoso/oidctoken';
  agent.endpoints.connection = federatedEndpoint;
  Object.assign(agent.inputs, everyInput);
  return agent;
}

/** Runs the task's own reading and listing with each of these further inputs. */
async function seen<I>(task: PlannedTask<I, Services>, variants: readonly Readonly<Record<string, string>>[] = [{}]): Promise<Seen> {
  const inputs = new Set<string>();
  const outputs = new Set<string>();
  for (const variant of variants) {
    const agent = agentFor(task.name);
    Object.assign(agent.inputs, variant);
    try {
      const reader = new InputReader(agent);
      const requestToken = (): Promise<string> => Promise.reject(new Error('nothing may be sent'));
      const shared = readSharedInputs(reader, agent, requestToken);
      const own = task.read(reader, shared, otherConnections(reader, agent, requestToken, shared));
      reader.finish();
      const azure = await connectAzure(shared.connection, { clock: new VirtualClock(), signal: agent.signal, correlationId: 'none', debug: () => undefined });
      const services: Services = {
        azure,
        permissions: { missing: () => Promise.resolve([]) }, checks: [], run: 'unit 1',
        connect: () => Promise.resolve(azure),
        cluster: ({ label, id }) => lazyConnection(label, id, () => Promise.reject(new Error('nothing may be sent'))),
      };
      const desired: Desired = await task.desire(own, shared, services);
      for (const name of reader.names) inputs.add(name);
      for (const name of Object.keys(desired.outputs(nothingDone))) outputs.add(name);
    } finally {
      agent.dispose();
    }
  }
  return { inputs: [...inputs], outputs: [...outputs] };
}

async function seenSelecting(): Promise<Seen> {
  const agent = agentFor('SelectClusters');
  agent.variables.clusters = 'rg/aks-1';
  try {
    const reader = new InputReader(agent);
    readInputs(agent, reader);
    agent.inputs.legs = 'true';
    await selectClusters(agent);
    return { inputs: reader.names, outputs: Object.keys(agent.outputs) };
  } finally {
    agent.dispose();
  }
}

/** The audit of a cluster that nobody reaches: every output is set all the same. */
async function seenAuditing(): Promise<Seen> {
  const rig = await Rig.start();
  const agent = agentFor('AuditWorkloadIdentity');
  try {
    const reader = new InputReader(agent);
    readAuditInputs(reader, agent, () => Promise.reject(new Error('nothing may be sent')));
    reader.finish();
    const requestOidcToken = (): Promise<string> => Promise.reject(new Error('the rig signs in by itself'));
    await auditWorkloadIdentity(agent, { createServices: ({ clusters }) => rig.services(clusters), requestOidcToken, chooseClock: () => rig.clock });
    return { inputs: reader.names, outputs: Object.keys(agent.outputs) };
  } finally {
    agent.dispose();
  }
}

describe('inputs and outputs', () => {
  const observe: Readonly<Record<string, () => Promise<Seen>>> = {
    SelectClusters: seenSelecting,
    AuditWorkloadIdentity: seenAuditing,
    EnableWorkloadIdentity: () => seen(enableWorkloadIdentity),
    FederateServiceAccount: () => seen(federateServiceAccount),
    GrantRegistryRole: () => seen(grantRegistryRole, [{ principal: 'workload', adminUser: 'report' }, { principal: 'kubelet' }, { principal: 'objectId', principalId: '44444444-4444-4444-8444-444444444444', principalType: 'Group' }]),
    DeployWithIdentity: () => seen(deployWithIdentity, [{ secretMounts: 'api: /mnt/secrets' }]),
  };

  it('are compared for every task there is', () => {
    assert.deepEqual(Object.keys(observe).sort(), [...tasks].sort());
  });

  for (const [task, look] of Object.entries(observe)) {
    it(`of ${task} are those of its task.json`, async () => {
      const { inputs, outputVariables } = readJson(`tasks/${task}/task.json`);
      const { inputs: readOnes, outputs } = await look();
      assert.deepEqual([...readOnes].sort(), [...namesOf(inputs)].sort());
      assert.deepEqual([...outputs].sort(), [...namesOf(outputVariables)].sort());
    });

    it(`of ${task} are told in its README`, () => {
      const { inputs, outputVariables } = readJson(`tasks/${task}/task.json`);
      const section = (title: string): string => new RegExp(`^## ${title}$([^]*?)(?=^## |$(?![^]))`, 'm').exec(read(`tasks/${task}/README.md`))?.[1] ?? '';
      const told = (title: string, names: readonly string[]): void => {
        assert.deepEqual(names.filter((name) => !section(title).includes(`\`${name}\``)), [], title);
      };
      told('Inputs', namesOf(inputs));
      told('Outputs', namesOf(outputVariables));
    });
  }
});
