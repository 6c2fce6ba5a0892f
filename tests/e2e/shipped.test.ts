import assert from 'node:assert/strict';
import { startContoso, type ContosoStage } from '../demo/contoso-run.js';
import { clusterId, clusters } from '../simulators/world/contoso.js';
import { builtTasks } from './built-tasks.js';
import { runBundled, type TaskRun } from './bundled-task.js';
import { connection, goodInputs } from './task-inputs.js';

const good: Readonly<Record<string, Readonly<Record<string, string>>>> = goodInputs();
const base = goodInputs().EnableWorkloadIdentity;

/** Mistakes in inputs, each with what its error begins with. */
const bad: Readonly<Record<string, { readonly inputs: Readonly<Record<string, string>>; readonly errors: readonly string[] }>> = {
  SelectClusters: {
    inputs: { azureSubscription: 'no-such-connection', variableGroup: '$(group)', variableName: '$(name)' },
    errors: ['WI1005  Input variableName', 'WI1005  Input variableGroup', 'WI1010  The service connection no-such-connection'],
  },
  EnableWorkloadIdentity: {
    inputs: { clusters: 'nonsense,$', concurrency: '0', dryRun: 'maybe', minimumKubernetesVersion: 'new', timeoutInMinutes: 'long' },
    errors: ['WI1004  Input clusters has "nonsense"', 'WI1004  Input clusters has "$"', 'WI1003  Input dryRun', 'WI1002  Input concurrency', 'WI1007  Input minimumKubernetesVersion', 'WI1002  Input timeoutInMinutes'],
  },
  FederateServiceAccount: {
    inputs: { azureSubscription: 'no-such-connection', clusters: '$(clusters)', namespace: 'Orders', serviceAccount: '', identity: 'id-{nothing}', secrets: 'orders_db', keyVault: 'kv' },
    errors: ['WI1010  The service connection', 'WI1005  Input clusters', 'WI1007  Input namespace is "Orders"', 'WI1001  Input serviceAccount', 'WI1007  Input identity', 'WI1007  Input keyVault', 'WI1007  Input secrets is "orders_db"'],
  },
  GrantRegistryRole: {
    inputs: { role: 'Owner', registry: '', repositories: 'Orders/API', namespace: '' },
    errors: ['WI1001  Input registry', 'WI1003  Input role is "Owner"', 'WI1007  Input repositories', 'WI1001  Input namespace'],
  },
  DeployWithIdentity: {
    inputs: { releaseName: 'Not_Valid', values: '- a', failFast: 'perhaps', chart: '', timeoutInMinutes: '1.5' },
    errors: ['WI1003  Input failFast', 'WI1001  Input chart', 'WI1007  Input releaseName', 'WI1007  Input values', 'WI1002  Input timeoutInMinutes'],
  },
  AuditWorkloadIdentity: {
    inputs: { clusters: '$(clusters)', namespaces: 'Orders!', subscriptions: 'sub', clusterOnlyServices: 'api', profile: 'no-such-profile.yml', failOn: 'low', unusedAfterDays: '0', boundaryPolicy: 'no-such-policy.yml', deadline: 'soon' },
    errors: ['WI1005  Input clusters', 'WI1007  Input namespaces is "Orders!"', 'WI1007  Input subscriptions', 'WI1007  Input clusterOnlyServices', 'WI1062  Input profile', 'WI1003  Input failOn', 'WI1002  Input unusedAfterDays', 'WI1062  Input boundaryPolicy', 'WI1007  Input deadline'],
  },
};

/** The task's last words, which set the step's result. */
function lastWords({ lines }: TaskRun): string {
  return lines.at(-1) ?? '';
}

/** A failed task ends its process in good order: its result is the last line, and nothing is on standard error. */
function assertEnded(run: TaskRun, result: string): void {
  const all = [...run.lines, run.stderr].join('\n');
  assert.deepEqual([run.code, run.signal, run.stderr], [0, null, ''], all);
  assert.ok(lastWords(run).startsWith(`##vso[task.complete result=${result};]`), all);
  assert.equal(run.lines.filter((line) => line.startsWith('##vso[task.complete')).length, 1, all);
  assert.ok(!/^\s+at .*\(/m.test(all), `a stack trace is shown:\n${all}`);
}

describe('the bundled tasks', () => {
  let stage: ContosoStage;

  before(async () => {
    await builtTasks();
    stage = await startContoso();
  });

  beforeEach(() => stage.world.network.log.clear());

  afterEach(() => {
    stage.world.network.latency = () => 0;
  });

  after(() => stage.close());

  for (const [task, { inputs, errors }] of Object.entries(bad)) {
    it(`${task} reports every bad input at once and sends nothing`, async () => {
      const run = await runBundled(stage, task, connection.name, { inputs: { ...good[task], ...inputs } });
      assertEnded(run, 'Failed');
      const found = run.lines.flatMap((line) => /^\s*(WI1\d{3} .*)$/.exec(line)?.slice(1) ?? []);
      const [head, ...each] = found;
      assert.match(head ?? '', new RegExp(`^WI1000 {2}${errors.length} inputs of ${task} cannot be used`), run.lines.join('\n'));
      for (const error of errors) assert.equal(each.filter((line) => line.startsWith(error)).length, 1, `${error}\n${each.join('\n')}`);
      assert.equal(each.length, errors.length, each.join('\n'));
      assert.deepEqual(stage.world.network.log.all(), []);
    });
  }

  for (const [task, inputs] of Object.entries(good)) {
    it(`${task} says that it does not trust a service's certificate`, async () => {
      const run = await runBundled(stage, task, connection.name, { inputs, environment: { NODE_EXTRA_CA_CERTS: undefined } });
      assertEnded(run, 'Failed');
      const text = run.lines.join('\n');
      assert.match(text, /^ *WI\d{4} {2}\w/m, text);
      assert.ok(!text.includes('WI9001'), text);
      assert.match(text, /certificate/i, text);
      assert.deepEqual(stage.world.network.log.all(), []);
    });
  }

  it('all end in time when they are cancelled while a service does not answer', async () => {
    const interrupts = new Map<string, () => void>();
    stage.world.network.latency = (service, { url }) => {
      const task = service === 'devops' && url.pathname.includes('variablegroups') ? 'SelectClusters' : (/managedClusters\/aks-(\w+)$/.exec(url.pathname)?.[1] ?? '');
      interrupts.get(task)?.();
      return interrupts.has(task) ? 24 * 3_600_000 : 0;
    };
    const runs = Object.entries(good).map(([task, inputs]) => {
      const own = task === 'SelectClusters' ? inputs : { ...inputs, clusters: clusterId('dev').replace(clusters.dev.name, `aks-${task}`) };
      return runBundled(stage, task, connection.name, { inputs: own, started: (interrupt) => interrupts.set(task, interrupt) });
    });
    for (const run of await Promise.all(runs)) {
      const text = run.lines.join('\n');
      assertEnded(run, 'Failed');
      assert.match(lastWords(run), /cancelled.*WI9002/, text);
      assert.ok(!text.includes('proxy, firewall'), text);
    }
    assert.deepEqual(stage.world.network.log.writes(), []);
  });

  it('EnableWorkloadIdentity, cancelled during its operation, starts no further write and says what goes on', async () => {
    let interrupt: () => void = () => assert.fail('a request came before the task was started');
    stage.world.network.latency = (name, { url }) => {
      if (name === 'arm' && url.pathname.includes('/operations/')) interrupt();
      return 0;
    };
    const inputs = { ...base, clusters: [clusterId('dev'), clusterId('test')].join(','), concurrency: '1' };
    const run = await runBundled(stage, 'EnableWorkloadIdentity', connection.name, { inputs, started: (stop) => (interrupt = stop) });
    assertEnded(run, 'Failed');
    assert.match(lastWords(run), /cancelled.*WI9002/, run.lines.join('\n'));
    assert.match(lastWords(run), /cancelled while Azure works on cluster aks-dev-weu-1/);
    const open = run.lines.slice(run.lines.indexOf('Unfinished writes'));
    assert.ok(open.includes('  update cluster aks-dev-weu-1 in rg-dev: Azure has accepted it and goes on with it without this run'), run.lines.join('\n'));
    const writes = stage.world.network.log.writes();
    assert.deepEqual(writes.map(({ wrote }) => wrote), [clusterId('dev')], 'another write was started after the cancellation');
    assert.ok(run.lines.some((line) => line.includes(clusters.dev.name)), run.lines.join('\n'));
  });
});
