import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../tasks/FederateServiceAccount/federate-service-account.js';
import type { RunResult } from '../../tasks/_shared/reconcile/run.js';
import { takeKeysInTurn } from '../simulators/kernel/rsa-keys.js';
import type { Rig } from '../unit/azure/azure-world.js';
import { afterwards, foreignIn, obstacles, untrue } from './oracle.js';
import { plant } from './plant.js';
import { scenario, type Scenario } from './scenario.js';
import { view } from './view.js';

/** One run of the task over a state. */
async function run(rig: Rig, { seed, clusters, shared, secrets }: Scenario, state: 'present' | 'absent'): Promise<RunResult> {
  rig.network.log.clear();
  const vault = secrets.length === 0 ? {} : { keyVault: 'rg-dev/kv-unit', secrets: secrets.join() };
  const inputs = { namespace: 'orders', serviceAccount: 'api', workload: 'orders', identity: shared ? 'id-orders' : 'id-orders-{cluster}', identityResourceGroup: 'rg-dev', propagationTimeoutInMinutes: '1', proveFrom: seed % 4 === 0 ? 'agent' : 'none', ...vault, state };
  return (await rig.runTask(federateServiceAccount, clusters, inputs)).result;
}

/** Makes a state, runs over it until nothing is left to do, and takes everything back. Returns how many runs that took. */
async function judge(seed: number): Promise<number> {
  const given = scenario(seed);
  const told = `seed ${seed}`;
  const { rig, vault } = await plant(given);
  const start = view(rig);
  const first = await run(rig, given, 'present');
  const now = view(rig);
  assert.deepEqual(foreignIn(given, now, start), foreignIn(given, start, start), told);
  const hindered = obstacles(given);
  const possible = hindered.length === 0;
  assert.equal(first.result === 'failed', !possible, `${told}, ${first.result} with ${hindered.join('; ')}`);
  if (possible) {
    const failed = first.applied.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem] : []));
    assert.deepEqual([untrue(given, now, vault, (cluster) => rig.issuer(cluster)), failed], [[], []], told);
    await run(rig, given, 'present');
    assert.deepEqual(rig.writes(), [], `${told}, second run`);
  }
  assert.notEqual((await run(rig, given, 'absent')).result, 'failed', `${told}, absent`);
  const { identities, assignments, accounts } = view(rig);
  assert.deepEqual({ identities, assignments, accounts }, afterwards(given, start, now), `${told}, absent`);
  await run(rig, given, 'absent');
  assert.deepEqual(rig.writes(), [], `${told}, absent again`);
  return possible ? 4 : 3;
}

/**
 * Tests that make states from seeds, one after another, until so many runs were made. The same states in every run of the tests.
 * @param first seed of the first state; a failing one is named by its seed and can be judged alone
 */
export function describeStates(first: number, wanted: number): void {
  describe(`random start states from seed ${first}`, () => {
    after(takeKeysInTurn);

    it(`converge, with nothing foreign touched and no write the second time, and are taken back as an oracle says: ${wanted} runs`, async function () {
      // A thousand runs take twenty to forty seconds on a core of their own.
      this.timeout(600_000);
      let made = 0;
      for (let seed = first; made < wanted; seed += 1) made += await judge(seed);
    });
  });
}
