import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import { failuresOf } from '../../../tasks/_shared/report/findings.js';
import { failuresText, planText, preflightText, proofText } from '../../../tasks/_shared/report/log-text.js';
import { toMarkdown } from '../../../tasks/_shared/report/markdown.js';
import { planFile } from '../../../tasks/_shared/report/plan-file.js';
import { toReport } from '../../../tasks/_shared/report/schema.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { role } from '../../simulators/azure/role-definitions.js';
import type { KubernetesApi } from '../../simulators/kubernetes/kubernetes-api.js';
import type { LogWorkspace } from '../../simulators/log-analytics/log-analytics.js';
import { group, Rig, subscriptionId, type RunChoices } from '../azure/azure-world.js';

export const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const registryId = `${group}/providers/Microsoft.ContainerRegistry/registries/crunit`;
/** The resource of the admin user in a plan. */
export const account = { key: `admin user of ${registryId.toLowerCase()}` };
export const password = 'canary-admin-password';
export const login = 'registry.crunit.sim';
export const base64 = (text: string): string => Buffer.from(text).toString('base64');
/** What the report says of the secret of {@link AdminUserWorld.plantSecret}. */
export const plantedUse = 'orders/secret/acr: signs in with it';

/** How a run of the task ended. */
export interface End {
  readonly result: RunResult;
  readonly outputs: Readonly<Record<string, string>>;
}

/** A cluster with a federated workload, a registry whose admin user is on, and a workspace for its login events. */
export class AdminUserWorld {
  private constructor(
    readonly rig: Rig,
    readonly api: KubernetesApi,
    readonly workspace: LogWorkspace,
  ) {}

  static async start(): Promise<AdminUserWorld> {
    const rig = await Rig.start();
    const api = await rig.addCluster('aks-1', 'ready');
    await rig.addRegistry('crunit', { adminUserEnabled: true });
    const workspace = rig.world.addWorkspace({ subscriptionId, group: 'rg-dev', name: 'log-unit', location: 'westeurope', properties: {} });
    const world = new AdminUserWorld(rig, api, workspace);
    await world.federate(['aks-1']);
    return world;
  }

  /** Makes identities, credentials and service accounts of the workload on these clusters. */
  async federate(clusters: readonly string[]): Promise<void> {
    assert.equal((await this.rig.runTask(federateServiceAccount, clusters, workload)).result.result, 'succeeded');
    this.rig.network.log.clear();
  }

  run(inputs: Readonly<Record<string, string>>, clusters: string | readonly string[] = ['aks-1'], choices: RunChoices = {}): Promise<End> {
    return this.rig.runTask(grantRegistryRole, clusters, { ...workload, registry: 'rg-dev/crunit', repositories: 'orders/api', ...inputs }, choices);
  }

  /** A pull secret of the admin user in a cluster. */
  plantSecret(on: KubernetesApi = this.api): void {
    const config = JSON.stringify({ auths: { [login]: { username: 'crunit', password, auth: base64(`crunit:${password}`) } } });
    on.put({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'acr', namespace: 'orders' }, type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64(config) } });
  }

  loggedIn(identity: string, address: string, userAgent = 'docker/27', daysAgo = 1): void {
    const at = new Date(this.rig.clock.now().getTime() - daysAgo * 86_400_000);
    (this.workspace.logins ??= []).push({ at, loginServer: login, identity, address, userAgent });
  }

  /** The workspace gets logins, none of them the admin user's. */
  onlyOthersLogIn(): void {
    this.workspace.logins = [];
    this.loggedIn('somebody', '203.0.113.7');
  }

  /** Leaves the deployer all rights of an owner but one. */
  deny(action: string): void {
    const { roles } = this.rig.world;
    for (const { name, principalId } of roles.assignments()) if (principalId === this.rig.deployer.objectId) roles.remove(name);
    roles.define(role(idOf(`not ${action}`), `Not ${action}`, { actions: ['*'], notActions: [action] }));
    for (const name of [`Not ${action}`, 'Azure Kubernetes Service RBAC Cluster Admin']) this.rig.world.assign(this.rig.deployer.objectId, name, `/subscriptions/${subscriptionId}`);
  }

  get enabled(): unknown {
    return this.rig.world.arm.registries.find('crunit').properties.adminUserEnabled;
  }

  set enabled(adminUserEnabled: unknown) {
    this.rig.world.arm.registries.edit('crunit', { adminUserEnabled });
  }

  patches(): string[] {
    return this.rig.writes('arm').filter((line) => line.startsWith('PATCH'));
  }
}

/** What the output variable says of the registry. */
export function reported({ outputs }: End): { enabled: unknown; consumers: Readonly<Record<string, unknown>> } {
  const all = JSON.parse(outputs.adminUserConsumers ?? '{}') as Record<string, { enabled: unknown; consumers: Readonly<Record<string, unknown>> }>;
  return all.crunit ?? { enabled: undefined, consumers: {} };
}

/** The lines of the report among the proofs. */
export function told({ result }: End): string[] {
  const own = result.proofs.filter(({ proof }) => proof.title === 'admin user crunit');
  return own.map(({ proof, outcome }) => `${proof.cluster ?? 'shared'} ${outcome.level}: ${'summary' in outcome ? outcome.summary : outcome.problem.code}`);
}

/** Codes of what the proofs fell short of. */
export function shortfalls({ result }: End): string[] {
  return result.proofs.flatMap(({ outcome }) => ('shortfall' in outcome ? [outcome.shortfall.code] : []));
}

/** Everything that a run shows or leaves somewhere. */
export function shownBy({ result, outputs }: End, rig: Rig): string {
  const context = { task: 'GrantRegistryRole', startedAt: 'now', run: 'unit 1', signIn: 'x', correlation: 'x', clusters: ['aks-1'] };
  const report = toReport(result, context);
  const log = [planText(result.plan), preflightText(result.preflight, false), proofText(result.proofs), failuresText(failuresOf(result))];
  const states = [result.plan.map(({ change, observed }) => [change, observed]), result.applied.map(({ outcome }) => outcome)];
  return JSON.stringify([log, report, toMarkdown(report), planFile(result.plan, context, (text) => text), outputs, rig.journal, rig.debug, rig.progress, states]);
}
