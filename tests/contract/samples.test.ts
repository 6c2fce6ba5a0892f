import assert from 'node:assert/strict';
import { codeBlocks, pages, projectFiles, read } from './tree.js';

describe('samples of the pages', () => {
  const samples = projectFiles('docs/samples');
  const shown = pages.flatMap(codeBlocks).filter(({ language }) => language === 'ts').map(({ text }) => text.trim());

  it('are found', () => {
    assert.deepEqual(samples, ['docs/samples/pull-as-workload.ts']);
  });

  for (const path of samples) {
    it(`are shown as they are: ${path}`, () => {
      assert.ok(shown.includes(read(path).trim()), `no page shows ${path} as it is`);
    });
  }
});
