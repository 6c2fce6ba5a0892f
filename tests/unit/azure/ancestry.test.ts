import assert from 'node:assert/strict';
import { Hierarchy, type Ancestry } from '../../../tasks/_shared/azure/ancestry.js';
import { managementGroupId } from '../../simulators/arm/hierarchy.js';
import { idOf } from '../../simulators/azure/directory.js';
import { clusterId, group, Rig, subscriptionId, tenantId } from './azure-world.js';

const entities = /getEntities/;
const elsewhere = '99999999-9999-4999-8999-999999999999';

describe('the management groups above an object', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
    rig.world.hierarchy.addManagementGroup({ name: 'dev', displayName: 'Development', parent: 'nonprod' });
    rig.world.hierarchy.addSubscription({ id: subscriptionId, displayName: 'unit', managementGroup: 'dev' });
  });
  const looked = async (ids: readonly string[], named: readonly string[] = []): Promise<Ancestry[]> => {
    const hierarchy = new Hierarchy(await rig.connect(), named);
    return Promise.all(ids.map((id) => hierarchy.ancestry(id)));
  };
  const chain = ['dev', 'nonprod', tenantId];

  it('are told from the nearest to the root, for resources, subscriptions and groups, by one request', async () => {
    rig.network.log.clear();
    const found = await looked([clusterId(), `/SUBSCRIPTIONS/${subscriptionId.toUpperCase()}`, `${group}/providers/Microsoft.KeyVault/vaults/kv/secrets/x`, managementGroupId('dev'), managementGroupId(tenantId)]);
    assert.deepEqual(found, [{ groups: chain }, { groups: chain }, { groups: chain }, { groups: chain }, { groups: [tenantId] }]);
    assert.deepEqual(rig.network.log.all('arm').map(({ method, path }) => `${method} ${path.split('?')[0] ?? ''}`), ['POST /providers/Microsoft.Management/getEntities']);
  });

  it('are found on any page of the list', async () => {
    const next = `${rig.world.origins.arm}/providers/Microsoft.Management/getEntities?api-version=2021-04-01&$skiptoken=2`;
    const page = (value: readonly object[], more = {}): { status: number; body: object } => ({ status: 200, body: { value, ...more } });
    const entity = { id: `/subscriptions/${subscriptionId}`, properties: { tenantId, parentNameChain: [tenantId, 'dev'], parent: { id: managementGroupId('dev') } } };
    rig.network.faults.plant({ service: 'arm', method: 'POST', path: entities, respond: page([], { nextLink: next }) });
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: entities, respond: page([entity]) });
    assert.deepEqual(await looked([clusterId()]), [{ groups: ['dev', tenantId] }]);
  });

  it('are unknown where the list does not show the subscription, and where nothing could be listed', async () => {
    const hidden = idOf('a subscription of others');
    rig.world.hierarchy.addSubscription({ id: hidden, displayName: 'hidden', managementGroup: 'dev' });
    const unseen = `subscription ${hidden} is not among what the service connection contoso-nonprod sees`;
    assert.deepEqual(await looked([`/subscriptions/${hidden}/resourceGroups/rg`, managementGroupId('none'), '', 'orders']), [
      { unknown: unseen },
      { unknown: 'management group none is not among what the service connection contoso-nonprod sees' },
      { unknown: 'it names no subscription and no management group' },
      { unknown: 'orders is not the id of an Azure resource' },
    ]);
  });

  it('are unknown where only a part of them is shown', async () => {
    const shown = async (parentNameChain: readonly string[], parent: string): Promise<unknown> => {
      const body = { value: [{ id: `/subscriptions/${subscriptionId}`, properties: { tenantId, parentNameChain, parent: { id: managementGroupId(parent) } } }] };
      const takeOut = rig.network.faults.plant({ service: 'arm', path: entities, respond: { status: 200, body } });
      const [found] = await looked([clusterId()]);
      takeOut();
      return found;
    };
    assert.deepEqual(await shown(['nonprod', 'dev'], 'dev'), { unknown: 'only a part of the management groups above it is shown: nonprod / dev' });
    assert.deepEqual(await shown([tenantId, 'nonprod'], 'dev'), { unknown: `only a part of the management groups above it is shown: ${tenantId} / nonprod` });
    assert.deepEqual(await shown([], 'dev'), { unknown: 'only a part of the management groups above it is shown: none' });
    assert.deepEqual(await shown([tenantId, 'nonprod', 'dev'], 'dev'), { groups: chain });
  });

  it('are of another tenant where the list, the subscription or the refusal of a token says so', async () => {
    const listed = { value: [{ id: `/subscriptions/${subscriptionId}`, properties: { tenantId: elsewhere, parentNameChain: [elsewhere], parent: { id: managementGroupId(elsewhere) } } }] };
    const takeOut = rig.network.faults.plant({ service: 'arm', path: entities, respond: { status: 200, body: listed } });
    assert.deepEqual(await looked([clusterId()]), [{ tenantId: elsewhere }]);
    takeOut();
    const delegated = idOf('a delegated subscription');
    rig.world.hierarchy.addSubscription({ id: delegated, displayName: 'delegated', managementGroup: elsewhere, tenantId: elsewhere });
    rig.world.assign(rig.deployer.objectId, 'Reader', `/subscriptions/${delegated}`);
    assert.deepEqual(await looked([`/subscriptions/${delegated}`]), [{ tenantId: elsewhere }]);
    const message = `The access token is from the wrong issuer 'https://sts.windows.net/${tenantId}/'. It must match the tenant 'https://sts.windows.net/${elsewhere}/' associated with this subscription.`;
    const body = { error: { code: 'InvalidAuthenticationTokenTenant', message } };
    rig.network.faults.plant({ service: 'arm', path: /^\/subscriptions\/[^/]+\?/, respond: { status: 401, body } });
    assert.deepEqual(await looked([`/subscriptions/${idOf('a foreign one')}`]), [{ tenantId: elsewhere }]);
  });

  it('are asked group by group where the list is refused, and are unknown where nobody tells', async () => {
    rig.network.faults.plant({ service: 'arm', path: entities, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no entities for you' } } } });
    const unlisted = { unknown: 'the management groups cannot be listed: no entities for you' };
    assert.deepEqual(await looked([clusterId()], ['dev', 'nonprod']), [unlisted], 'reading groups is a right of its own');
    rig.world.assign(rig.deployer.objectId, 'Reader', managementGroupId(tenantId));
    rig.clock.advance(1_200_000);
    assert.deepEqual(await looked([clusterId(), managementGroupId('dev')], ['nonprod', 'dev']), [{ groups: chain }, { groups: chain }]);
    assert.deepEqual(await looked([clusterId()], ['nonprod']), [unlisted], 'it is in no named group itself');
  });
});
