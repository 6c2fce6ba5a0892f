import assert from 'node:assert/strict';
import { parseClusters, type ClusterEntry } from '../../../tasks/_shared/fleet/clusters.js';
import { identityPlace } from '../../../tasks/_shared/fleet/identity-place.js';
import { namesakes, placeWorkloads, type WorkloadInputs } from '../../../tasks/_shared/fleet/workload.js';

const subscription = '11111111-1111-4111-8111-111111111111';
const shared = `/subscriptions/${subscription}/resourceGroups/rg-id/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-shared`;
const account = { workload: 'orders', namespace: 'shop', serviceAccount: 'api' };
const inputs = { accounts: [account], identity: 'id-{workload}-{cluster}' };
const fleet = (text: string): ClusterEntry[] => parseClusters(text, subscription).clusters;

describe('fleet: places of identities', () => {
  const [cluster] = fleet('rg/aks') as [ClusterEntry];

  it('follow from the pattern, in the cluster\'s subscription and group', () => {
    const id = `/subscriptions/${subscription}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders-aks`;
    assert.deepEqual(identityPlace('id-{workload}-{cluster}', undefined, cluster, account), { subscriptionId: subscription, resourceGroup: 'rg', name: 'id-orders-aks', id, given: false });
  });

  it('follow the group that is asked for', () => {
    assert.match(identityPlace('x-{namespace}', 'rg-id', cluster, account).id, /\/resourceGroups\/rg-id\/.*\/x-shop$/);
  });

  it('are those of the id that is given, whatever the group', () => {
    assert.deepEqual(identityPlace(shared, 'elsewhere', cluster, account), { subscriptionId: subscription, resourceGroup: 'rg-id', name: 'id-shared', id: shared, given: true });
  });

  it('have names within the limit', () => {
    const { name } = identityPlace('{workload}-{cluster}', undefined, cluster, { ...account, workload: 'w'.repeat(200) });
    assert.equal(name.length, 128);
    assert.match(name, /^w{119}-[0-9a-f]{8}$/);
  });
});

describe('fleet: a workload on the fleet', () => {
  it('has an identity per cluster, owned by that cluster', () => {
    const placed = placeWorkloads(inputs, fleet('rg/a,rg/b'));
    assert.deepEqual(placed.map(({ identity, owner, title }) => [identity.name, owner, title]), [
      ['id-orders-a', 'a', 'shop/api on a'],
      ['id-orders-b', 'b', 'shop/api on b'],
    ]);
  });

  it('has no owner where clusters share the identity, by id or by pattern', () => {
    assert.deepEqual(placeWorkloads({ ...inputs, identity: shared }, fleet('rg/a,rg/b')).map(({ owner }) => owner), [undefined, undefined]);
    assert.deepEqual(placeWorkloads({ ...inputs, identity: 'id-{workload}', identityResourceGroup: 'rg-id' }, fleet('rg1/a,rg2/b')).map(({ owner }) => owner), [undefined, undefined]);
  });

  it('is owned by a cluster that uses a given identity alone', () => assert.deepEqual(placeWorkloads({ ...inputs, identity: shared }, fleet('rg/a')).map(({ owner }) => owner), ['a']));

  it('follows each cluster\'s overrides', () => {
    const list = JSON.stringify([{ cluster: 'rg/a', identity: shared.toUpperCase() }, { cluster: 'rg/b', identityResourceGroup: 'rg-b' }, { cluster: 'rg/c', identity: shared }, 'rg/d']);
    const placed = placeWorkloads({ ...inputs, identityResourceGroup: 'rg-x' }, fleet(list));
    assert.deepEqual(placed.map(({ identity, owner }) => [identity.resourceGroup, identity.given, owner]), [['RG-ID', true, undefined], ['rg-b', false, 'b'], ['rg-id', true, undefined], ['rg-x', false, 'd']]);
  });

  it('tells namesakes that {cluster} does not keep apart, and no others', () => {
    const common = { ...inputs, identityResourceGroup: 'rg-id' };
    const found = (given: WorkloadInputs, clusters: string): unknown => namesakes(given, placeWorkloads(given, fleet(clusters)));
    assert.deepEqual(found(common, 'rg1/aks,rg2/aks,rg3/other'), [{ of: 'clusters', who: ['rg1/aks', 'rg2/aks'] }]);
    assert.deepEqual(found(inputs, 'rg1/aks,rg2/aks'), []);
    assert.deepEqual(found({ ...common, identity: 'id-{workload}' }, 'rg1/aks,rg2/aks'), []);
  });

  it('names namesakes by their labels', () => {
    assert.deepEqual(placeWorkloads(inputs, fleet('rg1/aks,rg2/aks')).map(({ owner, title }) => [owner, title]), [['rg1/aks', 'shop/api on rg1/aks'], ['rg2/aks', 'shop/api on rg2/aks']]);
  });

  describe('of several service accounts', () => {
    const web = { workload: 'web', namespace: 'shop', serviceAccount: 'web' };
    const several = (identity: string, ...accounts: WorkloadInputs['accounts']): WorkloadInputs => ({ accounts, identity });
    const placed = (given: WorkloadInputs, clusters = 'rg/a,rg/b'): unknown[] => placeWorkloads(given, fleet(clusters)).map(({ label, identity, owner, words }) => [label, identity.name, owner, words.join()]);

    it('gives each an identity of its own where the pattern tells them apart', () =>
      assert.deepEqual(placed(several('id-{serviceAccount}-{cluster}', account, web)), [
        ['a/shop/api', 'id-api-a', 'a', 'orders'], ['a/shop/web', 'id-web-a', 'a', 'web'], ['b/shop/api', 'id-api-b', 'b', 'orders'], ['b/shop/web', 'id-web-b', 'b', 'web'],
      ]));

    it('lets them share one where it does not, which is still that of one cluster', () =>
      assert.deepEqual(placed(several('id-{cluster}', account, web), 'rg/a'), [['a/shop/api', 'id-a', 'a', 'orders,web'], ['a/shop/web', 'id-a', 'a', 'orders,web']]));

    it('tells namesakes in two namespaces that the pattern would not keep apart', () => {
      const [one, two] = ['orders', 'billing'].map((namespace) => ({ namespace, serviceAccount: 'api', workload: 'api' })) as [typeof web, typeof web];
      const found = (identity: string, ...accounts: WorkloadInputs['accounts']): unknown[] => {
        const given = several(identity, ...accounts);
        return namesakes(given, placeWorkloads(given, fleet('rg/a,rg/b')));
      };
      const same = [{ of: 'service accounts', who: ['orders/api', 'billing/api'] }];
      assert.deepEqual([found('id-{serviceAccount}', one, two), found('id-{workload}-{cluster}', one, two)], [same, same]);
      assert.deepEqual([found('id-{namespace}-{workload}', one, two), found('id-shared', one, two)], [[], []]);
      assert.deepEqual(found('id-{workload}', { ...one, workload: 'shop' }, { ...two, workload: 'shop' }), [], 'the word was chosen for both');
    });
  });

  it('fills in ring and region, that of each cluster unless one is asked for', () => {
    const regional = { ...inputs, identity: 'id-{ring}-{location}', ring: 'ppd', identityResourceGroup: 'rg-id' };
    const regions = new Map([['a', 'westeurope'], ['b', 'northeurope'], ['c', 'westeurope']]);
    const names = (given: WorkloadInputs): unknown[] => placeWorkloads(given, fleet('rg/a,rg/b,rg/c'), regions).map(({ identity, owner }) => [identity.name, owner]);
    assert.deepEqual(names(regional), [['id-ppd-westeurope', undefined], ['id-ppd-northeurope', 'b'], ['id-ppd-westeurope', undefined]]);
    assert.deepEqual(names({ ...regional, identityLocation: 'swedencentral' }), ['a', 'b', 'c'].map(() => ['id-ppd-swedencentral', undefined]));
  });
});
