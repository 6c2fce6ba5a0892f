import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { otherMajors, otherNode } from '../tools/other-nodes.js';
import { read, readJson, root } from './tree.js';

const programs = process.platform === 'win32' ? ['node.exe', 'node.cmd'] : ['node'];

describe('the Node of whoever runs the tests', () => {
  it('is the one that runs them: no package takes its place', () => {
    const shadows = programs.filter((name) => existsSync(join(root, 'node_modules', '.bin', name)));
    assert.deepEqual(shadows, [], 'a package brings a program "node", which is first on the PATH of every npm run');
    const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !/node_modules|node-gyp-bin/.test(folder));
    const own = folders.map((folder) => join(folder, programs[0] ?? '')).find((path) => existsSync(path));
    assert.ok(own !== undefined, 'there is no node on the PATH');
    assert.equal(execFileSync(own, ['--version'], { encoding: 'utf8' }).trim(), process.version);
  });

  it('is joined by the other ones that agents have, pinned and without hosts, in projects of their own', () => {
    const folders = readdirSync(join(root, 'tests/tools/nodes'));
    assert.deepEqual(folders, ['20', '24']);
    for (const major of folders) {
      const place = `tests/tools/nodes/${major}`;
      assert.ok(!read(`${place}/package-lock.json`).includes('"resolved"'));
      const wanted = Object.values(readJson(`${place}/package.json`).optionalDependencies as Record<string, string>);
      assert.ok(wanted.length >= 4 && wanted.every((version) => new RegExp(`@${major}\\.\\d+\\.\\d+$`).test(version)), wanted.join());
    }
    assert.ok(otherMajors.length > 0);
    for (const major of otherMajors) assert.ok(existsSync(otherNode(major)));
  });

  it('is asked for by name where npm has none for a platform', () => {
    assert.throws(() => otherNode(1), /npm ci --prefix tests\/tools\/nodes\/1.*TEST_NODE_1/);
  });
});
