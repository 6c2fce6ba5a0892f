import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { makeKeysFresh, takeKeysAgain } from '../../simulators/kernel/rsa-keys.js';
import { Rig } from '../azure/azure-world.js';

const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', keyVault: 'rg-dev/kv-unit', secrets: 'orders-db', allowVaultWideAccess: 'true', boundaryPolicy: 'none' };

describe('state absent on a vault of access policies', () => {
  let rig: Rig;
  let folder: string;
  beforeEach(async () => {
    takeKeysAgain();
    folder = mkdtempSync(join(tmpdir(), 'policies-'));
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    await rig.addVault('kv-unit', { enableRbacAuthorization: false });
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  after(makeKeysFresh);
  const run = async (inputs: Record<string, string> = {}): Promise<RunResult> => (await rig.runTask(federateServiceAccount, ['aks-1'], { ...given, ...inputs })).result;
  const entries = (): string => JSON.stringify((rig.world.arm.vaults.find('kv-unit').properties as { accessPolicies?: unknown }).accessPolicies ?? []);
  const principal = (): string => rig.world.arm.identities.find('id-orders-aks-1').principalId;

  it('removes what a ledger shows, and lists the rest', async () => {
    await run();
    const id = principal();
    assert.ok(entries().includes(id), entries());
    const path = join(folder, 'ledger.jsonl');
    writeFileSync(path, rig.journal.map((entry) => `${JSON.stringify({ version: 1, ...entry })}\n`).join(''));
    const blind = await run({ state: 'absent' });
    assert.equal(blind.result, 'succeededWithIssues');
    assert.ok(entries().includes(id) && JSON.stringify(blind.proofs.map(({ outcome }) => outcome)).includes('WI2316'));
    const seeing = await run({ state: 'absent', ledger: path });
    assert.ok(!entries().includes(id), entries());
    assert.equal(seeing.result, 'succeeded');
  });
});
