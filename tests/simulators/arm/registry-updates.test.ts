import assert from 'node:assert/strict';
import type { SimResponse } from '../kernel/service.js';
import { group, record, World } from './test-world.js';

const registry = `${group}/providers/Microsoft.ContainerRegistry/registries/crshop`;

describe('arm: switching the admin user of a registry', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
    const subscriptionId = group.split('/')[2] ?? '';
    world.arm.registries.add({ subscriptionId, group: 'rg-shop', name: 'crshop', location: 'westeurope', properties: { adminUserEnabled: true, loginServer: 'crshop.azurecr.io' } });
  });
  const patch = (body: unknown, path = registry): Promise<SimResponse> => world.send('PATCH', path, body);
  const properties = (): Record<string, unknown> => world.arm.registries.find('crshop').properties;
  const code = (response: SimResponse): string => `${response.status} ${String(record(record(response.body).error).code)}`;

  it('changes that property at once and leaves the others', async () => {
    const response = await patch({ properties: { adminUserEnabled: false } });
    assert.deepEqual([response.status, properties()], [200, { provisioningState: 'Succeeded', adminUserEnabled: false, loginServer: 'crshop.azurecr.io' }]);
    assert.equal(world.network.log.writes('arm').length, 1);
  });

  it('takes its time where it is told to, and ends by the clock', async () => {
    world.arm.registryUpdates.knobs.updateMs = 10_000;
    const response = await patch({ properties: { adminUserEnabled: false } });
    const address = response.headers?.['azure-asyncoperation'] ?? '';
    assert.deepEqual([response.status, properties().adminUserEnabled, properties().provisioningState], [202, true, 'Updating']);
    const status = async (): Promise<unknown> => record((await world.send('GET', address.slice(world.origin.length))).body).status;
    assert.equal(await status(), 'Updating');
    world.clock.advance(10_000);
    assert.deepEqual([await status(), properties().adminUserEnabled, properties().provisioningState], ['Succeeded', false, 'Succeeded']);
  });

  it('refuses strangers, other shapes and what is not there, and names what it does not simulate', async () => {
    assert.equal(code(await world.send('PATCH', registry, { properties: { adminUserEnabled: false } }, { as: world.stranger })), '403 AuthorizationFailed');
    assert.equal(code(await patch({ properties: { adminUserEnabled: false } }, `${registry}2`)), '404 ResourceNotFound');
    assert.equal(code(await patch({ properties: { adminUserEnabled: 'false' } })), '400 InvalidRequestContent');
    assert.equal(code(await patch({ properties: { anonymousPullEnabled: true } })), '501 NotSimulated');
    assert.equal(code(await patch({ tags: {}, properties: { adminUserEnabled: false } })), '501 NotSimulated');
    assert.equal(properties().adminUserEnabled, true);
  });
});
