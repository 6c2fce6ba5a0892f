import assert from 'node:assert/strict';
import { Lookup } from '../../../tasks/_shared/reconcile/lookup.js';
import { planAll } from '../../../tasks/_shared/reconcile/plan.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import { keep, type Change } from '../../../tasks/_shared/reconcile/resource.js';
import { run } from '../../../tasks/_shared/reconcile/run.js';
import { columns, duration } from '../../../tasks/_shared/report/columns.js';
import { failuresOf } from '../../../tasks/_shared/report/findings.js';
import { applyText, doneText, failuresText, fleetText, planText, preflightText, proofText, type LogPart } from '../../../tasks/_shared/report/log-text.js';
import { problemLine, problemText } from '../../../tasks/_shared/report/problem-text.js';
import { Item, options, ports, proofOf, silent, stopped } from './items.js';

function shown(parts: readonly LogPart[]): string {
  return parts.map((part) => (typeof part === 'string' ? part : [`[${part.title}]`, ...part.lines].join('\n'))).join('\n');
}

/** A fleet with one of everything. */
function fleet(store: Map<string, string>): Item[] {
  store.set('account 1', 'old');
  store.set('lookup', 'wanted');
  const shared = new Item(store, 'shared id', { kind: 'identity', name: 'id-orders' });
  const base = new Item(store, 'cluster 2', { kind: 'cluster features', name: 'aks-2', cluster: 'aks-2', blocked: stopped });
  return [
    new Item(store, 'lookup', { kind: 'registry settings', name: 'cr', cluster: 'aks-1' }),
    new Item(store, 'grant 1', { kind: 'grant', name: 'Key Vault Secrets User', cluster: 'aks-1', widens: true, text: value('kv-dev / secrets / orders-db') }),
    new Item(store, 'account 1', { kind: 'service account', name: 'orders/api', cluster: 'aks-1', text: shared.text }),
    shared,
    base,
    new Item(store, 'grant 2', { kind: 'grant', name: 'Key Vault Secrets User', cluster: 'aks-2', widens: true, text: base.text }),
  ];
}

describe('log text', () => {
  it('heads the run', () => {
    assert.equal(fleetText({ clusters: 3, signIn: 'app 1f0c…9a (federated)', dryRun: false }), 'Fleet    3 clusters · as app 1f0c…9a (federated) · dry run: no');
    assert.equal(fleetText({ clusters: 1, signIn: 'x', dryRun: true }), 'Fleet    1 cluster · as x · dry run: yes');
  });

  it('shows a plan: shared things first, then by cluster, aligned, widening marked, what is kept folded', async () => {
    const plan = await planAll(fleet(new Map()), 4);
    assert.equal(
      shown(planText(plan)),
      `Plan     2 to create, 1 to update, 2 blocked, 1 as they should be
  shared
    + identity  id-orders  text wanted
  aks-1
    + grant  ▲ widens  Key Vault Secrets User  text kv-dev / secrets / orders-db
    ~ service account  orders/api              text old → (known after apply)
  aks-2
    ! cluster features  aks-2       it is stopped (OperationNotAllowed)
    ! 1 resource        left alone  each needs something that is blocked
[As they should be]
  aks-1
    = registry settings  cr  it is as it should be`,
    );
  });

  it('shows an empty plan in one line and what is as it should be', async () => {
    const store = new Map([['a', 'wanted']]);
    assert.equal(shown(planText(await planAll([new Item(store, 'a')], 1))), 'Plan     0 to create, 0 to update, 1 as they should be\n[As they should be]\n  shared\n    = thing  a  it is as it should be');
  });

  it('leaves out what is only read', async () => {
    class Found extends Lookup<{ id: string }> {
      readonly kind = 'cluster';
      observe(): Promise<{ id: string }> {
        return Promise.resolve({ id: this.id });
      }
      plan(): Change {
        return keep('it is there');
      }
    }
    assert.deepEqual(planText(await planAll([new Found('c', 'aks-1', '/c', 'aks-1')], 1)), ['Plan     0 to create, 0 to update, 0 as they should be']);
  });

  it('lists exactly the changes, one row each', async () => {
    const plan = await planAll(fleet(new Map()), 4);
    const rows = planText(plan).filter((part) => typeof part === 'string' && /^ {4}[+~-] /.test(part));
    assert.equal(rows.length, 3);
  });

  it('stays readable for a large fleet: one row for equal plans, the details folded', async () => {
    const items = Array.from({ length: 30 }, (_, index) => new Item(new Map(), `thing ${index}`, { cluster: `aks-${index}`, widens: index === 7 }));
    const [head, ...rest] = planText(await planAll(items, 4));
    assert.equal(head, 'Plan     30 to create, 0 to update, 0 as they should be');
    assert.deepEqual(rest.slice(0, -1), [
      '  29 places  + 1               aks-0, aks-1, aks-2, aks-3, aks-4 and 24 more',
      '  1 place    + 1          ▲ 1  aks-7',
    ]);
    const details = rest.at(-1);
    assert.ok(typeof details === 'object' && details.title === 'Plan of 30 places in detail' && details.lines.length === 60);
  });

  it('shows preflight, apply, proof and failures of a run that went half well', async () => {
    const items = fleet(new Map());
    const [, grant1, , , , grant2] = items as [Item, Item, Item, Item, Item, Item];
    const proofs = [
      proofOf('orders/api', [grant1], { level: 'exercised', summary: 'token after 4 s → secret orders-db readable, secret billing-db refused (as it should be)' }),
      proofOf('orders/api', [grant2], { level: 'observed', summary: 'never reached' }),
    ];
    const result = await run(items, proofs, options, ports(), silent);
    assert.deepEqual(preflightText(result.preflight, false), [
      'Preflight  permissions ok (3 actions at 2 scopes) · 1 finding',
      '  ! aks-2  WI2102  cluster aks-2 cannot be changed: it is stopped (OperationNotAllowed)',
    ]);
    assert.deepEqual(applyText(result.applied, 6300), ['Apply    3 of 3 done in 6.3 s']);
    assert.deepEqual(proofText(result.proofs), [
      'Proof    aks-1  orders/api  exercised  → token after 4 s → secret orders-db readable, secret billing-db refused (as it should be)',
      '         aks-2  orders/api  skipped    → grant Key Vault Secrets User was not done',
    ]);
    assert.equal(
      failuresText(failuresOf(result)).map(String).join('\n'),
      `
WI2102  cluster aks-2 cannot be changed.
  tried   switch the OIDC issuer on
  because it is stopped (OperationNotAllowed)
  do      start it and run again; see troubleshooting, WI2102
  trace   correlation 6c1e0000-0000-4000-8000-000000000000 · HTTP 409`,
    );
    assert.deepEqual(doneText(['aks-1', 'aks-3']), ['', 'Done     aks-1, aks-3']);
    assert.deepEqual(doneText([]), []);
  });

  it('names what failed and what was left alone in apply, and a proof that failed', async () => {
    const store = new Map<string, string>();
    const bad = new Item(store, 'bad', { cluster: 'aks-1', refused: stopped });
    const after = new Item(store, 'after', { cluster: 'aks-1', text: bad.text });
    const good = new Item(store, 'good', { cluster: 'aks-3' });
    const result = await run([bad, after, good], [proofOf('x', [good], stopped)], options, ports(), silent);
    assert.deepEqual(applyText(result.applied, 125_000), ['Apply    1 of 3 done in 2 min 5 s, 1 failed, 1 left alone', '  ! aks-1  thing  bad  it is stopped (OperationNotAllowed)']);
    assert.deepEqual(proofText(result.proofs), ['Proof    aks-3  x  failed  ! it is stopped (OperationNotAllowed)']);
    assert.deepEqual(failuresOf(result).map(({ stage, cluster }) => [stage, cluster]), [['apply', 'aks-1'], ['proof', 'aks-3']]);
  });

  it('names missing permissions, and notes what waits for another task in a dry run', async () => {
    const store = new Map<string, string>();
    const items = [new Item(store, 'a', { cluster: 'aks-1' }), new Item(store, 'b', { cluster: 'aks-2', blocked: stopped, awaits: true })];
    const lacking = { missing: (permissions: readonly { readonly plane: 'azure' | 'kubernetes'; readonly action: string; readonly scope: string }[]) => Promise.resolve(permissions) };
    const dry = await run(items, [], { ...options, dryRun: true }, ports(lacking), silent);
    assert.deepEqual(preflightText(dry.preflight, true), [
      'Preflight  this connection lacks 1 of the 1 rights that applying needs · 1 left to another task',
    ]);
    const real = await run(items, [], options, ports(lacking), silent);
    assert.deepEqual(preflightText(real.preflight, false), [
      'Preflight  permissions missing (1 action at 1 scope) · 2 findings',
      '  ! aks-2  WI2102  cluster aks-2 cannot be changed: it is stopped (OperationNotAllowed)',
      "  ! aks-1  WI3001  thing a cannot be written: the service connection's principal lacks Test/thing/write at /aks-1",
    ]);
  });

  it('says so when there is nothing to check, to do or to prove', () => {
    assert.deepEqual(preflightText({ findings: [], permissions: [], lacking: [], notes: [], crossings: new Map(), forbidden: new Map() }, false), ['Preflight  no permissions needed']);
    assert.deepEqual(applyText([], 3), ['Apply    nothing to do']);
    assert.deepEqual(proofText([]), []);
  });

  it('shows a problem with its details, one line each', () => {
    const detail = new Problem({ code: 'WI1003', what: 'Input role is "x"', because: 'it is not among the choices', remedy: 'give AcrPull or AcrPush' });
    const parts = { code: 'WI1000', what: 'One input cannot be used', because: 'it has a mistake', remedy: 'correct it', details: [detail] };
    assert.deepEqual(problemText(parts, 'aks-1'), [
      'WI1000  aks-1: One input cannot be used.',
      '  WI1003  Input role is "x": it is not among the choices; give AcrPull or AcrPush',
      '  because it has a mistake',
      '  do      correct it; see troubleshooting, WI1000',
    ]);
    assert.equal(problemLine(parts), 'One input cannot be used: Input role is "x": it is not among the choices; give AcrPull or AcrPush (WI1003). To do: correct it (WI1000)');
  });

  it('aligns columns without letting one long cell push the others away', () => {
    assert.deepEqual(columns([['a', 'b'], ['x'.repeat(60), 'c'], ['dd']]), [`a${' '.repeat(43)}  b`, `${'x'.repeat(60)}  c`, 'dd']);
    assert.deepEqual([0, 999, 1000, 59_949, 60_000, 125_400].map(duration), ['0 ms', '999 ms', '1.0 s', '59.9 s', '1 min 0 s', '2 min 5 s']);
  });
});
