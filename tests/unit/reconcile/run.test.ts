import assert from 'node:assert/strict';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import type { AnyProof, Evidence, ProofContext } from '../../../tasks/_shared/reconcile/proof.js';
import type { Ref } from '../../../tasks/_shared/reconcile/ref.js';
import { stateOf } from '../../../tasks/_shared/reconcile/run.js';
import { writes } from '../../../tasks/_shared/reconcile/resource.js';
import { actions, Rig } from './rig.js';
import { problemOf, type Thing, type ThingOptions } from './thing.js';

/** A proof that notes in the cloud's events that it ran, and with what. */
function proofOf(rig: Rig, thing: Thing, run: (context: ProofContext) => Promise<Evidence> = () => Promise.resolve({ level: 'exercised', summary: 'seen' }), id: Ref<string> = thing.id): AnyProof {
  return {
    key: `proof of ${thing.key}`,
    title: thing.key,
    proves: [thing.key],
    inputs: { id },
    run: (known, context) => {
      rig.cloud.events.push(`prove ${thing.key} ${JSON.stringify(known)}`);
      return run(context);
    },
  };
}

/** Two clusters in different states, with references, a lane, something shared and something to delete. */
function fleet(rig: Rig, c1: ThingOptions = {}): Thing[] {
  const shared = rig.thing('shared', { text: 'x' }, { rights: ['write'] });
  return [shared].concat(['c1', 'c2'].flatMap((cluster) => {
    const options = { cluster, ...(cluster === 'c1' ? c1 : {}) };
    const features = rig.thing(`${cluster}/features`, { version: '1', issuer: `https://${cluster}` }, options);
    const identity = rig.thing(`${cluster}/identity`, { text: 'x' }, { cluster });
    return [
      rig.thing(`${cluster}/credential`, { issuer: features.part('issuer'), identity: identity.id }, { cluster, lane: identity.key }),
      rig.thing(`${cluster}/grant`, { identity: identity.id, shared: shared.id }, { cluster, lane: identity.key }),
      rig.thing(`${cluster}/old`, {}, { cluster, absent: true }),
      identity,
      features,
    ];
  }));
}

function seeded(): Rig {
  const rig = new Rig();
  rig.cloud.store.seed('c1/features', { version: '1' });
  rig.cloud.store.seed('c2/features', { version: '1', issuer: 'https://c2' });
  rig.cloud.store.seed('c2/identity', { text: 'x' });
  rig.cloud.store.seed('c1/old', {});
  return rig;
}

const planOf = (plan: Awaited<ReturnType<Rig['run']>>['plan']): unknown => plan.map(({ resource, change }) => [resource.key, change]);

describe('reconcile: a run', () => {
  it('tells a proof whether anything that it proves was written in this run', async () => {
    const seen: boolean[] = [];
    const rig = seeded();
    const noting = (of: Rig): AnyProof => {
      const shared = fleet(of)[0]!;
      return proofOf(of, shared, ({ fresh }) => {
        seen.push(fresh);
        return Promise.resolve({ level: 'exercised', summary: '' });
      });
    };
    await rig.run(fleet(rig), [noting(rig)]);
    const again = new Rig(rig);
    await again.run(fleet(again), [noting(again)]);
    assert.deepEqual(seen, [true, false]);
  });

  it('goes plan, preflight, apply, prove, and tells its watcher', async () => {
    const rig = seeded();
    const things = fleet(rig);
    const result = await rig.run(things, [proofOf(rig, things[1]!)]);
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(rig.stages, ['planned', 'checked', 'applied']);
    const { events } = rig.cloud;
    const prove = events.findIndex((event) => event.startsWith('prove'));
    const settles = events.map((event, index) => (event.startsWith('settle') ? index : 0));
    assert.ok(events.indexOf('check') < events.findIndex((event) => event.startsWith('intend')));
    assert.ok(Math.max(...settles) < prove);
    assert.equal(events[prove], 'prove c1/credential {"id":"uid:c1/credential"}');
    assert.equal(result.durationMs, rig.clock.monotonic());
  });

  it('writes nothing the second time', async () => {
    const rig = seeded();
    await rig.run(fleet(rig));
    assert.ok(rig.cloud.writes.length > 0);
    const again = new Rig(rig);
    const result = await again.run(fleet(again));
    assert.equal(result.result, 'succeeded');
    assert.deepEqual([again.cloud.writes, again.intended, again.asked], [[], [], []]);
    assert.ok(result.applied.every(({ outcome }) => outcome.result === 'kept'));
  });

  it('succeeds with nothing to do', async () => assert.equal((await new Rig().run([])).result, 'succeeded'));

  it('gives the state of a resource after it', async () => {
    const rig = seeded();
    const things = fleet(rig);
    const lost = rig.thing('lost', { text: 'x' });
    rig.cloud.beforeWrite = (_index, name) => {
      if (name === 'lost') throw new Error('no');
    };
    const result = await rig.run([...things, lost]);
    assert.deepEqual(stateOf(result, things[0]!), { id: 'uid:shared', content: { text: 'x' } });
    assert.equal(stateOf(result, lost), undefined);
    assert.equal(stateOf(result, rig.thing('stranger')), undefined);
  });
});

describe('reconcile: dry run', () => {
  it('writes, journals and proves nothing, but checks rights', async () => {
    const rig = seeded();
    const things = fleet(rig);
    const before = rig.cloud.store.snapshot();
    const result = await rig.run(things, things.map((thing) => proofOf(rig, thing)), { dryRun: true });
    assert.deepEqual([result.dryRun, result.applied, result.proofs, result.result], [true, [], [], 'succeeded']);
    assert.deepEqual(rig.cloud.events.filter((event) => !event.startsWith('read')), ['check']);
    assert.deepEqual(rig.cloud.store.snapshot(), before);
    assert.deepEqual(rig.stages, ['planned', 'checked']);
  });

  it('plans exactly the changes that the following run makes: a write or more for each, none without', async () => {
    const rig = seeded();
    const dry = await rig.run(fleet(rig), [], { dryRun: true });
    const real = new Rig(rig);
    const wet = await real.run(fleet(real));
    assert.deepEqual(planOf(dry.plan), planOf(wet.plan));
    assert.deepEqual(new Set(Object.values(actions(dry.plan))), new Set(['keep', 'create', 'update', 'delete']));
    const promised = dry.plan.filter(({ change }) => writes(change)).map(({ resource }) => resource.key);
    assert.deepEqual(new Set(real.intended.map(({ resource }) => resource)), new Set(promised));
    for (const { resource, change } of dry.plan) {
      const fields = real.intended.filter((entry) => entry.resource === resource.key).map(({ action, after }) => [action, after?.split('=')[0]]);
      const expected = !writes(change) ? [] : change.action === 'delete' ? [['delete', undefined]] : change.fields.map(({ field }) => [change.action, field]);
      assert.deepEqual(fields, expected, resource.key);
    }
  });

  it('gives the observed states', async () => {
    const rig = seeded();
    const things = fleet(rig);
    const result = await rig.run(things, [], { dryRun: true });
    assert.equal(stateOf(result, things[0]!), undefined);
    assert.deepEqual(stateOf(result, things.find(({ key }) => key === 'c2/identity')!), { id: 'uid:c2/identity', content: { text: 'x' } });
  });

  const outlook = async (build: (rig: Rig) => Thing[], failFast = false): Promise<string> => {
    const rig = seeded();
    return (await rig.run(build(rig), [], { dryRun: true, failFast })).result;
  };
  const stopped = { blocked: { awaits: false } };

  it('has issues when one of two clusters is stopped', async () => assert.equal(await outlook((rig) => fleet(rig, stopped)), 'succeededWithIssues'));

  it('fails when the run would stop all the same, under failFast', async () => assert.equal(await outlook((rig) => fleet(rig, stopped), true), 'failed'));

  it('fails when no cluster is left to work on', async () => {
    assert.equal(await outlook((rig) => [rig.thing('a', {}, { cluster: 'c1', ...stopped }), rig.thing('b', {}, { cluster: 'c2', ...stopped })]), 'failed');
    assert.equal(await outlook((rig) => [rig.thing('a', {}, { cluster: 'c1', ...stopped }), rig.thing('shared')]), 'failed');
  });

  it('fails when something shared is stopped', async () => assert.equal(await outlook((rig) => [...fleet(rig), rig.thing('vault', {}, stopped)]), 'failed'));

  it('takes what another task is awaited to do for granted', async () => {
    assert.equal(await outlook((rig) => fleet(rig, { blocked: { awaits: true } })), 'succeeded');
  });

  it('tells which rights are missing, as a note: another connection may apply what this one plans', async () => {
    const rig = seeded();
    rig.lacking.add('assign');
    const things = ['c1', 'c2'].map((cluster) => rig.thing(`${cluster}/x`, { text: 'x' }, { cluster, rights: [cluster === 'c1' ? 'assign' : 'write'] }));
    const { result, preflight } = await rig.run(things, [], { dryRun: true });
    assert.deepEqual([result, preflight.findings], ['succeeded', []]);
    assert.deepEqual(preflight.lacking, [{ plane: 'azure', action: 'assign', scope: '/c1/x' }]);
    assert.equal(preflight.permissions.length, 2);
  });
});

describe('reconcile: proofs', () => {
  it('run for what was kept as for what was done, and any level of evidence is success', async () => {
    const rig = seeded();
    const kept = rig.thing('c2/identity', { text: 'x' });
    const fresh = rig.thing('fresh');
    const proofs = [proofOf(rig, kept, () => Promise.resolve({ level: 'observed', summary: 's' })), proofOf(rig, fresh, () => Promise.resolve({ level: 'none', summary: 's' }))];
    const result = await rig.run([kept, fresh], proofs);
    assert.deepEqual(result.proofs.map(({ outcome }) => outcome.level), ['observed', 'none']);
    assert.equal(result.result, 'succeeded');
  });

  it('are skipped when what they prove was not done or is not there, and the run fails', async () => {
    const rig = new Rig();
    rig.cloud.beforeWrite = (_index, name) => {
      if (name === 'bad') throw new Problem(problemOf('bad'));
    };
    const [bad, good] = [rig.thing('bad'), rig.thing('good')];
    const result = await rig.run([bad, good], [proofOf(rig, bad), proofOf(rig, good), proofOf(rig, rig.thing('stranger'))]);
    assert.deepEqual(result.proofs.map(({ outcome }) => outcome.level), ['skipped', 'exercised', 'skipped']);
    const [first] = result.proofs;
    assert.ok(first !== undefined && 'problem' in first.outcome);
    assert.deepEqual([first.outcome.problem.code, first.outcome.problem.because], ['WI9003', 'thing bad was not done']);
    assert.deepEqual(rig.cloud.events.filter((event) => event.startsWith('prove')).length, 1);
    assert.equal(result.result, 'failed');
  });

  it('that fail make the run fail, each with its own problem, and do not disturb the others', async () => {
    const rig = new Rig();
    const [a, b, c] = [rig.thing('a'), rig.thing('b'), rig.thing('c')];
    const result = await rig.run([a, b, c], [proofOf(rig, a, () => Promise.reject(new Problem(problemOf('a')))), proofOf(rig, b, () => Promise.reject(new Error('boom'))), proofOf(rig, c)]);
    assert.deepEqual(result.proofs.map(({ outcome }) => ('problem' in outcome ? outcome.problem.code : outcome.level)), ['WI4999', 'WI9001', 'exercised']);
    assert.equal(result.result, 'failed');
    assert.ok(result.applied.every(({ outcome }) => outcome.result === 'done'));
  });

  it('whose inputs stay unknown fail without being run', async () => {
    const rig = new Rig();
    const a = rig.thing('a');
    const result = await rig.run([a], [proofOf(rig, a, undefined, a.part('no such part'))]);
    const [entry] = result.proofs;
    assert.ok(entry?.outcome.level === 'failed');
    assert.equal(entry.outcome.problem.because, 'proof of a: an input is unknown after apply');
    assert.equal(rig.cloud.events.some((event) => event.startsWith('prove')), false);
    assert.equal(result.result, 'failed');
  });

  it('run side by side within the limit, and may say what they wait for', async () => {
    const rig = new Rig();
    const things = Array.from({ length: 6 }, (_, index) => rig.thing(`t${index}`));
    let now = 0;
    let most = 0;
    const slow = async (context: ProofContext): Promise<Evidence> => {
      most = Math.max(most, (now += 1));
      context.progress('for the token');
      await rig.clock.sleep(100, context.signal);
      now -= 1;
      return { level: 'exercised', summary: 's' };
    };
    await rig.run(things, things.map((thing) => proofOf(rig, thing, slow)), { concurrency: 2 });
    assert.equal(most, 2);
    assert.deepEqual(rig.waits.sort(), things.map(({ key }) => `${key}: for the token`));
  });
});
