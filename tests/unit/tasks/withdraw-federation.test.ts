import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { Rig, type RunChoices } from '../azure/azure-world.js';

const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' };

describe('FederateServiceAccount, state absent', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    await rig.addVault();
  });
  const run = (inputs: Record<string, string> = {}, clusters: string | readonly string[] = ['aks-1'], choices: RunChoices = {}): Promise<{ result: RunResult; outputs: Readonly<Record<string, string>> }> =>
    rig.runTask(federateServiceAccount, clusters, { ...given, ...inputs }, choices);
  it('tries', async () => {
    await run();
    rig.network.log.clear();
    const { result } = await run({ state: 'absent' });
    for (const { resource, change } of result.plan) console.log(resource.kind, resource.name, JSON.stringify(change));
    console.log(result.result, rig.writes(), JSON.stringify(result.proofs.map(({ outcome }) => outcome)), JSON.stringify(result.preflight.findings));
    assert.ok(true);
    rig.network.log.clear();
    const again = await run({ state: 'absent' });
    for (const { resource, change } of again.result.plan) console.log(resource.kind, resource.name, JSON.stringify(change));
    console.log(again.result.result, rig.writes());
  });
});
