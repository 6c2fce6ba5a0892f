import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { readArguments } from './arguments.js';
import type { RunRequest } from './arguments.js';

describe('the command line', () => {
  let folder: string;
  const read = (...args: readonly string[]): ReturnType<typeof readArguments> => readArguments(args, ['contoso', 'memory'], folder);
  const request = (...args: readonly string[]): RunRequest => {
    const reading = read(...args);
    assert.ok('request' in reading && reading.request.kind === 'run', JSON.stringify(reading));
    return reading.request;
  };
  const problems = (...args: readonly string[]): readonly string[] => {
    const reading = read(...args);
    assert.ok('problems' in reading, JSON.stringify(reading));
    return reading.problems;
  };

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'arguments-')));
    mkdirSync(join(folder, 'repo', 'ci', '.git'), { recursive: true });
    mkdirSync(join(folder, 'repo', 'ci', 'deep'));
    for (const path of ['a.yml', 'b.yml', 'repo/ci/deep/c.yml']) writeFileSync(join(folder, path), '');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('is a file, and the rest by default', () => {
    assert.deepEqual(request('a.yml'), { kind: 'run', file: join(folder, 'a.yml'), root: folder, world: 'contoso', parameters: {}, repositories: {}, reason: 'Manual', containersOnHost: false, checkOnly: false });
  });

  it('finds the repository around the file', () => {
    assert.equal(request('repo/ci/deep/c.yml').root, join(folder, 'repo', 'ci'));
    assert.equal(request('repo/ci/deep/c.yml', '--root', 'repo').root, join(folder, 'repo'));
  });

  it('takes every option, with a blank or an equals sign', () => {
    const all = request('--world=memory', '--param', 'text=a=b', '--param=count=1.30', '--param', 'list=[{ name: dev }, 2]', '--param', 'map={"a":true}', '--param', 'empty=', 'a.yml', '--reason', 'pullrequest', '--branch', 'refs/pull/9/merge', '--repository', 'lib=repo', '--artifacts', 'kept', '--containers-on-host', '--check');
    assert.deepEqual(all, {
      kind: 'run',
      file: join(folder, 'a.yml'),
      root: folder,
      world: 'memory',
      parameters: { text: 'a=b', count: '1.30', list: [{ name: 'dev' }, 2], map: { a: true }, empty: '' },
      repositories: { lib: join(folder, 'repo') },
      reason: 'PullRequest',
      sourceBranch: 'refs/pull/9/merge',
      artifactsFolder: join(folder, 'kept'),
      containersOnHost: true,
      checkOnly: true,
    });
  });

  it('asks for help or for the worlds without a file', () => {
    assert.deepEqual(read('--help'), { request: { kind: 'help' } });
    assert.deepEqual(read('-h', '--nonsense'), { request: { kind: 'help' } });
    assert.deepEqual(read('--list-worlds'), { request: { kind: 'worlds' } });
  });

  for (const [args, problem] of [
    [[], 'Which pipeline? Give the path of its YAML file.'],
    [['none.yml'], 'The pipeline file none.yml does not exist, or is a folder.'],
    [['repo'], 'The pipeline file repo does not exist, or is a folder.'],
    [['a.yml', 'b.yml'], 'One pipeline file at a time: a.yml, b.yml.'],
    [['a.yml', '--wrld', 'x'], '--wrld is not an option. --help lists them.'],
    [['a.yml', '-x'], '-x is not an option. --help lists them.'],
    [['a.yml', '--world', 'moon'], 'There is no world moon. There are contoso, memory; --list-worlds says what is in them.'],
    [['a.yml', '--world'], '--world needs a value.'],
    [['a.yml', '--world', '--check'], '--world needs a value.'],
    [['a.yml', '--world', 'memory', '--world', 'contoso'], '--world is given 2 times: memory, contoso. Give it once.'],
    [['a.yml', '--check=yes'], '--check takes no value, found yes.'],
    [['a.yml', '--param', 'novalue'], '--param novalue is not of the form NAME=VALUE.'],
    [['a.yml', '--param', '=x'], '--param =x is not of the form NAME=VALUE.'],
    [['a.yml', '--param', 'x=1', '--param', 'x=2'], '--param gives x twice.'],
    [['a.yml', '--param', 'x=[1'], /^--param x begins like an object or a list and is no YAML: /],
    [['a.yml', '--reason', 'Whim'], /^--reason Whim is not a reason of Azure Pipelines\. Those are Manual, /],
    [['a.yml', '--branch', 'main'], '--branch main is no full name. Write refs/heads/main.'],
    [['a.yml', '--root', 'nowhere'], '--root nowhere is not a folder.'],
    [['a.yml', '--repository', 'lib'], '--repository lib is not of the form ALIAS=FOLDER.'],
    [['a.yml', '--repository', 'lib=nowhere'], '--repository lib=nowhere: nowhere is not a folder.'],
  ] as const) {
    it(`refuses [${args.join(' ')}] with one clear error`, () => {
      const [first, ...more] = problems(...args);
      if (typeof problem === 'string') assert.equal(first, problem);
      else assert.match(first ?? '', problem);
      assert.deepEqual(more, []);
    });
  }

  it('says everything that is wrong at once', () => {
    const found = problems('none.yml', '--wrld=x', '--world', 'moon', '--param', 'a', '--reason', 'Whim', '--branch', 'main', '--repository', 'lib=nowhere', '--root', 'nowhere');
    assert.deepEqual(found.map((problem) => problem.split(' ').slice(0, 2).join(' ')), ['--wrld is', 'The pipeline', 'There is', '--reason Whim', '--branch main', '--root nowhere', '--repository lib=nowhere:', '--param a']);
  });
});
