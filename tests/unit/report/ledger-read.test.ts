import assert from 'node:assert/strict';
import { historyOf, readLedger } from '../../../tasks/_shared/report/ledger-read.js';
import { ledgerText, toLedger, type LedgerLine } from '../../../tasks/_shared/report/ledger.js';

const who = { task: 'FederateServiceAccount', signIn: 'deployer', run: 'contoso 1', correlation: 'c' };
const account = '/api/v1/namespaces/orders/serviceaccounts/api';
const identity = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders';

/** ARM id of a cluster. */
const aks = (name: string, group = 'rg'): string => `/subscriptions/s/resourceGroups/${group}/providers/Microsoft.ContainerService/managedClusters/${name}`;

/** A line as the tasks attach it. */
function line(at: number, action: string, object: string, more: Partial<LedgerLine> = {}): LedgerLine {
  return { version: 1, ...who, at: `2026-01-05T08:00:0${at}.000Z`, resource: `resource of ${object.toLowerCase()}`, object, action, widens: false, outcome: 'done', ...more };
}

describe('reading ledgers', () => {
  const problems = (text: string): string[] => readLedger(text, 'x.jsonl').mistakes.map(({ parts }) => `${parts.what}: ${parts.because}`);

  it('reads what the tasks attach, whatever is written there besides', () => {
    const entry = { resource: 'identity x', object: identity, action: 'create', widens: false, at: '2026-01-05T08:00:00.000Z', after: 'in westeurope' };
    const text = ledgerText(toLedger([{ version: 1, phase: 'intended', entry }, { version: 1, phase: 'done', entry }], who));
    const { lines, mistakes } = readLedger(`${text}\n\r\n`, 'x.jsonl');
    assert.deepEqual([lines, mistakes], [[{ at: entry.at, resource: entry.resource, object: identity, action: 'create', after: 'in westeurope', outcome: 'done' }], []]);
    const more = JSON.stringify({ ...line(1, 'create', identity), something: { new: true } });
    assert.deepEqual([readLedger(more, 'x').lines.length, problems(more)], [1, []]);
  });

  it('says of each line that cannot be used which it is and why', () => {
    const good = JSON.stringify(line(1, 'create', identity));
    const bad = (change: object): string => JSON.stringify({ ...line(1, 'create', identity), ...change });
    const told = problems([good, '{"version":1,', bad({ version: undefined }), bad({ version: 2 }), bad({ object: 5 }), bad({ outcome: 'perhaps' })].join('\n'));
    assert.deepEqual(told.map((text) => text.replace(/: [{"].*$/, '')), [
      'Input ledger names "x.jsonl", of which line 2 cannot be used: it is not JSON',
      'Input ledger names "x.jsonl", of which line 3 cannot be used: it has no version',
      'Input ledger names "x.jsonl", of which line 4 cannot be used: it has version 2, and this task reads 1',
      'Input ledger names "x.jsonl", of which line 5 cannot be used: it has no object',
      'Input ledger names "x.jsonl", of which line 6 cannot be used: its outcome is none of done, failed, unknown',
    ]);
    assert.ok(readLedger(good, 'x').lines.length === 1);
  });

  it('does not fill the log with a file of another kind', () => {
    const told = problems(Array.from({ length: 100 }, () => 'INFO something').join('\n'));
    assert.deepEqual([told.length, told[5]], [6, 'Input ledger names "x.jsonl", of which 95 more lines cannot be used: they are no lines of a ledger either']);
    assert.match(problems('\n\n').join(), /every line cannot be used: there is none/);
  });
});

describe('the history that ledgers tell', () => {
  it('has what was there before the first write, and everything that writes left, in the order of their times', () => {
    // Both clusters have the name aks, and so the ledgers of separate runs call both by it.
    const [one, other] = [aks('aks', 'rg-one'), aks('aks', 'rg-other')];
    const of = (cluster: string): Partial<LedgerLine> => ({ cluster: 'aks', resource: `${cluster} service account orders/api` });
    const history = historyOf([
      line(3, 'update', account, { ...of(one), before: 'b', after: 'c', outcome: 'unknown' }),
      line(1, 'update', account, { ...of(one), before: '', after: 'a' }),
      line(2, 'update', account, { ...of(one), before: 'a', after: 'b' }),
      line(4, 'update', account, { ...of(one), before: 'c', after: 'd', outcome: 'failed' }),
      line(1, 'update', account, { ...of(other), before: 'other', after: 'x' }),
    ]);
    const writes = [{ before: '', after: 'a', certain: true }, { before: 'a', after: 'b', certain: true }, { before: 'b', after: 'c', certain: false }];
    assert.deepEqual(history.of(account, one.toUpperCase()), { resources: [`${one} service account orders/api`], made: false, before: '', afters: ['a', 'b', 'c'], writes });
    assert.deepEqual(history.of(account, other)?.before, 'other');
    assert.equal(history.of(account, aks('aks', 'rg-third')), undefined);
  });

  it('knows what was made, without regard to the case of ARM ids', () => {
    const history = historyOf([line(1, 'create', identity, { after: 'in westeurope', cluster: 'aks-1' })]);
    assert.deepEqual([history.of(identity.toUpperCase().replace('/SUBSCRIPTIONS/', '/subscriptions/'))?.made, history.objects], [true, [identity]]);
    assert.equal(historyOf([line(1, 'create', identity, { before: 'something' })]).of(identity)?.made, false);
  });

  it('begins anew after a deletion, and does not know whether one happened whose outcome is unknown', () => {
    const made = line(1, 'create', identity);
    assert.equal(historyOf([made, line(2, 'delete', identity)]).of(identity), undefined);
    assert.equal(historyOf([made, line(2, 'delete', identity, { outcome: 'unknown' })]).of(identity)?.made, true);
    assert.deepEqual(historyOf([made, line(2, 'delete', identity), line(3, 'update', identity, { before: 'x', after: 'y' })]).of(identity)?.before, 'x');
  });
});
