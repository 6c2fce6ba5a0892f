import type { ClusterEntry } from '../fleet/clusters.js';
import { number, object, text, type Json } from '../fleet/json.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import type { Permission } from '../reconcile/resource.js';
import { until, type Attempt, type Patience } from '../reconcile/retry.js';
import { apiVersions } from './api-versions.js';
import { rightAt, type Azure } from './azure.js';
import { serviceError } from './errors.js';
import type { AzureResponse } from './http.js';

/** A command that AKS runs in a pod of its own in the cluster. Source: AKS docs, access-private-cluster. */
export interface ClusterCommand {
  readonly command: string;
  /** Base64 of a zip; its files lie in the folder in which the command runs. */
  readonly context: string;
  /** A token for the AKS server application, by which the command is the service connection; absent without Entra integration. */
  readonly token?: string;
}

/** How a command ended. */
export interface CommandEnd {
  readonly exitCode: number;
  /** What it printed, cut at 512 kB. Source: AKS docs, access-private-cluster, limitations. */
  readonly logs: string;
}

/** How a command is waited for. */
export interface CommandWait {
  /** From the request to the result. Milliseconds. */
  readonly deadlineMs: number;
  readonly progress: (text: string) => void;
}

const startAction = 'Microsoft.ContainerService/managedClusters/runcommand/action';
const resultAction = 'Microsoft.ContainerService/managedClusters/commandResults/read';
/** As often as az asks. Source: Azure/azure-cli, acs/custom.py. */
const polling = { firstWaitMs: 5_000, longestWaitMs: 5_000 };
/** An operation of somebody else on the cluster may hold a command back. Milliseconds. */
const busyPatience: Patience = { deadlineMs: 600_000, firstWaitMs: 10_000, longestWaitMs: 30_000 };
/** ARM answers so when no pod was scheduled within 60 s. Source: AKS docs, access-private-cluster, limitations; the statuses are those of any time-out. */
const timedOut = new Set([408, 504]);

/** What commands need at the cluster: to start them, and to read how they ended. */
export function runCommandRights(azure: Pick<Azure, 'via'>, clusterId: string): Permission[] {
  return [startAction, resultAction].map((action) => rightAt(azure, action, clusterId));
}

/**
 * Runs a command in a cluster and waits for its end. A lost answer may have it run twice.
 * @returns also for exit codes other than 0: they come with the state Succeeded. Source: Azure/azure-cli, acs/custom.py.
 * @throws Problem WI4501 where run command is switched off, WI4502 when the command was never run, WI4503 when no node had room for it, WI4504
 *   when its result says nothing, WI4508 at the deadline, WI4515 when the cluster stays busy.
 */
export async function runCommand(azure: Azure, cluster: ClusterEntry, { command, context, token }: ClusterCommand, wait: CommandWait): Promise<CommandEnd> {
  const body = { command, context, ...(token === undefined ? {} : { clusterToken: token }) };
  const accepted = await started(azure, cluster, body, wait);
  const address = accepted.header('location');
  // Documented is 202 alone; a service that answers at once has nothing to poll.
  const end = accepted.status === 202 ? undefined : endOf(cluster, accepted.body);
  if (end !== undefined) return end;
  if (address === undefined) throw silent(cluster, `the request was answered with status ${accepted.status} and no address of a result`);
  return followed(azure, cluster, address, wait);
}

function started(azure: Azure, cluster: ClusterEntry, body: Json, { progress }: CommandWait): Promise<AzureResponse> {
  const { arm, clock, signal } = azure;
  const purpose = { tried: 'start a run command', what: `Nothing can be run in cluster ${cluster.label}` };
  return until(busyPatience, { clock, signal, progress }, async (): Promise<Attempt<AzureResponse>> => {
    const answer = await arm.start(`${cluster.id}/runCommand`, apiVersions.managedClusters, body, purpose, [409]).catch((error: unknown) => {
      throw refusalOf(cluster, error);
    });
    if (answer.status !== 409) return { done: answer };
    const { code, message } = serviceError(409, answer.body);
    return { wait: `run command: ${message}`, failure: busy(cluster, code, message) };
  });
}

function followed({ arm, clock, signal }: Azure, cluster: ClusterEntry, address: string, { deadlineMs, progress }: CommandWait): Promise<CommandEnd> {
  const purpose = { tried: 'read the result of a run command', what: `What came of a command in cluster ${cluster.label} cannot be read` };
  const patience = { ...polling, deadlineMs };
  return until(patience, { clock, signal, progress }, async (): Promise<Attempt<CommandEnd>> => {
    const answer = await arm.follow(address, purpose).catch((error: unknown) => unreadable(cluster, error));
    if (answer instanceof Problem) return { wait: 'run command: its state cannot be read for the moment', failure: answer };
    const end = answer.status === 202 ? undefined : endOf(cluster, answer.body);
    if (end !== undefined) return { done: end };
    const seconds = Number(answer.header('retry-after') ?? 0);
    return { wait: 'run command: waiting for its end', failure: late(cluster, deadlineMs), afterMs: Number.isFinite(seconds) ? seconds * 1_000 : 0 };
  });
}

/**
 * The end that a result tells of; undefined while there is none. States come in capitals and without: az compares with `Succeeded`, the
 * examples of the REST API have `succeeded`. Source: Azure/azure-rest-api-specs, managedClusters runCommand examples.
 */
function endOf(cluster: ClusterEntry, body: unknown): CommandEnd | undefined {
  const properties = object(object(body).properties);
  const state = (text(properties.provisioningState) ?? '').toLowerCase();
  if (!['succeeded', 'failed', 'canceled'].includes(state)) return undefined;
  const exitCode = number(properties.exitCode);
  if (exitCode !== undefined) return { exitCode, logs: text(properties.logs) ?? '' };
  const reason = text(properties.reason);
  throw reason === undefined ? silent(cluster, `its state is ${state}, without an exit code and without a reason`) : neverRan(cluster, reason);
}

/** A state that cannot be read says nothing of the command; a refusal will not pass. */
function unreadable(cluster: ClusterEntry, error: unknown): Problem {
  const { parts } = error instanceof Problem ? error : {};
  if (parts?.status === undefined || parts.status === 401 || parts.status === 403 || parts.status < 400) throw error;
  if (timedOut.has(parts.status)) throw noRoom(cluster, parts.because);
  return new Problem(parts);
}

function refusalOf(cluster: ClusterEntry, error: unknown): unknown {
  if (!(error instanceof Problem) || error.parts.status === undefined) return error;
  const { because, status } = error.parts;
  if (status >= 400 && status < 500 && /disab/i.test(because) && /run ?command/i.test(because)) return new Problem(switchedOff(cluster, because), error);
  return timedOut.has(status) ? noRoom(cluster, because) : error;
}

/** The problem of a cluster that runs no commands. */
export function switchedOff({ label, resourceGroup, name }: Pick<ClusterEntry, 'label' | 'resourceGroup' | 'name'>, because = 'apiServerAccessProfile.disableRunCommand is true'): ProblemParts {
  return {
    code: 'WI4501',
    what: `Nothing can be run in cluster ${label}: run command is switched off`,
    because,
    remedy: `run the pipeline on an agent in the cluster’s network (connection: direct), or have its owner switch run command on (az aks update --resource-group ${resourceGroup} --name ${name} --enable-run-command)`,
  };
}

function neverRan(cluster: ClusterEntry, reason: string): Problem {
  if (/schedul|time ?d? ?out|insufficient/i.test(reason)) return noRoom(cluster, reason);
  return new Problem({
    code: 'WI4502',
    what: `A command was not run in cluster ${cluster.label}`,
    tried: 'run kubectl in the pod that AKS makes for it',
    because: `its pod did not start: ${reason}`,
    remedy: 'let the nodes reach mcr.microsoft.com, from which AKS takes the pod’s image, and look at the events of namespace aks-command; nothing was done by this command',
    ended: true,
  });
}

function noRoom(cluster: ClusterEntry, because: string): Problem {
  return new Problem({
    code: 'WI4503',
    what: `A command was not run in cluster ${cluster.label}: its pod was not scheduled within 60 s`,
    tried: 'run kubectl in the pod that AKS makes for it',
    because,
    remedy: 'make room on the nodes (the pod requests 200m of CPU and 500Mi of memory), or let the autoscaler finish, and run again; nothing was done by this command',
    ended: true,
  });
}

function silent(cluster: ClusterEntry, because: string): Problem {
  return new Problem({
    code: 'WI4504',
    what: `What came of a command in cluster ${cluster.label} is not known`,
    tried: 'read the result of a run command',
    because,
    remedy: 'run again: what was done is found and kept; report this message when it comes again',
  });
}

function late(cluster: ClusterEntry, deadlineMs: number): Problem {
  return new Problem({
    code: 'WI4508',
    what: `A command in cluster ${cluster.label} did not end in time`,
    tried: `wait ${Math.round(deadlineMs / 1_000)} s for the result of a run command`,
    because: 'its result is still not there',
    remedy: 'look at the pods of namespace aks-command; it goes on without this run, so run again when it has ended, or raise timeoutInMinutes',
  });
}

function busy(cluster: ClusterEntry, serviceCode: string, because: string): Problem {
  return new Problem({
    code: 'WI4515',
    what: `Cluster ${cluster.label} takes no command`,
    tried: `start a run command for ${Math.round(busyPatience.deadlineMs / 60_000)} minutes`,
    because,
    serviceCode,
    status: 409,
    remedy: 'wait until the operation that the message names has ended, and run again',
  });
}
