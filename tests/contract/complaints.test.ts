import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { read, root } from './tree.js';

/** Rows of the table: which complaint, which file, which test. A row without a complaint belongs to the one above it. */
function rows(): readonly { readonly complaint: number; readonly file: string; readonly title: string }[] {
  const section = read('docs/testing.md').split('\n## Known complaints\n')[1]?.split('\n## ')[0] ?? '';
  let complaint = 0;
  return section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| complaint')).map((line) => {
    const [, said = '', file = '', title = ''] = /^\|(?: (.*?))? \| `([^`]+)`: (.*) \|$/.exec(line) ?? assert.fail(`no test is named: ${line}`);
    complaint = said === '' ? complaint : Number(/^(\d+)\. /.exec(said)?.[1]);
    return { complaint, file, title };
  });
}

/** The titles of the tests of a file. */
function titles(file: string): readonly string[] {
  return [...read(file).matchAll(/\bit\((['"`])((?:\\.|(?!\1).)*)\1/g)].map((match) => (match[2] ?? '').replace(/\\(.)/g, '$1'));
}

describe('the known complaints of docs/testing.md', () => {
  it('are thirteen, and none is without a test', () => {
    assert.deepEqual([...new Set(rows().map(({ complaint }) => complaint))], Array.from({ length: 13 }, (_, index) => index + 1));
  });

  for (const { complaint, file, title } of rows()) {
    it(`${complaint}: ${file}: ${title}`, () => {
      assert.ok(existsSync(join(root, file)), `${file} does not exist`);
      assert.ok(titles(file).includes(title), `no test is called so. There are:\n${titles(file).join('\n')}`);
    });
  }
});
