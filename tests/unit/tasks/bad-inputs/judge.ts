import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditWorkloadIdentity } from '../../../../tasks/AuditWorkloadIdentity/audit-workload-identity.js';
import { deployWithIdentity } from '../../../../tasks/DeployWithIdentity/deploy-with-identity.js';
import { enableWorkloadIdentity } from '../../../../tasks/EnableWorkloadIdentity/enable-workload-identity.js';
import { federateServiceAccount } from '../../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../../tasks/GrantRegistryRole/grant-registry-role.js';
import { selectClusters } from '../../../../tasks/SelectClusters/select-clusters.js';
import type { Agent, TaskEnd } from '../../../../tasks/_shared/agent/agent.js';
import { runPlannedTask, type PlannedTask } from '../../../../tasks/_shared/agent/planned-task.js';
import type { Services } from '../../../../tasks/_shared/agent/services.js';
import type { RunInputs } from '../../../../tasks/_shared/agent/shared-inputs.js';
import { Problem } from '../../../../tasks/_shared/reconcile/problem.js';
import { FakeAgent, federatedEndpoint, type FakeEndpoint } from '../../agent/fake-agent.js';
import { Rig } from '../../azure/azure-world.js';

const base = { azureSubscription: 'contoso', clusters: 'rg/aks-1', dryRun: 'true' };
const workload = { boundaryPolicy: 'none', namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}' };

/** Inputs that nothing is wrong with, by task. */
const good: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  SelectClusters: { azureSubscription: 'contoso' },
  AuditWorkloadIdentity: { azureSubscription: 'contoso', clusters: 'rg/aks-1' },
  EnableWorkloadIdentity: base,
  FederateServiceAccount: { ...base, ...workload, keyVault: 'rg/kv-orders', secrets: 'orders-db' },
  GrantRegistryRole: { ...base, ...workload, registry: 'rg/crorders', repositories: 'orders/api' },
  DeployWithIdentity: { ...base, ...workload, chart: 'tests/fixtures/contoso/charts/orders-api', releaseName: 'orders', helmPath: '{files}/helm' },
};

/** What a run is given besides its inputs. */
export interface Circumstances {
  readonly connection?: FakeEndpoint;
  readonly endpoints?: Readonly<Record<string, FakeEndpoint>>;
  readonly variables?: Readonly<Record<string, string>>;
  readonly secretVariables?: readonly string[];
}

/** Runs tasks with inputs in a world that remembers whatever is sent, and a helm that remembers that it was started. */
export class Judge {
  readonly #files = mkdtempSync(join(tmpdir(), 'bad-inputs-'));
  /** Requests for variable groups. */
  #asked = 0;

  private constructor(private readonly rig: Rig) {}

  static async start(): Promise<Judge> {
    const judge = new Judge(await Rig.start());
    judge.#writeFiles();
    return judge;
  }

  /** A text with the folder of the test's files in the place of `{files}`. */
  filled(text: string): string {
    return text.replaceAll('{files}', this.#files);
  }

  /** Everything that left the task: requests, and programs that were started. */
  sent(): string[] {
    const requests = this.rig.network.log.all().map(({ service, method, path }) => `${service} ${method} ${path}`);
    const groups = Array.from({ length: this.#asked }, () => 'devops GET variablegroups');
    return [...requests, ...groups, ...(existsSync(join(this.#files, 'helm-was-started')) ? ['helm'] : [])];
  }

  /** Runs a task with its good inputs, and these in the place of some. */
  async run(task: string, inputs: Readonly<Record<string, string>>, circumstances: Circumstances = {}): Promise<TaskEnd> {
    const agent = new FakeAgent(task);
    try {
      Object.assign(agent.endpoints, circumstances.endpoints);
      agent.endpoints.contoso = circumstances.connection ?? federatedEndpoint;
      Object.assign(agent.variables, { 'System.OidcRequestUri': 'https://dev.azure.com/contoso/oidctoken', 'System.DefaultWorkingDirectory': this.#files, 'System.CollectionUri': 'https://dev.azure.com/contoso/', 'System.TeamProjectId': 'p', ...circumstances.variables });
      for (const name of circumstances.secretVariables ?? []) agent.secretVariables.add(name);
      for (const [name, value] of Object.entries({ ...good[task], ...inputs })) agent.inputs[name] = this.filled(value);
      return await this.#start(agent);
    } finally {
      agent.dispose();
    }
  }

  /** The errors that a task ends with; none when it does not end in an error of its inputs. */
  async errors(task: string, inputs: Readonly<Record<string, string>>, circumstances: Circumstances = {}): Promise<readonly Problem[]> {
    try {
      await this.run(task, inputs, circumstances);
    } catch (error) {
      if (error instanceof Problem) return error.parts.details ?? [error];
      throw error;
    }
    return [];
  }

  dispose(): void {
    rmSync(this.#files, { recursive: true, force: true });
  }

  #start(agent: Agent): Promise<TaskEnd> {
    const createServices = async ({ clusters }: RunInputs): Promise<Services> => {
      const services = await this.rig.services(clusters);
      await services.azure.token(services.azure.cloud.resourceManagerAudience);
      return services;
    };
    const requestOidcToken = (): Promise<string> => Promise.reject(new Error('the rig signs in by itself'));
    const planned = <I>(task: PlannedTask<I, Services>): Promise<TaskEnd> => runPlannedTask(agent, task, createServices, requestOidcToken);
    switch (agent.task) {
      case 'AuditWorkloadIdentity': return auditWorkloadIdentity(agent, { createServices, requestOidcToken });
      case 'SelectClusters': return selectClusters(agent, () => {
        this.#asked += 1;
        return Promise.resolve([]);
      });
      case 'EnableWorkloadIdentity': return planned(enableWorkloadIdentity);
      case 'FederateServiceAccount': return planned(federateServiceAccount);
      case 'GrantRegistryRole': return planned(grantRegistryRole);
      case 'DeployWithIdentity': return planned(deployWithIdentity);
      default: throw new Error(`no task ${agent.task}`);
    }
  }

  #writeFiles(): void {
    const write = (name: string, content: string | Buffer): void => writeFileSync(join(this.#files, name), content);
    write('empty.txt', '\uFEFF\r\n');
    write('utf16.txt', Buffer.from('\uFEFFrg/aks-1', 'utf16le'));
    const line = { version: 1, at: '2026-01-05T08:00:00.000Z', resource: 'r', object: '/subscriptions/s', action: 'create', outcome: 'done' };
    write('ledger.jsonl', `${JSON.stringify(line)}\n`);
    write('torn.jsonl', `${JSON.stringify(line)}\n{"version":1,"at"\n`);
    write('later.jsonl', JSON.stringify({ ...line, version: 2 }));
    write('binary.bin', Buffer.from([0xc3, 0x28, 0xff]));
    write('nonsense.txt', '\uFEFFrg/aks-1\r\nno-cluster\r\n');
    write('clusters.windows.txt', '\uFEFFrg/aks-1\r\nrg/aks-2\r\n');
    write('good.yaml', 'replicaCount: 2\n');
    write('list.yaml', '- canary\n');
    write('tabs.yaml', 'a:\n\tcanary: 1\n');
    write('policy.yml', 'version: 1\nboundaries:\n  nonprod: [mg-dev]\nallow:\n  - {name: r, from: nonprod, to: prod, kinds: [grant], reason: x}\n');
    write('profile.yml', 'version: 1\nextends: prod\nrules:\n  cluster-locals: low\n');
    write('chart.tgz', 'not really packed');
    write('helm', `#!/bin/sh\ntouch '${join(this.#files, 'helm-was-started')}'\n`);
    chmodSync(join(this.#files, 'helm'), 0o755);
    mkdirSync(join(this.#files, 'folder'));
    const config = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {a: canary}\n`;
    for (const folder of ['good', 'broken', 'kustomized', 'chart', 'other/below']) mkdirSync(join(this.#files, 'manifests', folder), { recursive: true });
    write('manifests/good/a.yaml', config('a'));
    write('manifests/broken/a.yaml', 'a: "canary');
    write('manifests/kustomized/a.yaml', config('b'));
    write('manifests/kustomized/kustomization.yaml', 'resources: [a.yaml]\n');
    write('manifests/chart/Chart.yaml', 'name: canary\n');
    write('manifests/other/a.yaml', config('c'));
    write('manifests/other/below/b.yml', config('b, namespace: elsewhere'));
    write('manifests/empty.yaml', '# nothing\n---\n');
  }
}
