import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { runPlannedTask, type Desired, type PlannedServices, type PlannedTask } from '../../../tasks/_shared/agent/planned-task.js';
import type { RunInputs } from '../../../tasks/_shared/agent/shared-inputs.js';
import type { ServiceTools } from '../../../tasks/_shared/agent/task-frame.js';
import type { TaskEnd } from '../../../tasks/_shared/agent/agent.js';
import type { PolicyOrigin } from '../../../tasks/_shared/fleet/policy-origin.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { everythingAllowed, Item, proofOf, stopped } from '../report/items.js';
import { FakeAgent, federatedEndpoint } from './fake-agent.js';

describe('the frame of planned tasks', () => {
  let agent: FakeAgent;
  const store = new Map<string, string>();

  beforeEach(() => {
    store.clear();
    agent = new FakeAgent('TestTask');
    agent.variables['System.OidcRequestUri'] = 'https://dev.azure.com/contoso/oidctoken';
    agent.endpoints.conn = federatedEndpoint;
    Object.assign(agent.inputs, { azureSubscription: 'conn', clusters: 'rg/aks-1,rg/aks-2', word: 'x' });
  });

  afterEach(() => agent.dispose());

  function desired(broken: boolean): Desired {
    const one = new Item(store, 'one', { cluster: 'aks-1', widens: true });
    const two = new Item(store, 'two', { cluster: 'aks-2', ...(broken ? { blocked: stopped } : {}) });
    return {
      resources: [one, two],
      proofs: [proofOf('orders/api', [one], { level: 'exercised', summary: 'it works' })],
      outputs: (result) => ({ done: String(result.applied.length), long: 'x'.repeat(30_000) }),
    };
  }

  function start(options: { readonly broken?: boolean; readonly policy?: PolicyOrigin; readonly services?: (shared: RunInputs, tools: ServiceTools) => Promise<PlannedServices> } = {}): Promise<TaskEnd> {
    const task: PlannedTask<string, PlannedServices> = {
      name: 'TestTask',
      read: (inputs) => inputs.text('word'),
      desire: () => ({ ...desired(options.broken ?? false), ...(options.policy === undefined ? {} : { policy: options.policy }) }),
    };
    const services = options.services ?? (() => Promise.resolve({ permissions: everythingAllowed, checks: [] }));
    return runPlannedTask(agent, task, services, (request) => Promise.resolve(`oidc for ${request.connectionId}`));
  }

  it('plans, applies, proves and reports everywhere', async () => {
    assert.deepEqual(await start(), { result: 'Succeeded', message: '' });
    assert.deepEqual([...store], [['one', 'wanted'], ['two', 'wanted']]);
    assert.deepEqual(
      agent.log.map((line) => line.replace(/in [\d.]+ m?s/, 'in N s')),
      [
        'Fleet    2 clusters · as app 1f0c…9a (federated) · dry run: no',
        'Plan     2 to create, 0 to update, 0 as they should be',
        '  aks-1',
        '    + thing  ▲ widens  one  text wanted',
        '  aks-2',
        '    + thing  two  text wanted',
        'Preflight  permissions ok (1 action at 2 scopes)',
        '  write    create /one on aks-1',
        '  write    create /two on aks-2',
        'Apply    2 of 2 done in N s',
        'Proof    aks-1  orders/api  exercised  → it works',
      ],
    );
    assert.equal(agent.outputs.done, '2');
    assert.equal(readFileSync(agent.outputs.long!.slice(1), 'utf8').length, 30_000);
    assert.deepEqual(agent.attachments.map(({ type }) => type), ['aks-workload-identity-report', 'aks-workload-identity-ledger']);
    const ledger = agent.attachments[1]!.content.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(ledger.map(({ object, outcome }) => [object, outcome]), [['/one', 'done'], ['/two', 'done']]);
    assert.equal(agent.summaries.length, 1);
    assert.equal(agent.debugLog.filter((line) => line.startsWith('journal ')).length, 4);
  });

  it('says in every line of the ledger who writes, in which run and with which connection', async () => {
    const names = { 'Build.DefinitionName': 'fleet', 'System.DefinitionId': '7', 'Build.BuildNumber': '20260105.1', 'Build.BuildId': '42', 'System.CollectionUri': 'https://dev.azure.com/contoso/', 'System.TeamProject': 'orders team', 'Build.RequestedFor': 'Ada', 'System.JobAttempt': '2' };
    Object.assign(agent.variables, names);
    await start({ services: () => Promise.resolve({ permissions: everythingAllowed, checks: [], principalId: 'object-1' }) });
    const line = JSON.parse(agent.attachments[1]!.content.split('\n')[0]!) as Record<string, unknown>;
    const { at, correlation, ...told } = line;
    assert.ok(typeof at === 'string' && typeof correlation === 'string');
    assert.deepEqual(told, {
      ...{ version: 1, task: 'TestTask', run: 'fleet 20260105.1, attempt 2', signIn: 'app 1f0c…9a (federated)', pipeline: 'fleet', pipelineId: '7', runNumber: '20260105.1', runId: '42' },
      ...{ url: 'https://dev.azure.com/contoso/orders%20team/_build/results?buildId=42', requester: 'Ada', attempt: '2', connection: 'conn', connectionId: 'conn' },
      ...{ clientId: federatedEndpoint.parameters?.serviceprincipalid, principalId: 'object-1' },
      ...{ action: 'create', object: '/one', cluster: 'aks-1', resource: 'one', after: 'wanted', widens: true, outcome: 'done' },
    });
  });

  it('says in report and in every line of the ledger by which boundary policy it was judged', async () => {
    const policy = { path: 'boundaries.yml', sha256: 'ab'.repeat(32), commit: '1f0c'.repeat(10) };
    await start({ policy });
    assert.ok(agent.log.includes('Policy   boundaries.yml · commit 1f0c1f0c1f0c · sha256 abababababab'), agent.log.join('\n'));
    const [report, ledger] = agent.attachments.map(({ content }) => content.trimEnd());
    assert.deepEqual((JSON.parse(report ?? '') as Record<string, unknown>).boundaryPolicy, policy);
    assert.deepEqual((ledger ?? '').split('\n').map((line) => (JSON.parse(line) as Record<string, unknown>).boundaryPolicy), [policy, policy]);
  });

  it('names a release where there is no build', async () => {
    Object.assign(agent.variables, { 'Release.DefinitionName': 'roll out', 'Release.ReleaseId': '9', 'Release.ReleaseName': 'Release-9', 'Release.ReleaseWebURL': 'https://dev.azure.com/contoso/r/9', 'Release.Deployment.RequestedFor': 'Grace', 'Release.AttemptNumber': '3' });
    await start();
    const { pipeline, runId, runNumber, url, requester, attempt } = JSON.parse(agent.attachments[1]!.content.split('\n')[0]!) as Record<string, unknown>;
    assert.deepEqual([pipeline, runId, runNumber, url, requester, attempt], ['roll out', '9', 'Release-9', 'https://dev.azure.com/contoso/r/9', 'Grace', '3']);
  });

  it('writes nothing the second time, and attaches no ledger', async () => {
    await start();
    const before = agent.attachments.length;
    agent.log.length = 0;
    assert.equal((await start()).result, 'Succeeded');
    assert.ok(agent.log.includes('Plan     0 to create, 0 to update, 2 as they should be'));
    assert.ok(agent.log.includes('Apply    nothing to do'));
    assert.deepEqual(agent.attachments.slice(before).map(({ type }) => type), ['aks-workload-identity-report']);
  });

  it('prints the same changes in a dry run and writes nothing', async () => {
    agent.inputs.dryRun = 'true';
    assert.equal((await start()).result, 'Succeeded');
    assert.equal(store.size, 0);
    assert.equal(agent.log.filter((line) => line.startsWith('    + ')).length, 2);
    assert.ok(!agent.log.some((line) => /^(Apply|Proof)/.test(line)));
  });

  it('finishes the other clusters, then fails and names cluster, reason and remedy', async () => {
    const end = await start({ broken: true });
    assert.deepEqual(end, {
      result: 'Failed',
      message: '1 of 2 clusters failed: cluster aks-2 cannot be changed, because it is stopped (OperationNotAllowed); start it and run again (WI2102). The other one is done',
    });
    assert.deepEqual([...store.keys()], ['one']);
    assert.ok(agent.log.includes('WI2102  cluster aks-2 cannot be changed.'));
    assert.equal(agent.log.at(-1), 'Done     aks-1');
    assert.deepEqual(agent.errors, []);
  });

  it('reports all mistakes of shared and own inputs at once, before anything is made', async () => {
    Object.assign(agent.inputs, { azureSubscription: 'nowhere', clusters: 'rg/aks-1,bad', concurrency: '0', failFast: 'perhaps', word: '' });
    const made = start({ services: () => assert.fail('services were made') });
    await assert.rejects(made, (error) => {
      assert.ok(error instanceof Problem);
      assert.deepEqual(error.parts.details?.map(({ code }) => code), ['WI1010', 'WI1004', 'WI1002', 'WI1003', 'WI1001']);
      return true;
    });
  });

  it('gives services their tools, and the connection its tokens', async () => {
    let seen: ServiceTools | undefined;
    let token = '';
    await start({
      services: async ({ connection, concurrency, clusters }, tools) => {
        seen = tools;
        assert.deepEqual([concurrency, clusters.map(({ label }) => label)], [25, ['aks-1', 'aks-2']]);
        if (connection.signIn.kind === 'federated') token = await connection.signIn.assertion();
        return { permissions: everythingAllowed, checks: [] };
      },
    });
    assert.equal(token, 'oidc for conn');
    assert.ok(agent.masked.includes(token));
    assert.match(seen?.correlationId ?? '', /^[0-9a-f-]{36}$/);
    assert.deepEqual(seen?.environment, { PATH: '/usr/bin' });
    assert.ok(seen.tempDirectory.startsWith(agent.tempDirectory));
  });

  it('lets no registered secret through, wherever it shows', async () => {
    await start({
      services: (_, tools) => {
        tools.registerSecret('wanted');
        return Promise.resolve({ permissions: everythingAllowed, checks: [] });
      },
    });
    delete agent.outputs.long;
    assert.ok(!agent.everything().includes('wanted'));
    assert.ok(agent.everything().includes('***'));
  });

  it('starts no write once it is cancelled', async () => {
    const running = start({
      services: () => {
        agent.cancel();
        return Promise.resolve({ permissions: everythingAllowed, checks: [] });
      },
    });
    const end = await running;
    assert.equal(end.result, 'Failed');
    assert.match(end.message, /WI9002/);
    assert.equal(store.size, 0);
  });
});
