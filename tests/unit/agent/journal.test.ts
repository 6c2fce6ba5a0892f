import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileJournal } from '../../../tasks/_shared/agent/journal.js';

describe('FileJournal', () => {
  const entry = { action: 'create', object: '/a', resource: 'a', cluster: 'c', at: '2026-01-05T08:00:00.000Z', widens: true };
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'journal-'));
    path = join(folder, 'journal.jsonl');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const lines = (): unknown[] => readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as unknown);

  it('has each line in the file when the method returns, readable by nobody else, and each intent in the log', () => {
    const debug: string[] = [];
    const shown: string[] = [];
    const journal = new FileJournal(path, { line: (line) => void shown.push(line), debug: (line) => void debug.push(line), redact: (text) => text });
    journal.intend(entry);
    assert.deepEqual(lines(), [{ version: 1, phase: 'intended', entry }]);
    assert.deepEqual(shown, ['  write    create /a on c']);
    journal.accept(entry);
    journal.settle(entry, 'failed', 'no');
    assert.deepEqual(lines().slice(1), [{ version: 1, phase: 'accepted', entry }, { version: 1, phase: 'failed', entry, detail: 'no' }]);
    journal.close();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(debug.length, 3);
    assert.equal(shown.length, 1);
    assert.deepEqual(journal.lines.map(({ phase }) => phase), ['intended', 'accepted', 'failed']);
  });

  it('keeps what is secret out of its file', () => {
    const journal = new FileJournal(path, { line: () => undefined, debug: () => undefined, redact: (text) => text.replaceAll('canary', '***') });
    journal.intend({ ...entry, after: 'has canary in it' });
    journal.close();
    assert.deepEqual(lines(), [{ version: 1, phase: 'intended', entry: { ...entry, after: 'has *** in it' } }]);
  });

  it('keeps the intent of a process that is killed', async () => {
    const script = fileURLToPath(new URL('journal-child.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', script, path], { stdio: 'inherit' });
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    assert.equal(signal, 'SIGKILL');
    assert.deepEqual(lines(), [{ version: 1, phase: 'intended', entry: { action: 'create', object: '/a', resource: 'a', at: '2026-01-05T08:00:00.000Z', widens: false } }]);
  });
});
