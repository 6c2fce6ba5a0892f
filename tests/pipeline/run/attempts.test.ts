import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { MemoryWorld } from '../memory-world.js';
import { Artifacts } from './artifacts.js';
import { Bench } from './harness.js';

describe('running failed jobs again', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => {
    bench.close();
  });

  it('keeps what went well, with its outputs and artifacts, and counts attempts', async () => {
    bench.file('x.txt', 'x');
    const yaml = `
stages:
  - stage: Plan
    jobs: [{ job: P, steps: [{ bash: 'echo "##vso[task.setvariable variable=v;isOutput=true]planned"; echo ran-P', name: s }, { publish: x.txt, artifact: plan-$(System.JobAttempt) }] }]
  - stage: Apply
    jobs:
      - { job: Good, steps: [{ script: echo ran-Good }] }
      - job: M
        strategy: { matrix: { a: {}, b: {} } }
        variables: { v: "$[ stageDependencies.Plan.P.outputs['s.v'] ]" }
        steps:
          - { publish: x.txt, artifact: $(System.JobName)-$(System.JobAttempt) }
          - bash: echo "ran-$(System.JobName) $(v) stage $(System.StageAttempt) phase $(System.PhaseAttempt) job $(System.JobAttempt)"; test "$(System.JobName)$(System.JobAttempt)" != b1
      - { job: After, dependsOn: M, steps: [{ download: current }, { bash: 'echo "ran-After job $(System.JobAttempt) $(cd "$PIPELINE_WORKSPACE" && ls -d a-* b-* plan-* | xargs)"' }] }
  - { stage: Last, jobs: [{ job: L, steps: [{ script: echo "ran-Last stage $(System.StageAttempt)" }] }] }
`;
    const artifactsFolder = join(bench.folder, 'artifacts');
    const first = await bench.run(yaml, { artifactsFolder });
    const ran = (lines: readonly string[]): readonly string[] => lines.filter((line) => line.startsWith('ran-')).toSorted();
    assert.deepEqual(ran(first.lines), ['ran-Good', 'ran-P', 'ran-a planned stage 1 phase 1 job 1', 'ran-b planned stage 1 phase 1 job 1']);
    assert.deepEqual(first.result.stages.map(({ result }) => result), ['Succeeded', 'Failed', 'Skipped']);
    const second = await bench.run(yaml, { artifactsFolder, previous: first.result });
    assert.deepEqual(ran(second.lines), ['ran-After job 1 a-1 b-1 b-2 plan-1', 'ran-Last stage 1', 'ran-b planned stage 2 phase 2 job 2']);
    assert.ok(second.lines.includes('Kept stage: Plan') && second.lines.includes('Kept job: Good'));
    assert.equal(second.result.result, 'Succeeded');
    assert.deepEqual(second.result.stages.map(({ attempt }) => attempt), [1, 2, 1]);
    assert.deepEqual(second.job('Apply.M').instances.map(({ attempt }) => attempt), [1, 2]);
    assert.deepEqual(new Artifacts(artifactsFolder, 1).names(), ['a-1', 'b-1', 'b-2', 'plan-1']);
  });

  it('runs a deployment again with all its hooks, after asking again', async () => {
    const asking = new MemoryWorld({ environments: ['dev'] });
    const yaml = 'jobs: [{ deployment: D, environment: dev, strategy: { runOnce: { preDeploy: { steps: [{ script: echo ran-pre }] }, deploy: { steps: [{ script: test $(System.JobAttempt) = 2 }] } } } }]';
    const options = { world: asking, artifactsFolder: join(bench.folder, 'artifacts') };
    const first = await bench.run(yaml, options);
    const second = await bench.run(yaml, { ...options, previous: first.result });
    assert.deepEqual([first.result.result, second.result.result], ['Failed', 'Succeeded']);
    assert.ok(second.lines.includes('ran-pre'));
    assert.equal(asking.asked.length, 2);
  });

  it('needs the artifacts of the attempt before', async () => {
    const { result } = await bench.run('steps: [{ script: exit 1 }]');
    await assert.rejects(bench.run('steps: [{ script: exit 1 }]', { previous: result }), /needs 'artifactsFolder'/);
  });
});
