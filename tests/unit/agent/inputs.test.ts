import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputReader } from '../../../tasks/_shared/agent/inputs.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { FakeAgent } from './fake-agent.js';

const subscription = '33333333-3333-4333-8333-333333333333';

interface Case {
  readonly title: string;
  readonly inputs: Record<string, string>;
  readonly read: (reader: InputReader) => unknown;
  /** `code: what: because`, one for each mistake. */
  readonly mistakes: readonly RegExp[];
  readonly value?: unknown;
}

const cases: readonly Case[] = [
  { title: 'text that is missing', inputs: {}, read: (r) => r.text('identity'), mistakes: [/^WI1001: Input identity is empty, because it is required/] },
  { title: 'text of spaces', inputs: { identity: '  ' }, read: (r) => r.text('identity'), mistakes: [/^WI1001/] },
  { title: 'text, trimmed', inputs: { identity: ' id ' }, read: (r) => r.text('identity'), mistakes: [], value: 'id' },
  { title: 'optional text that is missing', inputs: {}, read: (r) => r.optionalText('identity'), mistakes: [], value: undefined },
  { title: 'an unexpanded variable in an optional text', inputs: { identity: 'id-$(my.name)' }, read: (r) => r.optionalText('identity'), mistakes: [/^WI1005: Input identity contains \$\(my\.name\)/] },
  { title: 'a shell expression, which is no variable', inputs: { identity: '$(echo 1)' }, read: (r) => r.text('identity'), mistakes: [], value: '$(echo 1)' },
  { title: 'a word that is no choice', inputs: { role: 'Owner' }, read: (r) => r.choice('role', ['AcrPull', 'AcrPush']), mistakes: [/^WI1003: Input role is "Owner"/] },
  { title: 'a choice in another case', inputs: { role: 'acrpush' }, read: (r) => r.choice('role', ['AcrPull', 'AcrPush']), mistakes: [], value: 'AcrPush' },
  { title: 'a choice that is missing', inputs: {}, read: (r) => r.choice('role', ['AcrPull', 'AcrPush']), mistakes: [/^WI1001: Input role/] },
  { title: 'a choice with a default', inputs: {}, read: (r) => r.choice('role', ['AcrPull', 'AcrPush'], 'AcrPush'), mistakes: [], value: 'AcrPush' },
  { title: 'a boolean that is none', inputs: { dryRun: 'yes' }, read: (r) => r.boolean('dryRun'), mistakes: [/^WI1003: Input dryRun is "yes"/] },
  { title: 'a boolean as the agent writes it', inputs: { dryRun: 'True' }, read: (r) => r.boolean('dryRun'), mistakes: [], value: true },
  { title: 'a boolean default', inputs: {}, read: (r) => r.boolean('dryRun', true), mistakes: [], value: true },
  ...['ten', '1.5', '1e1', '0', '101'].map((given) => ({
    title: `the number ${given} between 1 and 100`,
    inputs: { concurrency: given },
    read: (r: InputReader) => r.integer('concurrency', { min: 1, max: 100, fallback: 10 }),
    mistakes: [new RegExp(`^WI1002: Input concurrency is "${given}"`)],
  })),
  { title: 'a number', inputs: { concurrency: '100' }, read: (r) => r.integer('concurrency', { min: 1, max: 100, fallback: 10 }), mistakes: [], value: 100 },
  { title: 'a form that does not fit', inputs: { name: 'A_B' }, read: (r) => r.matching('name', /^[a-z]+$/, 'letters'), mistakes: [/^WI1007: Input name is "A_B"/] },
  { title: 'a list by commas and lines', inputs: { secrets: 'a, b\nc,,' }, read: (r) => r.lines('secrets'), mistakes: [], value: ['a', 'b', 'c'] },
  { title: 'a file that is not there', inputs: { secrets: '@no/such.txt' }, read: (r) => r.lines('secrets'), mistakes: [/^WI1006: Input secrets is "@no\/such\.txt"/] },
  { title: 'a folder in place of a file', inputs: { secrets: '@folder' }, read: (r) => r.lines('secrets'), mistakes: [/^WI1062: Input secrets names "@folder", because it is not a file/] },
  { title: 'a file of the sources', inputs: { secrets: '@list.txt' }, read: (r) => r.lines('secrets'), mistakes: [], value: ['one', 'two'] },
  { title: 'clusters that are missing', inputs: {}, read: (r) => r.clusters('clusters', subscription), mistakes: [/^WI1001: Input clusters/] },
  { title: 'an unexpanded cluster list', inputs: { clusters: '$(clusters)' }, read: (r) => r.clusters('clusters', subscription), mistakes: [/^WI1005: Input clusters contains \$\(clusters\)/] },
  { title: 'a cluster list whose file is not there', inputs: { clusters: '@gone' }, read: (r) => r.clusters('clusters', subscription), mistakes: [/^WI1006/] },
  { title: 'two bad clusters', inputs: { clusters: 'nonsense,rg/a,rg/a' }, read: (r) => r.clusters('clusters', subscription), mistakes: [/^WI1004: Input clusters has "nonsense"/, /^WI1004: .*listed twice/] },
  { title: 'a short id without a subscription', inputs: { clusters: 'rg/a' }, read: (r) => r.clusters('clusters', undefined), mistakes: [/^WI1004: .*no subscription/] },
  { title: 'the same mistake found twice', inputs: { x: '$(y)' }, read: (r) => [r.optionalText('x'), r.text('x')], mistakes: [/^WI1005/] },
  { title: 'files of a list, relative to the sources', inputs: { files: 'list.txt' }, read: (r) => [...r.files('files')], value: [['list.txt', 'one\r\ntwo\r\n']], mistakes: [] },
  { title: 'a file of a list that is not there', inputs: { files: 'list.txt,gone.txt' }, read: (r) => r.files('files'), mistakes: [/^WI1062: Input files names "gone\.txt", because there is no such file$/] },
  { title: 'a secret that is missing', inputs: {}, read: (r) => r.secret('password')(), mistakes: [/^WI1001: Input password/] },
];

describe('InputReader', () => {
  let agent: FakeAgent;

  beforeEach(() => {
    agent = new FakeAgent('FederateServiceAccount');
    agent.variables['System.DefaultWorkingDirectory'] = join(agent.tempDirectory, 'elsewhere');
    agent.variables['Build.SourcesDirectory'] = agent.tempDirectory;
    mkdirSync(join(agent.tempDirectory, 'folder'));
    writeFileSync(join(agent.tempDirectory, 'list.txt'), '\uFEFFone\r\ntwo\r\n');
  });

  afterEach(() => agent.dispose());

  for (const { title, inputs, read, mistakes, value } of cases) {
    it(`reads ${title}`, () => {
      Object.assign(agent.inputs, inputs);
      const reader = new InputReader(agent);
      const found = read(reader);
      if (mistakes.length === 0) {
        reader.finish();
        assert.deepEqual(found, value);
        return;
      }
      const problem = thrown(() => reader.finish());
      assert.equal(problem.code, 'WI1000');
      const details = (problem.parts.details ?? []).map(({ message }) => message);
      assert.equal(details.length, mistakes.length, details.join('\n'));
      for (const [index, pattern] of mistakes.entries()) assert.match(details[index]!, pattern);
    });
  }

  it('reports the mistakes of all inputs together', () => {
    Object.assign(agent.inputs, { concurrency: 'x', role: 'y', clusters: 'z' });
    const reader = new InputReader(agent);
    reader.text('identity');
    reader.integer('concurrency', { min: 1, max: 100, fallback: 10 });
    reader.choice('role', ['AcrPull', 'AcrPush']);
    reader.clusters('clusters', subscription);
    const problem = thrown(() => reader.finish());
    assert.equal(problem.parts.what, '4 inputs of FederateServiceAccount cannot be used');
    assert.deepEqual(problem.parts.details?.map(({ code }) => code), ['WI1001', 'WI1002', 'WI1003', 'WI1004']);
    assert.ok(problem.parts.details.every(({ parts }) => parts.remedy !== ''));
  });

  it('remembers which inputs it was asked for', () => {
    const reader = new InputReader(agent);
    reader.optionalText('a');
    reader.lines('b');
    reader.boolean('c');
    reader.optionalText('a');
    assert.deepEqual(reader.names, ['a', 'b', 'c']);
  });

  it('masks a secret before it can be seen and never tells it', () => {
    agent.inputs.password = 'canary-$(x)';
    const reader = new InputReader(agent);
    assert.equal(reader.secret('password')(), 'canary-$(x)');
    assert.ok(agent.masked.includes('canary-$(x)'));
    assert.ok(!JSON.stringify(thrown(() => reader.finish()).parts).includes('canary'));
  });
});

function thrown(job: () => void): Problem {
  try {
    job();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  assert.fail('nothing was thrown');
}
