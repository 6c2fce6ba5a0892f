import assert from 'node:assert/strict';
import { planAll } from '../../../tasks/_shared/reconcile/plan.js';
import { preflight } from '../../../tasks/_shared/reconcile/preflight.js';
import { outcomes, problemAt, Rig } from './rig.js';
import { problemOf } from './thing.js';

describe('reconcile: preflight', () => {
  it('reports each obstacle once, at the cluster it belongs to, and not what merely follows from it', async () => {
    const rig = new Rig();
    const stopped = rig.thing('stopped', {}, { cluster: 'c1', blocked: { awaits: false } });
    const shared = rig.thing('shared', {}, { blocked: { awaits: true } });
    const plan = await planAll([stopped, rig.thing('user', { of: stopped.id }, { cluster: 'c1' }), shared], 4);
    const { findings } = await preflight(plan, rig.ports.permissions);
    assert.deepEqual(findings, [
      { scope: 'cluster', cluster: 'c1', resource: 'stopped', problem: problemOf('stopped'), awaits: false },
      { scope: 'resource', resource: 'shared', problem: problemOf('shared'), awaits: true },
    ]);
  });

  it('asks for each right once, and not at all when no change needs one', async () => {
    const rig = new Rig();
    const options = { rights: ['write', 'read', 'write'], scope: '/s' };
    const plan = await planAll([rig.thing('a', { t: '1' }, options), rig.thing('b', { t: '1' }, options)], 4);
    const { permissions } = await preflight(plan, rig.ports.permissions);
    assert.deepEqual(permissions.map(({ action, scope }) => `${action} ${scope}`), ['write /s', 'read /s']);
    assert.deepEqual(rig.asked, [permissions]);
    await preflight(await planAll([rig.thing('c')], 4), rig.ports.permissions);
    assert.equal(rig.asked.length, 1);
  });

  it('asks for the rights of proofs as well, and writes nothing that could not be proven', async () => {
    const rig = new Rig();
    const grant = rig.thing('grant', { t: '1' }, { cluster: 'c1' });
    const right = { plane: 'kubernetes' as const, action: 'create serviceaccounts/token', scope: '/c1' };
    const proof = { key: 'p', title: 'orders/api', cluster: 'c1', proves: ['grant'], inputs: {}, permissions: () => [right], run: () => Promise.reject(new Error('not allowed')) };
    const lacking = { missing: () => Promise.resolve([right]) };
    const { findings } = await preflight(await planAll([grant], 4), lacking, {}, [proof]);
    assert.deepEqual(findings.map(({ resource, cluster, problem }) => [resource, cluster, problem.code, problem.what]), [['p', 'c1', 'WI3001', 'orders/api cannot be proven']]);
    const kept = await preflight(await planAll([], 4), lacking, {}, [proof]);
    assert.deepEqual([kept.findings, kept.permissions], [[], []]);
  });

  it('names every missing right, where, and to whom it matters', async () => {
    const rig = new Rig();
    rig.lacking.add('write').add('join');
    const a = rig.thing('a', { t: '1' }, { rights: ['write', 'read', 'join'], cluster: 'c1' });
    const { findings } = await preflight(await planAll([a, rig.thing('b', { t: '1' }, { rights: ['read'] })], 4), rig.ports.permissions);
    assert.equal(findings.length, 1);
    const [finding] = findings;
    assert.deepEqual([finding?.scope, finding?.cluster, finding?.resource, finding?.awaits], ['cluster', 'c1', 'a', false]);
    assert.equal(finding?.problem.code, 'WI3001');
    assert.match(finding.problem.because, /write at \/a; join at \/a$/);
  });

  it('tells a right at one scope from the same right at another', async () => {
    const rig = new Rig();
    rig.check = (permissions) => Promise.resolve(permissions.filter(({ scope }) => scope === '/b'));
    const things = ['a', 'b'].map((key) => rig.thing(key, { t: '1' }, { rights: ['write'] }));
    const { findings } = await preflight(await planAll(things, 4), rig.ports.permissions);
    assert.deepEqual(findings.map(({ resource }) => resource), ['b']);
  });

  it('tells the right of one principal from that of another, and names whose it is', async () => {
    const rig = new Rig();
    rig.check = (permissions) => Promise.resolve(permissions.filter(({ via }) => via !== undefined));
    const own = { plane: 'azure', action: 'write', scope: '/v' } as const;
    const mixed = Object.assign(rig.thing('a', { t: '1' }), { permissions: () => [own, { ...own, via: 'vaults' }] });
    const { findings, permissions } = await preflight(await planAll([mixed], 4), rig.ports.permissions);
    assert.equal(permissions.length, 2);
    assert.equal(findings[0]?.problem.because, 'the principal of the service connection vaults lacks write at /v');
  });
});

describe('reconcile: what findings stop', () => {
  it('a cluster\'s finding stops the writes of that cluster and what depends on them, and nothing else', async () => {
    const rig = new Rig();
    rig.cloud.store.seed('kept', { text: 'x' });
    const own = rig.thing('own', { text: 'x' }, { cluster: 'c1' });
    const result = await rig.run([
      rig.thing('stopped', {}, { cluster: 'c1', blocked: { awaits: false } }),
      own,
      rig.thing('kept', { text: 'x' }, { cluster: 'c1' }),
      rig.thing('depends', { of: own.id }),
      rig.thing('else', { text: 'x' }, { cluster: 'c2' }),
      rig.thing('shared'),
    ]);
    assert.deepEqual(outcomes(result.applied), { stopped: 'skipped', own: 'skipped', kept: 'kept', depends: 'skipped', else: 'done', shared: 'done' });
    assert.deepEqual(problemAt(result.applied, 'stopped'), problemOf('stopped'));
    assert.deepEqual([problemAt(result.applied, 'own').code, problemAt(result.applied, 'own').because], ['WI9003', 'stopped is in the way']);
    assert.equal(problemAt(result.applied, 'depends').because, 'it needs thing own, which was not done');
    assert.deepEqual(rig.cloud.writes.sort(), ['put else.text', 'put shared.text']);
    assert.equal(result.result, 'failed');
  });

  it('a finding without a cluster stops its resource and what depends on it', async () => {
    const rig = new Rig();
    const shared = rig.thing('shared', {}, { blocked: { awaits: false } });
    const result = await rig.run([shared, rig.thing('user', { of: shared.id }, { cluster: 'c1' }), rig.thing('other', { text: 'x' }, { cluster: 'c1' })]);
    assert.deepEqual(outcomes(result.applied), { shared: 'skipped', user: 'skipped', other: 'done' });
    assert.equal(result.result, 'failed');
  });

  it('failFast makes one finding stop every write', async () => {
    const rig = new Rig();
    rig.cloud.store.seed('kept', { text: 'x' });
    const things = [rig.thing('bad', {}, { cluster: 'c1', blocked: { awaits: false } }), rig.thing('else', { text: 'x' }, { cluster: 'c2' }), rig.thing('kept', { text: 'x' }, { cluster: 'c2' })];
    const result = await rig.run(things, [], { failFast: true });
    assert.deepEqual(outcomes(result.applied), { bad: 'skipped', else: 'skipped', kept: 'kept' });
    assert.deepEqual(rig.cloud.writes, []);
    assert.equal(result.result, 'failed');
  });

  it('failFast stops nothing where nothing was found', async () => {
    const rig = new Rig();
    assert.equal((await rig.run([rig.thing('a'), rig.thing('b')], [], { failFast: true })).result, 'succeeded');
    assert.equal(rig.cloud.writes.length, 2);
  });

  it('a missing right stops its cluster before the first write, also writes that could be made', async () => {
    const rig = new Rig();
    rig.lacking.add('assign');
    const things = [
      rig.thing('c1/free', { t: '1' }, { cluster: 'c1' }),
      rig.thing('c1/grant', { t: '1' }, { cluster: 'c1', rights: ['assign'] }),
      rig.thing('c2/free', { t: '1' }, { cluster: 'c2', rights: ['write'] }),
    ];
    const result = await rig.run(things);
    assert.deepEqual(rig.cloud.writes, ['put c2/free.t']);
    assert.equal(problemAt(result.applied, 'c1/grant').code, 'WI3001');
    assert.equal(problemAt(result.applied, 'c1/free').code, 'WI9003');
    assert.ok(rig.cloud.events.indexOf('check') < rig.cloud.events.findIndex((event) => event.startsWith('intend')));
  });

  it('each resource with a finding of its own is told that one, not its neighbour\'s', async () => {
    const rig = new Rig();
    rig.lacking.add('first').add('second');
    const things = ['first', 'second'].map((right) => rig.thing(right, { t: '1' }, { cluster: 'c1', rights: [right] }));
    const { applied } = await rig.run(things);
    assert.match(problemAt(applied, 'first').because, /lacks first at/);
    assert.match(problemAt(applied, 'second').because, /lacks second at/);
  });

  it('awaiting another task is an obstacle to a real run', async () => {
    const rig = new Rig();
    const awaited = rig.thing('awaited', {}, { blocked: { awaits: true } });
    const result = await rig.run([awaited, rig.thing('user', { of: awaited.id }), rig.thing('other')]);
    assert.deepEqual(outcomes(result.applied), { awaited: 'skipped', user: 'skipped', other: 'done' });
    assert.equal(result.result, 'failed');
  });

  it('a permission check that fails does not throw away the run: nothing is written and the result says so', async () => {
    const rig = new Rig();
    rig.check = () => Promise.reject(new Error('no answer'));
    const result = await rig.run([rig.thing('a', { t: '1' }, { rights: ['write'] })]);
    assert.equal(result.result, 'failed');
    assert.deepEqual(rig.cloud.writes, []);
  });
});
