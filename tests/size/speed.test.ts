import assert from 'node:assert/strict';
import { measureFleet, ratio, sum, type TaskCost } from '../../bench/fleet-runs.js';

/** On the virtual clock these figures are exact and the same on every machine. */
describe('speed against the bound', function () {
  this.timeout(120_000);
  const told = (costs: readonly TaskCost[]): string => costs.map(({ task, wallMs, boundMs }) => `${task} ${Math.round(wallMs)} of ${Math.round(boundMs)} ms`).join(', ');

  for (const size of [{ clusters: 1, subscriptions: 1 }, { clusters: 25, subscriptions: 3 }]) {
    it(`${size.clusters} clusters over ${size.subscriptions} subscriptions: cold and converged within 1.3 × bound, nothing written the second time`, async () => {
      const { cold, converged } = await measureFleet(size);
      for (const costs of [cold, converged]) {
        assert.ok(ratio(costs) <= 1.3, told(costs));
        assert.ok(costs.every(({ wallMs, boundMs }) => wallMs >= boundMs), `the bound is one: ${told(costs)}`);
      }
      assert.equal(sum(converged.map(({ writes }) => writes)), 0);
      assert.equal(sum(cold.map(({ writes }) => writes)), 7 * size.clusters);
    });
  }
});
