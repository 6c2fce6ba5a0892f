import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterConnection } from '../../../tasks/_shared/kubernetes/connection.js';
import { openDirect } from '../../../tasks/_shared/kubernetes/direct-connection.js';
import { systemClock, type Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { JournalEntry, Ports } from '../../../tasks/_shared/reconcile/ports.js';
import { Problem, type ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import type { AnyProof } from '../../../tasks/_shared/reconcile/proof.js';
import type { AnyResource } from '../../../tasks/_shared/reconcile/resource.js';
import { run, type RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { lackedRights } from '../../../tasks/_shared/kubernetes/permissions.js';
import { inProcessKubernetes } from '../../simulators/kernel-clients/in-process-kubernetes.js';
import { createCertificateAuthority } from '../../simulators/kernel/certificate-authority.js';
import { LoopbackNetwork } from '../../simulators/kernel/loopback-network.js';
import { Network, type Dispatcher } from '../../simulators/kernel/network.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import type { ClusterAccess, RequestAttributes } from '../../simulators/kubernetes/access.js';
import { sourceRenderer } from '../../tools/source-renderer.js';
import { KubernetesApi, type KubernetesObject } from '../../simulators/kubernetes/kubernetes-api.js';

export const clusterId =
  '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-dev/providers/Microsoft.ContainerService/managedClusters/aks-dev-weu-1';
export const clientId = '11111111-1111-4111-8111-111111111111';
export const otherClientId = '22222222-2222-4222-8222-222222222222';
export const tenantId = '72f988bf-0000-4000-8000-c0ffee000001';
export const token = 'entra-token-of-the-deployer';

/** What tests turn in a cluster. */
export interface ClusterKnobs {
  webhook: { enabled: boolean; version: '1.6.0' | '1.5.1'; tenantId: string; authorityHost: string; reachable?: boolean };
  token: string;
  allows: (asked: RequestAttributes) => boolean;
}

/** A connection to one cluster, simulated or not, and what runs need beside it. */
export interface ClusterSession {
  readonly clock: Clock;
  readonly network: Network;
  readonly connection: ClusterConnection;
  /** Where real clients find its API server. */
  readonly place: { readonly server: string; readonly certificateAuthority: string };
  readonly knobs: ClusterKnobs;
  readonly abort: AbortController;
  /** Where helm's short-lived files go. */
  readonly temp: string;
  /** Intents of all runs so far. */
  readonly journal: JournalEntry[];
  run(resources: readonly AnyResource[], proofs?: readonly AnyProof[], dryRun?: boolean): Promise<RunResult>;
  close(): Promise<void>;
}

/** One simulated cluster with a connection to it. */
export interface ClusterWorld extends ClusterSession {
  readonly api: KubernetesApi;
  /** The same cluster for a process of its own, whose requests and waits go through what is given. In-process clusters only. */
  through(line: Line): Promise<ClusterSession>;
}

/** What requests and waits go through. */
export type Line = Dispatcher & { readonly clock: Clock };

/** A cluster inside the process, on a virtual clock. */
export async function inProcessCluster(): Promise<ClusterWorld> {
  const clock = new VirtualClock();
  return build(new Network(clock), clock, '', 2_000);
}

/**
 * A cluster that listens on the loopback interface, for real clients. Time goes twenty times as fast where the clock is asked.
 * @param given what its connection signs in with. Default: always {@link token}.
 */
export async function loopbackCluster(given?: () => Promise<string>): Promise<ClusterWorld> {
  const authority = await createCertificateAuthority(new Date());
  const clock = systemClock(20);
  return build(new LoopbackNetwork(clock, authority.server), clock, authority.certificate, 200, given);
}

/** Knobs as they stand when nothing was turned. */
export function usualKnobs(): ClusterKnobs {
  return {
    webhook: { enabled: true, version: '1.6.0', tenantId, authorityHost: 'https://login.microsoftonline.com/' },
    token,
    allows: () => true,
  };
}

/** Lets in whom the knobs let in. */
export function accessBy(knobs: ClusterKnobs): ClusterAccess {
  return {
    authenticate: (authorization) => (authorization === `Bearer ${knobs.token}` ? { name: 'deployer', groups: [] } : undefined),
    authorize: (_user, asked) => knobs.allows(asked),
  };
}

async function build(network: Network, clock: Clock, ca: string, rolloutMs: number, given?: () => Promise<string>): Promise<ClusterWorld> {
  const knobs = usualKnobs();
  const api = new KubernetesApi({
    name: 'kubernetes/aks-dev-weu-1',
    clock,
    version: 'v1.33.2',
    seed: 7,
    rolloutMs,
    serviceAccountIssuer: () => 'https://oidc.sim/issuer/',
    webhook: () => knobs.webhook,
    access: accessBy(knobs),
  });
  const parts = { network, server: await network.attach(api), ca, knobs, ...(given === undefined ? {} : { token: given }) };
  const session = await openSession(parts);
  return {
    ...session,
    api,
    through: (line) => openSession({ ...parts, line, ...session }),
    close: async () => {
      await network.close();
      await session.close();
    },
  };
}

/** What a session is opened with. */
export interface SessionParts {
  readonly network: Network;
  readonly server: string;
  /** PEM text; empty inside a process. */
  readonly ca: string;
  readonly knobs: ClusterKnobs;
  /** Default: always {@link token}. */
  readonly token?: () => Promise<string>;
  /** What requests and waits go through. Default: the network. */
  readonly line?: Line;
  /** Default: a new folder. */
  readonly temp?: string;
  /** Default: a new one. */
  readonly journal?: JournalEntry[];
}

/** Opens the product's own connection to a cluster. Closing it leaves the network alone. */
export async function openSession({ network, server, ca, knobs, token: given, line = network, temp: folder, journal = [] }: SessionParts): Promise<ClusterSession> {
  const { clock } = line;
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  const certificateAuthority = Buffer.from(ca).toString('base64');
  const temp = folder ?? (await mkdtemp(join(tmpdir(), 'aks-wi-test-')));
  const endpoint = { label: 'aks-dev-weu-1', clusterId, server, certificateAuthority, token: given ?? (() => Promise.resolve(token)) };
  const http = ca === '' ? { http: inProcessKubernetes(line) } : {};
  const connection = await openDirect(endpoint, { clock, signal: abort.signal, environment: process.env, tempDirectory: temp, postRenderer: sourceRenderer, ...http });
  const ports: Ports = {
    clock,
    signal: abort.signal,
    journal: { intend: (entry) => journal.push(entry), accept: () => undefined, settle: () => undefined },
    progress: { waiting: () => undefined },
    permissions: { missing: (permissions) => lackedRights(connection, permissions) },
    checks: [],
  };
  const watcher = { planned: () => undefined, checked: () => undefined, applied: () => undefined };
  return {
    clock,
    network,
    connection,
    place: { server, certificateAuthority: ca },
    knobs,
    abort,
    temp,
    journal,
    run: (resources, proofs = [], dryRun = false) => run(resources, proofs, { dryRun, concurrency: 4, failFast: false }, ports, watcher),
    close: () => rm(temp, { recursive: true, force: true }),
  };
}

/** A namespace as somebody else would have made it. */
export function plantNamespace(api: KubernetesApi, name = 'orders'): void {
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

/** A service account as somebody else would have made it. */
export function plantServiceAccount(api: KubernetesApi, annotations: Record<string, string> = {}, labels: Record<string, string> = {}): KubernetesObject {
  return api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api', annotations, labels } });
}

/** What the resource's change was, and the problem that blocked or failed it. */
export function verdictOf(result: RunResult, key: string): { action: string; problem?: ProblemParts } {
  const planned = result.plan.find(({ resource }) => resource.key === key);
  if (planned === undefined) throw new Error(`${key} was not planned`);
  const { change } = planned;
  const outcome = result.applied.find(({ resource }) => resource.key === key)?.outcome;
  const problem = change.action === 'blocked' ? change.problem : outcome !== undefined && 'problem' in outcome ? outcome.problem : undefined;
  return { action: change.action, ...(problem === undefined ? {} : { problem }) };
}

/** The Problem that a promise is rejected with. */
export async function problemOf(promise: Promise<unknown>): Promise<ProblemParts> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Problem) return error.parts;
    throw error;
  }
  throw new Error('it should have failed');
}

/** Writes that the cluster accepted since the log was cleared. */
export function writesOf(world: Pick<ClusterWorld, 'network'>): string[] {
  return world.network.log.writes('kubernetes').map(({ method, path }) => `${method} ${path.split('?')[0] ?? ''}`);
}
