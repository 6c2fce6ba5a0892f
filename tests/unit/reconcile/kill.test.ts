import assert from 'node:assert/strict';
import { outcomes, problemAt, Rig } from './rig.js';
import type { Thing } from './thing.js';

/** Two clusters with something to create, to extend and to delete, lanes and references across. */
function fleet(rig: Rig): Thing[] {
  return ['c1', 'c2'].flatMap((cluster) => {
    const features = rig.thing(`${cluster}/features`, { issuer: `https://${cluster}`, webhook: 'on' }, { cluster });
    const identity = rig.thing(`${cluster}/identity`, { location: 'weu', tag: 'ours' }, { cluster });
    const lane = identity.key;
    return [
      features,
      identity,
      rig.thing(`${cluster}/credential`, { issuer: features.part('issuer'), identity: identity.id }, { cluster, lane }),
      rig.thing(`${cluster}/grant`, { identity: identity.id }, { cluster, lane }),
      rig.thing(`${cluster}/account`, { client: identity.id, label: 'use' }, { cluster }),
      rig.thing(`${cluster}/old`, {}, { cluster, absent: true }),
    ];
  });
}

function seeded(): Rig {
  const rig = new Rig();
  rig.cloud.store.seed('c1/features', { keep: 'this' });
  rig.cloud.store.seed('c2/features', { issuer: 'https://c2' });
  rig.cloud.store.seed('c1/old', { text: 'x' });
  rig.cloud.store.seed('c2/account', { client: 'somebody else', label: 'use' });
  return rig;
}

async function recovers(first: Rig, expected: unknown, message: string): Promise<void> {
  const second = new Rig(first);
  assert.equal((await second.run(fleet(second))).result, 'succeeded', message);
  assert.deepEqual(first.cloud.store.snapshot(), expected, message);
  const third = new Rig(second);
  assert.equal((await third.run(fleet(third))).result, 'succeeded', message);
  assert.deepEqual(third.cloud.writes, [], message);
}

describe('reconcile: cancellation and kill at every write', () => {
  let total = 0;
  let expected: unknown;

  before(async () => {
    const rig = seeded();
    assert.equal((await rig.run(fleet(rig))).result, 'succeeded');
    total = rig.cloud.writes.length;
    expected = rig.cloud.store.snapshot();
    assert.ok(total >= 15, `${total} writes`);
  });

  it('a cancelled run starts no further write, settles what it began, fails; the next run ends as an undisturbed one', async () => {
    for (let at = 0; at < total; at += 1) {
      const rig = seeded();
      rig.cloud.beforeWrite = (index) => {
        if (index === at) rig.cancellation.abort(new Error('stop'));
      };
      const result = await rig.run(fleet(rig), [], { concurrency: 3 });
      assert.equal(rig.cloud.writes.length, at + 1, `write ${at}`);
      assert.equal(result.result, 'failed', `write ${at}`);
      assert.deepEqual(new Set(rig.settled.map(({ entry }) => entry)), new Set(rig.intended), `write ${at}`);
      await recovers(rig, expected, `write ${at}`);
    }
  });

  it('so it does when the write was refused, or accepted and its answer lost', async () => {
    for (const hook of ['beforeWrite', 'afterWrite'] as const) {
      for (let at = 0; at < total; at += 1) {
        const rig = seeded();
        rig.cloud[hook] = (index) => {
          if (index < at) return;
          rig.cancellation.abort(new Error('stop'));
          throw new Error('connection lost');
        };
        assert.equal((await rig.run(fleet(rig))).result, 'failed', `${hook} ${at}`);
        await recovers(rig, expected, `${hook} ${at}`);
      }
    }
  });

  it('so it does when the process is gone from one moment to the next', async () => {
    const never = new Promise<void>(() => undefined);
    for (const hook of ['beforeWrite', 'afterWrite'] as const) {
      for (let at = 0; at < total; at += 1) {
        const rig = seeded();
        await new Promise<void>((died) => {
          rig.cloud[hook] = (index) => {
            if (index < at) return undefined;
            rig.cloud.beforeRead = () => never;
            rig.cloud.beforeWrite = () => never;
            died();
            return never;
          };
          void rig.run(fleet(rig));
        });
        await recovers(rig, expected, `${hook} ${at}`);
      }
    }
  });

  it('says of each change that was not begun that the run was cancelled', async () => {
    const rig = new Rig();
    rig.cloud.afterWrite = () => rig.cancellation.abort(new Error('stop'));
    const result = await rig.run([rig.thing('a'), rig.thing('b')], [], { concurrency: 1 });
    assert.deepEqual(rig.cloud.writes, ['put a.text']);
    assert.equal(problemAt(result.applied, 'b').code, 'WI9002');
    assert.equal(problemAt(result.applied, 'b').tried, 'create thing b');
  });

  it('does not begin another part of a change that is under way', async () => {
    const rig = new Rig();
    rig.cloud.afterWrite = () => rig.cancellation.abort(new Error('stop'));
    const result = await rig.run([rig.thing('a', { one: '1', two: '2' })]);
    assert.deepEqual(rig.cloud.writes, ['put a.one']);
    assert.deepEqual(rig.intended.length, 1);
    assert.equal(problemAt(result.applied, 'a').code, 'WI9002');
  });

  it('writes nothing when it is cancelled before or during planning', async () => {
    for (const when of ['before', 'during']) {
      const rig = seeded();
      if (when === 'before') rig.cancellation.abort(new Error('stop'));
      else rig.cloud.beforeRead = () => rig.cancellation.abort(new Error('stop'));
      const result = await rig.run(fleet(rig));
      assert.deepEqual([rig.cloud.writes, rig.intended, result.result], [[], [], 'failed'], when);
    }
  });

  it('calls it cancelled, not an unknown error, when it is cancelled while it waits for a write to show', async () => {
    const rig = new Rig();
    rig.cloud.lagMs = 30_000;
    rig.cloud.afterWrite = () => void rig.clock.sleep(2_000).then(() => rig.cancellation.abort(new Error('the pipeline asked the task to stop')));
    const result = await rig.run([rig.thing('a')]);
    assert.deepEqual(outcomes(result.applied), { a: 'failed' });
    assert.ok(rig.clock.monotonic() < 10_000);
    assert.equal(problemAt(result.applied, 'a').code, 'WI9002');
  });
});
