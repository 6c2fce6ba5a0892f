import assert from 'node:assert/strict';
import { tenantId } from '../azure/authority.js';
import { idOf, type ServicePrincipal } from '../azure/directory.js';
import { managementGroupId } from './hierarchy.js';
import { cluster, group, items, propertiesOf, record, subscription, subscriptionId, verdict, World } from './test-world.js';

describe('arm: management groups, subscriptions, resource groups', () => {
  let world: World;
  let reader: ServicePrincipal;
  beforeEach(async () => {
    world = await World.start();
    reader = world.directory.add({ displayName: 'reader', kind: 'application' });
    world.assign(reader, 'Reader', managementGroupId(tenantId));
  });

  const as = (): { as: ServicePrincipal } => ({ as: reader });

  it('shows the ancestors of a group from the nearest to the root, when asked', async () => {
    const shown = await world.send('GET', `${managementGroupId('SHOPS')}?$expand=ancestors`, undefined, as());
    const details = record(propertiesOf(shown).details);
    assert.deepEqual(details.parent, { id: managementGroupId('prod'), name: 'prod', displayName: 'Production' });
    assert.deepEqual(details.managementGroupAncestorsChain, [{ name: 'prod', displayName: 'Production' }, { name: tenantId, displayName: 'Tenant Root Group' }]);
    const plain = record(propertiesOf(await world.send('GET', managementGroupId('shops'), undefined, as())).details);
    assert.equal(plain.managementGroupAncestorsChain, undefined);
    const root = record(propertiesOf(await world.send('GET', managementGroupId(tenantId), undefined, as())).details);
    assert.equal(root.parent, undefined);
    world.assign(reader, 'Reader', '/');
    assert.equal(verdict(await world.send('GET', managementGroupId('none'), undefined, as())), '404 NotFound');
  });

  it("shows a subscription's group", async () => {
    const shown = await world.send('GET', `${managementGroupId('shops')}${subscription}`, undefined, as());
    assert.deepEqual(propertiesOf(shown).parent, { id: managementGroupId('shops') });
    assert.equal(verdict(await world.send('GET', `${managementGroupId('prod')}${subscription}`, undefined, as())), '404 NotFound', 'its group is below');
  });

  it('lists entities with their parents from the root down', async () => {
    const list = items(await world.send('POST', '/providers/Microsoft.Management/getEntities', undefined, as()));
    assert.deepEqual(list.map(({ name }) => name), [tenantId, 'prod', 'shops', subscriptionId]);
    const last = record(list.at(-1)?.properties);
    assert.deepEqual(last.parentNameChain, [tenantId, 'prod', 'shops']);
    assert.deepEqual(last.parent, { id: managementGroupId('shops') });
  });

  it('lists what the caller has a role at, above or below', async () => {
    world.hierarchy.addSubscription({ id: idOf('other'), displayName: 'other', managementGroup: 'prod' });
    const names = async (who: ServicePrincipal): Promise<unknown[]> => items(await world.send('GET', '/subscriptions', undefined, { as: who })).map(({ displayName }) => displayName);
    assert.deepEqual(await names(reader), ['shop', 'other']);
    assert.deepEqual(await names(world.owner), ['shop']);
    assert.deepEqual(await names(world.stranger), []);
    world.assign(world.stranger, 'Reader', cluster);
    assert.deepEqual(await names(world.stranger), ['shop'], 'a role on one resource shows its subscription');
    assert.deepEqual(items(await world.send('POST', '/providers/Microsoft.Management/getEntities', undefined, { as: world.stranger })).map(({ name }) => name), [tenantId, 'prod', 'shops', subscriptionId]);
  });

  it('shows a subscription and a resource group', async () => {
    assert.deepEqual(record((await world.send('GET', subscription)).body), { id: subscription, subscriptionId, tenantId, displayName: 'shop', state: 'Enabled' });
    assert.equal(record((await world.send('GET', group.toLowerCase())).body).location, 'westeurope');
    assert.equal(verdict(await world.send('GET', `${subscription}/resourceGroups/rg-none`)), '404 ResourceGroupNotFound');
    world.assign(reader, 'Reader', '/');
    assert.equal(verdict(await world.send('GET', `/subscriptions/${idOf('none')}`, undefined, as())), '404 SubscriptionNotFound');
  });

  it('tells the groups above any scope', () => {
    const above = [managementGroupId('shops'), managementGroupId('prod'), managementGroupId(tenantId)];
    assert.deepEqual(world.hierarchy.ancestors(cluster), above);
    assert.deepEqual(world.hierarchy.ancestors(managementGroupId('shops')), above.slice(1));
    assert.deepEqual(world.hierarchy.ancestors(`/subscriptions/${idOf('none')}`), []);
  });
});

describe('arm: registries and vaults', () => {
  it('shows and lists what was registered', async () => {
    const world = await World.start();
    const place = { subscriptionId, group: 'rg-shop', location: 'westeurope' };
    world.arm.registries.add({ ...place, name: 'cr', properties: { loginServer: 'localhost:5000', roleAssignmentMode: 'LegacyRegistryPermissions' } });
    world.arm.vaults.add({ ...place, name: 'kv', properties: { vaultUri: 'https://localhost:5001/', enableRbacAuthorization: true } });
    const registry = `${group}/providers/Microsoft.ContainerRegistry/registries/CR`;
    assert.equal(propertiesOf(await world.send('GET', registry)).loginServer, 'localhost:5000');
    world.arm.registries.edit('cr', { roleAssignmentMode: 'AbacRepositoryPermissions' });
    assert.deepEqual(propertiesOf(await world.send('GET', registry)), { provisioningState: 'Succeeded', loginServer: 'localhost:5000', roleAssignmentMode: 'AbacRepositoryPermissions' });
    for (const scope of [group, subscription]) {
      assert.deepEqual(items(await world.send('GET', `${scope}/providers/Microsoft.KeyVault/vaults`)).map(({ name }) => name), ['kv']);
    }
    assert.equal(verdict(await world.send('GET', registry.replace('CR', 'none'))), '404 ResourceNotFound');
    assert.throws(() => world.arm.vaults.find('none'), /no Microsoft.KeyVault\/vaults none/);
  });
});
