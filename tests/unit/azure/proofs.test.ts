import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import type { RegistryState } from '../../../tasks/_shared/azure/registry-lookup.js';
import { walkTokenFlow, type RegistryGrant } from '../../../tasks/_shared/azure/registry-proof.js';
import { readGranted, refusedElsewhere, type VaultReader } from '../../../tasks/_shared/azure/vault-proof.js';
import { readVault, type VaultState } from '../../../tasks/_shared/azure/vault-state.js';
import { strongReader } from '../../../tasks/_shared/reconcile/plan.js';
import type { ProofContext } from '../../../tasks/_shared/reconcile/proof.js';
import type { ServicePrincipal } from '../../simulators/azure/directory.js';
import { managementGroupId } from '../../simulators/arm/hierarchy.js';
import { idOf } from '../../simulators/azure/directory.js';
import { problemOf, Rig, subscriptionId, tenantId } from './azure-world.js';

const minute = 60_000;

/** An identity that acts, beside the pipeline that watches. */
async function start(): Promise<{ rig: Rig; azure: Azure; principal: ServicePrincipal }> {
  const rig = await Rig.start();
  const { principalId } = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders', 'westeurope');
  const principal = rig.world.directory.byObjectId(principalId);
  assert.ok(principal !== undefined);
  return { rig, azure: await rig.connect(), principal };
}

function context(rig: Rig, fresh = false): ProofContext {
  return { signal: rig.abort.signal, fresh, progress: (line) => void rig.progress.push(line) };
}

/** A grant as of now: it acts when the world's propagation is over. */
function grant(rig: Rig, principal: ServicePrincipal, roleName: string, scope: string, condition?: string): string {
  const role = rig.world.roles.definitions().find(({ name }) => name === roleName);
  assert.ok(role !== undefined);
  const name = idOf(`${roleName} ${scope}`);
  const more = condition === undefined ? {} : { condition, conditionVersion: '2.0' };
  rig.world.roles.add({ name, scope, principalId: principal.objectId, principalType: 'ServicePrincipal', roleDefinitionId: role.id, ...more });
  return name;
}

/** How long new assignments need to act; those of the pipeline itself are old. */
function propagate(rig: Rig, milliseconds: number): void {
  rig.world.roles.effectMs = milliseconds;
}

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

describe('registry proof', () => {
  let rig: Rig;
  let azure: Azure;
  let principal: ServicePrincipal;
  let registry: RegistryState;
  beforeEach(async () => {
    ({ rig, azure, principal } = await start());
    registry = { id: await rig.addRegistry(), name: 'crunit', loginServer: 'registry.crunit.sim', legacyRoles: true };
  });
  it('names the registry’s firewall at once', async () => {
    grant(rig, principal, 'AcrPull', registry.id);
    const message = "client with IP '203.0.113.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.";
    rig.network.faults.plant({ service: 'registry', respond: { status: 403, body: { errors: [{ code: 'DENIED', message }] } } });
    const problem = await problemOf(walk());
    assert.deepEqual([problem.code, rig.clock.monotonic()], ['WI2505', 0]);
  });

  const walk = (role: RegistryGrant['role'] = 'AcrPull', deadlineMs = 10 * minute, token?: string): Promise<void> => {
    const entra = token ?? rig.world.entra.issue(principal, 'https://containerregistry.azure.net');
    const caller = { token: () => Promise.resolve(entra), tenantId, principalId: principal.objectId, identityName: 'id-orders' };
    return walkTokenFlow(azure, registry, { role, repository: 'orders/api' }, caller, deadlineMs, context(rig));
  };

  it('walks both exchanges to a token that carries the granted actions, for a role and for the stronger one', async () => {
    grant(rig, principal, 'AcrPush', registry.id);
    await walk('AcrPull');
    await walk('AcrPush');
    assert.deepEqual(rig.network.log.all('registry').map(({ method, path, status }) => `${method} ${path} ${status}`), [...Array(2).keys()].flatMap(() => ['POST /oauth2/exchange 200', 'POST /oauth2/token 200']));
  });

  it('waits until the grant acts', async () => {
    propagate(rig, 3 * minute);
    grant(rig, principal, 'AcrPull', registry.id);
    await walk();
    assert.ok(rig.clock.monotonic() >= 3 * minute && rig.clock.monotonic() < 4 * minute);
    assert.equal(rig.progress[0], 'AcrPull is assigned, the registry does not act on it yet');
  });

  it('waits out a registry that refuses strangers at the exchange, and quotes it at the deadline', async () => {
    const service = rig.world.registries.get('crunit');
    assert.ok(service !== undefined);
    service.knobs.strangersMayExchange = false;
    propagate(rig, minute);
    grant(rig, principal, 'AcrPull', registry.id);
    await walk();
    propagate(rig, 99 * minute);
    const problem = await problemOf(walk('AcrPull', 2 * minute));
    assert.deepEqual([problem.code, problem.because], ['WI2504', 'it refused with 401: access to registry was denied']);
    assert.match(problem.remedy, /within 120 s/);
  });

  it('names a removed grant at once, and no weaker or conditioned one for it', async () => {
    assert.deepEqual([(await problemOf(walk())).code, rig.clock.monotonic()], ['WI2503', 0]);
    grant(rig, principal, 'AcrPull', registry.id);
    const weaker = await problemOf(walk('AcrPush'));
    assert.deepEqual([weaker.code, weaker.because, rig.clock.monotonic()], ['WI2503', 'no role assignment gives it AcrPush on the registry', 0]);
    assert.equal(weaker.what, 'Identity id-orders may not pull and push repository orders/api of registry crunit');
    propagate(rig, 99 * minute);
    grant(rig, principal, 'AcrPush', registry.id, "@Resource[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'x'");
    assert.equal((await problemOf(walk('AcrPush'))).code, 'WI2503');
  });

  it('gives up at the deadline, saying what the token allows', async () => {
    grant(rig, principal, 'AcrPull', registry.id);
    propagate(rig, 0);
    rig.clock.advance(1);
    propagate(rig, 99 * minute);
    const nothing = await problemOf(walk('AcrPull', minute));
    assert.deepEqual([nothing.code, nothing.because], ['WI2504', 'the token that it issued allows nothing there']);
    assert.ok(rig.clock.monotonic() <= minute + 1);
  });

  it('is not deceived by a token that allows less, or something else', async () => {
    grant(rig, principal, 'AcrPush', registry.id);
    const entries = [[], [{ type: 'repository', name: 'orders/web', actions: ['pull', 'push'] }], [{ type: 'registry', name: 'orders/api', actions: ['pull', 'push'] }], [{ type: 'repository', name: 'orders/api', actions: ['push'] }], 'x'];
    for (const access of entries) {
      const token = `e30.${Buffer.from(JSON.stringify({ access })).toString('base64url')}.x`;
      const takeOut = rig.network.faults.plant({ service: 'registry', path: /token/, respond: { status: 200, body: { access_token: token } } });
      assert.equal((await problemOf(walk('AcrPush', 10_000))).code, 'WI2504');
      takeOut();
    }
    await walk('AcrPush');
  });

  it('counts grants of a management group, and survives throttling', async () => {
    propagate(rig, 30_000);
    grant(rig, principal, 'AcrPull', managementGroupId('nonprod'));
    rig.network.faults.plant({ service: 'registry', times: 1, respond: { status: 429, headers: { 'retry-after': '3' } } });
    await walk();
    assert.ok(rig.clock.monotonic() >= 30_000);
    rig.network.faults.plant({ service: 'registry', respond: { status: 404, body: '' } });
    const gone = await problemOf(walk());
    assert.deepEqual([gone.code, gone.what], ['WI2003', 'Registry crunit cannot be reached']);
  });

  it('ends its wait when the run is cancelled', async () => {
    propagate(rig, 99 * minute);
    grant(rig, principal, 'AcrPull', registry.id);
    void rig.clock.sleep(20_000).then(() => rig.abort.abort(new Error('stop')));
    await assert.rejects(walk());
    assert.ok(rig.clock.monotonic() < minute);
  });
});
