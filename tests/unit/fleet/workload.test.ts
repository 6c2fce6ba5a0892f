import assert from 'node:assert/strict';
import { parseClusters, type ClusterEntry } from '../../../tasks/_shared/fleet/clusters.js';
import { identityPlace } from '../../../tasks/_shared/fleet/identity-place.js';
import { namesakes, placeWorkload } from '../../../tasks/_shared/fleet/workload.js';

const subscription = '11111111-1111-4111-8111-111111111111';
const shared = `/subscriptions/${subscription}/resourceGroups/rg-id/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-shared`;
const inputs = { workload: 'orders', namespace: 'shop', serviceAccount: 'api', identity: 'id-{workload}-{cluster}' };
const fleet = (text: string): ClusterEntry[] => parseClusters(text, subscription).clusters;

describe('fleet: places of identities', () => {
  const [cluster] = fleet('rg/aks') as [ClusterEntry];

  it('follow from the pattern, in the cluster\'s subscription and group', () => {
    const id = `/subscriptions/${subscription}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders-aks`;
    assert.deepEqual(identityPlace('id-{workload}-{cluster}', undefined, cluster, inputs), { subscriptionId: subscription, resourceGroup: 'rg', name: 'id-orders-aks', id, given: false });
  });

  it('follow the group that is asked for', () => {
    assert.match(identityPlace('x-{namespace}', 'rg-id', cluster, inputs).id, /\/resourceGroups\/rg-id\/.*\/x-shop$/);
  });

  it('are those of the id that is given, whatever the group', () => {
    assert.deepEqual(identityPlace(shared, 'elsewhere', cluster, inputs), { subscriptionId: subscription, resourceGroup: 'rg-id', name: 'id-shared', id: shared, given: true });
  });

  it('have names within the limit', () => {
    const { name } = identityPlace('{workload}-{cluster}', undefined, cluster, { ...inputs, workload: 'w'.repeat(200) });
    assert.equal(name.length, 128);
    assert.match(name, /^w{119}-[0-9a-f]{8}$/);
  });
});

describe('fleet: a workload on the fleet', () => {
  it('has an identity per cluster, owned by that cluster', () => {
    const placed = placeWorkload(inputs, fleet('rg/a,rg/b'));
    assert.deepEqual(placed.map(({ identity, owner, title }) => [identity.name, owner, title]), [
      ['id-orders-a', 'a', 'shop/api on a'],
      ['id-orders-b', 'b', 'shop/api on b'],
    ]);
  });

  it('has no owner where clusters share the identity, by id or by pattern', () => {
    assert.deepEqual(placeWorkload({ ...inputs, identity: shared }, fleet('rg/a,rg/b')).map(({ owner }) => owner), [undefined, undefined]);
    assert.deepEqual(placeWorkload({ ...inputs, identity: 'id-{workload}', identityResourceGroup: 'rg-id' }, fleet('rg1/a,rg2/b')).map(({ owner }) => owner), [undefined, undefined]);
  });

  it('is owned by a cluster that uses a given identity alone', () => assert.deepEqual(placeWorkload({ ...inputs, identity: shared }, fleet('rg/a')).map(({ owner }) => owner), ['a']));

  it('follows each cluster\'s overrides', () => {
    const list = JSON.stringify([{ cluster: 'rg/a', identity: shared.toUpperCase() }, { cluster: 'rg/b', identityResourceGroup: 'rg-b' }, { cluster: 'rg/c', identity: shared }, 'rg/d']);
    const placed = placeWorkload({ ...inputs, identityResourceGroup: 'rg-x' }, fleet(list));
    assert.deepEqual(placed.map(({ identity, owner }) => [identity.resourceGroup, identity.given, owner]), [['RG-ID', true, undefined], ['rg-b', false, 'b'], ['rg-id', true, undefined], ['rg-x', false, 'd']]);
  });

  it('tells namesakes that {cluster} does not keep apart, and no others', () => {
    const common = { ...inputs, identityResourceGroup: 'rg-id' };
    assert.deepEqual(namesakes(common, fleet('rg1/aks,rg2/aks,rg3/other')), [['rg1/aks', 'rg2/aks']]);
    assert.deepEqual(namesakes(inputs, fleet('rg1/aks,rg2/aks')), []);
    assert.deepEqual(namesakes({ ...common, identity: 'id-{workload}' }, fleet('rg1/aks,rg2/aks')), []);
  });

  it('names namesakes by their labels', () => {
    assert.deepEqual(placeWorkload(inputs, fleet('rg1/aks,rg2/aks')).map(({ owner, title }) => [owner, title]), [['rg1/aks', 'shop/api on rg1/aks'], ['rg2/aks', 'shop/api on rg2/aks']]);
  });
});
