import assert from 'node:assert/strict';
import { tenantId } from '../azure/authority.js';
import { idOf } from '../azure/directory.js';
import type { SimResponse } from '../kernel/service.js';
import { group, items, record, subscription, subscriptionId, verdict, World } from './test-world.js';

const vault = `${group}/providers/Microsoft.KeyVault/vaults/kv`;

describe('arm: key vaults', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
    world.arm.vaults.add({ subscriptionId, group: 'rg-shop', name: 'kv', location: 'westeurope', properties: { tenantId, accessPolicies: [] } });
  });

  const entry = (who: string, permissions: Record<string, string[]>, more: Record<string, string> = {}): object => ({ tenantId, objectId: idOf(who), permissions, ...more });
  const update = (verb: string, ...accessPolicies: object[]): Promise<SimResponse> => world.send('PUT', `${vault}/accessPolicies/${verb}`, { properties: { accessPolicies } });
  const words = (): unknown[] => {
    const { accessPolicies } = world.arm.vaults.find('kv').properties;
    assert.ok(Array.isArray(accessPolicies));
    return accessPolicies.map(record).map(({ objectId, permissions }) => [objectId, permissions]);
  };

  it('add, replace and remove permissions of one entry and leave the others', async () => {
    await update('add', entry('a', { secrets: ['List'] }), entry('b', { keys: ['sign'] }));
    const added = await update('add', entry('a', { secrets: ['get', 'list'], certificates: ['get'] }));
    assert.deepEqual([added.status, added.wrote], [200, `${vault}/accessPolicies/`]);
    const b = [idOf('b'), { keys: ['sign'] }];
    assert.deepEqual(words(), [[idOf('a'), { keys: [], secrets: ['List', 'get'], certificates: ['get'], storage: [] }], b]);
    await update('replace', entry('a', { secrets: ['get', 'set'] }));
    assert.deepEqual(words(), [[idOf('a'), { secrets: ['get', 'set'] }], b]);
    await update('remove', entry('a', { secrets: ['GET'] }), entry('nobody', { secrets: ['get'] }));
    assert.deepEqual(words(), [[idOf('a'), { keys: [], secrets: ['set'], certificates: [], storage: [] }], b]);
    await update('remove', entry('a', { secrets: ['set'] }));
    assert.deepEqual(words(), [b]);
    world.arm.vaults.knobs.addJoins = false;
    await update('add', entry('b', { secrets: ['get'] }), entry('b', { secrets: ['list'] }, { applicationId: idOf('app') }));
    assert.deepEqual(words(), [[idOf('b'), { secrets: ['get'] }], [idOf('b'), { secrets: ['list'] }]]);
  });

  it('refuse too many entries, other tenants, what has no shape, and callers without the right', async () => {
    const many = (count: number): object[] => Array.from({ length: count }, (_item, index) => entry(String(index), { secrets: ['get'] }));
    assert.equal(verdict(await update('add', ...many(17))), '400 BadRequest');
    assert.equal(verdict(await update('add', ...many(16))), '200');
    world.arm.vaults.knobs.entries = 16;
    assert.equal(verdict(await update('add', entry('one more', { secrets: ['get'] }))), '400 BadRequest');
    assert.equal(verdict(await update('add', { ...entry('0', {}), tenantId: idOf('another') })), '400 BadRequest');
    assert.equal(verdict(await update('add', { objectId: idOf('0') })), '400 BadRequest');
    assert.equal(verdict(await world.send('PUT', `${vault}/accessPolicies/add`, { properties: { accessPolicies: many(1) } }, { as: world.stranger })), '403 AuthorizationFailed');
    assert.equal(verdict(await world.send('PUT', `${vault}x/accessPolicies/add`, { properties: { accessPolicies: many(1) } })), '404 ResourceNotFound');
    assert.equal(words().length, 16);
  });

  it('are shown while they are deleted and can be recovered', async () => {
    const gone = { name: 'kv-gone', vaultId: `${group}/providers/Microsoft.KeyVault/vaults/kv-gone`, location: 'westeurope', deletionDate: '2026-01-05T08:00:00Z', scheduledPurgeDate: '2026-04-05T08:00:00Z' };
    world.arm.vaults.deleted.push(gone, { ...gone, name: 'kv-elsewhere', vaultId: gone.vaultId.replace(subscriptionId, idOf('another')) });
    const path = `${subscription}/providers/Microsoft.KeyVault`;
    assert.deepEqual(items(await world.send('GET', `${path}/deletedVaults`)).map(({ name }) => name), ['kv-gone']);
    assert.equal((await world.send('GET', `${path}/locations/WestEurope/deletedVaults/kv-gone`)).status, 200);
    assert.equal(verdict(await world.send('GET', `${path}/locations/northeurope/deletedVaults/kv-gone`)), '404 DeletedVaultNotFound');
    assert.equal(verdict(await world.send('GET', `${path}/deletedVaults`, undefined, { as: world.stranger })), '403 AuthorizationFailed');
  });

  it('share their subscription with so many role assignments, and no more', async () => {
    const put = (name: string, scope: string): Promise<SimResponse> => world.send('PUT', `${scope}/providers/Microsoft.Authorization/roleAssignments/${idOf(name)}`, {
      properties: { roleDefinitionId: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6`, principalId: world.stranger.objectId },
    });
    world.arm.authorization.knobs.perSubscription = 2;
    assert.equal(verdict(await put('one', `${vault}/secrets/a`)), '201');
    assert.equal(verdict(await put('two', `${vault}/secrets/b`)), '400 RoleAssignmentLimitExceeded');
    assert.equal(verdict(await put('one', `${vault}/secrets/a`)), '200', 'what is there is no addition');
  });
});
