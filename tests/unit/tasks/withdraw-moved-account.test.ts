import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { Rig } from '../azure/azure-world.js';

const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const clientKey = 'azure.workload.identity/client-id';

describe('FederateServiceAccount, state absent: a service account that carries another identity', () => {
  for (const whose of ['its own', 'somebody’s']) {
    it(`stays as it is (${whose}), and the run says what can be done`, async () => {
      const rig = await Rig.start();
      await rig.addCluster('aks-1', 'ready');
      const api = rig.world.clusters.get('aks-1')!;
      const run = async (inputs: Record<string, string> = {}): Promise<RunResult> => (await rig.runTask(federateServiceAccount, ['aks-1'], { ...given, ...inputs })).result;
      const metadata = (): string => JSON.stringify(api.find('ServiceAccount', 'orders', 'api')?.metadata ?? {});
      const names = (): string[] => rig.world.arm.identities.all().map(({ name }) => name);
      if (whose !== 'its own') {
        api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
        api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api', labels: { app: 'api' } } }, 'theirs');
      }
      await run();
      await run({ identity: 'id-anew' });
      const moved = metadata();
      assert.ok(moved.includes(clientKey));
      const result = await run({ state: 'absent' });
      assert.deepEqual([result.result, metadata(), names()], ['succeededWithIssues', moved, ['id-anew']]);
      const left = result.proofs.flatMap(({ outcome }) => ('shortfall' in outcome ? [`${outcome.shortfall.code} ${outcome.shortfall.what}: ${outcome.shortfall.because}`] : []));
      assert.match(left.join(), /^WI4134 Service account orders\/api on aks-1 stays as it is: its annotation .*, and identity id-orders-aks-1, which is withdrawn, has /);
      await run({ state: 'absent', identity: 'id-anew' });
      assert.deepEqual([metadata().includes(clientKey), names()], [false, []]);
    });
  }
});
