import assert from 'node:assert/strict';
import { pages, projectFiles, read } from './tree.js';

const codes = (text: string): readonly string[] => text.match(/\bWI\d{4}\b/g) ?? [];
const page = 'docs/troubleshooting.md';

describe('error codes', () => {
  const inCode = new Set(projectFiles('tasks').filter((path) => path.endsWith('.ts')).flatMap((path) => codes(read(path))));
  const entries = [...read(page).matchAll(/^### (WI\d{4})$/gm)].map((match) => match[1] ?? '');

  it('of the tasks each have an entry in the troubleshooting page, and no entry is without its code', () => {
    assert.ok(inCode.size > 50, `only ${inCode.size} codes were found: is the search right?`);
    assert.deepEqual([...entries].sort(), [...inCode].sort());
  });

  it('are in order there, once each, with something to read', () => {
    assert.deepEqual(entries, [...new Set(entries)].sort());
    const bare = read(page).split(/^### /m).slice(1).filter((entry) => (entry.split(/^## /m)[0] ?? '').trim().split(/\s+/).length < 5);
    assert.deepEqual(bare, []);
  });

  it('in other pages exist', () => {
    const unknown = pages.flatMap((path) => codes(read(path)).filter((code) => !inCode.has(code)).map((code) => `${path}: ${code}`));
    assert.deepEqual(unknown, []);
  });
});
