import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, posix, win32 } from 'node:path';
import { InputReader } from '../../../tasks/_shared/agent/inputs.js';
import { placesOf } from '../../../tasks/_shared/agent/list-files.js';
import { FakeAgent } from './fake-agent.js';

describe('where the file of a list may be', () => {
  const windows: readonly [path: string, places: readonly string[]][] = [
    ['lists\\fleet.txt', ['D:\\a\\1\\s\\lists\\fleet.txt', 'E:\\my agent\\lists\\fleet.txt']],
    ['lists/my fleet.txt', ['D:\\a\\1\\s\\lists\\my fleet.txt', 'E:\\my agent\\lists\\my fleet.txt']],
    ['..\\fleet.txt', ['D:\\a\\1\\fleet.txt', 'E:\\fleet.txt']],
    ['C:\\Listen für alle\\fleet.txt', ['C:\\Listen für alle\\fleet.txt']],
    ['c:/lists/fleet.txt', ['c:/lists/fleet.txt']],
    ['\\\\server\\share\\fleet.txt', ['\\\\server\\share\\fleet.txt']],
    ['\\fleet.txt', ['\\fleet.txt']],
  ];
  for (const [path, places] of windows) {
    it(`on Windows: ${path}`, () => assert.deepEqual(placesOf(path, ['D:\\a\\1\\s', 'E:\\my agent'], win32), places));
  }

  it('on Windows: a path on a drive without a folder is never looked for below the sources', () => {
    const [place, ...others] = placesOf('C:fleet.txt', ['D:\\a\\1\\s'], win32);
    assert.match(place ?? '', /^C:\\.*fleet\.txt$/);
    assert.deepEqual(others, []);
  });

  it('elsewhere', () => {
    assert.deepEqual(placesOf('lists/my fleet.txt', ['/agent/s', '/a b'], posix), ['/agent/s/lists/my fleet.txt', '/a b/lists/my fleet.txt']);
    assert.deepEqual(placesOf('/a b/ü.txt', ['/agent/s'], posix), ['/a b/ü.txt']);
    assert.deepEqual(placesOf('C:\\x', ['/agent/s'], posix), ['/agent/s/C:\\x']);
    assert.deepEqual(placesOf('x', [], posix), []);
  });

  it('is read with spaces, letters of any language, a byte order mark and the line ends of Windows', () => {
    const agent = new FakeAgent();
    try {
      const folder = join(agent.tempDirectory, 'Ordner für Listen');
      mkdirSync(folder);
      writeFileSync(join(folder, 'flotte 1.txt'), '\uFEFFrg/aks-1\r\nrg/aks-2,\r\n\r\nrg/aks-3\r\n');
      agent.variables['System.DefaultWorkingDirectory'] = folder;
      const subscription = '33333333-3333-4333-8333-333333333333';
      for (const given of ['@flotte 1.txt', `@${join(folder, 'flotte 1.txt')}`, '@ flotte 1.txt ']) {
        agent.inputs.clusters = given;
        const reader = new InputReader(agent);
        assert.deepEqual(reader.clusters('clusters', subscription).map(({ name }) => name), ['aks-1', 'aks-2', 'aks-3'], given);
        reader.finish();
      }
    } finally {
      agent.dispose();
    }
  });
});
