import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { MemoryCounters } from '../expressions/runtime.js';
import { Bench } from './harness.js';

describe('expressions of a run', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => {
    bench.close();
  });

  it('counts once a run, whatever evaluates the variable, and goes on in the next', async () => {
    const counters = new MemoryCounters();
    const clock = { ...systemClock(), now: (): Date => new Date('2024-03-07T23:59:59Z') };
    const yaml = `
variables:
  major: 2
  minor: $[ counter(variables.major, 100) ]
stages:
  - stage: A
    condition: ge(variables.minor, 100)
    variables: { day: "$[ format('{0:yyyyMMdd}', pipeline.startTime) ]" }
    jobs:
      - job: J
        variables: { ofDay: "$[ counter(format('{0:yyyyMMdd}', pipeline.startTime), 7) ]" }
        steps: [{ script: 'echo "J $(major).$(minor) $(day).$(ofDay)"' }]
      - job: K
        condition: and(succeeded(), lt(pipeline.startTime, '2024-03-08'))
        steps: [{ script: 'echo "K $(major).$(minor)"' }]
`;
    const options = { counters, clock, definitionName: 'CI' };
    const first = await bench.run(yaml, options);
    assert.equal(first.result.result, 'Succeeded', first.lines.join('\n'));
    assert.ok(first.lines.includes('J 2.100 20240307.7') && first.lines.includes('K 2.100'), first.lines.join('\n'));
    const second = await bench.run(yaml, options);
    assert.ok(second.lines.includes('J 2.101 20240307.8') && second.lines.includes('K 2.101'), second.lines.join('\n'));
    const other = await bench.run(yaml, { ...options, definitionName: 'Release' });
    assert.ok(other.lines.includes('J 2.100 20240307.7'), other.lines.join('\n'));
  });

  it('a counter that fails stops its job, not the run', async () => {
    const { job, result } = await bench.run(`
jobs:
  - job: A
    variables: { n: "$[ counter('x', 'many') ]" }
    steps: [{ script: exit 0 }]
  - job: B
    steps: [{ script: exit 0 }]
`);
    assert.equal(result.result, 'Failed');
    assert.deepEqual(job('__default.A').issues.map((issue) => issue.message), ['Unable to convert from String to Number. Value: many']);
    assert.equal(job('__default.B').result, 'Succeeded');
  });

  it('takes the names of jobs and stages in the status functions of conditions', async () => {
    const { job, result } = await bench.run(`
stages:
  - stage: One
    jobs:
      - job: Good
        steps: [{ script: exit 0 }]
      - job: Bad
        steps: [{ script: exit 1 }]
      - { job: OfGood, dependsOn: [Good, Bad], condition: succeeded('Good'), steps: [{ script: exit 0 }] }
      - { job: OfBad, dependsOn: [Good, Bad], condition: "failed('Bad')", steps: [{ script: exit 0 }] }
      - { job: OfBoth, dependsOn: [Good, Bad], condition: "succeeded('Good', 'Bad')", steps: [{ script: exit 0 }] }
      - { job: Either, dependsOn: [Good, Bad], condition: "succeededOrFailed('Good', 'Bad')", steps: [{ script: exit 0 }] }
      - { job: NotBad, dependsOn: [Good, Bad], condition: "failed('Good')", steps: [{ script: exit 0 }] }
  - stage: Two
    dependsOn: One
    condition: failed('One')
    jobs: [{ job: J, steps: [{ script: exit 0 }] }]
  - stage: Three
    dependsOn: One
    jobs: [{ job: J, steps: [{ script: exit 0 }] }]
`);
    const results = ['OfGood', 'OfBad', 'OfBoth', 'Either', 'NotBad'].map((name) => job(`One.${name}`).result);
    assert.deepEqual(results, ['Succeeded', 'Succeeded', 'Skipped', 'Succeeded', 'Skipped']);
    assert.deepEqual(result.stages.map((stage) => stage.result), ['Failed', 'Succeeded', 'Skipped']);
  });

  it('refuses functions and contexts where they do not belong, before the run', () => {
    const yaml = `
variables:
  a: $[ succeeded() ]
  b: $[ split('a', ',') ]
  c: $[ resources.pipeline.x ]
  d: $[ parameters.x ]
stages:
  - stage: S
    condition: eq(counter('x', 1), 1)
    jobs:
      - job: J
        condition: in(split('a', ','), 'a')
        steps:
          - script: x
            condition: succeeded('J')
          - script: x
            condition: eq(dependencies.J.result, 'Succeeded')
          - script: x
            condition: gt(pipeline.startTime, '2024-01-01')
`;
    assert.deepEqual(bench.refusals(yaml), [
      "pipeline.yml:3:3: Unrecognized function: 'succeeded'. Located at position 1 within expression: succeeded(). The function succeeded is only available in conditions.",
      "pipeline.yml:4:3: Unrecognized function: 'split'. Located at position 1 within expression: split('a', ','). The function split is only available in ${{ }} expressions.",
      'pipeline.yml:5:3: not supported by the local runner: the context resources',
      "pipeline.yml:6:3: Unrecognized value: 'parameters'. Located at position 1 within expression: parameters.x.",
      "pipeline.yml:9:16: Unrecognized function: 'counter'. Located at position 4 within expression: eq(counter('x', 1), 1). The function counter is only available in the value of a variable, as $[ counter('prefix', 1) ].",
      "pipeline.yml:12:20: Unrecognized function: 'split'. Located at position 4 within expression: in(split('a', ','), 'a'). The function split is only available in ${{ }} expressions.",
      "pipeline.yml:15:24: Too many arguments for function 'succeeded'; at most 0: 'succeeded'. Located at position 1 within expression: succeeded('J').",
      "pipeline.yml:17:24: Unrecognized value: 'dependencies'. Located at position 4 within expression: eq(dependencies.J.result, 'Succeeded').",
      "pipeline.yml:19:24: Unrecognized value: 'pipeline'. Located at position 4 within expression: gt(pipeline.startTime, '2024-01-01').",
    ]);
  });

  it('runs the shell steps of typed parameters, which templates see as tasks', async () => {
    bench.file(
      'wrap.yml',
      `
parameters: [{ name: jobs, type: jobList }]
jobs:
  - \${{ each job in parameters.jobs }}:
    - \${{ each pair in job }}:
        \${{ if ne(pair.key, 'steps') }}:
          \${{ pair.key }}: \${{ pair.value }}
      steps:
        - script: echo "before \${{ job.templateContext.name }}"
        - \${{ each step in job.steps }}:
          - \${{ if startsWith(step.task, 'Bash') }}:
            - \${{ step }}
          - \${{ elseif eq(step.task, 'CmdLine@2') }}:
            - script: echo "instead of \${{ step.inputs.script }}"
`,
    );
    const { result, lines } = await bench.run(`
extends:
  template: wrap.yml
  parameters:
    jobs:
      - job: J
        templateContext: { name: context }
        steps:
          - bash: echo "bash in $PWD with $X"
            workingDirectory: $(Pipeline.Workspace)
            env: { X: text }
          - script: anything
`);
    assert.equal(result.result, 'Succeeded', lines.join('\n'));
    assert.ok(lines.includes('before context') && lines.includes('instead of anything'), lines.join('\n'));
    assert.ok(lines.some((line) => /^bash in \/.+ with text$/.test(line)), lines.join('\n'));
  });
});
