import assert from 'node:assert/strict';
import { readVariableGroup, type GroupRequest } from '../../../tasks/_shared/agent/variable-groups.js';
import { FakeAgent } from './fake-agent.js';

const group = { name: 'wi-nonprod', variables: { clusters: { value: 'rg/a' }, key: { value: null, isSecret: true }, odd: 'not an object', leaked: { value: 'canary', isSecret: true } } };

describe('readVariableGroup', () => {
  let agent: FakeAgent;

  beforeEach(() => {
    agent = new FakeAgent();
    Object.assign(agent.variables, { 'System.CollectionUri': 'https://dev.azure.com/contoso/', 'System.TeamProjectId': 'p-id', 'System.TeamProject': 'Fleet' });
  });

  afterEach(() => agent.dispose());

  it('asks with the masked job token, and never hands a secret value out', async () => {
    const requests: GroupRequest[] = [];
    const found = await readVariableGroup(agent, 'WI-NonProd', (request) => {
      requests.push(request);
      return Promise.resolve([{ name: 'wi-nonprod-2', variables: {} }, group]);
    });
    assert.deepEqual(requests, [{ collectionUri: 'https://dev.azure.com/contoso/', project: 'p-id', accessToken: 'job-token', group: 'WI-NonProd' }]);
    assert.ok(agent.masked.includes('job-token'));
    assert.equal(found.name, 'wi-nonprod');
    assert.deepEqual([...found.variables], [
      ['clusters', { value: 'rg/a', isSecret: false }],
      ['key', { value: '', isSecret: true }],
      ['odd', { value: '', isSecret: false }],
      ['leaked', { value: '', isSecret: true }],
    ]);
  });

  it('takes an answer without the group for "no permission or no such name"', async () => {
    await assert.rejects(readVariableGroup(agent, 'other', () => Promise.resolve([group])), /WI1022: The variable group other is not to be seen/);
    await assert.rejects(readVariableGroup(agent, 'other', () => Promise.resolve([])), /WI1022/);
  });

  it('tells refusals from other failures', async () => {
    const failing = (statusCode: number | undefined) => () => Promise.reject(Object.assign(new Error('TF400813: no\nmore'), { statusCode }));
    for (const status of [401, 403]) await assert.rejects(readVariableGroup(agent, 'g', failing(status)), /WI1023: .*TF400813: no$/);
    for (const status of [500, undefined]) await assert.rejects(readVariableGroup(agent, 'g', failing(status)), /WI1029/);
  });

  it('says so when the job does not know where it runs', async () => {
    agent.variables['System.CollectionUri'] = '';
    await assert.rejects(readVariableGroup(agent, 'g', () => Promise.resolve([group])), /WI1029: .*organisation/);
    agent.variables['System.TeamFoundationCollectionUri'] = 'https://vsrm.dev.azure.com/contoso/';
    await assert.rejects(readVariableGroup(agent, 'g', () => Promise.resolve([])), /WI1022/);
  });

  it('does not wait for an answer once the job is cancelled', async () => {
    const asked = readVariableGroup(agent, 'wi-nonprod', () => new Promise(() => undefined));
    agent.cancel();
    await assert.rejects(asked, /WI9002/);
    await assert.rejects(readVariableGroup(agent, 'wi-nonprod', () => new Promise(() => undefined)), /WI9002/);
  });
});
