import assert from 'node:assert/strict';
import { planAll, sharedReader, strongReader } from '../../../tasks/_shared/reconcile/plan.js';
import { unknown } from '../../../tasks/_shared/reconcile/ref.js';
import { actions, Rig } from './rig.js';

describe('reconcile: readers', () => {
  it('a shared one loads each key once, also while the first load is under way or when it failed', async () => {
    const reader = sharedReader();
    let loads = 0;
    const load = (): Promise<number> => Promise.resolve((loads += 1));
    assert.deepEqual(await Promise.all([reader.once('a', load), reader.once('a', load), reader.once('b', load)]), [1, 1, 2]);
    assert.equal(await reader.once('a', load), 1);
    const failing = (): Promise<number> => {
      loads += 1;
      return Promise.reject(new Error('no'));
    };
    const both = await Promise.allSettled([reader.once('c', failing), reader.once('c', failing)]);
    assert.deepEqual(both.map(({ status }) => status), ['rejected', 'rejected']);
    assert.equal(loads, 3);
    assert.equal(reader.strong, false);
  });

  it('a strong one asks every time', async () => {
    let loads = 0;
    const load = (): Promise<number> => Promise.resolve((loads += 1));
    assert.deepEqual([await strongReader.once('a', load), await strongReader.once('a', load)], [1, 2]);
    assert.equal(strongReader.strong, true);
  });
});

describe('reconcile: planning', () => {
  it('reads a list once for all resources that share it', async () => {
    const rig = new Rig();
    for (const key of ['a', 'b']) rig.cloud.store.seed(key, { text: 'x' });
    const plan = await planAll(['a', 'b', 'c'].map((key) => rig.thing(key, { text: 'x' }, { list: 'all' })), 10);
    assert.deepEqual(rig.cloud.events, ['read list all']);
    assert.deepEqual(actions(plan), { a: 'keep', b: 'keep', c: 'create' });
  });

  it('never observes more than allowed at a time, and as many as allowed', async () => {
    for (const concurrency of [1, 3]) {
      const rig = new Rig();
      await planAll(Array.from({ length: 9 }, (_, index) => rig.thing(`t${index}`)), concurrency);
      assert.equal(rig.cloud.reading.most, concurrency);
    }
  });

  it('does not let a chain of references block its own places', async () => {
    const rig = new Rig();
    const a = rig.thing('a');
    const b = rig.thing('b', { of: a.id });
    assert.equal((await planAll([rig.thing('c', { of: b.id }), b, a], 1)).length, 3);
  });

  it('passes the id of what is there on, and "unknown" of what is to be created', async () => {
    const rig = new Rig();
    rig.cloud.store.seed('there', { text: 'x' });
    const there = rig.thing('there');
    const fresh = rig.thing('fresh');
    const user = rig.thing('user', { there: there.id, fresh: fresh.id });
    const plan = await planAll([user, there, fresh], 4);
    const entry = plan.find(({ resource }) => resource === user);
    assert.deepEqual(entry?.known, { there: 'uid:there', fresh: unknown });
    assert.deepEqual(entry.change.action === 'create' && entry.change.fields, [{ field: 'there', after: 'uid:there' }, { field: 'fresh', after: '(known after apply)' }]);
  });

  it('passes the outputs of what is to be updated on, and "unknown" for those it does not have yet', async () => {
    const rig = new Rig();
    rig.cloud.store.seed('cluster', { version: '1' });
    const cluster = rig.thing('cluster', { version: '1', issuer: 'https://i' });
    const user = rig.thing('user', { id: cluster.id, issuer: cluster.part('issuer') });
    const plan = await planAll([cluster, user], 4);
    assert.deepEqual(actions(plan), { cluster: 'update', user: 'create' });
    assert.deepEqual(plan[1]?.known, { id: 'uid:cluster', issuer: unknown });
  });

  it('blocks what needs something blocked, through all floors, without looking at it', async () => {
    const rig = new Rig();
    const root = rig.thing('root', {}, { blocked: { awaits: false } });
    const middle = rig.thing('middle', { of: root.id });
    const leaf = rig.thing('leaf', { of: middle.id }, { rights: ['write'] });
    const plan = await planAll([leaf, middle, root, rig.thing('other')], 4);
    assert.deepEqual(actions(plan), { root: 'blocked', middle: 'blocked', leaf: 'blocked', other: 'create' });
    const codes = plan.flatMap(({ change }) => (change.action === 'blocked' ? [`${change.problem.code} ${change.problem.because}`] : []));
    assert.deepEqual(codes, ['WI4999 the test says so', 'WI9003 it needs thing root, which is blocked', 'WI9003 it needs thing middle, which is blocked']);
    assert.deepEqual(rig.cloud.events, ['read root', 'read other']);
    assert.deepEqual(plan.find(({ resource }) => resource.key === 'leaf')?.permissions, []);
  });

  it('goes on past what another task is awaited to do, with unknown values', async () => {
    const rig = new Rig();
    const awaited = rig.thing('awaited', {}, { blocked: { awaits: true } });
    const user = rig.thing('user', { of: awaited.id });
    const plan = await planAll([awaited, user], 4);
    assert.deepEqual(actions(plan), { awaited: 'blocked', user: 'create' });
    assert.deepEqual(plan[1]?.known, { of: unknown });
  });

  it('makes a failing read the problem of its own resource and of what depends on it', async () => {
    const rig = new Rig();
    rig.cloud.beforeRead = (name) => {
      if (name === 'sick') throw new Error('503');
    };
    const sick = rig.thing('sick');
    const plan = await planAll([sick, rig.thing('user', { of: sick.id }), rig.thing('well')], 4);
    assert.deepEqual(actions(plan), { sick: 'blocked', user: 'blocked', well: 'create' });
    const change = plan[0]?.change;
    assert.deepEqual(change?.action === 'blocked' && [change.problem.code, change.problem.because], ['WI9001', '503']);
  });

  it('asks for the rights of changes only', async () => {
    const rig = new Rig();
    rig.cloud.store.seed('kept', { text: 'x' });
    const plan = await planAll([rig.thing('kept', { text: 'x' }, { rights: ['write'] }), rig.thing('fresh', { text: 'x' }, { rights: ['write'] })], 4);
    assert.deepEqual(plan.map(({ permissions }) => permissions.length), [0, 1]);
  });

  it('writes nothing', async () => {
    const rig = new Rig();
    await planAll([rig.thing('a'), rig.thing('b', {}, { absent: true })], 4);
    assert.deepEqual(rig.cloud.writes, []);
  });
});
