import assert from 'node:assert/strict';
import type { ServicePrincipal } from '../azure/directory.js';
import type { RequestAttributes } from '../kubernetes/access.js';
import { AzureKubernetesAccess } from './azure-kubernetes-access.js';
import { cluster, World } from './test-world.js';

const serverApplication = '6dae42f8-4368-4678-94ff-3960e28e3630';

describe('arm: Azure RBAC of an AKS cluster', () => {
  let world: World;
  let access: AzureKubernetesAccess;
  let app: ServicePrincipal;
  beforeEach(async () => {
    world = await World.start();
    access = new AzureKubernetesAccess(cluster, world.entra, world.roles);
    app = world.directory.add({ displayName: 'app', kind: 'application' });
  });

  /** Asks for e.g. `get apps/deployments`, `create /serviceaccounts/token`. */
  function may(verb: string, what: string, namespace = 'shop'): boolean {
    const [group = '', resource = '', subresource = ''] = what.split('/');
    const asked: RequestAttributes = { verb, group, resource, subresource, namespace, name: '' };
    return access.authorize({ name: app.objectId, groups: ['system:authenticated'] }, asked);
  }

  it('signs in with tokens for the server application only', () => {
    const token = world.entra.issue(app, serverApplication);
    assert.deepEqual(access.authenticate(`Bearer ${token}`), { name: app.objectId, groups: ['system:authenticated'] });
    assert.equal(access.authenticate(`Bearer ${world.entra.issue(app, 'https://management.azure.com')}`), undefined);
    assert.equal(access.authenticate('Bearer x'), undefined);
    world.clock.advance(3_600_000);
    assert.equal(access.authenticate(`Bearer ${token}`), undefined, 'expired');
  });

  it('forbids everything without a role, also to an owner of the subscription', () => {
    assert.equal(may('get', '/pods'), false);
    world.assign(app, 'Owner', cluster);
    assert.equal(may('get', '/pods'), false, 'a control-plane role has no data actions');
  });

  it('lets RBAC Writer write what comes with Kubernetes, but no custom resources and no namespaces', () => {
    world.assign(app, 'Azure Kubernetes Service RBAC Writer', cluster);
    for (const verb of ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']) {
      for (const kind of ['/serviceaccounts', '/secrets', 'apps/deployments']) assert.equal(may(verb, kind), true, `${verb} ${kind}`);
      for (const kind of ['secrets-store.csi.x-k8s.io/secretproviderclasses', 'cilium.io/ciliumnetworkpolicies', 'gateway.networking.k8s.io/gateways']) assert.equal(may(verb, kind), false, `${verb} ${kind}`);
    }
    assert.equal(may('create', '/serviceaccounts/token'), true);
    assert.equal(may('get', '/namespaces', ''), true);
    assert.equal(may('create', '/namespaces', ''), false);
    assert.equal(may('create', 'rbac.authorization.k8s.io/rolebindings'), false);
  });

  it('lets RBAC Reader read, but no secrets', () => {
    world.assign(app, 'Azure Kubernetes Service RBAC Reader', cluster);
    assert.equal(may('list', '/serviceaccounts'), true);
    assert.equal(may('list', '/secrets'), false);
    assert.equal(may('patch', '/serviceaccounts'), false);
    assert.equal(may('create', '/serviceaccounts/token'), false);
  });

  it('lets RBAC Admin write custom resources, and only Cluster Admin namespaces', () => {
    world.assign(app, 'Azure Kubernetes Service RBAC Admin', cluster);
    assert.equal(may('create', 'secrets-store.csi.x-k8s.io/secretproviderclasses'), true);
    assert.equal(may('create', 'rbac.authorization.k8s.io/rolebindings'), true);
    assert.equal(may('create', '/namespaces', ''), false);
    assert.equal(may('impersonate', '/users', ''), true);
    world.assign(app, 'Azure Kubernetes Service RBAC Cluster Admin', cluster);
    assert.equal(may('create', '/namespaces', ''), true);
  });

  it('takes a role in one namespace for that namespace', () => {
    world.assign(app, 'Azure Kubernetes Service RBAC Writer', `${cluster}/namespaces/shop`);
    assert.equal(may('patch', '/serviceaccounts', 'shop'), true);
    assert.equal(may('patch', '/serviceaccounts', 'other'), false);
    assert.equal(may('list', '/serviceaccounts', ''), false);
  });
});
