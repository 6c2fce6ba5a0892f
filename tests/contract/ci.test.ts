import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const project = join(import.meta.dirname, '..', '..');

interface Outcome {
  readonly code: number | null;
  readonly lastLine: string;
  readonly output: string;
  /** What the fake npm was called with. */
  readonly calls: readonly string[];
}

describe('.ci/run', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ci-'));
    await mkdir(join(folder, 'bin'));
    await cp(join(project, '.ci'), join(folder, 'clone', '.ci'), { recursive: true });
  });

  afterEach(() => rm(folder, { recursive: true }));

  /** Runs the script with an npm whose commands behave as told, in shell. */
  async function run(behaviour: { ci?: string; demo?: string; test: string; assets?: string; kube?: string; realDemo?: string }): Promise<Outcome> {
    const npm = join(folder, 'bin', 'npm');
    const cases = `ci) ${behaviour.ci ?? 'true'};; "run demo") ${behaviour.demo ?? 'true'};; test) ${behaviour.test};; "run --silent kube-assets") ${behaviour.assets ?? 'exit 2'};; "run test:kube") ${behaviour.kube ?? 'exit 9'};; "run demo -- --kube=real") ${behaviour.realDemo ?? 'exit 9'};; *) exit 9;;`;
    await writeFile(npm, `#!/bin/sh\necho "$PWD $*" >> ${join(folder, 'calls')}\ncase "$*" in ${cases} esac\n`);
    await chmod(npm, 0o755);
    const env = { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH ?? ''}` };
    const child = spawn(join(folder, 'clone', '.ci', 'run'), { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    const calls = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');
    return { code, output, lastLine: output.trimEnd().split('\n').at(-1) ?? '', calls };
  }

  it('runs both commands of the README in the clone, and ends with the counts', async () => {
    const outcome = await run({ test: "printf '\\n  12 passing (3s)\\n\\n'" });
    assert.equal(outcome.lastLine, '12 passed, 0 failed');
    assert.equal(outcome.code, 0);
    const clone = join(folder, 'clone');
    assert.deepEqual(outcome.calls, ['ci', 'run demo', 'ci', 'test', 'run --silent kube-assets'].map((words) => `${clone} ${words}`));
  });

  it('says so where no API server can be built, and runs suite and demo on it where one can', async () => {
    const test = "printf '  5 passing (3s)\\n'";
    assert.match((await run({ test })).output, /^Not run on a real kube-apiserver: /m);
    const real = { test, assets: 'echo building; echo /assets', kube: `test "$KUBEBUILDER_ASSETS" = /assets && printf '  7 passing (4m)\\n'`, realDemo: 'true' };
    const outcome = await run(real);
    assert.deepEqual([outcome.code, outcome.lastLine], [0, '12 passed, 0 failed']);
    assert.doesNotMatch(outcome.output, /Not run/);
    assert.deepEqual(await run({ ...real, kube: "printf '  6 passing (4m)\\n  1 failing\\n'; exit 1" }).then(({ code, lastLine }) => [code, lastLine]), [1, '11 passed, 1 failed']);
    assert.deepEqual(await run({ ...real, kube: 'exit 1', realDemo: 'exit 1' }).then(({ code, lastLine }) => [code, lastLine]), [1, '5 passed, 2 failed']);
    assert.deepEqual(await run({ test, assets: 'exit 1' }).then(({ code, lastLine }) => [code, lastLine]), [1, '5 passed, 1 failed']);
  });

  it('fails with the tests, and reads coloured output', async () => {
    const outcome = await run({ test: "printf '\\033[92m \\033[0m\\033[32m 10 passing\\033[0m (3s)\\n\\033[31m  2 failing\\033[0m\\n'; exit 2" });
    assert.equal(outcome.lastLine, '10 passed, 2 failed');
    assert.equal(outcome.code, 1);
  });

  it('fails when the demo, an install, lint or mocha itself fails', async () => {
    const passing = "printf '  5 passing (3s)\\n'";
    assert.deepEqual(await run({ demo: 'exit 1', test: passing }).then(({ code, lastLine }) => [code, lastLine]), [1, '5 passed, 1 failed']);
    assert.deepEqual(await run({ ci: 'exit 1', test: passing }).then(({ code, lastLine }) => [code, lastLine]), [1, '0 passed, 2 failed']);
    assert.deepEqual(await run({ test: 'echo lint; exit 1' }).then(({ code, lastLine }) => [code, lastLine]), [1, '0 passed, 1 failed']);
    assert.deepEqual(await run({ test: 'true' }).then(({ code, lastLine }) => [code, lastLine]), [1, '0 passed, 1 failed']);
    assert.deepEqual(await run({ test: `${passing}; exit 1` }).then(({ code, lastLine }) => [code, lastLine]), [1, '5 passed, 1 failed']);
  });
});
