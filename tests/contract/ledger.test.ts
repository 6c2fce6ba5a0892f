import assert from 'node:assert/strict';
import { contextTexts, toLedger, type JournalLine, type LedgerLine } from '../../tasks/_shared/report/ledger.js';
import { asRecord, read, readJson } from './tree.js';

const schema = readJson('schemas/ledger.schema.json');
const properties = asRecord(schema.properties);
const end = { kind: 'identity', name: 'id-orders', id: '/subscriptions/s/x' } as const;

/** A line with everything that a line can have; the compiler sees to that. */
const whole: Required<LedgerLine> = {
  version: 1,
  at: '2026-01-05T08:00:00.000Z',
  task: 'GrantRegistryRole',
  run: 'fleet 1, job apply',
  pipeline: 'fleet',
  pipelineId: '7',
  runNumber: '20260105.1',
  runId: '42',
  url: 'https://dev.azure.com/contoso/orders/_build/results?buildId=42',
  requester: 'Ada',
  attempt: '1',
  signIn: 'app 1f0c…9a (federated)',
  connection: 'contoso-nonprod',
  connectionId: 'c',
  clientId: '1f0c',
  principalId: 'ab12',
  planFile: 'a'.repeat(64),
  boundaryPolicy: { path: 'boundaries.yml', commit: 'c0ffee', sha256: 'b'.repeat(64) },
  correlation: '5a5a5a5a-0000-4000-8000-000000000001',
  cluster: 'aks-1',
  resource: 'grant',
  action: 'update',
  object: '/subscriptions/s/y',
  before: 'a',
  after: 'b',
  widens: true,
  crossings: [{ access: { kind: 'grant', from: end, to: end, role: 'AcrPush' }, from: 'dev', to: 'prod', rule: 'push', reason: 'promotion', until: '2027-01-31' }],
  outcome: 'failed',
  detail: 'refused',
};

/** What of a value a schema does not allow; as much of JSON Schema as ours use. */
function faults(value: unknown, rule: Readonly<Record<string, unknown>>, place: string): string[] {
  if ('const' in rule) return value === rule.const ? [] : [`${place} is not ${String(rule.const)}`];
  if (Array.isArray(rule.enum)) return rule.enum.includes(value) ? [] : [`${place} is none of ${rule.enum.join()}`];
  const type = Array.isArray(value) ? 'array' : typeof value;
  if (type !== rule.type) return [`${place} is no ${String(rule.type)}`];
  if (typeof rule.pattern === 'string' && !new RegExp(rule.pattern).test(String(value))) return [`${place} does not match ${rule.pattern}`];
  if (Array.isArray(value)) return value.flatMap((item, index) => faults(item, asRecord(rule.items), `${place}[${index}]`));
  if (type !== 'object') return [];
  const given = asRecord(value);
  const known = asRecord(rule.properties ?? {});
  const missing = (Array.isArray(rule.required) ? rule.required.map(String) : []).filter((name) => !(name in given)).map((name) => `${place}.${name} is missing`);
  return [...missing, ...Object.entries(given).flatMap(([name, part]) => (name in known ? faults(part, asRecord(known[name]), `${place}.${name}`) : []))];
}

describe('the schema of the ledger', () => {
  it('has every field that a line can have, and no other', () => {
    assert.deepEqual(Object.keys(properties).sort(), Object.keys(whole).sort());
    assert.deepEqual(faults(whole, schema, 'line'), []);
  });

  it('is met by the least line that a run can write, and by no less', () => {
    const entry = { action: 'create', object: '/a', resource: 'r', at: whole.at, widens: false };
    const journal: JournalLine[] = [{ version: 1, phase: 'intended', entry }];
    const [line] = toLedger(journal, { task: 'T', signIn: 'app', run: 'fleet 1', correlation: 'corr' });
    assert.deepEqual(faults(line, schema, 'line'), []);
    assert.deepEqual(Object.keys(line ?? {}).sort(), [...(schema.required as string[])].sort());
    assert.deepEqual(faults({ ...line, version: 2, outcome: 'perhaps', planFile: 'x', widens: undefined }, schema, 'line'), [
      'line.version is not 1',
      'line.widens is no boolean',
      'line.outcome is none of done,failed,unknown',
      'line.planFile does not match ^[0-9a-f]{64}$',
    ]);
  });

  it('calls every text of the context by its name, for the record that a killed run leaves', () => {
    const texts = Object.keys(whole).filter((name) => !(schema.required as string[]).includes(name) && !['boundaryPolicy', 'cluster', 'before', 'after', 'crossings', 'detail'].includes(name));
    assert.deepEqual([...contextTexts].sort(), texts.sort());
  });

  it('is told by the page, field by field', () => {
    const page = read('docs/ledger.md');
    const told = [...page.matchAll(/^\| `(\w+)` \| (.*?) \|$/gm)].map((match) => [match[1], match[2]]);
    assert.deepEqual(told, Object.entries(properties).map(([name, property]) => [name, asRecord(property).description ?? 'version of the form, 1']));
  });
});
