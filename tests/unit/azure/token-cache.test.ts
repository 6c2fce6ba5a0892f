import assert from 'node:assert/strict';
import { TokenCache } from '../../../tasks/_shared/azure/token-cache.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';

describe('the token cache', () => {
  for (const { lifeS, keptS, why } of [
    { lifeS: 3_600, keptS: 3_300, why: 'until five minutes before its end' },
    { lifeS: 400, keptS: 200, why: 'for half of its life' },
    { lifeS: 90, keptS: 15, why: 'for as long as it has 75 s to live, which is how long helm may have it' },
  ]) {
    it(`keeps a token of ${lifeS} s ${why}`, async () => {
      const clock = new VirtualClock();
      const cache = new TokenCache(clock);
      let asked = 0;
      const get = async (): Promise<string> => {
        const fetch = (): Promise<{ token: string; expiresOnTimestamp: number }> => Promise.resolve({ token: `token-${(asked += 1)}`, expiresOnTimestamp: Date.now() + lifeS * 1_000 });
        return (await cache.get('cluster', fetch)).token;
      };
      assert.equal(await get(), 'token-1');
      await clock.sleep((keptS - 1) * 1_000);
      assert.equal(await get(), 'token-1');
      await clock.sleep(2_000);
      assert.equal(await get(), 'token-2');
    });
  }
});
