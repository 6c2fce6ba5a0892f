import assert from 'node:assert/strict';
import { accountState } from '../../../tasks/_shared/fleet/posture/known-accounts.js';
import { clusterWideKinds, namespacedKinds } from '../../../tasks/_shared/fleet/posture/namespace-rules.js';
import type { ClusterConnection } from '../../../tasks/_shared/kubernetes/connection.js';
import { lazyConnection } from '../../../tasks/_shared/kubernetes/lazy-connection.js';
import { metadataOf } from '../../../tasks/_shared/kubernetes/objects.js';
import { plantNamespace } from './cluster-world.js';
import { brief, namesOf, namespaceOf, NamespaceWorld } from './namespace-world.js';

describe('facts of namespaces', () => {
  let given: NamespaceWorld;
  beforeEach(async () => {
    given = await NamespaceWorld.start();
  });
  afterEach(() => given.world.close());

  describe('of a whole cluster', () => {
    it('hold what the rules want, each kind in its namespace, and leave out those of Kubernetes and AKS', async () => {
      const cluster = await given.read('*');
      assert.deepEqual(namesOf(cluster), ['billing', 'default', 'orders', 'stock']);
      for (const { objects } of cluster.namespaces) assert.deepEqual(Object.keys(objects).sort(), Object.keys(namespacedKinds).sort());
      assert.deepEqual(Object.keys(cluster.clusterWide).sort(), Object.keys(clusterWideKinds).sort());
      const orders = namespaceOf(cluster, 'orders');
      assert.equal(metadataOf(orders.raw).name, 'orders');
      assert.deepEqual([brief(orders.objects, 'NetworkPolicy'), brief(namespaceOf(cluster, 'billing').objects, 'NetworkPolicy'), brief(namespaceOf(cluster, 'stock').objects, 'NetworkPolicy')], [['orders/deny'], ['billing/allow'], []]);
      assert.deepEqual(brief(orders.objects, 'ServiceAccount'), ['orders/api', 'orders/default']);
      assert.deepEqual(orders.secrets, { found: [{ name: 'registry', type: 'kubernetes.io/dockerconfigjson', keys: ['.dockerconfigjson'], looksLike: ['registry admin user'] }] });
      assert.deepEqual(namespaceOf(cluster, 'stock').secrets, { found: [] });
      assert.ok(brief(cluster.clusterWide, 'ClusterRole').includes('/cluster-admin'));
      assert.deepEqual([cluster.absent, cluster.ending, cluster.unread], [[], [], []]);
    });

    it('take as many requests for forty namespaces as for four, none of them a write', async () => {
      await given.read('*');
      const few = given.paths().length;
      for (let index = 0; index < 36; index += 1) plantNamespace(given.world.api, `team-${index}`);
      given.world.network.log.clear();
      assert.equal(namesOf(await given.read('*')).length, 40);
      // Namespaces, fifteen kinds, secrets, and Istio's kind once more under its former version.
      assert.deepEqual([few, given.paths().length], [18, 18]);
      assert.deepEqual(given.world.network.log.all('kubernetes').filter(({ method }) => method !== 'GET'), []);
      given.world.network.log.clear();
      assert.equal(namesOf(await given.read(...Array.from({ length: 30 }, (_none, index) => `team-${index}`))).length, 30);
      assert.equal(given.paths().length, 18);
    });

    it('are asked for in few requests at a time', async () => {
      let [now, most] = [0, 0];
      const list: ClusterConnection['list'] = async (...query) => {
        most = Math.max(most, (now += 1));
        const found = await given.world.connection.list(...query);
        now -= 1;
        return found;
      };
      await given.tryRead(['*'], { ...lazyConnection('x', 'y', () => Promise.resolve(given.world.connection)), list });
      assert.equal(most, 5);
    });

    it('are read in each namespace where the whole cluster is refused, and say why where that is refused too', async () => {
      given.forbid(({ verb, namespace, resource }) => verb === 'list' && resource === 'networkpolicies' && namespace !== 'orders');
      const cluster = await given.read('orders', 'b*', 's*');
      assert.deepEqual(brief(namespaceOf(cluster, 'orders').objects, 'NetworkPolicy'), ['orders/deny']);
      assert.match(String(brief(namespaceOf(cluster, 'billing').objects, 'NetworkPolicy')), /^networkpolicies.* is forbidden: User "deployer" cannot list .* in the namespace "billing"$/);
      assert.deepEqual(brief(namespaceOf(cluster, 'billing').objects, 'Ingress'), []);
      assert.equal(given.listsOf('networkpolicies').length, 4);
    });

    it('are unread when namespaces cannot be listed and an asterisk asks for them', async () => {
      given.forbid(({ resource, name }) => resource === 'namespaces' && name === '');
      assert.match(await given.reason('orders', 'b*'), /^the cluster aks-dev-weu-1 refused to list Namespace objects, because namespaces is forbidden/);
    });

    it('are read by name when namespaces cannot be listed and all are named', async () => {
      given.forbid(({ resource, name }) => resource === 'namespaces' && (name === '' || name === 'stock'));
      const cluster = await given.read('orders', 'billing', 'stock', 'nowhere', 'Not.A.Name');
      assert.deepEqual([namesOf(cluster), cluster.absent], [['billing', 'orders'], ['Not.A.Name', 'nowhere']]);
      assert.deepEqual(cluster.unread.map(({ name }) => name), ['stock']);
      assert.match(cluster.unread[0]!.because, /namespaces "stock" is forbidden/);
      assert.equal(given.paths().some((path) => path.includes('Not.A.Name')), false);
    });
  });

  describe('of up to three names', () => {
    it('are asked for in these alone, but for what the whole cluster has', async () => {
      const cluster = await given.read('orders', 'kube-system', 'nowhere');
      assert.deepEqual([namesOf(cluster), cluster.absent], [['kube-system', 'orders'], ['nowhere']]);
      assert.deepEqual(given.listsOf('pods'), ['/api/v1/namespaces/kube-system/pods', '/api/v1/namespaces/orders/pods']);
      assert.deepEqual(given.listsOf('secrets'), ['/api/v1/namespaces/kube-system/secrets', '/api/v1/namespaces/orders/secrets']);
      assert.deepEqual(given.listsOf('serviceaccounts'), ['/api/v1/serviceaccounts']);
      assert.deepEqual(given.listsOf('namespaces'), []);
      assert.deepEqual(brief(namespaceOf(cluster, 'orders').objects, 'NetworkPolicy'), ['orders/deny']);
    });

    it('are not asked for what is in none', async () => {
      const cluster = await given.read('nowhere', 'missing');
      assert.deepEqual([namesOf(cluster), cluster.absent], [[], ['missing', 'nowhere']]);
      assert.ok(brief(cluster.clusterWide, 'ClusterRole').includes('/cluster-admin'));
      await given.read('no-such-*');
      assert.deepEqual([...given.listsOf('pods'), ...given.listsOf('secrets')], []);
    });

    it('are four no more', async () => {
      assert.equal(namesOf(await given.read('billing', 'default', 'orders', 'stock')).length, 4);
      assert.deepEqual([given.listsOf('pods'), given.listsOf('namespaces')], [['/api/v1/pods'], ['/api/v1/namespaces']]);
    });

    it('need no rights elsewhere to be read', async () => {
      given.forbid(({ namespace }) => namespace !== 'orders');
      const cluster = await given.read('orders', 'billing');
      assert.deepEqual([namesOf(cluster), cluster.unread.map(({ name }) => name)], [['orders'], ['billing']]);
      const orders = namespaceOf(cluster, 'orders');
      assert.deepEqual(Object.entries(orders.objects).filter(([, list]) => 'unread' in list), []);
      assert.ok('found' in orders.secrets);
      for (const kind of Object.keys(clusterWideKinds)) assert.match(String(brief(cluster.clusterWide, kind)), /at the cluster scope$/, kind);
      const { accounts } = cluster;
      assert.deepEqual([accountState(accounts, 'orders', 'api'), accountState(accounts, 'orders', 'worker')], ['there', 'gone']);
      for (const namespace of ['billing', 'stock', 'nowhere']) assert.match(JSON.stringify(accountState(accounts, namespace, 'api')), /serviceaccounts is forbidden/, namespace);
    });

    it('are unread when none of them can be', async () => {
      given.forbid(({ namespace }) => namespace !== 'stock');
      assert.match(await given.reason('orders', 'billing'), /^the cluster aks-dev-weu-1 refused to read namespace billing, because namespaces "billing" is forbidden/);
      assert.match(await given.reason('*'), /refused to list Namespace objects/);
    });
  });

  describe('of Istio', () => {
    it('are none where the cluster does not know the kind', async () => {
      const cluster = await given.read('*');
      assert.deepEqual([brief(cluster.clusterWide, 'PeerAuthentication'), brief(namespaceOf(cluster, 'orders').objects, 'PeerAuthentication')], [[], []]);
    });

    for (const version of ['v1', 'v1beta1']) {
      for (const scope of [['*'], ['orders', 'billing']]) {
        it(`are read under ${version} for ${scope.join(' and ')}, those of the mesh too`, async () => {
          given.plantIstio(version);
          const cluster = await given.read(...scope);
          assert.deepEqual(brief(cluster.clusterWide, 'PeerAuthentication'), ['aks-istio-system/strict', 'orders/strict']);
          assert.deepEqual([brief(namespaceOf(cluster, 'orders').objects, 'PeerAuthentication'), brief(namespaceOf(cluster, 'billing').objects, 'PeerAuthentication')], [['orders/strict'], []]);
        });
      }
    }

    it('are unread for who may not list them, whether or not the cluster knows the kind', async () => {
      given.forbid(({ group }) => group === 'security.istio.io');
      const told = async (): Promise<string> => (await given.read('orders', 'billing')).namespaces.map(({ objects }) => String(brief(objects, 'PeerAuthentication'))).join();
      assert.match(await told(), /is forbidden.*is forbidden/);
      given.plantIstio();
      assert.match(await told(), /is forbidden.*is forbidden/);
    });
  });

  it('are unread of any other kind that the cluster does not know', async () => {
    given.world.network.faults.plant({ path: /\/ingresses\?/, respond: { status: 404, body: '404 page not found\n' } });
    for (const scope of [['*'], ['orders']]) assert.equal(brief(namespaceOf(await given.read(...scope), 'orders').objects, 'Ingress'), 'the API server answered with status 404');
  });

  it('leave out namespaces that are being deleted, and keep objects that are', async () => {
    const finalizers = ['test/hold'];
    given.world.api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'going', finalizers } });
    given.world.api.remove('ServiceAccount', 'orders', 'going');
    given.world.api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'stock', name: 'held', finalizers } });
    given.world.api.remove('Namespace', undefined, 'stock');
    for (const scope of [['*'], ['orders', 'stock']]) {
      const cluster = await given.read(...scope);
      assert.deepEqual([namesOf(cluster).includes('stock'), cluster.ending, cluster.absent], [false, ['stock'], []]);
      assert.ok(brief(namespaceOf(cluster, 'orders').objects, 'ServiceAccount').includes('orders/going'));
      assert.equal(accountState(cluster.accounts, 'stock', 'held'), 'there');
    }
  });

  describe('of service accounts', () => {
    it('reach beyond the scope', async () => {
      for (const scope of [['billing'], ['b*']]) {
        const { accounts } = await given.read(...scope);
        assert.deepEqual([accountState(accounts, 'orders', 'api'), accountState(accounts, 'orders', 'Api'), accountState(accounts, 'stock', 'api'), accountState(accounts, 'nowhere', 'api')], ['there', 'gone', 'gone', 'gone']);
      }
    });

    it('are known in the scope where they are refused elsewhere, and gone with their namespace', async () => {
      given.forbid(({ resource, namespace }) => resource === 'serviceaccounts' && namespace !== 'orders' && namespace !== 'billing');
      const { accounts, absent } = await given.read('orders', 'b*', 'missing');
      assert.deepEqual(absent, ['missing']);
      assert.deepEqual([accountState(accounts, 'orders', 'api'), accountState(accounts, 'billing', 'api'), accountState(accounts, 'missing', 'api'), accountState(accounts, 'nowhere', 'api')], ['there', 'gone', 'gone', 'gone']);
      assert.match(JSON.stringify(accountState(accounts, 'stock', 'api')), /at the cluster scope/);
      const named = (await given.read('orders', 'missing')).accounts;
      assert.deepEqual([accountState(named, 'orders', 'api'), accountState(named, 'missing', 'api')], ['there', 'gone']);
      assert.match(JSON.stringify(accountState(named, 'billing', 'default')), /at the cluster scope/);
    });
  });
});
