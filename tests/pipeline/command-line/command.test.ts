import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { builtTasks, root } from '../../e2e/built-tasks.js';
import { runProcess } from '../../tools/run-process.js';
import { runCommand } from './command.js';
import { commandWorlds } from './worlds.js';

interface Said {
  readonly code: number;
  readonly out: readonly string[];
  readonly errors: readonly string[];
}

describe('npm run pipeline', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'command-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  async function command(...args: readonly string[]): Promise<Said> {
    const [out, errors]: [string[], string[]] = [[], []];
    const code = await runCommand(args, { folder, print: (line) => void out.push(...line.split('\n')), printError: (line) => void errors.push(line), worlds: commandWorlds, signal: new AbortController().signal, colour: false });
    return { code, out, errors };
  }
  const inMemory = (yaml: string, ...args: readonly string[]): Promise<Said> => {
    writeFileSync(join(folder, 'mine.yml'), yaml);
    return command('mine.yml', '--world', 'memory', ...args);
  };

  it('runs a file with its parameters, reason and branch, and ends with 0', async () => {
    const yaml = `
parameters:
  - { name: text, type: string }
  - { name: count, type: number }
  - { name: flag, type: boolean }
  - { name: legs, type: object }
jobs:
  - job: J
    strategy:
      matrix:
        \${{ each leg in parameters.legs }}:
          \${{ leg }}: { v: x }
    steps:
      - \${{ if and(parameters.flag, gt(parameters.count, 1)) }}:
        - script: echo "said \${{ parameters.text }} $(System.JobName) \${{ variables['Build.Reason'] }} $(Build.SourceBranch) $(Build.DefinitionName)"
`;
    const { code, out, errors } = await inMemory(yaml, '--param', 'text=1.30', '--param', 'count=2', '--param', 'flag=true', '--param', 'legs=[one, two]', '--reason', 'Schedule', '--branch', 'refs/heads/x');
    assert.deepEqual(errors, []);
    assert.equal(code, 0, out.join('\n'));
    for (const leg of ['one', 'two']) assert.ok(out.includes(`said 1.30 ${leg} Schedule refs/heads/x mine`), out.join('\n'));
    assert.deepEqual(out.slice(-6), ['', '__default: Succeeded', '  J: Succeeded', '    one: Succeeded', '    two: Succeeded', 'pipeline: Succeeded']);
  });

  it('ends with 0 for a success with issues, with 1 for a failure', async () => {
    assert.equal((await inMemory('steps: [{ script: exit 1, continueOnError: true }]')).code, 0);
    const failed = await inMemory('steps: [{ script: exit 1 }]');
    assert.deepEqual([failed.code, failed.out.at(-1)], [1, 'pipeline: Failed']);
  });

  it('prints every refusal with its place, runs nothing, and ends with 2', async () => {
    const { code, out, errors } = await inMemory('parameters:\n  - { name: x, type: number }\nsteps:\n  - task: Nothing@1\n  - checkout: other\n', '--param', 'x=1');
    assert.equal(code, 2);
    assert.deepEqual(errors, [
      "mine.yml:4:5: A task is missing. The pipeline references a task called 'Nothing' in version 1, which is not among the bundled tasks.",
      "mine.yml:5:5: not supported by the local runner: the checkout of 'other' without a local folder for it",
      'The pipeline is refused for 2 reasons. Nothing has run.',
    ]);
    assert.ok(!out.some((line) => line.startsWith('Starting')));
    const wrong = await inMemory('parameters:\n  - { name: x, type: number }\nsteps: [{ script: x }]\n', '--param', 'x=many', '--param', 'y=1');
    assert.equal(wrong.code, 2);
    assert.ok(wrong.errors.some((line) => line.includes("'x' parameter value 'many' is not a valid Number")) && wrong.errors.some((line) => line.includes("Unexpected parameter 'y'")), wrong.errors.join('\n'));
  });

  it('prints every wrong argument, and ends with 2', async () => {
    const { code, out, errors } = await command('none.yml', '--world', 'moon');
    assert.deepEqual([code, out.length, errors.length], [2, 0, 2]);
  });

  it('checks without running', async () => {
    const { code, out } = await inMemory('steps: [{ script: echo ran }]', '--check');
    assert.deepEqual([code, out], [0, ['mine.yml would run in world memory.']]);
    assert.equal((await inMemory('steps: [{ script: echo $(x), condition: nope() }]', '--check')).code, 2);
    for (const name of ['azure-pipelines.yml', 'audit-pipeline.yml']) {
      const contoso = await command(join(root, 'tests/fixtures/contoso', name), '--check');
      assert.equal(contoso.code, 0, contoso.errors.join('\n'));
    }
  });

  it('says what the stand-in for PublishTestResults would publish', async () => {
    writeFileSync(join(folder, 'TEST-1.xml'), '<testsuite name="s"><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>');
    const { code, out, errors } = await inMemory('steps: [{ task: PublishTestResults@2, inputs: { testRunTitle: mine } }]');
    assert.deepEqual([code, errors], [0, []], out.join('\n'));
    assert.ok(out.some((line) => line.startsWith("Published test run 'mine'") && line.endsWith('suites 1, cases 2, failures 1, skipped 0')), out.join('\n'));
  });

  it('keeps artifacts where asked, and takes repositories', async () => {
    writeFileSync(join(folder, 'x.txt'), 'x');
    const { code, errors } = await inMemory('steps: [{ checkout: lib }, { publish: x.txt, artifact: kept }]', '--artifacts', 'out', '--repository', 'lib=.');
    assert.equal(code, 0, errors.join('\n'));
    assert.deepEqual(readdirSync(join(folder, 'out')), ['kept']);
  });

  it('offers machines for rolling deployments in the world memory', async () => {
    const { code, out } = await inMemory('jobs: [{ deployment: D, environment: { name: farm, resourceType: VirtualMachine }, strategy: { rolling: { maxParallel: 2, deploy: { steps: [{ script: echo on $(Agent.MachineName) }] } } } }]');
    assert.equal(code, 0);
    assert.deepEqual(out.filter((line) => line.startsWith('on ')).toSorted(), ['on vm1', 'on vm2', 'on vm3']);
  });

  it('explains itself', async () => {
    const help = await command('--help');
    assert.equal(help.code, 0);
    for (const option of ['param', 'world', 'reason', 'branch', 'root', 'repository', 'artifacts', 'containers-on-host', 'check', 'list-worlds', 'help']) assert.ok(help.out.some((line) => line.startsWith(`  --${option}`)), option);
    const worlds = await command('--list-worlds');
    assert.ok(worlds.out.includes('  service connections  contoso-nonprod, contoso-nonprod-plan, contoso-prod, contoso-prod-plan, contoso-nonprod-audit, contoso-prod-audit, contoso-all'));
    assert.ok(worlds.out.some((line) => /^ {2}variable groups {6}wi-nonprod \(clusters, keyVault, /.test(line)));
  });

  describe('with the bundled tasks, in the world contoso', () => {
    const file = 'tests/fixtures/pipelines/clusters.yml';
    before(async () => {
      await builtTasks();
    });

    it('runs somebody’s file as a child process', async function () {
      this.timeout(60_000);
      const env = { PATH: process.env.PATH ?? '', HOME: folder, INIT_CWD: root };
      const { code, stdout, stderr } = await runProcess(process.execPath, ['--import', join(root, 'node_modules/tsx/dist/loader.mjs'), join(root, 'tests/pipeline/command-line/main.ts'), file, '--param', 'greeting=hello', '--reason', 'PullRequest'], env);
      assert.equal(stderr, '');
      assert.equal(code, 0, stdout);
      const lines = stdout.split('\n');
      assert.ok(lines.includes('Running tests/fixtures/pipelines/clusters.yml in world contoso …'));
      assert.equal(lines.filter((line) => /^hello \w+, in a run for PullRequest$/.test(line)).length, 2);
      assert.ok(lines.some((line) => line.includes('aks-dev-weu-1') && line.includes('OIDC issuer off → on')), stdout);
      assert.ok(lines.some((line) => line.includes('aks-test-weu-1') && line.includes('workload identity off → on')));
      assert.equal(lines.filter((line) => line.startsWith('    ') && line.endsWith(': Succeeded')).length, 2);
      assert.equal(lines.at(-2), 'pipeline: Succeeded');
    });

    it('refuses what the organisation does not have', async () => {
      const { code, errors } = await command(join(root, file), '--param', 'greeting=x', '--param', 'ring=moon', '--check');
      assert.equal(code, 2);
      assert.ok(errors.some((line) => line.includes("'ring' parameter value 'moon' is not a valid value")), errors.join('\n'));
    });
  });
});
