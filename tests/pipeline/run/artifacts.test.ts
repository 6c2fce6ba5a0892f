import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { MemoryWorld } from '../memory-world.js';
import { Artifacts } from './artifacts.js';
import { isMatch } from './globs.js';
import { Bench } from './harness.js';

describe('artifacts', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => {
    bench.close();
  });

  const make = 'bash: mkdir -p "$BUILD_ARTIFACTSTAGINGDIRECTORY/sub" && echo plan > "$BUILD_ARTIFACTSTAGINGDIRECTORY/a.json" && echo note > "$BUILD_ARTIFACTSTAGINGDIRECTORY/sub/b.txt"';

  it('publishes files and folders and brings them to jobs of the same stage and of later ones', async () => {
    bench.file('readme.md', 'text of the sources');
    const { result, lines, step } = await bench.run(`
stages:
  - stage: plan
    jobs:
      - job: A
        steps:
          - { ${make} }
          - { publish: $(Build.ArtifactStagingDirectory), artifact: plan-$(System.StageName)-$(System.JobAttempt), name: p }
          - { publish: readme.md, artifact: notes }
      - { job: B, dependsOn: A, steps: [{ download: current, artifact: plan-plan-1 }, { script: 'cd "$PIPELINE_WORKSPACE" && echo "B $(cat plan-plan-1/a.json plan-plan-1/sub/b.txt | xargs) $(ls | xargs)"' }] }
  - stage: apply
    jobs:
      - job: C
        steps:
          - download: current
            patterns: |
              **/*.json
              notes/**
          - script: 'cd "$PIPELINE_WORKSPACE" && echo "C $(find plan-plan-1 notes -type f | sort | xargs)"'
      - { job: D, steps: [{ script: 'ls "$PIPELINE_WORKSPACE" | xargs echo D' }] }
`);
    assert.equal(result.result, 'Succeeded', lines.join('\n'));
    assert.ok(lines.includes('Published artifact plan-plan-1: 2 files') && lines.includes('Published artifact notes: 1 files'));
    assert.ok(lines.some((line) => /^B plan note .* plan-plan-1$/.test(line) && !line.includes('notes')), lines.join('\n'));
    assert.ok(lines.includes('C notes/readme.md plan-plan-1/a.json'), lines.join('\n'));
    assert.ok(lines.includes('D _temp a b'), 'jobs download nothing by themselves');
    assert.equal(step('plan.A.p').displayName, 'Publish');
  });

  it('refuses a second artifact of the same name, as the service does', async () => {
    bench.file('x.txt', 'x');
    const { step } = await bench.run('steps:\n  - { publish: x.txt, artifact: one, name: first }\n  - { publish: x.txt, artifact: one, name: second }\n', { buildId: 7 });
    assert.equal(step('__default.Job.first').result, 'Succeeded');
    assert.equal(step('__default.Job.second').result, 'Failed');
    assert.match(step('__default.Job.second').issues[0]?.message ?? '', /^Artifact one already exists for build 7\. .*\$\(System\.JobAttempt\)/);
  });

  it('gives an artifact without a name one that is unique to its job', async () => {
    bench.file('x.txt', 'x');
    const artifactsFolder = join(bench.folder, 'kept');
    const { result } = await bench.run('jobs:\n  - { job: A, steps: [{ publish: x.txt }] }\n  - { job: B, steps: [{ publish: x.txt }] }\n', { artifactsFolder });
    assert.equal(result.result, 'Succeeded');
    assert.equal(new Artifacts(artifactsFolder, 1).names().length, 2);
  });

  it('says what is wrong with a path, a name or a wish', async () => {
    bench.file('out/.artifactignore', '*.tmp');
    bench.file('out/a.txt', 'x');
    const { step } = await bench.run(`
steps:
  - { publish: gone, artifact: a, name: path, continueOnError: true }
  - { publish: out/a.txt, artifact: a/b, name: slash, continueOnError: true }
  - { publish: out, artifact: c, name: ignore, continueOnError: true }
  - { download: current, artifact: none, name: empty, continueOnError: true }
  - { publish: out/a.txt, artifact: there }
  - { download: current, artifact: none, name: missing, continueOnError: true }
`);
    const message = (name: string): string => step(`__default.Job.${name}`).issues[0]?.message ?? '';
    assert.match(message('path'), /^Path does not exist: .*gone\. Make the file/);
    assert.match(message('slash'), /^Artifact name is not valid: a\/b\./);
    assert.match(message('ignore'), /^not supported by the local runner: .*\.artifactignore$/);
    assert.equal(message('empty'), 'Artifact none was not found for build 1. It has no artifacts.');
    assert.equal(message('missing'), 'Artifact none was not found for build 1. It has there.');
  });

  it('downloads everything in a deploy hook, unless a step says otherwise', async () => {
    bench.file('x.txt', 'x');
    const world = new MemoryWorld({ environments: ['dev'] });
    const look = `{ script: 'test -e "$PIPELINE_WORKSPACE/one/x.txt" && echo "$SYSTEM_PHASENAME has" || echo "$SYSTEM_PHASENAME none"' }`;
    const deploy = (name: string, first: string): string => `  - { deployment: ${name}, dependsOn: P, environment: dev, strategy: { runOnce: { deploy: { steps: [${first}${look}] } } } }\n`;
    const { lines, job } = await bench.run(`jobs:\n  - { job: P, steps: [{ publish: x.txt, artifact: one }, { publish: x.txt, artifact: two }] }\n${deploy('Auto', '')}${deploy('None', '{ download: none }, ')}${deploy('Other', '{ download: current, artifact: two }, ')}`, { world });
    for (const line of ['Auto has', 'None none', 'Other none']) assert.ok(lines.includes(line), lines.join('\n'));
    assert.deepEqual(job('__default.Auto').steps.map(({ name }) => name), ['Download', 'CmdLine']);
    assert.deepEqual(job('__default.None').steps.map(({ result }) => result), ['Skipped', 'Succeeded']);
  });

  it('refuses artifacts of other pipelines by name', () => {
    assert.deepEqual(bench.refusals('steps: [{ download: upstream, artifact: x }]'), ["pipeline.yml:1:21: not supported by the local runner: the download of artifacts of another pipeline, 'upstream'"]);
  });

  it('leaves what was published as it was when the job goes on', () => {
    const folder = join(bench.folder, 'out');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a'), 'first');
    const artifacts = new Artifacts(join(bench.folder, 'store'), 1);
    artifacts.publish('one', folder);
    writeFileSync(join(folder, 'a'), 'second');
    artifacts.download(join(bench.folder, 'w'), 'one', []);
    assert.equal(readFileSync(join(bench.folder, 'w', 'one', 'a'), 'utf8'), 'first');
  });

  for (const [path, patterns, expected] of [
    ['a.json', [], true],
    ['sub/a.json', ['*.json'], false],
    ['sub/a.json', ['**/*.json'], true],
    ['a.json', ['**/*.JSON'], true],
    ['sub/deep/a.json', ['sub/**'], true],
    ['sub/deep/a.json', ['sub/*/?.json'], true],
    ['sub/a.json', ['**', '!sub/**'], false],
    ['sub/a.json', ['!sub/**', '**/a.*'], true],
    ['a+b.json', ['a+b.json'], true],
  ] as const) {
    it(`${path} ${expected ? 'matches' : 'does not match'} [${patterns.join(' ')}]`, () => {
      assert.equal(isMatch(path, patterns), expected);
    });
  }
});

describe('what a run knows of its cause', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => {
    bench.close();
  });
  const yaml = `
variables: { seen: "\${{ variables['Build.Reason'] }} \${{ variables['Build.SourceBranch'] }}" }
stages:
  - stage: One
    jobs:
      - job: J
        steps:
          - script: echo "$(seen) / $(Build.Reason) $(Build.SourceBranch) $(Build.SourceBranchName) $(System.StageName) $(System.StageAttempt) $(System.JobAttempt) $(System.PhaseName) [$SYSTEM_PULLREQUEST_TARGETBRANCH]"
          - \${{ if eq(variables['Build.Reason'], 'PullRequest') }}:
            - script: echo only for a pull request
  - \${{ if ne(variables['Build.Reason'], 'PullRequest') }}:
    - { stage: Two, condition: "ne(variables['Build.Reason'], 'Schedule')", jobs: [{ job: J, steps: [{ script: echo x }] }] }
`;

  for (const [options, line, stages] of [
    [{}, 'Manual refs/heads/main / Manual refs/heads/main main One 1 1 J []', ['Succeeded', 'Succeeded']],
    [{ reason: 'PullRequest' }, 'PullRequest refs/pull/1/merge / PullRequest refs/pull/1/merge merge One 1 1 J [refs/heads/main]', ['Succeeded']],
    [{ reason: 'Schedule', sourceBranch: 'refs/heads/feature/tools' }, 'Schedule refs/heads/feature/tools / Schedule refs/heads/feature/tools tools One 1 1 J []', ['Succeeded', 'Skipped']],
  ] as const) {
    it(`${JSON.stringify(options)}: when it compiles and while it runs`, async () => {
      const { result, lines } = await bench.run(yaml, options);
      assert.ok(lines.includes(line), lines.join('\n'));
      assert.equal(lines.includes('only for a pull request'), 'reason' in options && options.reason === 'PullRequest');
      assert.deepEqual(result.stages.map((stage) => stage.result), stages);
    });
  }
});
