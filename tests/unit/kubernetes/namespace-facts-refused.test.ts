import assert from 'node:assert/strict';
import { clusterWideKinds, namespacedKinds } from '../../../tasks/_shared/fleet/posture/namespace-rules.js';
import type { ClusterConnection } from '../../../tasks/_shared/kubernetes/connection.js';
import { lazyConnection } from '../../../tasks/_shared/kubernetes/lazy-connection.js';
import { namespaceRights, readNamespaces } from '../../../tasks/_shared/kubernetes/namespace-facts.js';
import { resourceName } from '../../../tasks/_shared/kubernetes/objects.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { base64, canary, namespaceOf, NamespaceWorld } from './namespace-world.js';

describe('facts of namespaces, kept back', () => {
  let given: NamespaceWorld;
  beforeEach(async () => {
    given = await NamespaceWorld.start();
  });
  afterEach(() => given.world.close());

  describe('of secrets', () => {
    it('hold no value, nor do errors, and releases of Helm stay on the server', async () => {
      given.plantSecret('sp', { AZURE_CLIENT_ID: '11111111-1111-4111-8111-111111111111', AZURE_CLIENT_SECRET: canary });
      given.plantSecret('sh.helm.release.v1.orders.v1', { release: canary }, 'helm.sh/release.v1');
      for (const scope of [['*'], ['orders']]) {
        given.world.network.log.clear();
        const cluster = await given.read(...scope);
        const { secrets } = namespaceOf(cluster, 'orders');
        assert.deepEqual('found' in secrets && secrets.found.map(({ name, looksLike }) => `${name}: ${looksLike.join()}`), ['registry: registry admin user', 'sp: service principal secret']);
        const all = JSON.stringify([cluster, [...cluster.accounts.byNamespace]]);
        for (const form of [canary, base64(canary)]) assert.equal(all.includes(form), false);
        assert.deepEqual(given.paths().filter((path) => path.includes('/secrets')).map((path) => new URL(path, 'https://k').searchParams.get('fieldSelector')), ['type!=helm.sh/release.v1']);
      }
    });

    it('are unread where they are refused in the middle, with no value in the reason', async () => {
      for (let index = 0; index < 500; index += 1) given.plantSecret(`s-${index}`, { password: canary });
      for (const fault of [{ respond: { status: 403, body: { kind: 'Status', message: 'secrets is forbidden' } } }, { respond: { status: 200, body: base64(canary) } }]) {
        const undo = given.world.network.faults.plant({ path: /secrets.*continue=/, ...fault });
        const cluster = await given.read('orders');
        assert.ok('unread' in namespaceOf(cluster, 'orders').secrets);
        for (const form of [canary, base64(canary)]) assert.equal(JSON.stringify(cluster).includes(form), false);
        undo();
      }
    });

    it('are unread for who may not list them, and nothing else is', async () => {
      given.forbid(({ resource }) => resource === 'secrets');
      for (const scope of [['*'], ['orders']]) {
        const orders = namespaceOf(await given.read(...scope), 'orders');
        assert.match(JSON.stringify(orders.secrets), /unread.*secrets is forbidden: .*in the namespace/);
        assert.deepEqual(Object.entries(orders.objects).filter(([, list]) => 'unread' in list), []);
      }
    });
  });

  describe('of a cluster that does not answer', () => {
    it('are unread when it cannot be reached, after the patience of one request', async () => {
      given.world.network.faults.plant({ drop: 'before' });
      for (const scope of [['*'], ['orders', 'billing'], ['a', 'b', 'c', 'd']]) {
        const before = given.world.clock.monotonic();
        assert.equal(await given.reason(...scope), 'the API server of aks-dev-weu-1 cannot be reached, because socket hang up');
        assert.ok(given.world.clock.monotonic() - before <= 60_000);
      }
    });

    it('are unread when it does not accept the token, after one request', async () => {
      given.world.knobs.token = 'another';
      assert.match(await given.reason('*'), /refused to list Namespace objects, because the API server does not accept the token/);
      assert.equal(given.paths().length, 1);
    });

    it('are unread when the connection cannot be opened, whatever status Azure answered', async () => {
      let opened = 0;
      const refused = new Problem({ code: 'WI2001', what: 'Azure refused', because: 'no right', remedy: 'ask for it', status: 403 });
      const closed = lazyConnection('aks-1', 'id', () => {
        opened += 1;
        return Promise.reject(refused);
      });
      for (const scope of [['*'], ['a', 'b', 'c', 'd']]) assert.deepEqual(await given.tryRead(scope, closed), { unread: 'azure refused, because no right' });
      assert.equal(opened, 2);
    });

    it('are unread from where the sign-in failed, whatever status that had', async () => {
      for (const parts of [{ code: 'WI2001', status: 403 }, { code: 'WI4002', status: 401 }]) {
        const asked: string[] = [];
        const list: ClusterConnection['list'] = (kind, ...query) => {
          asked.push(kind.kind);
          if (kind.kind === 'Pod') return Promise.reject(new Problem({ ...parts, what: 'No token', because: 'no right', remedy: 'ask for it' }));
          return given.world.connection.list(kind, ...query);
        };
        const answer = await given.tryRead(['*'], { ...lazyConnection('x', 'y', () => Promise.resolve(given.world.connection)), list });
        assert.ok('found' in answer);
        assert.deepEqual(namespaceOf(answer.found, 'orders').secrets, { unread: 'no right' });
        // Namespaces, the first five kinds.
        assert.ok(asked.length <= 6, asked.join());
      }
    });

    it('are unread when something else answers in its place', async () => {
      given.world.network.faults.plant({ respond: { status: 200, body: '<html>sign in</html>' } });
      assert.match(await given.reason('*'), /because the answer is no list$/);
      assert.equal(await given.reason('orders'), 'what answered the request for a namespace is no namespace');
    });

    it('are unread from where it stopped answering, without asking for each kind', async () => {
      given.world.network.faults.plant({ path: /\/statefulsets/, times: 1, then: () => void given.world.network.faults.plant({ drop: 'before' }) });
      const cluster = await given.read('orders', 'billing', 'stock');
      assert.ok(given.world.clock.monotonic() <= 120_000, String(given.world.clock.monotonic()));
      const unread = Object.values(namespaceOf(cluster, 'orders').objects).filter((list) => 'unread' in list && list.unread === 'socket hang up');
      assert.ok(unread.length > 5, String(unread.length));
    });
  });

  describe('of a cancelled run', () => {
    const stop = new Error('cancelled by the pipeline');

    it('are not asked for', async () => {
      await assert.rejects(readNamespaces(given.world.connection, { patterns: ['*'] }, AbortSignal.abort(stop)), stop);
      assert.deepEqual(given.paths(), []);
    });

    it('are an error also where the request failed because of that', async () => {
      given.world.network.faults.plant({ delayMs: 3_600_000 });
      for (const scope of [['*'], ['orders']]) {
        const pending = given.tryRead(scope);
        setImmediate(() => {
          given.world.abort.abort(stop);
        });
        await assert.rejects(pending, stop);
      }
    });

    it('are an error, whenever that was', async () => {
      given.plantIstio();
      for (const path of [/\/namespaces\?/, /\/pods\?/, /\/secrets\?/]) {
        const abort = new AbortController();
        const then = (): void => {
          abort.abort(stop);
        };
        const undo = given.world.network.faults.plant({ path, then });
        await assert.rejects(readNamespaces(given.world.connection, { patterns: ['*'] }, abort.signal), stop, String(path));
        undo();
      }
    });
  });

  describe('of rights', () => {
    for (const scope of [['*'], ['orders', 'billing'], ['orders', 'billing', 'stock', 'default']]) {
      it(`are enough for ${scope.join(', ')}, and none too many`, async () => {
        given.plantIstio();
        const rights = namespaceRights(given.world.connection, { patterns: scope });
        assert.equal(new Set(rights.map(({ action, scope: at }) => `${action} ${at}`)).size, rights.length);
        const allow = (some: typeof rights): void => {
          const keys = new Set(some.map(({ action, scope: at }) => `${action} ${at.split('/namespaces/')[1] ?? ''}`));
          given.world.knobs.allows = ({ verb, group, resource, namespace }) => keys.has(`${verb} ${resource}${group === '' ? '' : `.${group}`} ${namespace}`);
        };
        allow(rights);
        assert.equal(JSON.stringify(await given.read(...scope)).includes('forbidden'), false);
        for (const left of rights) {
          allow(rights.filter((one) => one !== left));
          assert.match(JSON.stringify(await given.tryRead(scope)), /forbidden/, `${left.action} ${left.scope}`);
        }
      });
    }

    it('cover every kind of the rules', () => {
      const actions = new Set(namespaceRights(given.world.connection, { patterns: ['*'] }).map(({ action }) => action.split('.')[0]));
      for (const kind of ['Namespace', 'Secret', ...Object.keys(namespacedKinds), ...Object.keys(clusterWideKinds)]) assert.ok(actions.has(`list ${resourceName(kind)}`), kind);
    });
  });
});
