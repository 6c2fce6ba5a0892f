import assert from 'node:assert/strict';
import { LoggedProgress } from '../../../tasks/_shared/agent/progress.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';

describe('progress of many waits', () => {
  it('is a table now and then, not a line for each poll of each cluster', () => {
    const clock = new VirtualClock();
    const lines: string[] = [];
    const progress = new LoggedProgress(clock, { line: (text) => void lines.push(text), debug: () => undefined });
    for (let second = 0; second <= 60; second += 5) {
      for (let index = 1; index <= 1000; index += 1) progress.waiting(`cluster aks-${index}`, index === 7 ? 'waiting for another operation' : `InProgress for ${second} s`);
      clock.advance(5_000);
    }
    assert.equal(lines.length, 3, 'one for the first wait that is long, then two rows every twenty seconds at most'.length > 0 ? lines.join('\n') : '');
  });
});
