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
    const names = 'cluster aks-1, cluster aks-2, cluster aks-3 and 996 more';
    assert.deepEqual(lines.map((line) => line.replaceAll(/ {2,}/g, '  ')), [5, 35].flatMap((second) => [
      `  …  999 waits  InProgress for ${second} s  ${names}`,
      '  …  1 wait  waiting for another operation  cluster aks-7',
    ]));
  });
});
