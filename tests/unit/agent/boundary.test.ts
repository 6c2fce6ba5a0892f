import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { lastWordsMs, supervise } from '../../../tasks/_shared/agent/boundary.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import { FakeAgent } from './fake-agent.js';

describe('the boundary of a task', () => {
  let agent: FakeAgent;
  beforeEach(() => (agent = new FakeAgent()));
  afterEach(() => agent.dispose());

  it('passes the end of a body on, after cleaning up', async () => {
    let folder = '';
    await supervise(agent, (given) => {
      folder = given.scratch();
      return Promise.resolve({ result: 'SucceededWithIssues', message: 'hm' });
    });
    assert.deepEqual(agent.ends, [{ result: 'SucceededWithIssues', message: 'hm' }]);
    assert.deepEqual(agent.events, ['clean-up', 'complete']);
    assert.ok(folder !== '' && !existsSync(folder));
  });

  it('turns a Problem into its report, with no stack trace but in the debug log', async () => {
    await supervise(agent, () => {
      throw new Problem({ code: 'WI2104', what: 'Entra says no', tried: 'ask it', because: 'reasons', remedy: 'ask again', correlation: 'abc' }, new Error('inner'));
    });
    assert.deepEqual(agent.log, ['WI2104  Entra says no.', '  tried   ask it', '  because reasons', '  do      ask again; see troubleshooting, WI2104', '  trace   correlation abc']);
    assert.deepEqual(agent.ends, [{ result: 'Failed', message: 'Entra says no: reasons. To do: ask again (WI2104)' }]);
    assert.ok(agent.debugLog.some((text) => text.startsWith('Error: inner\n    at ')));
  });

  it('makes WI9001 of whatever else is thrown', async () => {
    await supervise(agent, () => Promise.reject(new TypeError('x is not a function')));
    assert.match(agent.log[0] ?? '', /^WI9001 /);
    assert.ok(!agent.log.join('\n').includes('    at '));
    assert.equal(agent.ends[0]?.result, 'Failed');
  });

  it('lets a cancelled body end by itself', async () => {
    const running = supervise(agent, (given) => new Promise((resolve) => given.signal.addEventListener('abort', () => resolve({ result: 'Failed', message: 'stopped in order' }))));
    agent.cancel();
    await running;
    assert.deepEqual(agent.ends, [{ result: 'Failed', message: 'stopped in order' }]);
  });

  it('gives a cancelled body up that does not end in time, also when it was cancelled before it began', async () => {
    for (const early of [true, false]) {
      const other = new FakeAgent();
      const clock = new VirtualClock();
      if (early) other.cancel();
      const running = supervise(other, () => new Promise(() => undefined), clock);
      if (!early) other.cancel();
      await running;
      assert.match(other.ends[0]?.message ?? '', /WI9002/);
      assert.deepEqual([other.ends.length, clock.monotonic()], [1, lastWordsMs]);
      assert.ok(clock.monotonic() < 7_500, 'the agent sends SIGTERM after 7.5 seconds');
      other.dispose();
    }
  });

  it('gives it up at once when the pipeline is about to kill it', async () => {
    const clock = new VirtualClock();
    const running = supervise(agent, () => new Promise(() => undefined), clock);
    agent.cancel();
    agent.callLast();
    await running;
    assert.match(agent.ends[0]?.message ?? '', /WI9002/);
    assert.equal(clock.monotonic(), 0);
  });

  it('never gives up what was not cancelled, however long it takes', async () => {
    const clock = new VirtualClock();
    await supervise(agent, async () => {
      await clock.sleep(3_600_000);
      return { result: 'Succeeded', message: '' };
    }, clock);
    assert.deepEqual(agent.ends, [{ result: 'Succeeded', message: '' }]);
  });
});
