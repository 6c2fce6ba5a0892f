import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { ListGroups } from '../../../tasks/_shared/agent/variable-groups.js';
import { InputReader } from '../../../tasks/_shared/agent/inputs.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { parseClusters } from '../../../tasks/_shared/fleet/clusters.js';
import { readInputs } from '../../../tasks/SelectClusters/inputs.js';
import { selectClusters } from '../../../tasks/SelectClusters/select-clusters.js';
import { isRecord } from '../../simulators/kernel/service.js';
import { FakeAgent, federatedEndpoint } from '../agent/fake-agent.js';

const subscription = '33333333-3333-4333-8333-333333333333';
const id = (name: string): string => `/subscriptions/${subscription}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/${name}`;
const listOf = (variables: object): ListGroups => () => Promise.resolve([{ name: 'wi-nonprod', variables }]);

describe('SelectClusters', () => {
  let agent: FakeAgent;

  beforeEach(() => {
    agent = new FakeAgent('SelectClusters');
    agent.endpoints.conn = federatedEndpoint;
    Object.assign(agent.variables, { 'System.CollectionUri': 'https://dev.azure.com/contoso/', 'System.TeamProjectId': 'p' });
  });

  afterEach(() => agent.dispose());

  it('hands the variable of a linked group on in canonical form', async () => {
    agent.variables.clusters = ` ${id('a').replace('resourceGroups', 'resourcegroups')} ,\n${id('b')}/ `;
    assert.deepEqual(await selectClusters(agent), { result: 'Succeeded', message: '' });
    assert.deepEqual(agent.outputs, { clusters: `${id('a')},${id('b')}`, count: '2', attempt: '1', deadline: '' });
    assert.equal(agent.log[0], 'Fleet    2 clusters · variable clusters of this job');
  });

  it('completes short names with the subscription of a connection, and sends nothing', async () => {
    agent.variables.fleet = 'rg/a';
    Object.assign(agent.inputs, { variableName: 'fleet', azureSubscription: 'conn' });
    await selectClusters(agent);
    assert.equal(agent.outputs.clusters, id('a'));
    assert.deepEqual(agent.masked, []);
  });

  it('keeps the settings of single clusters, in one line that reads back equal', async () => {
    agent.variables.clusters = `- cluster: ${id('a')}\n  keyVault: kv\n  secrets: [x, y]\n- ${id('b')}`;
    await selectClusters(agent);
    assert.equal(agent.outputs.clusters, JSON.stringify([{ cluster: id('a'), keyVault: 'kv', secrets: 'x,y' }, id('b')]));
    const again = parseClusters(agent.outputs.clusters, undefined);
    assert.deepEqual(again.mistakes, []);
    assert.deepEqual(again.clusters.map(({ overrides }) => overrides), [{ keyVault: 'kv', secrets: 'x,y' }, {}]);
  });

  it('files a list of more than 24 KB in the form that the other tasks read', async () => {
    agent.variables.clusters = Array.from({ length: 300 }, (_, index) => id(`aks-${index}`)).join(',');
    await selectClusters(agent);
    assert.equal(agent.outputs.count, '300');
    agent.inputs.clusters = agent.outputs.clusters ?? '';
    assert.match(agent.inputs.clusters, /^@/);
    assert.equal(new InputReader(agent).clusters('clusters', undefined).length, 300);
    assert.equal(readFileSync(agent.inputs.clusters.slice(1), 'utf8'), agent.variables.clusters);
  });

  it('reads a group by name with the job token', async () => {
    agent.inputs.variableGroup = 'wi-nonprod';
    await selectClusters(agent, listOf({ Clusters: { value: id('a') } }));
    assert.equal(agent.outputs.clusters, id('a'));
    assert.equal(agent.log[0], 'Fleet    1 cluster · variable clusters of variable group wi-nonprod');
  });

  const inJob: readonly [title: string, value: string | undefined, message: RegExp][] = [
    ['a variable that is missing', undefined, /^Problem: WI1021: This job has no variable clusters/],
    ['an unexpanded variable', '$(clusters)', /WI1005: Variable clusters contains \$\(clusters\)/],
    ['an unexpanded part', `${id('a')},$(more)`, /WI1005: .*\$\(more\)/],
    ['an empty value', '', /WI1026: Variable clusters names no cluster/],
    ['a list of commas', ' , ,', /WI1026/],
    ['an empty sequence', '[]', /WI1026/],
    ['a duplicate', `${id('a')},${id('A')}`, /WI1027: .*listed twice/],
    ['a malformed id', '/subscriptions/x/aks', /WI1028: Variable clusters has "\/subscriptions\/x\/aks"/],
    ['the id of something else', id('a').replace('managedClusters', 'fleets'), /WI1028/],
    ['a short name without a connection', 'rg/a', /WI1028: .*no subscription/],
    ['a setting that no cluster has', `[{"cluster":"${id('a')}","colour":"red"}]`, /WI1028: .*colour/],
  ];
  for (const [title, value, message] of inJob) {
    it(`refuses ${title}, and sets no output`, async () => {
      if (value !== undefined) agent.variables.clusters = value;
      await assert.rejects(selectClusters(agent), message);
      assert.deepEqual(agent.outputs, {});
    });
  }

  it('lists several mistakes, each under its own code', async () => {
    agent.variables.clusters = `nonsense,${id('a')},${id('a')}`;
    await assert.rejects(selectClusters(agent), (error) => {
      assert.ok(error instanceof Problem);
      assert.equal(error.code, 'WI1020');
      assert.deepEqual(error.parts.details?.map(({ code }) => code), ['WI1028', 'WI1027']);
      return true;
    });
  });

  it('refuses secret variables, of the job and of a group', async () => {
    agent.variables.clusters = 'canary';
    agent.secretVariables.add('clusters');
    await assert.rejects(selectClusters(agent), /WI1025: Variable clusters of this job is secret/);
    agent.inputs.variableGroup = 'wi-nonprod';
    await assert.rejects(selectClusters(agent, listOf({ clusters: { value: null, isSecret: true } })), /WI1025: .*of variable group wi-nonprod/);
    assert.ok(!agent.everything().includes('canary'));
  });

  it('refuses groups without the variable, with an empty or an unexpanded one', async () => {
    agent.inputs.variableGroup = 'wi-nonprod';
    await assert.rejects(selectClusters(agent, listOf({ a: { value: '1' }, b: { value: '2' } })), /WI1024: .*it has a, b/);
    await assert.rejects(selectClusters(agent, listOf({})), /WI1024: .*no variables at all/);
    await assert.rejects(selectClusters(agent, listOf({ clusters: { value: ' ' } })), /WI1026: .*of variable group wi-nonprod/);
    await assert.rejects(selectClusters(agent, listOf({ clusters: { value: '$(x)' } })), /WI1005/);
    await assert.rejects(selectClusters(agent, () => Promise.resolve([])), /WI1022/);
  });

  it('refuses inputs with unexpanded variables and unknown connections together', async () => {
    Object.assign(agent.inputs, { variableGroup: '$(group)', azureSubscription: 'nowhere' });
    await assert.rejects(selectClusters(agent), (error) => {
      assert.ok(error instanceof Problem);
      assert.deepEqual(error.parts.details?.map(({ code }) => code), ['WI1005', 'WI1010']);
      return true;
    });
  });

  it('declares what it reads and sets, and may set no more', async () => {
    const manifest: unknown = JSON.parse(readFileSync(new URL('../../../tasks/SelectClusters/task.json', import.meta.url), 'utf8'));
    assert.ok(isRecord(manifest) && isRecord(manifest.restrictions) && isRecord(manifest.restrictions.settableVariables));
    const names = (list: unknown): unknown[] => (Array.isArray(list) ? list.map((entry: unknown) => (isRecord(entry) ? entry.name : entry)) : []);
    const reader = new InputReader(agent);
    readInputs(agent, reader);
    assert.deepEqual([...reader.names].sort(), names(manifest.inputs).sort());
    agent.variables.clusters = id('a');
    agent.inputs.legs = 'true';
    await selectClusters(agent);
    assert.deepEqual(Object.keys(agent.outputs).sort(), names(manifest.outputVariables).sort());
    assert.deepEqual(names(manifest.restrictions.settableVariables.allowed).sort(), names(manifest.outputVariables).sort());
  });
});
