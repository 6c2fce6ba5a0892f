import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../tasks/FederateServiceAccount/federate-service-account.js';
import type { RunResult } from '../../tasks/_shared/reconcile/run.js';
import { makeKeysFresh } from '../simulators/kernel/rsa-keys.js';
import type { Rig } from '../unit/azure/azure-world.js';
import { afterwards, foreignIn, obstacles, untrue } from './oracle.js';
import { plant } from './plant.js';
import { scenario, type Scenario } from './scenario.js';
import { view } from './view.js';

const seeds = Number(process.env.UNDO_SEEDS ?? 40);

describe('from random start states', () => {
  after(makeKeysFresh);

  const run = async (rig: Rig, { clusters, shared, secrets }: Scenario, state: 'present' | 'absent'): Promise<RunResult> => {
    rig.network.log.clear();
    const vault = secrets.length === 0 ? {} : { keyVault: 'rg-dev/kv-unit', secrets: secrets.join() };
    const inputs = { namespace: 'orders', serviceAccount: 'api', workload: 'orders', identity: shared ? 'id-orders' : 'id-orders-{cluster}', identityResourceGroup: 'rg-dev', propagationTimeoutInMinutes: '1', ...vault, state };
    return (await rig.runTask(federateServiceAccount, clusters, inputs)).result;
  };

  it(`runs converge, touch nothing foreign, write nothing the second time, and are taken back as an oracle says: ${seeds} states`, async function () {
    this.timeout(120_000);
    for (let seed = 1; seed <= seeds; seed += 1) {
      const given = scenario(seed);
      const told = `seed ${seed}`;
      const { rig, vault } = await plant(given);
      const start = view(rig);
      const first = await run(rig, given, 'present');
      const now = view(rig);
      assert.deepEqual(foreignIn(given, now, start), foreignIn(given, start, start), told);
      if (obstacles(given).length === 0) {
        const failed = first.applied.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem] : []));
        assert.deepEqual([untrue(given, now, vault, (cluster) => rig.issuer(cluster)), failed], [[], []], told);
        await run(rig, given, 'present');
        assert.deepEqual(rig.writes(), [], `${told}, second run`);
      }
      await run(rig, given, 'absent');
      const { identities, assignments, accounts } = view(rig);
      assert.deepEqual({ identities, assignments, accounts }, afterwards(given, start, now), `${told}, absent`);
      await run(rig, given, 'absent');
      assert.deepEqual(rig.writes(), [], `${told}, absent again`);
    }
  });
});
