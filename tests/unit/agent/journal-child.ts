// Run as a process of its own by journal.test.ts: journals an intent and is killed before any outcome.
import { FileJournal } from '../../../tasks/_shared/agent/journal.js';

const journal = new FileJournal(process.argv[2] ?? '', { line: () => undefined, debug: () => undefined, redact: (text) => text });
journal.intend({ action: 'create', object: '/a', resource: 'a', at: '2026-01-05T08:00:00.000Z', widens: false });
process.kill(process.pid, 'SIGKILL');
