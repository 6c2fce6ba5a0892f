import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Bench } from './harness.js';
import { parseLegs } from './instances.js';

const out = (name: string, value: string): string => `{ bash: 'echo "##vso[task.setvariable variable=${name};isOutput=true]${value}"', name: s }`;

describe('copies of a job', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => {
    bench.close();
  });

  it('runs a leg of a literal matrix with its variables, stronger than those of the job', async () => {
    const { result, lines, job } = await bench.run(`
jobs:
  - job: Build
    displayName: Build it
    variables: { os: none, kept: k }
    strategy:
      matrix:
        linux: { os: Linux, version: 1.30 }
        mac: { os: macOS }
        plain:
    steps:
      - script: echo "[$(os)] [$VERSION] $(kept) $(System.PhaseName) $(System.JobName) $(System.JobDisplayName) $(System.JobPositionInPhase)/$(System.TotalJobsInPhase) $(System.JobIdentifier)"
`);
    assert.equal(result.result, 'Succeeded', lines.join('\n'));
    assert.deepEqual(lines.filter((line) => line.startsWith('[')), [
      '[Linux] [1.30] k Build linux Build it linux 1/3 __default.Build.linux',
      '[macOS] [] k Build mac Build it mac 2/3 __default.Build.mac',
      '[none] [] k Build plain Build it plain 3/3 __default.Build.plain',
    ]);
    assert.deepEqual(job('__default.Build').instances.map(({ name, result: one }) => `${name} ${one}`), ['linux Succeeded', 'mac Succeeded', 'plain Succeeded']);
    assert.equal(job('__default.Build').steps.length, 3);
  });

  it('takes a matrix from an output of a job before it, and of a stage before it', async () => {
    const { result, lines, job } = await bench.run(`
stages:
  - stage: Select
    jobs:
      - job: generator
        steps:
          - bash: |
              echo "##vso[task.setvariable variable=legs;isOutput=true]{'a':{'myvar':'A'},\\"b\\":{\\"myvar\\":\\"B, \\\\\\"x\\\\\\"\\",\\"n\\":2,\\"t\\":true}}"
            name: mtrx
      - job: runner
        dependsOn: generator
        strategy: { matrix: "$[ dependencies.generator.outputs['mtrx.legs'] ]" }
        steps:
          - script: echo "same $(System.JobName) $MYVAR [$N] [$T]"
  - stage: Apply
    jobs:
      - job: runner
        variables: { legs: "$[ stageDependencies.Select.generator.outputs['mtrx.legs'] ]" }
        strategy: { matrix: "$[ variables.legs ]" }
        steps: [{ script: 'echo "later $(System.JobName) $MYVAR"' }]
`);
    assert.equal(result.result, 'Succeeded', lines.join('\n'));
    for (const line of ['same a A [] []', 'same b B, "x" [2] [True]', 'later a A', 'later b B, "x"']) assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
    assert.deepEqual(job('Apply.runner').instances.map(({ name }) => name), ['a', 'b']);
  });

  it('names outputs by leg, within and across stages, in variables and conditions', async () => {
    const { result, lines } = await bench.run(`
stages:
  - stage: One
    jobs:
      - job: M
        strategy: { matrix: { a: { v: from-a }, b: { v: from-b } } }
        steps: [${out('o', '$(v)')}]
      - job: Seen
        dependsOn: M
        condition: and(succeeded(), eq(dependencies.M.outputs['b.s.o'], 'from-b'), eq(dependencies.M.result, 'Succeeded'))
        variables: { a: "$[ dependencies.M.outputs['a.s.o'] ]", bare: "$[ dependencies.M.outputs['s.o'] ]" }
        steps: [{ script: 'echo "within $(a) [$(bare)]"' }]
  - stage: Two
    condition: eq(dependencies.One.outputs['M.a.s.o'], 'from-a')
    jobs:
      - job: Across
        condition: eq(stageDependencies.One.M.outputs['a.s.o'], 'from-a')
        variables: { b: "$[ stageDependencies.One.M.outputs['b.s.o'] ]" }
        steps: [{ script: 'echo "across $(b)"' }]
`);
    assert.equal(result.result, 'Succeeded', lines.join('\n'));
    assert.ok(lines.includes('within from-a []') && lines.includes('across from-b'), lines.join('\n'));
  });

  it('lets the other legs run when one fails, and gives dependents the result of all', async () => {
    const { result, job } = await bench.run(`
jobs:
  - { job: M, strategy: { matrix: { a: { code: 0 }, b: { code: 1 }, c: { code: 0 } } }, steps: [{ script: exit $(code), name: s }] }
  - { job: After, dependsOn: M, steps: [{ script: echo no }] }
  - { job: OnFailure, dependsOn: M, condition: "and(failed(), eq(dependencies.M.result, 'Failed'))", steps: [{ script: echo yes }] }
  - { job: Soft, continueOnError: true, strategy: { matrix: { a: { code: 0 }, b: { code: 1 } } }, steps: [{ script: exit $(code) }] }
`);
    assert.deepEqual(job('__default.M').instances.map((one) => one.result), ['Succeeded', 'Failed', 'Succeeded']);
    assert.deepEqual(['M', 'After', 'OnFailure', 'Soft'].map((name) => job(`__default.${name}`).result), ['Failed', 'Skipped', 'Succeeded', 'SucceededWithIssues']);
    assert.equal(result.result, 'Failed');
  });

  it('slices a job, and numbers the slices from 1', async () => {
    const { lines } = await bench.run(`
jobs:
  - job: Slice
    strategy: { parallel: 3, maxParallel: 1 }
    steps: [${out('o', '$(System.JobPositionInPhase)')}, { script: 'echo "$(System.JobName) is $(System.JobPositionInPhase) of $(System.TotalJobsInPhase)"' }]
  - { job: After, dependsOn: Slice, variables: { two: "$[ dependencies.Slice.outputs['Job2.s.o'] ]" }, steps: [{ script: echo "second $(two)" }] }
`);
    for (const line of ['Job1 is 1 of 3', 'Job2 is 2 of 3', 'Job3 is 3 of 3', 'second 2']) assert.ok(lines.includes(line), lines.join('\n'));
  });

  /** Each copy leaves a mark while it runs and says how many there are. */
  const count = "const fs = require('node:fs'); const dir = process.env.INPUT_DIR; fs.mkdirSync(dir, { recursive: true }); const mine = dir + '/' + process.env.SYSTEM_JOBID; fs.writeFileSync(mine, ''); console.log('together ' + fs.readdirSync(dir).length); setTimeout(() => fs.rmSync(mine), 20);";

  for (const [name, strategy, parallelJobs, most] of [['maxParallel', ', maxParallel: 1', 8, 1], ['the number of agents', '', 1, 1]] as const) {
    it(`never runs more legs at once than ${name} allows`, async () => {
      bench.task('Count', count, { inputs: [{ name: 'dir', type: 'string' }] });
      const { lines } = await bench.run(`jobs: [{ job: M, strategy: { matrix: { a: {}, b: {}, c: {} }${strategy} }, steps: [{ task: Count@1, inputs: { dir: '${bench.folder}/marks' } }] }]`, { parallelJobs });
      const seen = lines.flatMap((line) => (line.startsWith('together ') ? [Number(line.slice(9))] : []));
      assert.equal(seen.length, 3);
      assert.equal(Math.max(...seen), most);
    });
  }

  it('runs legs at the same time without maxParallel', async () => {
    bench.task('Meet', "const fs = require('node:fs'); const dir = process.env.INPUT_DIR; fs.mkdirSync(dir, { recursive: true }); fs.writeFileSync(dir + '/' + process.env.SYSTEM_JOBNAME, ''); const timer = setInterval(() => { if (fs.readdirSync(dir).length === 2) { clearInterval(timer); console.log('met'); } }, 2);", { inputs: [{ name: 'dir', type: 'string' }] });
    const { lines } = await bench.run(`jobs: [{ job: M, strategy: { matrix: { a: {}, b: {} } }, steps: [{ task: Meet@1, inputs: { dir: '${bench.folder}/meet' } }] }]`);
    assert.equal(lines.filter((line) => line === 'met').length, 2);
  });

  it('runs once, without variables of a leg, when the matrix has no legs', async () => {
    const { lines, job } = await bench.run(`
jobs:
  - { job: G, steps: [${out('legs', '{}')}] }
  - { job: Empty, dependsOn: G, strategy: { matrix: "$[ dependencies.G.outputs['s.legs'] ]" }, steps: [{ script: 'echo "once $(System.JobName) [$MYVAR]"', name: e }] }
  - { job: Null, dependsOn: G, strategy: { matrix: "$[ dependencies.G.outputs['s.none'] ]" }, steps: [{ script: echo x }] }
`);
    assert.ok(lines.includes('once __default []'), lines.join('\n'));
    assert.deepEqual(job('__default.Null').instances.map(({ name, result }) => [name, result]), [['__default', 'Succeeded']]);
  });

  it('fails a job whose matrix is not usable, by name', async () => {
    const { job, lines } = await bench.run(`
jobs:
  - { job: G, steps: [${out('legs', '{\\"1a\\":{\\"v\\":\\"x\\"}}')}] }
  - { job: M, dependsOn: G, strategy: { matrix: "$[ dependencies.G.outputs['s.legs'] ]" }, steps: [{ script: echo x }] }
  - { job: After, dependsOn: M, steps: [{ script: echo x }] }
`);
    assert.match(job('__default.M').issues[0]?.message ?? '', /leg name 1a is not valid/);
    assert.ok(lines.some((line) => line.startsWith('##[error]Job M: The matrix leg name 1a')));
    assert.deepEqual([job('__default.M').result, job('__default.After').result], ['Failed', 'Skipped']);
  });

  it('never starts a leg that still waits when the run is cancelled', async () => {
    const cancel = new AbortController();
    bench.task('Wait', "process.on('SIGINT', () => process.exit(0)); console.log('ready'); setTimeout(() => process.exit(9), 30000);");
    const { job } = await bench.run('jobs: [{ job: M, strategy: { matrix: { a: {}, b: {} }, maxParallel: 1 }, steps: [{ task: Wait@1 }] }]', {
      signal: cancel.signal,
      output: (line) => {
        if (line === 'ready') cancel.abort(new Error('by hand'));
      },
    });
    assert.deepEqual(job('__default.M').instances.map(({ result, steps }) => [result, steps.length]), [['Canceled', 1], ['Canceled', 0]]);
  });

  describe('as text', () => {
    for (const text of ['', ' ', 'null', '{}']) {
      it(`is empty: '${text}'`, () => {
        assert.deepEqual(parseLegs(text), []);
      });
    }
    for (const [text, message] of [
      ['[1]', /no JSON object/],
      ['legs', /no JSON object: legs/],
      ['{"a":', /no JSON object/],
      ['{"a":{"v":b}}', /no JSON object: b is not quoted/],
      ['{"a":{"v":"x"},"a":{"v":"y"}}', /Map keys must be unique/],
      ['{"a":"x"}', /leg a is no object of variables/],
      ['{"a":{"v":["x"]}}', /variable v of the matrix leg a is no text/],
      [`{"${'x'.repeat(101)}":{}}`, /longer than 100 characters/],
      [JSON.stringify(Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`leg${index}`, {}]))), /has 257 legs\. Azure Pipelines runs at most 256/],
    ] as const) {
      it(`is refused: ${text.slice(0, 40)}`, () => {
        assert.throws(() => parseLegs(text), message);
      });
    }
    it('takes 256 legs', () => {
      assert.equal(parseLegs(JSON.stringify(Object.fromEntries(Array.from({ length: 256 }, (_, index) => [`leg${index}`, {}])))).length, 256);
    });
  });

  it('refuses bad strategies before the run', () => {
    const refused = (strategy: string): readonly string[] => bench.refusals(`jobs:\n  - { job: J, strategy: ${strategy}, steps: [{ script: x }] }\n`).map((problem) => problem.replace(/^pipeline.yml:2:\d+: /, ''));
    assert.deepEqual(refused('{ matrix: { a-b: {}, 1c: {} } }'), [
      "The matrix leg name a-b is not valid. Names may only contain letters, digits and '_' and must start with a letter.",
      "The matrix leg name 1c is not valid. Names may only contain letters, digits and '_' and must start with a letter.",
    ]);
    assert.deepEqual(refused(`{ matrix: { ${Array.from({ length: 257 }, (_, index) => `l${index}: {}`).join(', ')} } }`), ['The matrix has 257 legs. Azure Pipelines runs at most 256: make fewer legs that do more each.']);
    assert.deepEqual(refused('{ matrix: { a: { v: [1] }, b: x } }'), ['The variable v of the matrix leg a is no text.', 'Expected a mapping of variables for the matrix leg b.']);
    assert.deepEqual(refused('{ matrix: $(legs) }'), ["Expected a mapping or a runtime expression $[ ] for 'matrix', found '$(legs)'."]);
    assert.deepEqual(refused("{ matrix: '$[ nope.x ]' }"), ["Unrecognized value: 'nope'. Located at position 1 within expression: nope.x."]);
    assert.deepEqual(refused('{ matrix: [a] }'), ["Expected a mapping for 'matrix'."]);
    assert.deepEqual(refused('{ parallel: 0 }'), ["'parallel' is a whole number from 1 to 256, not 0."]);
    assert.deepEqual(refused('{ parallel: 2, matrix: { a: {} } }'), ["'matrix' and 'parallel' exclude each other."]);
    assert.deepEqual(refused('{ maxParallel: 2 }'), ["The strategy of a job needs 'matrix' or 'parallel'."]);
    assert.deepEqual(refused('{ runOnce: {} }'), ["Unexpected value 'runOnce'", "The strategy of a job needs 'matrix' or 'parallel'."]);
  });
});
