import assert from 'node:assert/strict';
import type { SimResponse } from '../kernel/service.js';
import { ArmLimits } from './arm-limits.js';
import { Buckets } from './buckets.js';
import { group, message, subscription, verdict, World } from './test-world.js';

const missing = `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nobody`;

describe('arm: token buckets', () => {
  it('empties, fills by the clock and says how long to wait', async () => {
    const { clock } = await World.start();
    const buckets = new Buckets(clock);
    const size = { burst: 2, perSecond: 0.5 };
    assert.deepEqual([buckets.left('a', size), buckets.take('a', size), buckets.take('a', size), buckets.take('a', size)], [2, 0, 0, 2000]);
    clock.advance(500);
    assert.equal(buckets.take('a', size), 1500, 'an early retry waits for the rest');
    assert.equal(buckets.take('b', size), 0, 'another key is another bucket');
    clock.advance(1500);
    assert.deepEqual([buckets.take('a', size), buckets.left('a', size)], [0, 0]);
    clock.advance(60_000);
    assert.equal(buckets.left('a', size), 2, 'never more than the burst');
  });
});

describe('arm: the limits of ARM itself', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
    world.assign(world.stranger, 'Reader', subscription);
  });

  async function last(count: number, ask: () => Promise<SimResponse>): Promise<SimResponse> {
    for (let turn = 1; turn < count; turn += 1) assert.equal((await ask()).status < 429, true);
    return ask();
  }

  it('are off until they are switched on', async () => {
    const response = await last(252, () => world.send('DELETE', missing));
    assert.equal(response.status, 204);
    assert.equal(response.headers?.['x-ms-ratelimit-remaining-subscription-deletes'], undefined);
  });

  it('count reads, writes and deletes of one principal apart', async () => {
    world.arm.knobs.buckets = true;
    const read = (): Promise<SimResponse> => world.send('GET', subscription);
    const refused = await last(251, read);
    assert.equal(verdict(refused), '429 SubscriptionRequestsThrottled');
    assert.match(message(refused), /number of reads/);
    assert.equal(refused.headers?.['retry-after'], '1');
    assert.equal(refused.headers['x-ms-failure-cause'], 'gateway');
    assert.equal(refused.headers['x-ms-ratelimit-remaining-subscription-reads'], '0');
    const deleted = await world.send('DELETE', missing);
    assert.deepEqual([deleted.status, deleted.headers?.['x-ms-ratelimit-remaining-subscription-deletes']], [204, '199']);
    const other = await world.send('GET', subscription, undefined, { as: world.stranger });
    assert.deepEqual([other.status, other.headers?.['x-ms-ratelimit-remaining-subscription-reads']], [200, '249']);
    const tenant = await world.send('GET', '/subscriptions');
    assert.deepEqual([tenant.status, tenant.headers?.['x-ms-ratelimit-remaining-tenant-reads']], [200, '249']);
    world.clock.advance(1000);
    assert.equal((await last(25, read)).status, 200);
    assert.equal((await read()).status, 429);
  });

  it('count POSTs as writes', async () => {
    world.arm.knobs.buckets = true;
    const response = await last(201, () => world.send('POST', '/providers/Microsoft.Management/getEntities'));
    assert.equal(verdict(response), '429 SubscriptionRequestsThrottled');
  });

  it('hold for all principals of a subscription together', () => {
    const limits = new ArmLimits(world.clock);
    const ask = (index: number): boolean => limits.take('PUT', subscription, { objectId: `principal ${index}`, appId: '', audience: '' }).refusal === undefined;
    for (let index = 0; index < 15; index += 1) {
      for (let turn = 0; turn < 200; turn += 1) assert.ok(ask(index));
    }
    assert.equal(ask(15), false);
  });
});
