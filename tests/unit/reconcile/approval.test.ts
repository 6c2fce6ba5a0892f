import assert from 'node:assert/strict';
import { Approval, approvedChange } from '../../../tasks/_shared/reconcile/approval.js';
import { planAll, type Plan } from '../../../tasks/_shared/reconcile/plan.js';
import { keep, type Change } from '../../../tasks/_shared/reconcile/resource.js';
import { outcomes, problemAt, Rig } from './rig.js';
import type { Thing } from './thing.js';

const approvalOf = (plan: Plan): Approval => new Approval(plan.map(({ resource, change }) => approvedChange(resource, change)));

describe('an approved plan', () => {
  let rig: Rig;

  beforeEach(() => {
    rig = new Rig();
  });

  const approve = async (...things: Thing[]): Promise<Approval> => approvalOf(await planAll(things, 4));
  const objections = async (approval: Approval, ...things: Thing[]): Promise<string[]> =>
    approval.objections(await planAll(things, 4)).map(({ resource, problem }) => `${resource.key}: ${problem.because}`);

  it('is no obstacle to itself', async () => {
    const things = [rig.thing('a'), rig.thing('b', { text: rig.thing('a').part('text') })];
    const approval = await approve(...things);
    const result = await rig.run(things, [], { approval });
    assert.equal(result.result, 'succeeded');
    assert.equal(rig.intended.length, 2);
  });

  it('lets a rerun after half of it go on, and one that finds everything done', async () => {
    const [a, b] = [rig.thing('a'), rig.thing('b')];
    const approval = await approve(a, b);
    await rig.run([a]);
    assert.equal((await rig.run([a, b], [], { approval })).result, 'succeeded');
    assert.equal((await rig.run([a, b], [], { approval })).result, 'succeeded');
    assert.deepEqual(rig.intended.map(({ resource }) => resource), ['a', 'b']);
  });

  it('stops everything when one change goes beyond it, before anything is written', async () => {
    const approval = await approve(rig.thing('a'));
    const result = await rig.run([rig.thing('a'), rig.thing('b', {}, { cluster: 'aks-1' }), rig.thing('c', { text: 'x' }, { cluster: 'aks-2' })], [], { approval });
    assert.equal(result.result, 'failed');
    assert.deepEqual(rig.intended, []);
    assert.deepEqual(outcomes(result.applied), { a: 'skipped', b: 'skipped', c: 'skipped' });
    assert.deepEqual([problemAt(result.applied, 'c').code, problemAt(result.applied, 'a').code], ['WI3003', 'WI9003']);
    assert.match(problemAt(result.applied, 'c').what, /^To create thing c was not approved$/);
  });

  it('holds values that it knew, and takes any in the place of those that it did not', async () => {
    const source = rig.thing('source', { text: 'from the source' });
    const reader = rig.thing('reader', { text: source.part('text') });
    const approval = await approve(source, reader, rig.thing('plain', { text: 'one' }));
    assert.deepEqual(await objections(approval, rig.thing('plain', { text: 'two' })), ['plain: text would become two, approved was one']);
    assert.deepEqual(await objections(approval, source, rig.thing('reader', { text: 'whatever came' })), []);
    assert.deepEqual(await objections(approval, rig.thing('plain', { text: 'one', more: 'x' })), ['plain: the approved plan does not change more, and now: (none) → x']);
  });

  it('objects when somebody changed the object meanwhile', async () => {
    const wanted = rig.thing('a', { text: 'wanted' });
    const approval = await approve(wanted);
    await rig.run([rig.thing('a', { text: 'by somebody else' })]);
    assert.deepEqual(await objections(approval, wanted), ['a: text is by somebody else by now, and was (none) when the plan was approved']);
  });

  it('objects to what it would have left as it was, and to a deletion that it does not know', async () => {
    await rig.run([rig.thing('a', { text: 'x' })]);
    const approval = await approve(rig.thing('a', { text: 'x' }));
    await rig.run([rig.thing('a', { text: 'y' })]);
    assert.match((await objections(approval, rig.thing('a', { text: 'x' }))).join(), /^a: the approved plan leaves it as it is, and now: /);
    const creation = await approve(rig.thing('b'));
    await rig.run([rig.thing('b')]);
    assert.deepEqual(await objections(creation, rig.thing('b', {}, { absent: true })), ['b: the approved plan would create or update it']);
  });

  it('objects when a change widens and the plan did not say so', () => {
    const a = rig.thing('a');
    const change = (widens: boolean): Change => ({ action: 'create', reason: 'r', fields: [], widens });
    const approval = new Approval([approvedChange(a, change(false))]);
    assert.equal(approval.objection(a, change(false)), undefined);
    assert.match(approval.objection(a, change(true))?.because ?? '', /reach more/);
  });

  it('covers what waits for another task, and what may follow from it', () => {
    const a = rig.thing('a');
    const update: Change = { action: 'update', reason: 'r', fields: [{ field: 'f', after: 'v' }], widens: false };
    const problem = { code: 'WI2202', what: 'w', because: 'b', remedy: 'r' };
    for (const shown of [{ action: 'blocked', problem, awaits: true, then: update } as const, keep('for now', update)]) {
      assert.equal(new Approval([approvedChange(a, shown)]).objection(a, update), undefined);
    }
    for (const shown of [{ action: 'blocked', problem, awaits: true } as const, keep('for good')]) {
      assert.equal(new Approval([approvedChange(a, shown)]).objection(a, update)?.code, 'WI3003');
    }
  });

  it('is asked by a resource that plans anew in the middle of its write', async () => {
    const a = rig.thing('a', { text: 'approved' });
    const approval = await approve(a);
    a.apply = (_change, known, writer) => {
      writer.permit({ action: 'update', reason: 'somebody was faster', fields: [{ field: 'text', before: 'theirs', after: 'approved' }], widens: false });
      return writer.write({ action: 'update', object: '/a', widens: false }, () => rig.cloud.put('a', 'text', known.text ?? ''));
    };
    const result = await rig.run([a], [], { approval });
    assert.deepEqual([problemAt(result.applied, 'a').code, rig.intended], ['WI3003', []]);
    assert.equal((await rig.run([a])).result, 'succeeded');
  });

  it('is held also where a change is planned anew because its inputs moved', async () => {
    const source = rig.thing('source', { text: 'new' });
    await rig.run([rig.thing('source', { text: 'old' }), rig.thing('reader', { text: 'old' })]);
    const reader = rig.thing('reader', { text: source.part('text') });
    // The plan was made when the source still said "old", so the reader was to be kept; that the source is to be changed was approved.
    const approval = new Approval([...(await planAll([source], 4)).map(({ resource, change }) => approvedChange(resource, change)), approvedChange(reader, keep('equal'))]);
    const written = rig.intended.length;
    const result = await rig.run([source, reader], [], { approval });
    assert.deepEqual(outcomes(result.applied), { source: 'done', reader: 'failed' });
    assert.equal(problemAt(result.applied, 'reader').code, 'WI3003');
    assert.deepEqual(rig.intended.slice(written).map(({ resource }) => resource), ['source']);
  });
});
