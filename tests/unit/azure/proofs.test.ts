import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { readGranted, refusedElsewhere, type VaultReader } from '../../../tasks/_shared/azure/vault-proof.js';
import { readVault, type VaultState } from '../../../tasks/_shared/azure/vault-state.js';
import { strongReader } from '../../../tasks/_shared/reconcile/plan.js';
import { managementGroupId } from '../../simulators/arm/hierarchy.js';
import type { ServicePrincipal } from '../../simulators/azure/directory.js';
import { problemOf, type Rig } from './azure-world.js';
import { context, grant, minute, propagate, start } from './proof-world.js';

describe('vault proof', () => {
  let rig: Rig;
  let azure: Azure;
  let principal: ServicePrincipal;
  let vault: VaultState;
  beforeEach(async () => {
    ({ rig, azure, principal } = await start());
    const found = await readVault(azure, strongReader, { id: await rig.addVault(), name: 'kv-unit' });
    assert.ok(found !== undefined);
    vault = found;
  });
  const reader = (): VaultReader => {
    const token = (): Promise<string> => Promise.resolve(rig.world.entra.issue(principal, 'https://vault.azure.net'));
    return { token, principalId: principal.objectId, identityName: 'id-orders' };
  };
  const read = (secret = 'orders-db', deadlineMs = 10 * minute): Promise<void> => readGranted(azure, vault, { section: 'secrets', name: secret }, reader(), deadlineMs, context(rig));
  const secretScope = (secret = 'orders-db'): string => `${vault.id}/secrets/${secret}`;

  it('reads the granted secret with the identity’s own token', async () => {
    grant(rig, principal, 'Key Vault Secrets User', secretScope());
    await read();
    assert.deepEqual(rig.network.log.all('vault').map(({ path, status, principal: who }) => [path, status, who]), [['/secrets/orders-db?api-version=2025-07-01', 200, principal.objectId]]);
    assert.ok(!JSON.stringify([rig.debug, rig.progress]).includes('canary'));
  });

  it('waits until the grant acts, and says what it waits for', async () => {
    propagate(rig, 4 * minute);
    grant(rig, principal, 'Key Vault Secrets User', secretScope());
    await read();
    assert.ok(rig.clock.monotonic() >= 4 * minute && rig.clock.monotonic() < 5 * minute);
    assert.equal(rig.progress[0], 'the grant on secret orders-db is in place, the vault does not act on it yet');
  });

  it('wants several successes in a row of what was granted just now, since replicas learn of it one after another', async () => {
    const service = rig.world.vaults.get('kv-unit');
    assert.ok(service !== undefined);
    Object.assign(service.knobs, { replicas: 3, replicaLagMs: minute });
    grant(rig, principal, 'Key Vault Secrets User', secretScope());
    await readGranted(azure, vault, { section: 'secrets', name: 'orders-db' }, reader(), 10 * minute, context(rig, true));
    assert.ok(rig.clock.monotonic() >= 2 * minute, 'the last replica knows it');
    const answers = rig.network.log.all('vault').map(({ status }) => status);
    assert.deepEqual([answers[0], answers[1], answers.slice(-3)], [200, 403, [200, 200, 200]]);
  });

  it('gives up at the deadline', async () => {
    propagate(rig, 99 * minute);
    grant(rig, principal, 'Key Vault Secrets User', secretScope());
    const problem = await problemOf(read('orders-db', 3 * minute));
    assert.deepEqual([problem.code, problem.serviceCode, problem.status], ['WI2404', 'ForbiddenByRbac', 403]);
    assert.match(problem.because, /^Caller is not authorized to perform action on resource\.$/);
    assert.match(problem.remedy, /within 180 s: raise propagationTimeoutInMinutes/);
    assert.ok(rig.clock.monotonic() <= 3 * minute);
  });

  it('names a removed grant at once, also when it is removed while it waits', async () => {
    const problem = await problemOf(read());
    assert.deepEqual([problem.code, problem.because, rig.clock.monotonic()], ['WI2403', 'no role assignment gives it Key Vault Secrets User on secret orders-db', 0]);
    propagate(rig, 5 * minute);
    const name = grant(rig, principal, 'Key Vault Secrets User', secretScope());
    void rig.clock.sleep(30_000).then(() => rig.world.roles.remove(name));
    assert.equal((await problemOf(read())).code, 'WI2403');
    assert.ok(rig.clock.monotonic() < minute);
  });

  it('takes no other grant for this one: another secret, another role, a condition', async () => {
    propagate(rig, 99 * minute);
    grant(rig, principal, 'Key Vault Secrets User', secretScope('orders-db2'));
    grant(rig, principal, 'Key Vault Reader', vault.id);
    grant(rig, principal, 'Key Vault Secrets User', vault.id, "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'billing-db'");
    assert.equal((await problemOf(read())).code, 'WI2403');
    assert.equal(rig.clock.monotonic(), 0);
  });

  it('waits for inherited grants too, those of management groups included', async () => {
    propagate(rig, 30_000);
    grant(rig, principal, 'Key Vault Secrets User', managementGroupId('nonprod'));
    await read();
    assert.ok(rig.clock.monotonic() >= 30_000);
  });

  it('names a missing secret, and a vault that it cannot reach, at once', async () => {
    grant(rig, principal, 'Key Vault Secrets User', secretScope());
    grant(rig, principal, 'Key Vault Secrets User', secretScope('nothing'));
    const missing = await problemOf(read('nothing'));
    assert.deepEqual([missing.code, missing.serviceCode, missing.status], ['WI2405', 'SecretNotFound', 404]);
    rig.world.arm.vaults.edit('kv-unit', { networkAcls: { defaultAction: 'Deny' } });
    const walled = await problemOf(read());
    assert.deepEqual([walled.code, walled.serviceCode], ['WI2416', 'ForbiddenByFirewall']);
    assert.match(walled.remedy, /firewall/);
    rig.network.faults.plant({ service: 'vault', respond: { status: 403, body: { error: { code: 'Forbidden', message: 'Public network access is disabled.', innererror: { code: 'ForbiddenByConnection' } } } } });
    assert.deepEqual((await problemOf(read())).serviceCode, 'ForbiddenByConnection');
    assert.equal(rig.clock.monotonic(), 0);
  });

  it('waits out throttling, and does not take an odd answer for a proof', async () => {
    grant(rig, principal, 'Key Vault Secrets User', secretScope());
    rig.network.faults.plant({ service: 'vault', times: 1, respond: { status: 429, headers: { 'retry-after': '8' } } });
    await read();
    assert.equal(rig.clock.monotonic(), 8_000);
    rig.network.faults.plant({ service: 'vault', respond: { status: 400, body: { error: { code: 'BadParameter', message: 'No.' } } } });
    assert.equal((await problemOf(read())).code, 'WI2005');
    assert.equal((await problemOf(refusedElsewhere(azure, vault, reader()))).code, 'WI2005');
  });

  it('is refused a name that nobody granted, and detects a broader grant', async () => {
    grant(rig, principal, 'Key Vault Secrets User', secretScope());
    await refusedElsewhere(azure, vault, reader());
    const asked = rig.network.log.all('vault').at(-1);
    assert.match(asked?.path ?? '', /^\/secrets\/wi-proof-[0-9a-f]{12}\?/);
    assert.equal(asked?.status, 403);
    grant(rig, principal, 'Key Vault Secrets User', vault.id);
    const problem = await problemOf(refusedElsewhere(azure, vault, reader()));
    assert.equal(problem.code, 'WI2406');
    assert.match(problem.because, /answered 404 instead of refusing/);
    assert.match(problem.remedy, new RegExp(principal.objectId));
  });
});
