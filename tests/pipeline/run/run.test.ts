import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { MemoryWorld } from '../memory-world.js';
import { Bench } from './harness.js';

describe('running stages and jobs', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => {
    bench.close();
  });

  it('runs scripts, prints headings, and gives variables to later steps', async () => {
    const { result, lines } = await bench.run(`
variables: { who: world, greeting: hello $(who) }
steps:
  - script: |
      echo "$(greeting) $(unknown) $GREETING"
      echo '##vso[task.setvariable variable=next.one]2'
    displayName: Say $(who)
  - bash: echo "$(next.one) $NEXT_ONE $MAPPED"
    env: { MAPPED: m-$(next.one) }
`);
    assert.equal(result.result, 'Succeeded');
    assert.ok(lines.includes('Starting: Say world') && lines.includes('Finishing: Say world'));
    assert.ok(lines.includes('hello world  hello world'), lines.join('\n'));
    assert.ok(lines.includes('2 2 m-2'));
  });

  it('hands outputs to steps, jobs, stages and from deployment jobs', async () => {
    const world = new MemoryWorld({ environments: ['dev'] });
    const { result, lines, job } = await bench.run(
      `
stages:
  - stage: One
    jobs:
      - job: A
        steps:
          - script: echo "##vso[task.setvariable variable=v;isOutput=true]from-a"
            name: s
          - script: echo "same job $(s.v) $(v)"
      - job: B
        dependsOn: A
        condition: and(succeeded(), eq(dependencies.A.outputs['s.v'], 'from-a'))
        variables: { got: "$[ dependencies.A.outputs['s.v'] ]" }
        steps: [{ script: 'echo "other job $(got) result $GOT"' }]
      - deployment: D
        environment: dev
        strategy: { runOnce: { deploy: { steps: [{ bash: 'echo "##vso[task.setvariable variable=v;isOutput=true]from-d"', name: s }] } } }
      - job: E
        dependsOn: D
        variables: { got: "$[ dependencies.D.outputs['D.s.v'] ]", plain: "$[ dependencies.D.outputs['s.v'] ]" }
        steps: [{ script: 'echo "after deployment $(got) [$(plain)]"' }]
  - stage: Two
    condition: and(eq(dependencies.One.outputs['A.s.v'], 'from-a'), eq(dependencies.One.outputs['D.D.s.v'], 'from-d'))
    jobs:
      - job: F
        variables:
          a: $[ stageDependencies.One.A.outputs['s.v'] ]
          d: $[ stageDependencies.One.D.outputs['D.s.v'] ]
          r: $[ stageDependencies.One.D.result ]
        steps: [{ script: 'echo "other stage $(a) $(d) $(r)"' }]
`,
      { world },
    );
    assert.equal(result.result, 'Succeeded', lines.join('\n'));
    for (const line of ['same job from-a $(v)', 'other job from-a result from-a', 'after deployment from-d []', 'other stage from-a from-d Succeeded']) {
      // The shell takes $(v) for a command and prints nothing.
      assert.ok(lines.includes(line.replace(' $(v)', ' ')), `${line}\n${lines.join('\n')}`);
    }
    assert.deepEqual([...job('One.D').outputs], [['D.s.v', 'from-d']]);
  });

  it('skips after a failure, runs what asks for it, and counts continueOnError', async () => {
    const { result, step, job } = await bench.run(`
stages:
  - stage: S
    jobs:
      - job: J
        steps:
          - { script: exit 3, name: soft, continueOnError: true }
          - { script: exit 4, name: hard }
          - { script: echo no, name: normal }
          - { script: echo yes, name: failed, condition: failed() }
          - { script: echo yes, name: always, condition: always() }
          - { script: echo no, name: off, enabled: false, condition: always() }
          - { script: echo yes, name: custom, condition: "eq(variables['Agent.JobStatus'], 'Failed')" }
      - { job: K, dependsOn: J, steps: [{ script: echo no }] }
      - { job: L, dependsOn: [J, K], condition: failed('J'), steps: [{ script: echo yes }] }
      - { job: M, dependsOn: L, condition: "in(dependencies.L.result, 'Succeeded')", steps: [{ script: echo yes }] }
      - { job: N, continueOnError: true, steps: [{ script: exit 1 }] }
  - { stage: T, jobs: [{ job: X, steps: [{ script: echo no }] }] }
  - { stage: U, condition: not(succeeded()), jobs: [{ job: X, steps: [{ script: echo yes }] }] }
  - { stage: V, dependsOn: [], jobs: [{ job: X, steps: [{ script: echo yes }] }] }
`);
    const steps = ['soft', 'hard', 'normal', 'failed', 'always', 'off', 'custom'].map((name) => step(`S.J.${name}`).result);
    assert.deepEqual(steps, ['SucceededWithIssues', 'Failed', 'Skipped', 'Succeeded', 'Succeeded', 'Skipped', 'Succeeded']);
    assert.equal(step('S.J.hard').exitCode, 4);
    assert.deepEqual(step('S.J.hard').issues, [{ type: 'error', message: "Bash exited with code '4'." }]);
    assert.deepEqual(['J', 'K', 'L', 'M', 'N'].map((name) => job(`S.${name}`).result), ['Failed', 'Skipped', 'Succeeded', 'Succeeded', 'SucceededWithIssues']);
    assert.deepEqual(result.stages.map((stage) => stage.result), ['Failed', 'Skipped', 'Succeeded', 'Succeeded']);
    assert.equal(result.result, 'Failed');
  });

  it('asks for approval once per stage, before its first job, for everything its jobs use', async () => {
    const world = new MemoryWorld({ environments: ['dev', 'prd'], groups: [{ name: 'g', variables: {} }], approve: (stage) => stage !== 'prd' });
    const deploy = (name: string): string => `{ deployment: ${name}, environment: ${name === 'P' ? 'prd' : 'dev'}, strategy: { runOnce: { deploy: { steps: [{ script: echo ran-${name} }] } } } }`;
    const { result, lines } = await bench.run(
      `
stages:
  - { stage: plan, jobs: [{ job: A, steps: [{ script: echo ran-A }] }] }
  - { stage: dev, variables: [{ group: g }], jobs: [${deploy('D')}, ${deploy('E')}] }
  - { stage: prd, jobs: [${deploy('P')}] }
  - { stage: skipped, condition: 'false', jobs: [${deploy('D')}] }
`,
      { world },
    );
    assert.deepEqual(world.asked, [
      { stage: 'dev', resources: [{ kind: 'variableGroup', name: 'g' }, { kind: 'environment', name: 'dev' }] },
      { stage: 'prd', resources: [{ kind: 'environment', name: 'prd' }] },
    ]);
    assert.deepEqual(['A', 'D', 'E', 'P'].map((name) => lines.includes(`ran-${name}`)), [true, true, true, false]);
    assert.deepEqual(result.stages.map((stage) => stage.result), ['Succeeded', 'Succeeded', 'Failed', 'Skipped']);
    assert.equal(result.stages[2]?.issues[0]?.message, 'Stage prd was not approved: environment prd.');
  });

  it('gives group variables at run time, hides secrets from scripts and from the log', async () => {
    const world = new MemoryWorld({ groups: [{ name: 'g', variables: { clusters: { value: 'a,b' }, pass: { value: 'canary-pass', isSecret: true } } }] });
    const { lines } = await bench.run(
      `
variables:
  - group: g
  - { name: indirect, value: 'x-$(pass)' }
steps:
  - script: |
      echo "clusters $CLUSTERS [$PASS] [$SECRET_PASS] [$INDIRECT]"
      echo "typed $(pass) mapped $P"
    env: { P: $(indirect) }
`,
      { world },
    );
    assert.ok(lines.includes('clusters a,b [] [] []'), lines.join('\n'));
    assert.ok(lines.includes('typed *** mapped ***'));
    assert.ok(!lines.join('\n').includes('canary'));
  });

  it('gives the token of the job to a script that maps it, and to no other', async () => {
    const { lines } = await bench.run('steps:\n  - script: \'echo "[$SYSTEM_ACCESSTOKEN] $(printf %s "$T" | cut -c1-10) $T"\'\n    env: { T: $(System.AccessToken) }\n');
    assert.ok(lines.includes('[] job-token- ***'), lines.join('\n'));
  });

  it('keeps its own environment to itself', async () => {
    const world = new MemoryWorld({ environmentVariables: { FROM_WORLD: 'yes' } });
    const { lines } = await bench.run('steps: [{ script: \'echo "[$LEAK] $FROM_WORLD $TF_BUILD"\' }]', { world, hostEnvironment: { PATH: process.env.PATH, HOME: '/home/x', LEAK: 'leak' } });
    assert.ok(lines.includes('[] yes True'), lines.join('\n'));
  });

  it('checks sources out for jobs, and for deployment jobs only where a step asks', async () => {
    bench.file('source.txt', 'here');
    const world = new MemoryWorld({ environments: ['dev'] });
    const look = "script: 'test -e source.txt && echo $(System.JobDisplayName)-has || echo $(System.JobDisplayName)-none'";
    const deploy = (name: string, first: string): string => `  - { deployment: ${name}, environment: dev, strategy: { runOnce: { deploy: { steps: [${first}{ ${look} }] } } } }\n`;
    const { lines } = await bench.run(
      `jobs:\n  - { job: A, steps: [{ ${look} }] }\n  - { job: B, steps: [{ checkout: none }, { ${look} }] }\n${deploy('C', '')}${deploy('D', '{ checkout: self }, ')}`,
      { world },
    );
    for (const line of ['A-has', 'B-none', 'C-none', 'D-has']) assert.ok(lines.includes(line), lines.join('\n'));
  });

  it('honours workingDirectory and failOnStderr', async () => {
    bench.file('sub/inner.txt', 'inner');
    const { step, lines } = await bench.run(`
steps:
  - { script: cat inner.txt, workingDirectory: sub, name: cat }
  - { bash: echo oops >&2, failOnStderr: true, name: err }
`);
    assert.ok(lines.includes('inner'));
    assert.equal(step('__default.Job.cat').result, 'Succeeded');
    assert.equal(step('__default.Job.err').result, 'Failed');
  });

  it('fails a step whose condition cannot be evaluated, and a job whose variable cannot', async () => {
    const { step, job } = await bench.run(`
jobs:
  - { job: A, steps: [{ script: echo x, name: s, condition: "gt(1, variables['Build.Reason'])" }] }
  - { job: B, variables: { v: "$[ gt(1, 'x') ]" }, steps: [{ script: echo x }] }
`);
    assert.equal(step('__default.A.s').result, 'Failed');
    assert.match(step('__default.A.s').issues[0]?.message ?? '', /Unable to convert from String to Number/);
    assert.equal(job('__default.B').result, 'Failed');
  });

  it('shows only direct dependencies to jobs and stages', async () => {
    const out = "steps: [{ script: 'echo \"##vso[task.setvariable variable=v;isOutput=true]x\"', name: s }]";
    const { lines } = await bench.run(`
stages:
  - stage: One
    jobs:
      - { job: A, ${out} }
      - { job: B, dependsOn: A, ${out} }
      - { job: C, dependsOn: B, variables: { a: "$[ dependencies.A.outputs['s.v'] ]", b: "$[ dependencies.B.outputs['s.v'] ]" }, steps: [{ script: 'echo "jobs [$A] [$B]"' }] }
  - { stage: Two, jobs: [{ job: X, steps: [{ script: echo x }] }] }
  - stage: Three
    jobs: [{ job: Y, variables: { a: "$[ stageDependencies.One.A.outputs['s.v'] ]" }, steps: [{ script: 'echo "stages [$A]"' }] }]
`);
    assert.ok(lines.includes('jobs [] [x]') && lines.includes('stages []'), lines.join('\n'));
  });

  it('runs stages side by side when asked, without mixing their logs', async () => {
    const meet = (mine: string, theirs: string): string =>
      `const fs = require('node:fs'); console.log('${mine} in'); fs.writeFileSync('${mine}', ''); const timer = setInterval(() => { if (fs.existsSync('${theirs}')) { clearInterval(timer); console.log('${mine} out'); } }, 2);`;
    bench.task('Left', meet('left', 'right'));
    bench.task('Right', meet('right', 'left'));
    const { result, lines } = await bench.run(
      'stages:\n  - { stage: A, jobs: [{ job: J, steps: [{ task: Left@1 }] }] }\n  - { stage: B, dependsOn: [], jobs: [{ job: J, steps: [{ task: Right@1 }] }] }\n',
      { parallelStages: 2 },
    );
    assert.equal(result.result, 'Succeeded');
    const spoken = lines.filter((line) => / (in|out)$/.test(line));
    assert.deepEqual(spoken.toSorted(), ['left in', 'left out', 'right in', 'right out']);
    assert.equal((spoken[0] ?? '').split(' ')[0], (spoken[1] ?? '').split(' ')[0]);
  });

  it('colours the log only when asked', async () => {
    const plain = await bench.run('steps: [{ script: exit 1 }]');
    const coloured = await bench.run('steps: [{ script: exit 1 }]', { colour: true });
    assert.ok(!plain.lines.some((line) => line.includes('\u001b')));
    assert.ok(coloured.lines.includes("\u001b[31m##[error]Bash exited with code '1'.\u001b[0m"));
  });
});
