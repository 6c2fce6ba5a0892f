import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { flawsOf } from '../bicep/inspect.js';
import { projectFiles, read, root } from './tree.js';

const files = projectFiles('templates').filter((path) => path.endsWith('.bicep'));
const compiler = spawnSync('bicep', ['--version'], { encoding: 'utf8' });

const compiled = compiler.status === 0;

describe(compiled ? 'the Bicep files' : 'the Bicep files (not compiled: this machine has no program called bicep)', () => {
  it('are found', () => {
    assert.ok(files.length >= 7, files.join());
  });

  for (const path of files) {
    it(`are consistent in themselves and with each other: ${path}`, () => {
      assert.deepEqual(flawsOf(join(root, path)), []);
    });

    it(`begin with what they are for, and are used or described: ${path}`, () => {
      assert.match(read(path), /^\/\/ [A-Z]/);
      const others = files.filter((other) => other !== path && dirname(other) === dirname(path));
      const used = others.some((other) => read(other).includes(`'${basename(path)}'`));
      assert.ok(used || read(`${dirname(path)}/README.md`).includes(basename(path)), 'no file uses it, and no page names it');
    });
  }

  for (const path of compiled ? files : []) {
    it(`compile without a warning with ${compiler.stdout.trim()}: ${path}`, () => {
      const { status, stderr } = spawnSync('bicep', ['build', '--stdout', join(root, path)], { encoding: 'utf8' });
      assert.equal(`${status ?? ''} ${stderr}`.trim(), '0');
    });
  }
});
