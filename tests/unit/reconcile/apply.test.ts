import assert from 'node:assert/strict';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import type { Change } from '../../../tasks/_shared/reconcile/resource.js';
import type { ThingState } from './fake-cloud.js';
import type { Known } from '../../../tasks/_shared/reconcile/ref.js';
import { outcomes, problemAt, Rig } from './rig.js';
import { problemOf, Thing, type Content } from './thing.js';

describe('reconcile: apply', () => {
  it('writes each after those it reads from, with their outputs', async () => {
    const rig = new Rig();
    const a = rig.thing('a');
    const b = rig.thing('b', { of: a.id });
    const c = rig.thing('c', { of: b.id, text: a.part('text') });
    assert.deepEqual(outcomes(await rig.apply([c, b, a])), { a: 'done', b: 'done', c: 'done' });
    assert.deepEqual(rig.cloud.writes, ['put a.text', 'put b.of', 'put c.of', 'put c.text']);
    assert.deepEqual(rig.cloud.store.newest('c')?.content, { of: 'uid:b', text: 'x' });
  });

  it('never has more writes under way than allowed, and as many as allowed', async () => {
    for (const concurrency of [1, 3]) {
      const rig = new Rig();
      const applied = await rig.apply(Array.from({ length: 9 }, (_, index) => rig.thing(`t${index}`)), { concurrency });
      assert.ok(applied.every(({ outcome }) => outcome.result === 'done'));
      assert.equal(rig.cloud.writing.most, concurrency);
      assert.ok(rig.cloud.reading.most <= concurrency);
    }
  });

  it('serialises a lane without taking places from the others', async () => {
    const rig = new Rig();
    const inLane = Array.from({ length: 4 }, (_, index) => rig.thing(`lane${index}`, { one: '1', two: '2' }, { lane: 'identity' }));
    const free = rig.thing('free');
    await rig.apply([...inLane, free], { concurrency: 2 });
    const lane = rig.cloud.events.filter((event) => event.startsWith('put lane'));
    assert.deepEqual(lane, inLane.flatMap(({ key }) => [`put ${key}.one`, `put ${key}.two`]));
    assert.equal(rig.cloud.writing.most, 2);
    assert.ok(rig.cloud.events.indexOf('put free.text') < rig.cloud.events.indexOf('put lane1.one'));
  });

  it('journals each intent before its write and the outcome after it', async () => {
    const rig = new Rig();
    await rig.apply([rig.thing('a', { one: '1', two: '2' }, { cluster: 'c1' })]);
    const events = rig.cloud.events.filter((event) => !event.startsWith('read'));
    assert.deepEqual(events, ['intend a', 'put a.one', 'settle a done', 'intend a', 'put a.two', 'settle a done']);
    const [first] = rig.intended;
    assert.deepEqual(first, { action: 'create', object: '/a', after: 'one=1', widens: true, cluster: 'c1', resource: 'a', at: '2026-01-05T08:00:00.010Z' });
    assert.deepEqual(rig.settled.map(({ entry }) => entry), rig.intended);
  });

  it('leaves the outcome open where no service refused: the write may have been made', async () => {
    const rig = new Rig();
    rig.cloud.beforeWrite = () => {
      throw new Error('socket hang up');
    };
    await rig.apply([rig.thing('a', { one: '1' })]);
    assert.deepEqual([rig.intended.length, rig.settled], [1, []]);
  });

  it('journals as failed what ended by itself, though no service answered', async () => {
    const rig = new Rig();
    rig.cloud.beforeWrite = () => {
      throw new Problem({ ...problemOf('helm'), ended: true });
    };
    await rig.apply([rig.thing('a', { one: '1' })]);
    assert.deepEqual(rig.settled.map(({ outcome }) => outcome), ['failed']);
  });

  it('leaves open what a service has accepted, unless it says itself how that ended', async () => {
    for (const [parts, outcomes] of [[{ status: 403 }, []], [{ ended: true }, ['failed']]] as const) {
      const rig = new Rig();
      const a = rig.thing('a', { one: '1' });
      a.apply = (_change, _known, writer) => writer.write({ action: 'update', object: '/a', widens: false }, (accept) => {
        accept();
        return Promise.reject(new Problem({ ...problemOf('operation'), ...parts }));
      });
      await rig.apply([a]);
      assert.deepEqual(rig.settled.map(({ outcome }) => outcome), outcomes);
    }
  });

  it('journals a write that was refused as failed, with the reason, and does not go on with that resource', async () => {
    const rig = new Rig();
    rig.cloud.beforeWrite = () => {
      throw new Problem({ ...problemOf('write'), status: 403 });
    };
    const a = rig.thing('a', { one: '1', two: '2' });
    const applied = await rig.apply([a, rig.thing('user', { of: a.id })]);
    assert.deepEqual(rig.settled.map(({ outcome, detail }) => [outcome, detail]), [['failed', 'the test says so']]);
    assert.deepEqual(outcomes(applied), { a: 'failed', user: 'skipped' });
    assert.deepEqual(problemAt(applied, 'a'), { ...problemOf('write'), status: 403 });
    assert.deepEqual([problemAt(applied, 'user').code, problemAt(applied, 'user').because], ['WI9003', 'it needs thing a, which was not done']);
  });

  it('sends nothing that could not be journalled', async () => {
    const rig = new Rig();
    const ports = rig.ports;
    Object.defineProperty(rig, 'ports', { value: { ...ports, journal: { ...ports.journal, intend: () => { throw new Error('disk full'); } } } });
    const applied = await rig.apply([rig.thing('a')]);
    assert.equal(problemAt(applied, 'a').because, 'disk full');
    assert.deepEqual(rig.cloud.writes, []);
  });

  it('does not call a write failed that was accepted, when only its journal line could not be kept', async () => {
    const rig = new Rig();
    const ports = rig.ports;
    const settles: string[] = [];
    const settle = (_entry: unknown, outcome: string): void => {
      settles.push(outcome);
      if (outcome === 'done') throw new Error('disk full');
    };
    Object.defineProperty(rig, 'ports', { value: { ...ports, journal: { ...ports.journal, settle } } });
    await rig.apply([rig.thing('a')]);
    assert.deepEqual(settles, ['done']);
  });

  it('leaves alone what it is told to leave, and what depends on it', async () => {
    const rig = new Rig();
    const a = rig.thing('a');
    const applied = await rig.apply([a, rig.thing('user', { of: a.id }), rig.thing('b')], { stopped: new Map([['a', problemOf('a')]]) });
    assert.deepEqual(outcomes(applied), { a: 'skipped', user: 'skipped', b: 'done' });
    assert.deepEqual(problemAt(applied, 'a'), problemOf('a'));
  });

  it('deletes what shall not be there', async () => {
    const rig = new Rig();
    rig.cloud.store.seed('old', { text: 'x' });
    assert.deepEqual(outcomes(await rig.apply([rig.thing('old', {}, { absent: true })])), { old: 'done' });
    assert.deepEqual(rig.cloud.store.snapshot(), {});
  });

  it('measures how long each took, on the clock it was given', async () => {
    const rig = new Rig();
    const [entry] = await rig.apply([rig.thing('a')]);
    assert.deepEqual(entry?.outcome.result === 'done' && entry.outcome.durationMs, 20);
  });
});

describe('reconcile: planning again during apply', () => {
  it('happens only where inputs were unknown', async () => {
    const rig = new Rig();
    const a = rig.thing('a');
    const b = rig.thing('b', { of: a.id });
    await rig.apply([a, b]);
    assert.deepEqual(a.planned.map(({ change }) => change.action), ['create', 'keep']);
    assert.deepEqual(b.planned.map(({ change }) => change.action), ['create', 'create', 'keep']);
    assert.deepEqual(b.planned[1]?.known, { of: 'uid:a' });
    assert.deepEqual(rig.cloud.events.filter((event) => event === 'read b').length, 3);
  });

  it('writes nothing when the value turns out to be the one that is there', async () => {
    const rig = new Rig();
    rig.cloud.store.seed('b', { of: 'uid:a' });
    const a = rig.thing('a');
    const applied = await rig.apply([a, rig.thing('b', { of: a.id })]);
    assert.deepEqual(outcomes(applied), { a: 'done', b: 'kept' });
    assert.deepEqual(rig.cloud.writes, ['put a.text']);
  });

  it('fails with the obstacle that only then shows', async () => {
    const rig = new Rig();
    class Picky extends Thing {
      override plan(observed: ThingState | undefined, known: Known<Content>): Change {
        return known.of === 'uid:a' ? { action: 'blocked', problem: problemOf('picky'), awaits: false } : super.plan(observed, known);
      }
    }
    const a = rig.thing('a');
    const applied = await rig.apply([a, new Picky(rig.cloud, 'picky', { of: a.id })]);
    assert.deepEqual(outcomes(applied), { a: 'done', picky: 'failed' });
    assert.deepEqual(problemAt(applied, 'picky'), problemOf('picky'));
    assert.deepEqual(rig.cloud.writes, ['put a.text']);
  });

  it('lets a dependent follow an output that an update changed', async () => {
    const rig = new Rig();
    rig.cloud.store.seed('a', { text: 'old' });
    rig.cloud.store.seed('b', { of: 'old' });
    const a = rig.thing('a', { text: 'new' });
    await rig.apply([a, rig.thing('b', { of: a.part('text') })]);
    assert.deepEqual(rig.cloud.store.newest('b')?.content, { of: 'new' });
  });
});

describe('reconcile: confirmation', () => {
  it('waits until the write shows, and says so', async () => {
    const rig = new Rig();
    rig.cloud.lagMs = 20_000;
    const [entry] = await rig.apply([rig.thing('a')]);
    assert.ok(entry?.outcome.result === 'done' && entry.outcome.durationMs >= 20_000 && entry.outcome.durationMs < 30_000);
    assert.deepEqual(new Set(rig.waits), new Set(['thing a: waiting until the change shows']));
    assert.deepEqual(rig.cloud.writes, ['put a.text']);
  });

  it('holds dependents back until then', async () => {
    const rig = new Rig();
    rig.cloud.lagMs = 5_000;
    const a = rig.thing('a');
    await rig.apply([a, rig.thing('b', { of: a.id })]);
    const [, second] = rig.intended;
    assert.ok(Date.parse(second?.at ?? '') >= Date.parse('2026-01-05T08:00:05Z'));
  });

  it('fails with WI3002 when the write does not show before the deadline', async () => {
    const rig = new Rig();
    rig.cloud.lagMs = Infinity;
    const a = rig.thing('a');
    const applied = await rig.apply([a, rig.thing('user', { of: a.id })]);
    assert.deepEqual(outcomes(applied), { a: 'failed', user: 'skipped' });
    assert.equal(problemAt(applied, 'a').code, 'WI3002');
    assert.match(problemAt(applied, 'a').because, /would still have to be changed: it is not there/);
    assert.ok(rig.clock.monotonic() > 50_000 && rig.clock.monotonic() <= 61_000, `${rig.clock.monotonic()} ms`);
    assert.deepEqual(rig.cloud.writes, ['put a.text']);
  });

  it('fails with WI3002 when somebody else writes the same object', async () => {
    const rig = new Rig();
    rig.cloud.afterWrite = () => rig.cloud.store.set('a', { id: 'uid:a', content: { text: 'theirs' } }, rig.clock.monotonic());
    const applied = await rig.apply([rig.thing('a')]);
    assert.equal(problemAt(applied, 'a').code, 'WI3002');
    assert.match(problemAt(applied, 'a').because, /parts differ/);
  });
});

describe('reconcile: failures among many', () => {
  const fleet = (rig: Rig): Thing[] =>
    ['c1', 'c2', 'c3'].flatMap((cluster) => {
      const identity = rig.thing(`${cluster}/identity`, { text: 'x' }, { cluster });
      return [identity, rig.thing(`${cluster}/grant`, { of: identity.id }, { cluster })];
    });
  const sick = (_index: number, name: string): void => {
    if (name.startsWith('c2/')) throw new Problem({ ...problemOf(name), status: 409 });
  };

  it('a failing cluster leaves the others done, and a second run finishes the rest', async () => {
    const rig = new Rig();
    rig.cloud.beforeWrite = sick;
    const first = await rig.run(fleet(rig));
    assert.deepEqual(outcomes(first.applied), { 'c1/identity': 'done', 'c1/grant': 'done', 'c2/identity': 'failed', 'c2/grant': 'skipped', 'c3/identity': 'done', 'c3/grant': 'done' });
    assert.equal(first.result, 'failed');
    const again = new Rig(rig);
    assert.equal((await again.run(fleet(again))).result, 'succeeded');
    assert.deepEqual(again.cloud.writes, ['put c2/identity.text', 'put c2/grant.of']);
  });

  it('failFast starts no write once one failed', async () => {
    const rig = new Rig();
    rig.cloud.beforeWrite = sick;
    const result = await rig.run(fleet(rig), [], { failFast: true, concurrency: 1 });
    assert.equal(rig.cloud.writes.at(-1), 'put c2/identity.text');
    assert.equal(result.result, 'failed');
  });

  it('failFast lets what is under way come to its end', async () => {
    const rig = new Rig();
    rig.cloud.beforeWrite = sick;
    const result = await rig.run(fleet(rig), [], { failFast: true, concurrency: 3 });
    assert.deepEqual(rig.cloud.writes.slice(0, 3), ['put c1/identity.text', 'put c2/identity.text', 'put c3/identity.text']);
    assert.deepEqual([outcomes(result.applied)['c1/identity'], outcomes(result.applied)['c3/identity']], ['done', 'done']);
    assert.deepEqual(rig.settled.length, rig.intended.length);
  });

  it('what failFast held back does not claim that the pipeline cancelled the run', async () => {
    const rig = new Rig();
    rig.cloud.beforeWrite = (_index, name) => {
      if (name === 'a') throw new Problem(problemOf(name));
    };
    const lane = { lane: 'one' };
    const result = await rig.run([rig.thing('a', { t: '1' }, lane), rig.thing('b', { t: '1' }, lane), rig.thing('c', { t: '1' }, lane)], [], { failFast: true });
    assert.doesNotMatch(problemAt(result.applied, 'c').because, /the pipeline asked/);
  });
});
