import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { MemoryWorld } from '../memory-world.js';
import { PipelineRefused } from '../problems.js';
import { Bench, connection } from '../run/harness.js';

const inputs = [
  { name: 'azureSubscriptionEndpoint', aliases: ['azureSubscription'], type: 'connectedService:AzureRM', required: true },
  { name: 'scope', type: 'pickList', defaultValue: 'one', required: true },
  { name: 'clusters', type: 'string', required: true, visibleRule: 'scope = many' },
  { name: 'grouped', type: 'string', required: true, groupName: 'advanced' },
];
const groups = [{ name: 'advanced', displayName: 'Advanced', visibleRule: 'scope = all' }];

describe('refusals before the run', () => {
  let bench: Bench;
  const world = new MemoryWorld({
    connections: [connection, { ...connection, name: 'locked', authorized: false }, { ...connection, name: 'hub', type: 'dockerregistry' }],
    groups: [{ name: 'closed', variables: {}, authorized: false }],
  });
  const step = (text: string): readonly string[] => bench.refusals(`steps:\n  - ${text}\n`, { world });

  beforeEach(() => {
    bench = new Bench();
    bench.task('Known', 'process.exitCode = 0;', { inputs, groups });
  });
  afterEach(() => {
    bench.close();
  });

  it('accepts a task with its inputs, by alias and by id', () => {
    assert.deepEqual(step('{ task: Known@1, inputs: { azureSubscription: sc-dev } }'), []);
    assert.deepEqual(step(`{ task: contoso.ext.tasks.Known@1, inputs: { azuresubscriptionendpoint: ${connection.id} } }`), []);
  });

  it('names unknown tasks and the versions there are', () => {
    assert.deepEqual(step('{ task: Unknown@1 }'), ["pipeline.yml:2:5: A task is missing. The pipeline references a task called 'Unknown' in version 1, which is not among the bundled tasks."]);
    assert.deepEqual(step('{ task: Known@2 }'), ["pipeline.yml:2:5: A task is missing. The pipeline references a task called 'Known' in version 2, which is not among the bundled tasks. Installed: Known@1."]);
    assert.deepEqual(step('{ task: Known }'), ["pipeline.yml:2:5: A task is named Name@MajorVersion, not 'Known'. Installed: Known@1."]);
  });

  it('checks the names of inputs', () => {
    assert.deepEqual(step('{ task: Known@1, inputs: { azureSubscription: sc-dev, connecitonType: x } }'), ["pipeline.yml:2:75: The task Known@1 has no input 'connecitonType'."]);
    assert.deepEqual(step('{ task: Known@1, inputs: { azureSubscription: sc-dev, azureSubscriptionEndpoint: sc-dev } }'), [
      "pipeline.yml:2:86: The input 'azureSubscriptionEndpoint' of Known@1 is given twice: 'azureSubscription' and 'azureSubscriptionEndpoint'.",
    ]);
  });

  it('asks for required inputs that are visible', () => {
    assert.deepEqual(step('{ task: Known@1 }'), ["pipeline.yml:2:5: A value is required for the input 'azureSubscriptionEndpoint' of Known@1."]);
    assert.deepEqual(step('{ task: Known@1, inputs: { azureSubscription: sc-dev, scope: many } }'), ["pipeline.yml:2:5: A value is required for the input 'clusters' of Known@1."]);
    assert.deepEqual(step('{ task: Known@1, inputs: { azureSubscription: sc-dev, scope: all } }'), ["pipeline.yml:2:5: A value is required for the input 'grouped' of Known@1."]);
  });

  it('refuses service connections that are named at run time, unknown, not authorized, or of another type', () => {
    const refused = (name: string): string => step(`{ task: Known@1, inputs: { azureSubscription: ${name} } }`).join('\n');
    assert.match(refused('$(connection)'), /^pipeline\.yml:2:51: Input 'azureSubscriptionEndpoint' names a service connection by a runtime variable, \$\(connection\)\./);
    assert.match(refused('nobody'), /^pipeline\.yml:2:51: .*references service connection nobody which could not be found/);
    assert.match(refused('locked'), /references service connection locked which could not be found/);
    assert.match(refused('hub'), /expects a service connection of type AzureRM but hub is of type dockerregistry/);
  });

  it('refuses unknown environments and variable groups', () => {
    const yaml = 'variables: [{ group: closed }, { group: none }]\njobs:\n  - { deployment: D, environment: nowhere, strategy: { runOnce: { deploy: { steps: [{ script: x }] } } } }\n';
    assert.deepEqual(bench.refusals(yaml, { world }), [
      'pipeline.yml:1:13: Variable group closed could not be found. The variable group does not exist or has not been authorized for use.',
      'pipeline.yml:1:32: Variable group none could not be found. The variable group does not exist or has not been authorized for use.',
      'pipeline.yml:3:35: Job D: Environment nowhere could not be found. The environment does not exist or has not been authorized for use.',
    ]);
  });

  it('checks conditions where they stand', () => {
    assert.deepEqual(step("{ script: x, condition: \"eq(dependencies.A.result, 'x')\" }"), ["pipeline.yml:2:29: Unrecognized value: 'dependencies'. Located at position 4 within expression: eq(dependencies.A.result, 'x')."]);
    assert.deepEqual(step('{ script: x, condition: "succeeded(\'A\')" }').length, 1);
    assert.match(step('{ script: x, condition: "eq($(a), 1)" }').join(), /Unexpected symbol: '\$/);
    const stage = "stages:\n  - stage: A\n    condition: eq(stageDependencies.B.C.result, 'x')\n    jobs: [{ job: J, condition: \"eq(parameters.x, 1)\", variables: { v: '$[ nope ]' }, steps: [{ script: x }] }]\n";
    assert.deepEqual(bench.refusals(stage).map((problem) => problem.replace(/ Located.*/, '')), [
      "pipeline.yml:3:16: Unrecognized value: 'stageDependencies'.",
      "pipeline.yml:4:33: Unrecognized value: 'parameters'.",
      "pipeline.yml:4:69: Unrecognized value: 'nope'.",
    ]);
  });

  it('checks names and dependencies of stages and jobs', () => {
    const job = (name: string, after: string): string => `{ job: ${name}, dependsOn: [${after}], steps: [{ script: x }] }`;
    const yaml = `stages:\n  - { stage: A, dependsOn: Z, jobs: [${job('J', 'K')}, ${job('K', 'J')}, ${job('k', '')}] }\n  - { stage: b-c, jobs: [${job('L', '')}] }\n  - { stage: E, jobs: [] }\n`;
    const found = bench.refusals(yaml).map((problem) => problem.replace(/^[^ ]+ /, ''));
    assert.deepEqual(found, [
      'The stage A depends on unknown stage Z.',
      "The stage name b-c is not valid. Names may only contain alphanumeric characters and '_' and cannot start with a number.",
      'The job name k appears more than once. Names must be unique.',
      'The job dependencies of J, K form a circle.',
      'Stage E must contain at least one job.',
    ]);
  });

  it('throws before anything runs', async () => {
    await assert.rejects(bench.run('steps: [{ script: echo ran }, { task: Unknown@1 }]', { output: () => assert.fail('nothing may be printed') }), PipelineRefused);
  });
});
