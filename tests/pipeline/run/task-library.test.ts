import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { MemoryWorld } from '../memory-world.js';
import { Bench, connection } from './harness.js';

const library = createRequire(import.meta.url).resolve('azure-pipelines-task-lib/task');

/** What Microsoft's own library reads from the environment, and writes, is the contract of the agent. */
describe("the agent, by Microsoft's task library", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => {
    bench.close();
  });

  it('is understood, and understands', async () => {
    bench.task(
      'Lib',
      `
const tl = require(${JSON.stringify(library)});
const id = tl.getInput('azureSubscriptionEndpoint', true);
console.log('inputs', tl.getBoolInput('flag'), tl.getDelimitedInput('names', ',').join('+'), tl.getInput('none'), tl.filePathSupplied('chart'));
console.log('endpoint', tl.getEndpointUrl(id, false), tl.getEndpointAuthorizationScheme(id, false), tl.getEndpointAuthorizationParameter(id, 'serviceprincipalid', false), tl.getEndpointDataParameter(id, 'subscriptionid', false));
console.log('key', tl.getEndpointAuthorizationParameter(id, 'serviceprincipalkey', false).length, tl.getEndpointAuthorization('SYSTEMVSSCONNECTION', false).parameters.AccessToken.startsWith('job-token-'));
console.log('variables', tl.getVariable('my.pass').length, tl.getVariable('plain one'), tl.getVariable('System.TeamProject'), tl.getVariables().filter((one) => one.secret).map((one) => one.name).join());
tl.setVariable('result', '50% ; ] done', false, true);
tl.setVariable('token', 'canary-token', true, true);
tl.warning('careful: 100%\\nsecond line');
console.log('leaks canary-token');
tl.setResult(tl.TaskResult.Failed, 'did not work');
`,
      {
        inputs: [
          { name: 'azureSubscriptionEndpoint', aliases: ['azureSubscription'], type: 'connectedService:AzureRM', required: true },
          { name: 'flag', type: 'boolean', defaultValue: 'true' },
          { name: 'names', type: 'string' },
          { name: 'none', type: 'string' },
          { name: 'chart', type: 'filePath' },
        ],
      },
    );
    const world = new MemoryWorld({ connections: [connection], groups: [{ name: 'g', variables: { 'my.pass': { value: 'canary-pass', isSecret: true } } }] });
    const { lines, step, job } = await bench.run(
      'variables: [{ group: g }, { name: plain one, value: p }]\njobs:\n  - { job: J, steps: [{ task: Lib@1, name: lib, inputs: { azureSubscription: sc-dev, names: "a,b" } }, { script: \'echo "[$(lib.result)] $(lib.token)"\', condition: always() }] }\n',
      { world },
    );
    for (const line of [
      'inputs true a+b undefined false',
      'endpoint https://management.azure.test/ ServicePrincipal client-1 sub-1',
      'key 10 true',
      'variables 11 p Fabrikam my.pass,System.AccessToken',
      'leaks ***',
      '##[warning]careful: 100%',
      'second line',
      '[50% ; ] done] ***',
    ]) {
      assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
    }
    assert.equal(step('__default.J.lib').result, 'Failed');
    assert.equal(step('__default.J.lib').exitCode, 0);
    assert.deepEqual(step('__default.J.lib').issues.map((issue) => issue.message), ['careful: 100%\nsecond line', 'did not work']);
    assert.deepEqual([...job('__default.J').outputs.keys()], ['lib.result', 'lib.token']);
    assert.ok(!lines.join('\n').includes('canary'));
  });
});
