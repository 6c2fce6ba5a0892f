import type { ServiceConnection } from '../azure/connection.js';
import type { LedgerStream } from '../azure/ledger-stream.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import type { Agent } from './agent.js';
import { knownClouds } from './clouds.js';
import type { OpenCluster } from './direct-cluster.js';
import { anySubscription, type InputReader } from './inputs.js';
import { readLedgerStream } from './ledger-stream-input.js';
import { readPlanInput, type PlanInput } from './plan-input.js';
import { readServiceConnection, type RequestOidcToken } from './service-connection.js';

/** The inputs that every task has which signs in. */
export interface RunInputs {
  readonly connection: ServiceConnection;
  readonly clusters: readonly ClusterEntry[];
  /** How much is worked on at a time, 1 to 100. */
  readonly concurrency: number;
  /** When the run has to have ended by itself; undefined for no such time. */
  readonly deadline?: Date | undefined;
  /** How its clusters are reached; absent: directly. */
  readonly openCluster?: OpenCluster;
}

/** The inputs that every planned task has. */
export interface SharedInputs extends RunInputs {
  readonly dryRun: boolean;
  /** Makes one cluster's finding or failure stop the whole run. */
  readonly failFast: boolean;
  /** The plan file that is left or followed; undefined for none. */
  readonly plan?: PlanInput | undefined;
  /** Where the ledger is sent besides being attached; undefined for nowhere. */
  readonly ledgerStream?: LedgerStream | undefined;
}

/** Reads the inputs of every task that signs in. Mistakes are noted in the reader; nothing may be done with the value before it has finished. */
export function readRunInputs(reader: InputReader, agent: Agent, requestOidcToken: RequestOidcToken): RunInputs {
  const id = reader.text('azureSubscription');
  const connection = id === '' ? undefined : reader.attempt(() => readServiceConnection(agent, id, requestOidcToken));
  const clusters = reader.clusters('clusters', (connection ?? standIn).subscriptionId);
  const concurrency = reader.integer('concurrency', { min: 1, max: 100, fallback: 25 });
  return Object.freeze({ connection: connection ?? standIn, clusters, concurrency, deadline: reader.time('deadline') });
}

/** Reads the inputs of every planned task, in the same way. */
export function readSharedInputs(reader: InputReader, agent: Agent, requestOidcToken: RequestOidcToken): SharedInputs {
  const run = readRunInputs(reader, agent, requestOidcToken);
  const dryRun = reader.boolean('dryRun') || isPullRequest(agent);
  return Object.freeze({
    ...run,
    dryRun,
    failFast: reader.boolean('failFast'),
    plan: readPlanInput(reader, agent, dryRun),
    ledgerStream: readLedgerStream(reader, run.connection),
  });
}

/** Reads an optional input that names a service connection besides the run's own; undefined when it is empty. */
export type OtherConnections = (input: string) => ServiceConnection | undefined;

/**
 * How a task reads its further service connections. What belongs to two tenants or clouds cannot be joined by a grant, so all
 * connections of a run belong to one. Source: Azure docs, role assignments name principals of the subscription's own tenant.
 */
export function otherConnections(reader: InputReader, agent: Agent, requestOidcToken: RequestOidcToken, { connection: own }: Pick<SharedInputs, 'connection'>): OtherConnections {
  return (input) => {
    const id = reader.optionalText(input);
    if (id === undefined) return undefined;
    const other = reader.attempt(() => readServiceConnection(agent, id, requestOidcToken));
    if (other === undefined) return standIn;
    const differing = other.tenantId.toLowerCase() !== own.tenantId.toLowerCase() ? 'tenant' : other.cloud.name !== own.cloud.name ? 'cloud' : undefined;
    if (differing !== undefined && own.id !== '') {
      reader.contradiction(input, `is "${id}"`, `it signs in to another ${differing} than input azureSubscription does, and no grant reaches from one to the other`, `name a service connection of the ${differing} that ${own.name} belongs to`);
    }
    return other;
  };
}

/** A pull request shows what it would change and never changes it. Source: Azure Pipelines docs, predefined variables, Build.Reason. */
export function isPullRequest(agent: Agent): boolean {
  return agent.variable('Build.Reason')?.toLowerCase() === 'pullrequest';
}

const [publicCloud] = knownClouds;

/** Lets the other inputs be read, and their mistakes be found, when the connection is at fault. Never signs in: the reader refuses to finish. */
const standIn: ServiceConnection = {
  id: '',
  name: '',
  tenantId: '',
  subscriptionId: anySubscription,
  cloud: publicCloud,
  signIn: { kind: 'managedIdentity' },
};
