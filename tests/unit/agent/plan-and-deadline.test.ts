import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskEnd } from '../../../tasks/_shared/agent/agent.js';
import { withDeadline } from '../../../tasks/_shared/agent/deadline.js';
import { runPlannedTask, type PlannedServices, type PlannedTask } from '../../../tasks/_shared/agent/planned-task.js';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { Problem, problemOf } from '../../../tasks/_shared/reconcile/problem.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import { everythingAllowed, Item } from '../report/items.js';
import { FakeAgent, federatedEndpoint } from './fake-agent.js';

describe('a planned task with a plan file', () => {
  let agent: FakeAgent;
  let path: string;
  let wanted: readonly string[];
  const store = new Map<string, string>();

  beforeEach(() => {
    store.clear();
    wanted = ['one'];
    agent = new FakeAgent('TestTask');
    agent.variables['System.OidcRequestUri'] = 'https://dev.azure.com/contoso/oidctoken';
    agent.endpoints.conn = federatedEndpoint;
    path = join(agent.tempDirectory, 'plans', 'test.json');
    Object.assign(agent.inputs, { azureSubscription: 'conn', clusters: 'rg/aks-1', planFile: path });
  });

  afterEach(() => agent.dispose());

  function start(inputs: Readonly<Record<string, string>> = {}): Promise<TaskEnd> {
    agent.log.length = 0;
    Object.assign(agent.inputs, { dryRun: '', ...inputs });
    const task: PlannedTask<string, PlannedServices> = {
      name: 'TestTask',
      read: () => '',
      desire: () => ({ resources: wanted.map((key) => new Item(store, key, { cluster: 'aks-1' })), proofs: [], outputs: () => ({}) }),
    };
    return runPlannedTask(agent, task, () => Promise.resolve({ permissions: everythingAllowed, checks: [] }), () => Promise.resolve(''));
  }

  const mistakes = async (inputs: Readonly<Record<string, string>>): Promise<(string | undefined)[]> => {
    try {
      await start(inputs);
    } catch (error) {
      assert.ok(error instanceof Problem);
      return error.parts.details?.map(({ code, parts }) => `${code} ${parts.what}`) ?? [error.code];
    }
    return [];
  };

  it('leaves the plan of a dry run, and follows it afterwards', async () => {
    assert.equal((await start({ dryRun: 'true' })).result, 'Succeeded');
    assert.match(agent.log.at(-1) ?? '', /^Plan file {2}.*test\.json · sha256 [0-9a-f]{12}$/);
    assert.equal(store.size, 0);
    assert.equal((await start()).result, 'Succeeded');
    const reports = agent.attachments.filter(({ type }) => type === 'aks-workload-identity-report').map(({ content }) => (JSON.parse(content) as { planFile?: string }).planFile);
    assert.match(reports[0] ?? '', /^[0-9a-f]{64}$/);
    assert.equal(reports[1], reports[0]);
    assert.ok(agent.summaries[1]?.includes(`Approved plan ${reports[0]?.slice(0, 12) ?? '-'}`));
    assert.deepEqual([...store.keys()], ['one']);
    assert.match(agent.log.find((line) => line.startsWith('Approved')) ?? '', /^Approved plan [0-9a-f]{12} of .* · 1 change, 1 of them still to be made$/);
    assert.equal((await start()).result, 'Succeeded');
  });

  it('refuses what nobody approved, says what it is, and writes nothing', async () => {
    await start({ dryRun: 'true' });
    wanted = ['one', 'two'];
    const end = await start();
    assert.equal(end.result, 'Failed');
    assert.match(end.message, /WI3003/);
    assert.equal(store.size, 0);
    assert.ok(agent.log.includes('  ≠ aks-1  thing  two  the approved plan does not know it'));
    assert.ok(agent.log.some((line) => line.startsWith('WI3003  aks-1: To create thing two was not approved')));
  });

  it('applies it with onDrift: apply, and shows the difference', async () => {
    await start({ dryRun: 'true' });
    wanted = ['one', 'two'];
    assert.equal((await start({ onDrift: 'apply' })).result, 'Succeeded');
    assert.deepEqual([...store.keys()], ['one', 'two']);
    assert.ok(agent.log.some((line) => line.includes('applied all the same (onDrift: apply)')));
  });

  it('leaves a plan also when some of it is blocked, and none when the inputs are wrong', async () => {
    await mistakes({ dryRun: 'true', concurrency: '0' });
    assert.equal(existsSync(path), false);
  });

  it('takes a file that is absent, altered or foreign for a mistake of the input, before anything is sent', async () => {
    assert.deepEqual(await mistakes({}), [`WI1040 Input planFile is "${path}"`]);
    await start({ dryRun: 'true' });
    writeFileSync(path, readFileSync(path, 'utf8').replace('"one"', '"two"'));
    assert.deepEqual(await mistakes({ onDrift: 'perhaps' }), ['WI1003 Input onDrift is "perhaps"', `WI1041 The approved plan ${path} cannot be used`]);
    assert.equal(store.size, 0);
  });

  it('holds also where a secret of the job is part of names and values, or reads like a word of the file', async () => {
    for (const text of ['one', 'wanted', 'true', 'false', 'create']) {
      store.clear();
      agent.secret(text);
      assert.equal((await start({ dryRun: 'true' })).result, 'Succeeded', text);
      assert.ok(!readFileSync(path, 'utf8').includes(`"${text}"`), text);
      assert.equal((await start()).result, 'Succeeded', text);
      assert.deepEqual([...store.keys()], ['one']);
    }
    wanted = ['one', 'two'];
    assert.match((await start()).message, /WI3003/);
  });

  it('never writes in a pull request', async () => {
    agent.variables['Build.Reason'] = 'PullRequest';
    assert.equal((await start({ dryRun: 'false' })).result, 'Succeeded');
    assert.equal(store.size, 0);
    assert.match(agent.log[0] ?? '', /dry run: yes, always in a pull request$/);
    agent.variables['Build.Reason'] = 'Manual';
    await start({ dryRun: 'false' });
    assert.equal(store.size, 1);
  });

  it('starts no write once the deadline has passed, and says so', async () => {
    const end = await start({ deadline: '2020-01-01T00:00:00Z', planFile: '' });
    assert.equal(end.result, 'Failed');
    assert.match(end.message, /WI9004/);
    assert.equal(store.size, 0);
    assert.ok(agent.log.some((line) => line.startsWith('WI9004  aks-1: The time for the run is over')));
    assert.deepEqual(await mistakes({ deadline: 'tomorrow' }), ['WI1007 Input deadline is "tomorrow"']);
  });
});

describe('a deadline', () => {
  it('aborts once it is reached, with a reason that problems take over', async () => {
    const clock = new VirtualClock('2026-01-05T08:00:00Z');
    const { signal } = withDeadline(new AbortController().signal, new Date('2026-01-05T08:10:00Z'), clock);
    await clock.sleep(599_000);
    assert.equal(signal.aborted, false);
    await clock.sleep(2_000);
    assert.equal(signal.aborted, true);
    const problem = problemOf(signal.reason, signal, 'create x');
    assert.deepEqual([problem.code, problem.parts.tried], ['WI9004', 'create x']);
    assert.match(problem.parts.because, /2026-01-05T08:10:00\.000Z/);
  });

  it('may be further away than a timer of Node can be', async () => {
    const clock = systemClock();
    const { signal, release } = withDeadline(new AbortController().signal, new Date(Date.now() + 60 * 24 * 3_600_000), clock);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(signal.aborted, false);
    release();
  });

  it('lets go of its timer, and hands a cancellation on', async () => {
    const clock = new VirtualClock();
    const cancellation = new AbortController();
    const { signal, release } = withDeadline(cancellation.signal, new Date(clock.now().getTime() + 1_000), clock);
    release();
    await clock.sleep(5_000);
    assert.equal(signal.aborted, false);
    cancellation.abort(new Error('stop'));
    assert.equal(signal.aborted, true);
    assert.equal(problemOf(signal.reason, signal, 'x').code, 'WI9002');
    const none = withDeadline(cancellation.signal, undefined, clock);
    assert.equal(none.signal, cancellation.signal);
  });
});
