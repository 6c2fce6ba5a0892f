import assert from 'node:assert/strict';
import { longestOutput } from '../../../tasks/_shared/agent/outputs.js';
import { parseClusters } from '../../../tasks/_shared/fleet/clusters.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { selectClusters } from '../../../tasks/SelectClusters/select-clusters.js';
import { FakeAgent } from '../agent/fake-agent.js';

const id = (name: string, group = 'rg'): string =>
  `/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/${group}/providers/Microsoft.ContainerService/managedClusters/${name}`;

describe('SelectClusters, for jobs of their own', () => {
  let agent: FakeAgent;

  beforeEach(() => {
    agent = new FakeAgent('SelectClusters');
  });

  afterEach(() => agent.dispose());

  async function select(clusters: readonly string[] | string, inputs: Readonly<Record<string, string>>): Promise<Record<string, string>> {
    agent.variables.clusters = typeof clusters === 'string' ? clusters : clusters.join(',');
    Object.assign(agent.inputs, { legs: '', leg: '' }, inputs);
    await selectClusters(agent, undefined, () => new Date('2026-01-05T08:00:00Z'));
    return agent.outputs;
  }

  const refusal = (job: Promise<unknown>): Promise<Problem> => job.then(() => assert.fail('it was accepted'), (error: unknown) => (error instanceof Problem ? error : assert.fail(String(error))));

  it('makes a leg for each cluster, with a valid name and its name as the only value', async () => {
    const { legs = '', clusters } = await select([id('aks-dev-weu-1'), id('2-aks')], { legs: 'true' });
    assert.deepEqual(JSON.parse(legs), { aks_dev_weu_1: { leg: 'aks_dev_weu_1' }, c_2_aks: { leg: 'c_2_aks' } });
    assert.equal(clusters, `${id('aks-dev-weu-1')},${id('2-aks')}`);
    assert.equal((await select([id('a')], {})).attempt, '1');
  });

  it('makes no legs unless asked', async () => {
    assert.equal('legs' in (await select([id('a')], {})), false);
  });

  it('hands each leg its own cluster, with what that cluster sets for itself', async () => {
    const list = JSON.stringify([{ cluster: id('a'), keyVault: 'kv-a' }, id('b')]);
    assert.equal((await select(list, { leg: 'a' })).clusters, JSON.stringify([{ cluster: id('a'), keyVault: 'kv-a' }]));
    assert.equal(agent.log[0], 'Fleet    1 cluster · variable clusters of this job · leg a of 2');
    assert.deepEqual([(await select(list, { leg: 'b' })).clusters, agent.outputs.count], [id('b'), '1']);
  });

  it('keeps legs apart whose clusters differ only in signs, case or group, and always finds them again', async () => {
    const clusters = [id('aks-a'), id('aks_a'), id('AKS-A', 'other'), id('x'), id('x', 'rg2'), id('n'.repeat(60)), id(`${'n'.repeat(59)}m`)];
    const { legs = '' } = await select(clusters, { legs: 'true' });
    const names = Object.keys(JSON.parse(legs) as object);
    assert.equal(new Set(names.map((name) => name.toLowerCase())).size, clusters.length);
    for (const name of names) assert.match(name, /^[A-Za-z][A-Za-z0-9_]{0,39}$/);
    const found: string[] = [];
    for (const leg of names) found.push((await select(clusters, { leg })).clusters ?? '');
    assert.deepEqual(found, clusters);
  });

  it('names legs as a mapping of clusters does', async () => {
    const mapping = JSON.stringify({ west: id('a'), north_1: { cluster: id('b'), keyVault: 'kv-b' } }, undefined, 2);
    assert.deepEqual(Object.keys(JSON.parse((await select(mapping, { legs: 'true' })).legs ?? '') as object), ['west', 'north_1']);
    assert.equal((await select(mapping, { leg: 'north_1' })).clusters, JSON.stringify([{ cluster: id('b'), keyVault: 'kv-b' }]));
    assert.equal((await select(mapping, {})).count, '2');
    assert.match(parseClusters(JSON.stringify({ cluster: id('a') }), undefined).mistakes[0]?.because ?? '', /mapping from names to clusters/);
    assert.equal(parseClusters(JSON.stringify({ west: 7 }), undefined).mistakes.length, 1);
  });

  it('finds a leg by the key of a mapping as it is, as jobs known at compile time call it', async () => {
    const long = `long_${'x'.repeat(60)}`;
    const mapping = JSON.stringify({ _b: id('a'), '1weu': id('b'), [long]: id('c') });
    for (const [leg, cluster] of [['_b', 'a'], ['1weu', 'b'], [long, 'c']] as const) assert.equal((await select(mapping, { leg })).clusters, id(cluster));
  });

  it('fits the largest matrix into a variable, and says what to do beyond it', async () => {
    const many = Array.from({ length: 257 }, (_, index) => id(`${'aks-production-with-a-very-long-name-'.repeat(2).slice(0, 58)}-${String(index).padStart(3, '0')}`));
    const { legs = '' } = await select(many.slice(1), { legs: 'true' });
    assert.equal(Object.keys(JSON.parse(legs) as object).length, 256);
    assert.ok(Buffer.byteLength(legs) <= longestOutput, `${Buffer.byteLength(legs)} bytes`);
    const problem = await refusal(select(many, { legs: 'true' }));
    assert.deepEqual([problem.code, problem.parts.remedy.includes('fanOut: fleet')], ['WI1030', true]);
    assert.equal((await select(many, {})).count, '257');
  });

  it('does not take a leg for another cluster when the list has changed', async () => {
    const problem = await refusal(select([id('a')], { leg: 'b' }));
    assert.equal(problem.code, 'WI1031');
    assert.equal(problem.parts.what, 'Leg b has no cluster');
  });

  it('sets a deadline shortly before the job would be stopped', async () => {
    const at = async (timeoutInMinutes: string): Promise<string | undefined> => (await select([id('a')], { timeoutInMinutes })).deadline;
    assert.equal(await at('60'), '2026-01-05T08:55:00.000Z');
    assert.equal(await at('10'), '2026-01-05T08:09:00.000Z');
    assert.equal(await at('0'), '');
  });

  it('tells which attempt of the job it is', async () => {
    agent.variables['System.JobAttempt'] = '3';
    assert.equal((await select([id('a')], {})).attempt, '3');
  });

  it('folds a long list', async () => {
    await select(Array.from({ length: 1000 }, (_, index) => id(`aks-${index}`)), {});
    assert.deepEqual(agent.log.slice(0, 2), ['Fleet    1000 clusters · variable clusters of this job', '[The 1000 clusters]']);
    assert.ok(agent.log.slice(2).every((line) => line.startsWith('| ')));
  });
});
