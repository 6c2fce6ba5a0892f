import assert from 'node:assert/strict';
import { RequestPace } from '../../../tasks/_shared/azure/request-pace.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import { clusterId, group, identityId, Rig, subscriptionId } from './azure-world.js';

const arm = 'https://management.azure.com';
const other = `${arm}/subscriptions/00000000-0000-4000-8000-00000000000b`;

describe('the pace of requests', () => {
  let clock: VirtualClock;
  let pace: RequestPace;
  beforeEach(() => {
    clock = new VirtualClock();
    pace = new RequestPace(clock, arm);
  });
  /** When each of so many requests, all wanted at once, may be sent. Seconds. */
  const turns = (count: number, method: string, url: (index: number) => string): Promise<number[]> =>
    Promise.all(Array.from({ length: count }, async (_, index) => {
      await pace.turn(method, url(index), undefined);
      return clock.monotonic() / 1000;
    }));
  const credentials = (index = 1): string => `${arm}${identityId(`id-${index}`)}/federatedIdentityCredentials`;

  const published: readonly [string, string, (index: number) => string, number, number][] = [
    ['reads of a subscription', 'GET', (index) => `${arm}${identityId(`id-${index}`)}?api-version=1`, 250, 25],
    ['writes of a subscription', 'PUT', (index) => `${arm}${identityId(`id-${index}`)}`, 200, 10],
    ['deletes of a subscription', 'DELETE', (index) => `${arm}${identityId(`id-${index}`)}`, 200, 10],
    ['reads of the tenant', 'GET', () => `${arm}/providers/Microsoft.Management/managementGroups`, 250, 25],
    ['reads of a cluster', 'GET', () => `${arm}${clusterId()}`, 60, 1],
    ['updates of a cluster', 'PUT', () => `${arm}${clusterId()}`, 20, 1 / 60],
    ['credentials of clusters', 'POST', (index) => `${arm}${clusterId(`aks-${index}`)}/listClusterUserCredential?format=exec`, 60, 1],
    ['states of operations', 'GET', (index) => `${arm}/subscriptions/${subscriptionId}/providers/Microsoft.ContainerService/locations/westeurope/operations/${index}`, 200, 2],
    ['lists of clusters of a group', 'GET', () => `${arm}${group}/providers/Microsoft.ContainerService/managedClusters`, 60, 1],
    ['lists of federated credentials in a subscription', 'GET', credentials, 5, 5],
    ['lists of federated credentials of an identity', 'GET', () => credentials(), 1, 0.25],
    ['reads of federated credentials of an identity', 'GET', (index) => `${credentials()}/wi-${index}`, 1, 0.5],
    ['writes of federated credentials of an identity', 'PUT', (index) => `${credentials()}/wi-${index}`, 1, 0.25],
    ['writes of federated credentials in a subscription', 'PUT', (index) => `${credentials(index)}/wi`, 2, 2],
  ];
  for (const [name, method, url, burst, perSecond] of published) {
    it(`lets ${name} pass as published: ${burst} at once, then ${perSecond.toFixed(3)} a second, in order`, async () => {
      const at = await turns(burst + 2, method, url);
      assert.deepEqual(at.slice(0, burst), Array.from({ length: burst }, () => 0));
      const waits = at.slice(burst).map((seconds, index) => seconds - (index + 1) / perSecond);
      assert.ok(waits.every((late) => late >= 0 && late < 0.02), `late by ${waits.join(', ')} s`);
    });
  }

  it('fills buckets up again, and keeps those of other subscriptions apart', async () => {
    await turns(250, 'GET', (index) => `${arm}${identityId(`id-${index}`)}`);
    assert.deepEqual(await turns(1, 'GET', () => `${other}/resourceGroups/x`), [0]);
    clock.advance(60_000);
    assert.deepEqual(new Set(await turns(250, 'GET', (index) => `${arm}${identityId(`id-${index}`)}`)), new Set([60]));
  });

  it('lets nobody wait who was cancelled before', async () => {
    await turns(60, 'POST', () => `${arm}${clusterId()}/listClusterUserCredential`);
    const cancelled = AbortSignal.abort(new Error('cancelled'));
    await assert.rejects(pace.turn('POST', `${arm}${clusterId()}/listClusterUserCredential`, cancelled), /cancelled/);
    assert.equal(clock.monotonic(), 0);
  });

  it('holds nobody else back when a provider refuses whose limits nobody publishes', async () => {
    const url = `${arm}/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleAssignments`;
    await turns(1, 'GET', () => url);
    pace.refused('GET', url, 'provider', 60);
    assert.deepEqual(await turns(1, 'GET', () => url), [0]);
    pace.refused('GET', url, 'gateway', 60);
    const [at = 0] = await turns(1, 'GET', () => url);
    assert.ok(at >= 60, `${at} s`);
  });

  it('does not hold back what is sent elsewhere', async () => {
    assert.deepEqual(new Set(await turns(500, 'GET', () => 'https://kv-unit.vault.azure.net/secrets/a')), new Set([0]));
  });

  it('takes a refusal as news that others used what was left', async () => {
    await pace.turn('GET', `${arm}${clusterId()}`, undefined);
    pace.refused('GET', `${arm}${clusterId()}`, 'provider', 7);
    assert.deepEqual(await turns(1, 'GET', () => `${arm}${identityId()}`), [0], 'what another provider answers is not held back');
    assert.deepEqual(await turns(1, 'GET', () => `${arm}${clusterId()}`), [7]);
    pace.refused('GET', `${arm}${clusterId()}`, 'gateway', 2);
    assert.deepEqual(await turns(1, 'GET', () => `${arm}${identityId()}`), [9], 'what the gateway answers holds all reads of the subscription back');
  });

  it('stops waiting when the run is cancelled', async () => {
    const abort = new AbortController();
    await pace.turn('PUT', `${credentials()}/wi-1`, abort.signal);
    const waiting = pace.turn('PUT', `${credentials()}/wi-2`, abort.signal);
    abort.abort(new Error('stop'));
    await assert.rejects(waiting, /stop/);
  });

  it('never meets a 429 of a service that keeps to what it publishes', async () => {
    const rig = await Rig.start();
    const { arm: manager } = rig.world;
    manager.knobs.buckets = manager.clusters.knobs.buckets = manager.identities.knobs.buckets = true;
    rig.network.latency = () => 80;
    const names = Array.from({ length: 80 }, (_, index) => `aks-${index}`);
    for (const name of names) await rig.addCluster(name);
    const azure = await rig.connect();
    const purpose = { tried: 'try', what: 'it failed' };
    await Promise.all(names.map((name) => azure.arm.post(`${clusterId(name)}/listClusterUserCredential?format=exec`, '2026-04-01', undefined, purpose)));
    assert.deepEqual(rig.network.log.all('arm').map(({ status }) => status).filter((status) => status !== 200), []);
    assert.ok(rig.clock.monotonic() >= 20_000 && rig.clock.monotonic() < 21_000, String(rig.clock.monotonic()));
  });
});
