import assert from 'node:assert/strict';
import { accountState, type KnownAccounts } from '../../../tasks/_shared/fleet/posture/known-accounts.js';
import { beginningsIn, canBeNamespace, isInScope, isSystemNamespace, namesIn } from '../../../tasks/_shared/fleet/posture/namespace-scope.js';

describe('fleet: which namespaces an audit looks at', () => {
  const taken = (patterns: readonly string[], names: readonly string[]): string[] => names.filter((name) => isInScope({ patterns }, name));

  it('are those named, and those that begin so', () => {
    assert.deepEqual(taken(['orders', 'team-*'], ['orders', 'orders-2', 'team-', 'team-a', 'a-team-a', 'Orders']), ['orders', 'team-', 'team-a']);
    assert.deepEqual(taken([], ['orders']), []);
  });

  it('are with an asterisk all but those of Kubernetes and AKS, unless these are named in full', () => {
    const system = ['kube-system', 'kube-public', 'kube-node-lease', 'gatekeeper-system', 'calico-system', 'tigera-operator', 'azure-arc', 'aks-istio-system', 'aks-istio-ingress', 'app-routing-system', 'aks-command', 'azure-workload-identity-system', 'flux-system', 'dapr-system'];
    assert.deepEqual(system.filter((name) => !isSystemNamespace(name)), []);
    assert.deepEqual(taken(['*'], ['default', 'kube', 'aks-istio', 'flux-systems', 'orders', ...system]), ['default', 'kube', 'aks-istio', 'flux-systems', 'orders']);
    assert.deepEqual(taken(['kube-*', 'aks-*', '*'], system), []);
    assert.deepEqual(taken(['*', 'flux-system', 'aks-istio-ingress'], system), ['aks-istio-ingress', 'flux-system']);
  });

  it('are told apart into names and beginnings, each once', () => {
    const scope = { patterns: ['b', '*', 'a', 'b', 'c*', '*'] };
    assert.deepEqual([namesIn(scope), beginningsIn(scope)], [['a', 'b'], ['*', 'c*']]);
  });

  it('have names that namespaces can have', () => {
    for (const name of ['a', '0', 'a-b', 'x'.repeat(63)]) assert.equal(canBeNamespace(name), true, name);
    for (const name of ['', '-a', 'a-', 'A', 'a.b', 'a/b', '..', 'a*', 'a\n', 'x'.repeat(64)]) assert.equal(canBeNamespace(name), false, name);
  });
});

describe('fleet: whether a service account is there', () => {
  const known: KnownAccounts = { byNamespace: new Map([['orders', { found: new Set(['api']) }], ['billing', { unread: 'refused' }]]) };

  it('is said of namespaces that were listed', () => {
    assert.deepEqual([accountState(known, 'orders', 'api'), accountState(known, 'orders', 'worker')], ['there', 'gone']);
    assert.deepEqual(accountState(known, 'billing', 'api'), { unread: 'refused' });
  });

  it('is said of others as far as these are known', () => {
    assert.equal(accountState(known, 'constructor', 'api'), 'gone');
    assert.deepEqual(accountState({ ...known, elsewhere: 'not all could be listed' }, 'stock', 'api'), { unread: 'not all could be listed' });
  });

  it('is never so under a name with capitals', () => {
    for (const [namespace, name] of [['Orders', 'api'], ['orders', 'API'], ['Billing', 'api'], ['Stock', 'api']] as const) {
      assert.equal(accountState({ ...known, elsewhere: 'not all could be listed' }, namespace, name), 'gone', `${namespace}/${name}`);
    }
  });
});
