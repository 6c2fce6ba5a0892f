import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { asRecord, projectFiles, read, readJson, root } from './tree.js';

describe('the repository', () => {
  it('has a lockfile that names no host, and exact versions', () => {
    const lock = read('package-lock.json');
    assert.ok(lock.length > 10_000);
    assert.equal(lock.includes('"resolved"'), false);
    const { dependencies, devDependencies } = readJson('package.json');
    const ranges = Object.entries({ ...asRecord(dependencies), ...asRecord(devDependencies) }).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version)));
    assert.deepEqual(ranges, []);
  });

  it("has no path of a developer's machine in it", () => {
    const folders = ['work', 'home', 'root', 'Users', 'tmp/bash'];
    // An invented home in tests of the runner.
    const invented = ['home', 'x'].join('/');
    const absolute = new RegExp(`(?<![\\w.~*)}-])/(?:${folders.join('|')})/[\\w.-]+|[A-Z]:\\\\\\\\?Users`, 'g');
    const texts = projectFiles().filter((path) => !/\.(png|ico)$/.test(path) && path !== 'package-lock.json');
    assert.ok(texts.length > 200);
    const found = texts.flatMap((path) => (read(path).match(absolute) ?? []).filter((match) => match !== `/${invented}`).map((match) => `${path}: ${match}`));
    assert.deepEqual(found, []);
    const own = [root, homedir()].filter((folder) => folder.length > 5);
    assert.deepEqual(texts.filter((path) => own.some((folder) => read(path).includes(folder))), []);
  });

  it('says of each simulator what it does, how it differs, and which knobs it has', () => {
    const helpers = ['kernel', 'kernel-clients', 'world'];
    const folders = readdirSync(join(root, 'tests/simulators'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const simulators = folders.filter((name) => !helpers.includes(name));
    for (const name of ['arm', 'entra', 'registry', 'vault', 'kubernetes', 'devops']) assert.ok(simulators.includes(name), name);
    const files = projectFiles('tests/simulators');
    for (const name of simulators) {
      const page = `tests/simulators/${name}/BEHAVIOUR.md`;
      assert.ok(files.includes(page), `${page} is missing`);
      for (const heading of [/^## What (it|they) do/m, /^## How (it|they) differ/m, /^## Knobs/m]) assert.match(read(page), heading, page);
    }
  });
});
