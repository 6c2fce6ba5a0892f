import { apiVersions } from '../azure/api-versions.js';
import type { Azure } from '../azure/azure.js';
import { aksServerApplication, clusterAddress, localAccountsOnly, refuseOtherTenant } from '../azure/cluster-credential.js';
import { notFound } from '../azure/cluster-problems.js';
import { missingActions } from '../azure/permissions.js';
import { runCommand, runCommandRights, switchedOff } from '../azure/run-command.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import { object, text, texts, type Json } from '../fleet/json.js';
import type { ClusterConnection } from '../kubernetes/connection.js';
import { openDirect, type ClusterEndpoint } from '../kubernetes/direct-connection.js';
import { openByRunCommand } from '../kubernetes/run-command-connection.js';
import { Problem } from '../reconcile/problem.js';
import { connectDirectly, directTools, endpointOf, type OpenTools } from './direct-cluster.js';

/** The ways to a cluster that an input names. */
export const waysToCluster = ['auto', 'direct', 'runCommand'] as const;
export type WayToCluster = (typeof waysToCluster)[number];

/** How the clusters of a run are reached. */
export interface ClusterReach {
  readonly way: WayToCluster;
  /** Whether a cluster without Entra integration is signed in to with its user credential, which there is the admin credential. */
  readonly allowLocalAccounts: boolean;
}

/** How long an API server is looked for before it counts as not reachable from here. Milliseconds. */
const lookPatience = { deadlineMs: 15_000, firstWaitMs: 500, longestWaitMs: 4_000, requestMs: 10_000 };
/** How long the result of a command is waited for whose own time nobody said: az gives up after five minutes. Source: Azure/azure-cli, acs/custom.py. Milliseconds. */
const commandMs = 600_000;
/** Codes of Problems that say that no way leads to the API server from here: no answer, and a proxy that does not let through. */
const noWay = ['WI4001', 'WI2051'];

/**
 * Opens the way to one API server as the service connection: directly, or by run command. Left to choose, it looks: what answers is reached directly; a private cluster
 * that does not answer is reached by run command. What the API server or Entra refuse is never a reason to try something else.
 * @throws Problem WI2108, WI2109, WI4501, WI4512, WI4513 for a cluster that keeps the agent out by address, WI4516 without the rights for commands.
 */
export async function openCluster(azure: Azure, entry: ClusterEntry, tools: OpenTools, reach: ClusterReach): Promise<ClusterConnection> {
  if (reach.way === 'runCommand') return commands(azure, entry, await propertiesOf(azure, entry), { tools, reach, why: 'as the input connection says' });
  const address = await clusterAddress(azure, entry, reach);
  const endpoint = endpointOf(azure, entry, address);
  if (reach.way === 'direct') return connectDirectly(azure, endpoint, tools);
  const looked = await look(azure, endpoint, tools);
  if ('version' in looked) {
    tools.usual(`Connect  ${entry.label}: direct, its API server answers`);
    return connectDirectly(azure, endpoint, tools, looked.version);
  }
  return otherwise(azure, entry, tools, reach, looked.failure);
}

/** No answer came: by run command into a private cluster, else the reason is told. */
async function otherwise(azure: Azure, entry: ClusterEntry, tools: OpenTools, reach: ClusterReach, failure: Problem): Promise<ClusterConnection> {
  const properties = await propertiesOf(azure, entry);
  const access = object(properties.apiServerAccessProfile);
  if (access.enablePrivateCluster === true) return commands(azure, entry, properties, { tools, reach, why: `it is private and does not answer this agent (${failure.parts.because})` });
  const ranges = texts(access.authorizedIPRanges);
  if (ranges.length === 0) throw failure;
  throw failure.with({
    code: 'WI4513',
    because: `${failure.parts.because}; it lets in ${ranges.length} address ranges only, and this agent seems to be in none of them`,
    remedy: `add the agent’s public address to the authorized IP ranges of ${entry.label} (az aks update --api-server-authorized-ip-ranges), run on an agent within them, or set connection to runCommand`,
  });
}

/** Sends one request: an answer that refuses is thrown. */
async function look(azure: Azure, endpoint: ClusterEndpoint, tools: OpenTools): Promise<{ readonly version: string } | { readonly failure: Problem }> {
  const looking = await openDirect(endpoint, { ...directTools(azure, tools), patience: lookPatience });
  return looking.version().then(
    (version) => ({ version }),
    (error: unknown) => {
      if (error instanceof Problem && noWay.includes(error.code)) return { failure: error };
      throw error;
    },
  );
}

interface Chosen {
  readonly tools: OpenTools;
  readonly reach: ClusterReach;
  /** A clause. */
  readonly why: string;
}

async function commands(azure: Azure, entry: ClusterEntry, properties: Json, { tools, reach, why }: Chosen): Promise<ClusterConnection> {
  if (object(properties.apiServerAccessProfile).disableRunCommand === true) throw new Problem(switchedOff(entry));
  const entra = object(properties.aadProfile);
  const tenant = text(entra.tenantID);
  if (entra.managed !== true && !reach.allowLocalAccounts) throw localAccountsOnly(entry);
  if (entra.managed === true && tenant !== undefined) refuseOtherTenant(azure, entry, tenant);
  const rights = runCommandRights(azure, entry.id);
  const lacking = await missingActions(azure, rights);
  if (lacking.length > 0) throw rightsLacking(entry, lacking.map(({ action }) => action));
  tools.notice(`Connect  ${entry.label}: run command, ${why}`);
  const progress = (words: string): void => tools.progress.waiting(entry.label, words);
  return openByRunCommand({
    ...tools,
    label: entry.label,
    clusterId: entry.id,
    rights,
    clock: azure.clock,
    signal: azure.signal,
    progress,
    run: async (command, context, deadlineMs = commandMs) => {
      const token = entra.managed === true ? { token: await azure.token(aksServerApplication) } : {};
      return runCommand(azure, entry, { command, context, ...token }, { deadlineMs, progress });
    },
  });
}

async function propertiesOf({ arm }: Azure, entry: ClusterEntry): Promise<Json> {
  const found = await arm.get(entry.id, apiVersions.managedClusters, { tried: `read cluster ${entry.id}`, what: `Cluster ${entry.label} cannot be read` });
  if (found === undefined) throw new Problem(notFound(entry));
  return object(found.properties);
}

function rightsLacking({ label, id }: ClusterEntry, actions: readonly string[]): Problem {
  return new Problem({
    code: 'WI4516',
    what: `Nothing can be run in cluster ${label}`,
    tried: 'look up the rights for run command before the first command',
    because: `the service connection’s principal lacks ${actions.join(' and ')} at ${id}`,
    remedy: 'grant these actions at the cluster in a custom role; see docs/permissions.md',
  });
}
