import assert from 'node:assert/strict';
import { until, type Attempt } from '../../../tasks/_shared/reconcile/retry.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';

const patience = { deadlineMs: 10_000, firstWaitMs: 100, longestWaitMs: 1_000 };

/** Tries against a list of answers (the last one repeats), noting when each try was made. */
function trial(answers: readonly Attempt<string>[], clock = new VirtualClock(), signal = new AbortController().signal, inARow = 1) {
  const times: number[] = [];
  const waits: string[] = [];
  const start = (): Promise<string> =>
    until({ ...patience, inARow }, { clock, signal, progress: (text) => waits.push(text) }, () => {
      const answer = answers[Math.min(times.length, answers.length - 1)];
      times.push(clock.monotonic());
      return answer === undefined ? Promise.reject(new Error('no answers')) : Promise.resolve(answer);
    });
  return { times, waits, start };
}

const wait = (failure = 'not yet', afterMs?: number): Attempt<string> => ({ wait: 'for the moon', failure: new Error(failure), ...(afterMs === undefined ? {} : { afterMs }) });

describe('reconcile: until', () => {
  it('ends with the first answer and neither waits nor speaks before it', async () => {
    const { times, waits, start } = trial([{ done: 'here' }]);
    assert.equal(await start(), 'here');
    assert.deepEqual([times, waits], [[0], []]);
  });

  it('begins a row of successes anew after a reason to wait, and tries on at once after a success', async () => {
    const { times, start } = trial([{ done: '1' }, { done: '2' }, wait(), { done: '3' }, { done: '4' }, { done: '5' }], new VirtualClock(), undefined, 3);
    assert.equal(await start(), '5');
    assert.deepEqual(times, [0, 0, 0, 100, 100, 100]);
  });

  it('fails with the last failure where successes and failures take turns until the deadline', async () => {
    const answers = Array.from({ length: 200 }, (_one, index): Attempt<string> => (index % 2 === 0 ? { done: 'now' } : wait(`failure ${index}`)));
    const clock = new VirtualClock();
    await assert.rejects(trial(answers, clock, undefined, 2).start(), /^Error: failure \d+$/);
    assert.ok(clock.monotonic() <= patience.deadlineMs);
  });

  it('takes undefined for an answer', async () => {
    const { clock, signal } = { clock: new VirtualClock(), signal: new AbortController().signal };
    assert.equal(await until(patience, { clock, signal, progress: () => undefined }, () => Promise.resolve<Attempt<unknown>>({ done: undefined })), undefined);
  });

  it('waits half as long again each time, up to the longest wait, and says what for', async () => {
    const { times, waits, start } = trial([...Array.from({ length: 9 }, () => wait()), { done: 'late' }]);
    assert.equal(await start(), 'late');
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    const expected = [100, 150, 225, 337.5, 506.25, 759.375, 1000, 1000, 1000];
    pauses.forEach((pause, index) => assert.ok(Math.abs(pause - (expected[index] ?? 0)) < 1e-6, `pause ${index} was ${pause}`));
    assert.equal(pauses.length, expected.length);
    assert.deepEqual(new Set(waits), new Set(['for the moon']));
    assert.equal(waits.length, 9);
  });

  it('obeys a longer wish of the service, also beyond the longest wait, and not a shorter one', async () => {
    const { times, start } = trial([wait('', 4_000), wait('', 1), { done: 'x' }]);
    await start();
    assert.deepEqual(times, [0, 4_000, 4_150]);
  });

  it('fails with the last failure, not later than the deadline and not before the next wait would pass it', async () => {
    const clock = new VirtualClock();
    const { times, start } = trial([wait('first'), wait('last')], clock);
    await assert.rejects(start(), /^Error: last$/);
    assert.ok(clock.monotonic() <= patience.deadlineMs);
    assert.ok((times.at(-1) ?? 0) > patience.deadlineMs - patience.longestWaitMs);
  });

  it('still tries at the very deadline', async () => {
    const { times, start } = trial([wait('', 10_000), { done: 'just' }]);
    assert.equal(await start(), 'just');
    assert.deepEqual(times, [0, 10_000]);
  });

  it('does not begin a wait that the deadline would cut off', async () => {
    const { times, waits, start } = trial([wait('too long', 10_001)]);
    await assert.rejects(start(), /too long/);
    assert.deepEqual([times, waits], [[0], []]);
  });

  it('counts the time that tries take', async () => {
    const clock = new VirtualClock();
    let tries = 0;
    const slow = until(patience, { clock, signal: new AbortController().signal, progress: () => undefined }, async () => {
      tries += 1;
      await clock.sleep(6_000);
      return wait('slow');
    });
    await assert.rejects(slow, /slow/);
    assert.equal(tries, 2);
  });

  it('lets the error that a try throws through at once', async () => {
    const boom = new Error('boom');
    let tries = 0;
    const failing = until(patience, { clock: new VirtualClock(), signal: new AbortController().signal, progress: () => undefined }, () => {
      tries += 1;
      return Promise.reject(boom);
    });
    await assert.rejects(failing, boom);
    assert.equal(tries, 1);
  });

  it('does not try when it is aborted already', async () => {
    const { times, start } = trial([{ done: 'x' }], new VirtualClock(), AbortSignal.abort(new Error('stop')));
    await assert.rejects(start());
    assert.deepEqual(times, []);
  });

  it('stops in the midst of a wait, and tries no more', async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const { times, start } = trial([wait('', 5_000)], clock, controller.signal);
    const running = start();
    void clock.sleep(1_000).then(() => controller.abort(new Error('stop')));
    await assert.rejects(running);
    assert.deepEqual([times, clock.monotonic()], [[0], 1_000]);
  });
});
