import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LedgerLine } from '../../tasks/_shared/report/ledger.js';
import { startContoso, type ContosoStage } from '../demo/contoso-run.js';
import { canaries, clusterId, connections } from '../simulators/world/contoso.js';
import type { Fault } from '../simulators/kernel/faults.js';
import { builtTasks } from './built-tasks.js';
import { runBundled, type TaskRun } from './bundled-task.js';

const connection = connections.all;
const base = { azureSubscription: connection.id, clusters: clusterId('dev') };
const workload = { ...base, boundaryPolicy: 'none', namespace: 'orders', serviceAccount: 'api', workload: 'orders', identity: 'id-{workload}-{cluster}' };
const chart = { chart: 'tests/fixtures/contoso/charts/orders-api', releaseName: 'orders-api', timeoutInMinutes: '1' };

/** A task, the write at which it is killed, and what the post-job step has to call that write. */
interface Case {
  readonly task: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly at: Pick<Fault, 'service' | 'method' | 'path'>;
  /** What was under way; undefined for a task that writes nothing. */
  readonly write?: string;
  readonly because?: string;
  /** What the post-job step of a task without a write says; default: nothing. */
  readonly says?: readonly string[];
  /** How it ends when nobody kills it; default: Succeeded. */
  readonly end?: 'SucceededWithIssues';
}

const sent = 'it was sent and no answer came, so it may have been made or not';
/** In the order in which the tasks build on each other. */
const cases: readonly Case[] = [
  { task: 'SelectClusters', inputs: { azureSubscription: connection.id, variableGroup: 'wi-nonprod' }, at: { service: 'devops', path: /variablegroups/ } },
  {
    task: 'EnableWorkloadIdentity',
    inputs: base,
    at: { service: 'arm', path: /\/operations\// },
    write: 'update cluster aks-dev-weu-1 in rg-dev',
    because: 'Azure has accepted it and goes on with it without this run',
  },
  {
    task: 'FederateServiceAccount',
    inputs: { ...workload, keyVault: 'rg-shared/kv-contoso-dev', secrets: 'orders-db' },
    at: { service: 'arm', method: 'PUT', path: /federatedIdentityCredentials/ },
    write: 'create federated credential wi-aks-dev-weu-1-orders-api-dacc4c30 of identity id-orders-aks-dev-weu-1 in rg-dev for aks-dev-weu-1',
    because: sent,
  },
  {
    task: 'GrantRegistryRole',
    inputs: { ...workload, registry: 'rg-shared/crcontosodev', repositories: 'orders/api' },
    at: { service: 'arm', method: 'PUT', path: /roleAssignments/ },
    write: 'create role assignment 050fc09b-081f-58ed-ae1a-1e6413bb9756 on registry crcontosodev in rg-shared for aks-dev-weu-1',
    because: sent,
  },
  {
    task: 'DeployWithIdentity',
    inputs: { ...workload, ...chart },
    at: { service: 'kubernetes/aks-dev-weu-1', method: 'PATCH', path: /deployments/ },
    write: 'create helm release orders/orders-api on aks-dev-weu-1',
    because: 'helm had not ended; its release may be left pending, and the next run takes it over when helm’s time is up',
  },
  {
    task: 'AuditWorkloadIdentity',
    inputs: { ...base, failOn: 'none' },
    at: { service: 'kubernetes/aks-dev-weu-1', path: /\/secrets/ },
    says: ['AuditWorkloadIdentity was killed before it could end by itself.', 'It had written nothing.', 'Its temporary files are removed.'],
    end: 'SucceededWithIssues',
  },
];

describe('a bundled task that is killed at a write', () => {
  let stage: ContosoStage;
  let temp: string;
  before(async () => {
    await builtTasks();
    stage = await startContoso();
  });
  beforeEach(() => (temp = mkdtempSync(join(tmpdir(), 'killed-'))));
  afterEach(() => rmSync(temp, { recursive: true }));
  after(() => stage.close());

  /** Runs a task and kills it, with its children, when its request has been answered. */
  async function killed({ task, inputs, at }: Case): Promise<TaskRun> {
    let kill: () => void = () => undefined;
    const undo = stage.world.network.faults.plant({ ...at, times: 1, then: () => kill() });
    const run = await runBundled(stage, task, connection.name, { inputs, temp, environment: { HOME: stage.folder }, killable: (how) => (kill = how) });
    undo();
    assert.equal(run.signal, 'SIGKILL', run.lines.join('\n'));
    return run;
  }

  function attachedLedger({ lines }: TaskRun): LedgerLine[] {
    const path = lines.map((line) => /^##vso\[task\.addattachment type=aks-workload-identity-ledger;.*\](.+)$/.exec(line)?.[1]).find((found) => found !== undefined);
    assert.ok(path !== undefined, lines.join('\n'));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    return readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as LedgerLine);
  }

  for (const one of cases) {
    const { task, inputs, write, because, says = [''], end = 'Succeeded' } = one;
    it(`${task}: its post-job step tells what was under way, and the next run goes on from there`, async () => {
      const dead = await killed(one);
      const after = await runBundled(stage, task, connection.name, { inputs, temp, environment: dead.taskVariables, script: 'post-job.js' });
      assert.deepEqual([after.code, after.stderr], [0, '']);
      if (write === undefined || because === undefined) {
        assert.deepEqual(after.lines, says);
      } else {
        assert.ok(dead.lines.includes(`  write    ${write}`), dead.lines.join('\n'));
        assert.equal(dead.lines.at(-1)?.startsWith('##vso[task.complete'), false);
        assert.ok(after.lines.includes(`  ${write}: ${because}`), after.lines.join('\n'));
        assert.ok(after.lines.some((line) => line.startsWith(`##vso[task.logissue type=warning;]${task} was killed`) && line.includes(write)), after.lines.join('\n'));
        const open = attachedLedger(after).filter(({ outcome }) => outcome === 'unknown');
        assert.ok(open.length > 0 && open.every((line) => line.task === task && line.correlation !== ''));
      }
      const left = readdirSync(temp, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(temp, name)).isFile());
      assert.deepEqual(left.filter((name) => !/^aks-wi-ledger-\w+\/\w+-ledger\.jsonl$/.test(name.replaceAll('\\', '/')) && name !== '.taskkey'), [], 'temporary files are left');
      const everything = [...dead.lines, dead.stderr, ...after.lines, ...left.map((name) => readFileSync(join(temp, name), 'utf8'))].join('\n').replaceAll(/^##vso\[task\.setsecret\].*$/gm, '');
      assert.ok(!Object.values(canaries).some((secret) => everything.includes(secret)) && !/eyJ[\w-]+\.[\w-]+\.[\w-]+/.test(everything), 'a secret is in what the killed run left');
      const again = await runBundled(stage, task, connection.name, { inputs });
      assert.ok(again.lines.at(-1)?.startsWith(`##vso[task.complete result=${end};]`), again.lines.join('\n'));
      stage.world.network.log.clear();
      const third = await runBundled(stage, task, connection.name, { inputs, temp });
      assert.ok(third.lines.at(-1)?.includes(`result=${end};`), third.lines.join('\n'));
      assert.deepEqual(stage.world.network.log.writes(), []);
      const quiet = await runBundled(stage, task, connection.name, { inputs, temp, environment: third.taskVariables, script: 'post-job.js' });
      assert.deepEqual([quiet.code, quiet.lines], [0, ['']], 'the post-job step is silent after a run that ended by itself');
      for (const name of Object.values(third.taskVariables)) assert.ok(!existsSync(join(temp, name)));
    });
  }

  it('DeployWithIdentity, cancelled while helm works, ends helm and says that the release may be pending', async () => {
    let interrupt: () => void = () => undefined;
    const undo = stage.world.network.faults.plant({ service: 'kubernetes/aks-test-weu-1', method: 'PATCH', path: /deployments/, times: 1, then: () => interrupt() });
    const inputs = { ...workload, ...chart, clusters: clusterId('test') };
    for (const [task, more] of [['EnableWorkloadIdentity', {}], ['FederateServiceAccount', { keyVault: 'rg-shared/kv-contoso-dev', secrets: 'orders-db' }]] as const) {
      const ready = await runBundled(stage, task, connection.name, { inputs: { ...workload, ...more, clusters: clusterId('test') } });
      assert.match(ready.lines.at(-1) ?? '', /result=Succeeded/, ready.lines.join('\n'));
    }
    const run = await runBundled(stage, 'DeployWithIdentity', connection.name, { inputs, temp, started: (stop) => (interrupt = stop) });
    undo();
    assert.deepEqual([run.code, run.signal], [0, null]);
    assert.match(run.lines.at(-1) ?? '', /result=Failed;\].*WI9002/);
    const open = run.lines.slice(run.lines.indexOf('Unfinished writes'));
    assert.ok(open.some((line) => line.startsWith('  create helm release orders/orders-api on aks-test-weu-1: helm had not ended')), run.lines.join('\n'));
    assert.deepEqual(attachedLedger(run).filter(({ outcome }) => outcome === 'unknown').map(({ object }) => object), ['helm release orders/orders-api']);
    const quiet = await runBundled(stage, 'DeployWithIdentity', connection.name, { inputs, temp, environment: run.taskVariables, script: 'post-job.js' });
    assert.deepEqual(quiet.lines, ['']);
    const again = await runBundled(stage, 'DeployWithIdentity', connection.name, { inputs });
    assert.match(again.lines.at(-1) ?? '', /result=Succeeded/, again.lines.join('\n'));
  });
});
