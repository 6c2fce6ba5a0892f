import assert from 'node:assert/strict';
import { budgets } from '../../../tasks/_shared/reconcile/budgets.js';
import type { Crossing } from '../../../tasks/_shared/reconcile/access.js';
import type { Inspection } from '../../../tasks/_shared/reconcile/check.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import type { AnyProof } from '../../../tasks/_shared/reconcile/proof.js';
import type { Cost } from '../../../tasks/_shared/reconcile/resource.js';
import { outcomes, problemAt, Rig } from './rig.js';
import { problemOf } from './thing.js';

const found = (parts: Partial<Inspection>): Inspection => ({ findings: [], notes: [], ...parts });

/** One unit of a budget that holds some already. */
function cost(takes: number, used: number | undefined, limit = 3, budget = 'shelf'): Cost {
  return { budget, kind: 'places', of: `the ${budget}`, limit, used: () => Promise.resolve(used), takes, code: 'WI4998', remedy: 'clear the shelf' };
}

describe('reconcile: checks before the first write', () => {
  it('are asked once, with the plan, and not at all when there is nothing to write', async () => {
    const rig = new Rig();
    const asked: boolean[] = [];
    rig.checks.push({ inspect: (plan, { dryRun }) => (asked.push(dryRun), Promise.resolve(found({ notes: [`${plan.length} looked at`] }))) });
    const first = await rig.run([rig.thing('a'), rig.thing('b')]);
    assert.deepEqual([first.result, first.preflight.notes, asked], ['succeeded', ['2 looked at'], [false]]);
    const second = await rig.run([rig.thing('a'), rig.thing('b')]);
    assert.deepEqual([second.preflight.notes, asked.length], [[], 1]);
    await rig.run([rig.thing('c')], [], { dryRun: true });
    assert.deepEqual(asked, [false, true]);
  });

  it('are asked for what a plan foresees once another task has done its part', async () => {
    const rig = new Rig();
    let asked = 0;
    rig.checks.push({ inspect: () => ((asked += 1), Promise.resolve(found({}))) });
    await rig.run([rig.thing('waiting', {}, { blocked: { awaits: true } })], [], { dryRun: true });
    assert.equal(asked, 0, 'what is foreseen is not known');
    const creation = { action: 'create', reason: 'later', fields: [], widens: true } as const;
    const waiting = rig.thing('then');
    waiting.plan = () => ({ action: 'blocked', problem: problemOf('then'), awaits: true, then: creation });
    await rig.run([waiting], [], { dryRun: true });
    assert.equal(asked, 1);
  });

  it('stop the run with what they find, before any write', async () => {
    const rig = new Rig();
    rig.checks.push({ inspect: () => Promise.resolve(found({ findings: [{ scope: 'run', resource: 'a', problem: problemOf('a'), awaits: false }] })) });
    const { applied, result } = await rig.run([rig.thing('a'), rig.thing('b', {}, { cluster: 'c1' })]);
    assert.deepEqual([outcomes(applied), result, rig.cloud.writes], [{ a: 'skipped', b: 'skipped' }, 'failed', []]);
    assert.deepEqual(problemAt(applied, 'a'), problemOf('a'));
  });

  it('stop the run when they cannot look: what they guard would go unguarded', async () => {
    const rig = new Rig();
    rig.checks.push({ inspect: () => Promise.reject(new Problem(problemOf('the guard'))) });
    const { preflight, result } = await rig.run([rig.thing('a')]);
    assert.deepEqual([preflight.findings.map(({ scope, problem }) => [scope, problem.what]), result, rig.cloud.writes], [[['run', 'the guard is in the way']], 'failed', []]);
  });

  it('forbid a resource also when the need to write it turns up in the middle of the run', async () => {
    const rig = new Rig();
    rig.cloud.store.seed('source', { text: 'old' });
    rig.cloud.store.seed('user', { of: 'old' });
    const source = rig.thing('source', { text: 'new' });
    const user = rig.thing('user', { of: source.part('text') });
    rig.checks.push({ inspect: () => Promise.resolve(found({ forbidden: new Map([['user', problemOf('user')]]) })) });
    const { applied } = await rig.run([source, user]);
    assert.deepEqual([outcomes(applied), problemAt(applied, 'user').what], [{ source: 'done', user: 'failed' }, 'user is in the way']);
    assert.equal(rig.cloud.store.newest('user')?.content.of, 'old');
  });

  it('give each write the crossings that it makes, for the journal', async () => {
    const rig = new Rig();
    const end = { kind: 'resource', name: 'x', id: '/x' } as const;
    const crossing: Crossing = { access: { kind: 'grant', from: end, to: end, role: 'Reader' }, from: 'nonprod', to: 'prod', rule: 'one', reason: 'because' };
    rig.checks.push({ inspect: () => Promise.resolve(found({ crossings: new Map([['a', [crossing]]]) })) });
    const { preflight } = await rig.run([rig.thing('a'), rig.thing('b')]);
    assert.deepEqual(rig.intended.map(({ resource, crossings }) => [resource, crossings]), [['a', [crossing]], ['b', undefined]]);
    assert.deepEqual([...preflight.crossings.keys()], ['a']);
  });
});

describe('reconcile: budgets', () => {
  const run = async (...costs: readonly Cost[]): Promise<{ rig: Rig; codes: (string | undefined)[]; notes: readonly string[] }> => {
    const rig = new Rig();
    rig.checks.push(budgets);
    const { preflight } = await rig.run(costs.map((one, index) => rig.thing(`t${index}`, { text: 'x' }, { costs: [one] })));
    return { rig, codes: preflight.findings.map(({ resource, problem }) => `${resource} ${problem.code}`), notes: preflight.notes };
  };

  it('are summed over the whole plan: all that would take from a full one are stopped', async () => {
    const { rig, codes, notes } = await run(cost(1, 2), cost(1, 2), cost(1, 0, 3, 'table'));
    assert.deepEqual(codes, ['t0 WI4998', 't1 WI4998']);
    assert.deepEqual(notes, ['places: at most 4 of 3 at each of 2 after this run']);
    assert.deepEqual(rig.cloud.writes, ['put t2.text']);
  });

  it('may be used up to the last place, and what is given back counts', async () => {
    assert.deepEqual((await run(cost(1, 1), cost(1, 1))).codes, []);
    assert.deepEqual((await run(cost(1, 3), cost(-1, 3))).codes, []);
    assert.deepEqual((await run(cost(-1, 9))).codes, [], 'what only gives back is never stopped');
  });

  it('are told in one note for each kind, with the fullest', async () => {
    assert.deepEqual((await run(cost(1, 1))).notes, ['places of the shelf: 2 of 3 after this run']);
    assert.deepEqual((await run(cost(1, 1), cost(1, undefined, 3, 'table'))).notes, ['places of the shelf: 2 of 3 after this run', 'places of 1 of 2 could not be counted']);
  });

  it('that cannot be counted are said to be so', async () => {
    const { codes, notes } = await run(cost(1, undefined));
    assert.deepEqual([codes, notes], [[], ['places of the shelf could not be counted']]);
  });
});

describe('reconcile: order and proofs that fall short', () => {
  it('does what a resource names before it, without reading from it, and skips it when that fails', async () => {
    const rig = new Rig();
    for (const key of ['annotation', 'identity']) rig.cloud.store.seed(key, { text: 'x' });
    const gone = { absent: true };
    const things = [rig.thing('identity', {}, { ...gone, after: ['annotation'] }), rig.thing('annotation', {}, gone)];
    await rig.run(things);
    assert.deepEqual(rig.cloud.writes, ['remove annotation', 'remove identity']);
    const again = new Rig();
    for (const key of ['annotation', 'identity']) again.cloud.store.seed(key, { text: 'x' });
    again.cloud.beforeWrite = () => Promise.reject(new Error('no'));
    const { applied } = await again.run([again.thing('identity', {}, { ...gone, after: ['annotation'] }), again.thing('annotation', {}, gone)]);
    assert.deepEqual(outcomes(applied), { annotation: 'failed', identity: 'skipped' });
  });

  it('ends with issues when a proof could not go as far as it should', async () => {
    const rig = new Rig();
    const proof: AnyProof = { key: 'p', title: 'orders/api', proves: ['a'], inputs: {}, run: () => Promise.resolve({ level: 'observed', summary: 'granted, not exercised', shortfall: problemOf('the vault') }) };
    const { result, proofs } = await rig.run([rig.thing('a')], [proof]);
    assert.deepEqual([result, proofs[0]?.outcome.level], ['succeededWithIssues', 'observed']);
  });
});
