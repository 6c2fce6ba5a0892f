import assert from 'node:assert/strict';
import { Lanes, Limiter } from '../../../tasks/_shared/reconcile/limits.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import { Gauge } from './fake-cloud.js';

/** Jobs that note when they begin and end. */
function jobs(clock: VirtualClock): { log: string[]; gauge: Gauge; job: (name: string, ms: number) => () => Promise<string> } {
  const log: string[] = [];
  const gauge = new Gauge();
  const job = (name: string, ms: number) => () =>
    gauge.during(async () => {
      log.push(`${name} begins`);
      await clock.sleep(ms);
      log.push(`${name} ends`);
      return name;
    });
  return { log, gauge, job };
}

const begun = (log: readonly string[]): string[] => log.filter((line) => line.endsWith('begins')).map((line) => line.split(' ')[0] ?? '');

describe('reconcile: limiter', () => {
  it('runs no more than its size at a time, uses all of it, and starts in the order of arrival', async () => {
    const { log, gauge, job } = jobs(new VirtualClock());
    const limiter = new Limiter(3);
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const results = await Promise.all(names.map((name, index) => limiter.run(job(name, 100 - index * 10))));
    assert.equal(gauge.most, 3);
    assert.deepEqual(begun(log), names);
    assert.deepEqual(results, names);
  });

  it('frees the place of a job that fails', async () => {
    const { log, job } = jobs(new VirtualClock());
    const limiter = new Limiter(1);
    const results = await Promise.allSettled([limiter.run(() => Promise.reject(new Error('no'))), limiter.run(job('b', 5)), limiter.run(job('c', 5))]);
    assert.deepEqual(results.map(({ status }) => status), ['rejected', 'fulfilled', 'fulfilled']);
    assert.deepEqual(log, ['b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('does not lend a place that was handed on to a later arrival', async () => {
    const clock = new VirtualClock();
    const { gauge, job } = jobs(clock);
    const limiter = new Limiter(1);
    const first = limiter.run(job('a', 10));
    const second = limiter.run(job('b', 10));
    await first;
    await Promise.all([second, limiter.run(job('c', 10)), limiter.run(job('d', 10))]);
    assert.equal(gauge.most, 1);
  });
});

describe('reconcile: lanes', () => {
  it('run jobs of one lane one after another in order, different lanes side by side', async () => {
    const { log, gauge, job } = jobs(new VirtualClock());
    const lanes = new Lanes();
    await Promise.all([lanes.run('x', job('x1', 50)), lanes.run('x', job('x2', 10)), lanes.run('y', job('y1', 20)), lanes.run('x', job('x3', 1))]);
    assert.deepEqual(log.filter((line) => line.startsWith('x')), ['x1 begins', 'x1 ends', 'x2 begins', 'x2 ends', 'x3 begins', 'x3 ends']);
    assert.ok(log.indexOf('y1 begins') < log.indexOf('x1 ends'));
    assert.equal(gauge.most, 2);
  });

  it('hold nothing back that has no lane', async () => {
    const { gauge, job } = jobs(new VirtualClock());
    const lanes = new Lanes();
    await Promise.all(['a', 'b', 'c'].map((name) => lanes.run(undefined, job(name, 10))));
    assert.equal(gauge.most, 3);
  });

  it('go on after a job that fails', async () => {
    const lanes = new Lanes();
    await assert.rejects(lanes.run('x', () => Promise.reject(new Error('no'))), /no/);
    assert.equal(await lanes.run('x', () => Promise.resolve('next')), 'next');
  });
});
