import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { MemoryWorld } from '../memory-world.js';
import { PipelineRefused } from '../problems.js';
import { Bench, connection } from './harness.js';

const input = { name: 'azureSubscription', type: 'connectedService:AzureRM', required: true };

describe('checks of a stage', () => {
  let bench: Bench;
  const worldThat = (approve: (stage: string) => boolean): MemoryWorld =>
    new MemoryWorld({
      connections: [connection, { ...connection, id: '00000000-0000-4000-8000-00000000000a', name: 'sc-prd' }, { ...connection, id: '00000000-0000-4000-8000-00000000000b', name: 'locked', authorized: false }],
      environments: ['dev', 'prd'],
      groups: [{ name: 'all', variables: {} }, { name: 'own', variables: {} }],
      approve,
    });
  beforeEach(() => {
    bench = new Bench();
    bench.task('Use', "console.log('used ' + process.env.SYSTEM_PHASENAME);", { inputs: [input] });
  });
  afterEach(() => {
    bench.close();
  });

  const use = (name: string): string => `{ task: Use@1, inputs: { azureSubscription: ${name} } }`;

  it('are one question for all that any job, leg or hook of it uses, also what its conditions would leave out', async () => {
    const world = worldThat(() => true);
    const { result } = await bench.run(
      `
variables: [{ group: all }]
stages:
  - stage: S
    jobs:
      - { job: A, strategy: { matrix: { a: {}, b: {} } }, steps: [${use('sc-dev')}] }
      - { job: B, condition: 'false', variables: [{ group: own }], steps: [${use(connection.id)}, ${use('sc-prd')}] }
      - { deployment: C, environment: dev, strategy: { canary: { increments: [10, 20], deploy: { steps: [${use('sc-dev')}] }, on: { failure: { steps: [${use('sc-prd')}] } } } } }
      - { deployment: D, environment: prd, strategy: { runOnce: { deploy: { steps: [{ script: echo x }] } } } }
  - { stage: T, jobs: [{ job: E, steps: [{ script: echo x }] }] }
`,
      { world },
    );
    assert.equal(result.result, 'Succeeded');
    const [first, second, ...more] = world.asked;
    assert.deepEqual([first?.stage, second?.stage, more.length], ['S', 'T', 0]);
    assert.deepEqual(first?.resources.map(({ kind, name }) => `${kind} ${name}`).toSorted(), ['environment dev', 'environment prd', 'serviceConnection sc-dev', 'serviceConnection sc-prd', 'variableGroup all', 'variableGroup own']);
    assert.deepEqual(second?.resources, [{ kind: 'variableGroup', name: 'all' }]);
  });

  it('keep every job of the stage from running until they pass, those that use nothing too', async () => {
    const { lines, result } = await bench.run(`stages:\n  - { stage: S, jobs: [{ job: Free, steps: [{ script: echo free }] }, { job: A, steps: [${use('sc-dev')}] }] }\n`, { world: worldThat(() => false) });
    assert.ok(!lines.some((line) => line === 'free' || line.startsWith('used')));
    assert.deepEqual(result.stages[0]?.issues, [{ type: 'error', message: 'Stage S was not approved: serviceConnection sc-dev.' }]);
  });

  for (const [name, problem] of [
    ['locked', /references service connection locked which could not be found\. The service connection does not exist, has been disabled or has not been authorized for use\.$/],
    ['$(connection)', /names a service connection by a runtime variable, \$\(connection\)/],
  ] as const) {
    it(`never begin for a pipeline that uses ${name}: it is refused before the run, wherever that is`, async () => {
      const world = worldThat(() => true);
      const yaml = `variables: { connection: sc-dev }\nstages:\n  - { stage: S, jobs: [{ job: A, steps: [${use('sc-dev')}] }] }\n  - { stage: T, condition: 'false', jobs: [{ deployment: C, environment: dev, strategy: { runOnce: { deploy: { steps: [{ script: x }] }, on: { failure: { steps: [${use(name)}] } } } } }] }\n`;
      await assert.rejects(bench.run(yaml, { world, output: () => assert.fail('nothing may be printed') }), (error: unknown) => {
        assert.ok(error instanceof PipelineRefused);
        assert.equal(error.problems.length, 1);
        assert.match(error.message, problem);
        assert.match(error.message, /^pipeline\.yml:4:/);
        return true;
      });
      assert.deepEqual(world.asked, []);
    });
  }
});
