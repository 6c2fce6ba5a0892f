import assert from 'node:assert/strict';
import { runPlannedTask, type PlannedServices, type PlannedTask } from '../../../tasks/_shared/agent/planned-task.js';
import { servicesOver } from '../../../tasks/_shared/agent/services.js';
import { defaultStream, sendLedger } from '../../../tasks/_shared/azure/ledger-stream.js';
import type { IngestionRule } from '../../simulators/log-ingestion/log-ingestion.js';
import { ledgerColumns } from '../../simulators/log-ingestion/ledger-columns.js';
import { clientSecret, group, problemOf, Rig } from '../azure/azure-world.js';
import { everythingAllowed, Item, stopped } from '../report/items.js';
import { FakeAgent } from './fake-agent.js';

const armId = `${group}/providers/Microsoft.Insights/dataCollectionRules/dcr-workload-identity-ledger`;

/** Its write is the last thing before the pipeline stops the task. */
class Cancelling extends Item {
  constructor(
    store: Map<string, string>,
    key: string,
    private readonly agent: FakeAgent,
  ) {
    super(store, key, { cluster: 'aks-1' });
  }

  override async apply(...given: Parameters<Item['apply']>): Promise<void> {
    await super.apply(...given);
    this.agent.cancel();
  }
}

describe('the trail of ledgers in Log Analytics', () => {
  let rig: Rig;
  let agent: FakeAgent;
  let rule: IngestionRule;
  let store: Map<string, string>;
  let items: Item[];

  beforeEach(async () => {
    rig = await Rig.start();
    // What is loaded with the first use is loaded now: a virtual clock would take the wait for the disk for idleness.
    await (await rig.connect()).ingestion('https://x', 'y', { until: 0, requestMs: 1 });
    rule = rig.world.addLedgerRule(armId);
    rig.world.assign(rig.deployer.objectId, 'Monitoring Metrics Publisher', armId);
    store = new Map();
    items = [new Item(store, 'one', { cluster: 'aks-1', widens: true }), new Item(store, 'two', { cluster: 'aks-1' })];
    agent = new FakeAgent('TestTask');
    agent.endpoints.conn = {
      url: rig.world.origins.arm,
      scheme: 'ServicePrincipal',
      parameters: { serviceprincipalid: rig.deployer.appId, serviceprincipalkey: clientSecret, tenantid: rig.connection.tenantId },
      data: { subscriptionId: rig.connection.subscriptionId ?? '', environment: 'AzureCloud' },
    };
    Object.assign(agent.inputs, { azureSubscription: 'conn', clusters: 'rg/aks-1', ledgerEndpoint: rig.world.origins.logIngestion, ledgerRuleId: rule.immutableId });
  });

  afterEach(() => agent.dispose());

  const task: PlannedTask<undefined, PlannedServices> = { name: 'TestTask', read: () => undefined, desire: () => ({ resources: items, proofs: [], outputs: () => ({}) }) };

  async function start(): Promise<string> {
    const services = async (): Promise<PlannedServices> => {
      const azure = { ...(await rig.connect()), signal: agent.signal };
      const unused = (): Promise<never> => assert.fail('not used here');
      return { ...servicesOver({ azure, run: 'unit 1', connect: unused }, [], unused), permissions: everythingAllowed, checks: [] };
    };
    return (await runPlannedTask(agent, task, services, () => Promise.resolve(''), () => rig.clock)).result;
  }

  const send = async (lines: readonly Record<string, unknown>[]): Promise<void> => sendLedger(await rig.connect(), { endpoint: rig.world.origins.logIngestion, ruleId: rule.immutableId, stream: defaultStream, audience: 'https://monitor.azure.com' }, lines);
  const rows = (): Record<string, unknown>[] => rule.rows.get(defaultStream) ?? [];
  const ledger = (): unknown[] => agent.attachments.filter(({ type }) => type.endsWith('-ledger')).flatMap(({ content }) => content.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown));
  const requests = (): number[] => rig.statuses('log-ingestion', 'POST', /^\/dataCollectionRules\//);
  const told = (): string => {
    assert.equal(agent.warnings.length, 1, agent.warnings.join('\n'));
    return agent.warnings[0] ?? '';
  };
  /** The run is as if nobody had sent anything: done, with its ledger, and nothing but a warning. */
  async function onlyWarned(pattern: RegExp, lines = 2): Promise<void> {
    assert.equal(await start(), 'Succeeded');
    assert.equal(ledger().length, lines);
    assert.match(told(), pattern);
    assert.match(told(), new RegExp(`The ledger did not reach stream .* of data collection rule ${rule.immutableId} at https://[^ ]+ in full: `));
    assert.match(told(), /the run is not affected, and the attachment aks-workload-identity-ledger remains its record \(WI9051\)$/);
    assert.deepEqual(agent.errors, []);
    assert.ok(!agent.log.some((line) => line.startsWith('Ledger ')));
  }

  it('has each line as it is attached, in the columns of the template, after the report', async () => {
    const seen: string[] = [];
    const attach = agent.attach.bind(agent);
    agent.attach = (...given) => {
      seen.push(`${given[0]} before ${requests().length} requests`);
      attach(...given);
    };
    assert.equal(await start(), 'Succeeded');
    assert.equal(rows().length, 2);
    assert.deepEqual(rows(), ledger());
    assert.deepEqual([...rule.dropped], []);
    assert.deepEqual(rows().map(({ object, outcome, cluster, widens }) => [object, outcome, cluster, widens]), [['/one', 'done', 'aks-1', true], ['/two', 'done', 'aks-1', false]]);
    assert.deepEqual(seen, ['aks-workload-identity-report before 0 requests', 'aks-workload-identity-ledger before 0 requests']);
    assert.deepEqual(requests(), [204]);
    assert.equal(agent.log.at(-1), `Ledger   2 writes, sent to ${defaultStream} of ${rule.immutableId}`);
    assert.deepEqual(agent.warnings, []);
  });

  it('has every column of which a line can have the field', async () => {
    const who = { pipeline: 'fleet', pipelineId: '7', runNumber: '1', runId: '42', url: 'https://dev.azure.com/x', requester: 'Ada', attempt: '1', connection: 'c', connectionId: 'c', clientId: 'i', principalId: 'p', planFile: 'a' };
    const policy = { path: 'p.yml', commit: 'c0', sha256: 'b' };
    const end = { kind: 'identity', name: 'id', id: '/x' };
    const line = { version: 1, at: '2026-01-05T08:00:00.000Z', task: 'T', run: 'r', signIn: 's', correlation: 'c', ...who, boundaryPolicy: policy, cluster: 'a', resource: 'r', action: 'update', object: '/x', before: 'b', after: 'a', widens: true, crossings: [{ access: { kind: 'grant', from: end, to: end }, from: 'dev', to: 'prod' }], outcome: 'failed', detail: 'd' };
    assert.deepEqual(Object.keys(line).sort(), Object.keys(ledgerColumns()).sort());
    await send([line]);
    assert.deepEqual(rows(), [line]);
    assert.deepEqual([...rule.dropped], []);
  });

  it('stops at the first refusal, and when the run is cancelled on the way', async () => {
    const lines = Array.from({ length: 12 }, (_, index) => ({ object: `/${index}`, after: 'x'.repeat(900_000) }));
    const heal = rig.network.faults.plant({ service: 'log-ingestion', respond: { status: 403, body: { error: { code: 'OperationFailed', message: 'no access' } } } });
    const refused = await problemOf(send(lines));
    assert.deepEqual([refused.code, refused.because, refused.status], ['WI9051', 'no access', 403]);
    assert.ok(requests().length < lines.length, 'the others would be refused as well');
    heal();
    rig.network.faults.plant({ service: 'log-ingestion', then: () => rig.abort.abort() });
    const stopped = await problemOf(send(lines));
    assert.deepEqual([stopped.code, stopped.because], ['WI9051', 'the pipeline asked the task to stop']);
    assert.ok(rows().length < lines.length);
  });

  it('gets nothing of a run that writes nothing, and nothing without the inputs', async () => {
    await start();
    assert.equal(await start(), 'Succeeded');
    agent.inputs.dryRun = 'true';
    store.clear();
    await start();
    Object.assign(agent.inputs, { dryRun: '', ledgerEndpoint: '', ledgerRuleId: '' });
    await start();
    assert.equal(store.size, 2);
    assert.deepEqual(requests(), [204]);
    assert.deepEqual(agent.warnings, []);
  });

  it('has what a failed run had written', async () => {
    items = [new Item(store, 'one', { cluster: 'aks-1' }), new Item(store, 'two', { cluster: 'aks-1', refused: stopped })];
    assert.equal(await start(), 'Failed');
    assert.deepEqual(rows().map(({ object, outcome }) => [object, outcome]), [['/one', 'done'], ['/two', 'failed']]);
    assert.deepEqual(rows(), ledger());
  });

  it('is cut into requests of at most 1 MB', async () => {
    items = Array.from({ length: 30 }, (_, index) => new Item(store, `${index} ${'x'.repeat(50_000)}`, { cluster: 'aks-1' }));
    assert.equal(await start(), 'Succeeded');
    assert.ok(requests().length > 1, String(requests().length));
    assert.deepEqual(new Set(requests()), new Set([204]));
    const order = (values: unknown[]): string[] => values.map((value) => JSON.stringify(value)).sort();
    assert.deepEqual(order(rows()), order(ledger()));
  });

  it('has no secret', async () => {
    agent.secret('canary-secret-text');
    items = [new Item(store, 'one with canary-secret-text', { cluster: 'aks-1' })];
    await start();
    assert.deepEqual(rows(), ledger());
    assert.match(String(rows()[0]?.object), /\*\*\*/);
    assert.ok(!JSON.stringify(rows()).includes('canary-secret-text'));
    assert.ok(rig.network.log.all('log-ingestion').length > 0);
  });

  it('is told whole after faults that pass', async () => {
    rig.network.faults.plant({ service: 'log-ingestion', respond: { status: 503, headers: { 'retry-after': '2' } }, times: 1 });
    assert.equal(await start(), 'Succeeded');
    assert.deepEqual(rows(), ledger());
    assert.deepEqual(requests(), [503, 204]);
  });

  it('names the role when the right is missing', async () => {
    for (const { name } of rig.world.roles.assignments().filter(({ scope }) => scope === armId)) rig.world.roles.remove(name);
    await onlyWarned(/does not have access to ingest data .*\(OperationFailed\)\. To do: give the principal of the service connection the role Monitoring Metrics Publisher on the data collection rule/);
    assert.deepEqual(requests(), [403]);
  });

  it('names the inputs when rule or stream are not there', async () => {
    agent.inputs.ledgerStream = 'Custom-Other_CL';
    await onlyWarned(/The stream Custom-Other_CL was not configured .* compare ledgerEndpoint, ledgerRuleId and ledgerStream with the outputs/);
  });

  it('gives up on an endpoint that cannot be reached, or asks for more time than there is', async () => {
    agent.inputs.ledgerEndpoint = 'https://nowhere.invalid';
    const started = rig.clock.monotonic();
    await onlyWarned(/at https:\/\/nowhere\.invalid in full: .*check that the agent reaches the address/);
    assert.ok(rig.clock.monotonic() - started <= 60_000);
    store.clear();
    Object.assign(agent.inputs, { ledgerEndpoint: rig.world.origins.logIngestion });
    agent.warnings.length = 0;
    rig.network.faults.plant({ service: 'log-ingestion', respond: { status: 429, headers: { 'retry-after': '600' } } });
    const again = rig.clock.monotonic();
    await onlyWarned(/status 429/, 4);
    assert.equal(rig.clock.monotonic() - again, 0);
    assert.deepEqual(requests(), [429]);
  });

  it('does not wait for a token that does not come', async () => {
    rig.network.faults.plant({ service: 'entra', delayMs: 3_600_000 });
    await onlyWarned(/no complete answer came within 15 s/);
    assert.deepEqual(requests(), []);
  });

  it('gets nothing of a cancelled run, which does not wait', async () => {
    items = [new Cancelling(store, 'one', agent), new Item(store, 'two', { cluster: 'aks-1' })];
    await start().catch(() => undefined);
    assert.ok(ledger().length > 0);
    assert.match(told(), /the pipeline asked the task to stop\. To do: copy its lines from the attachment .*\(WI9051\)$/);
    assert.deepEqual(rig.network.log.all().map(({ service }) => service), [], 'nobody is asked any more');
  });
});
