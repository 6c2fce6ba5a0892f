import assert from 'node:assert/strict';
import { builtInRoles } from '../azure/role-definitions.js';
import type { RequestAttributes } from '../kubernetes/access.js';
import { AzureKubernetesAccess, type ClusterDoor } from './azure-kubernetes-access.js';
import { cluster, World } from './test-world.js';

const serverApplication = '6dae42f8-4368-4678-94ff-3960e28e3630';
const clusterAdmin = 'Azure Kubernetes Service RBAC Cluster Admin';

/** `get pods`, `create pods/exec`, `patch secretproviderclasses.secrets-store.csi.x-k8s.io` as the API server asks it. */
function asked(right: string): RequestAttributes {
  const [verb = '', kind = ''] = right.split(' ');
  const [path = '', ...group] = kind.split('.');
  const [resource = '', subresource = ''] = path.split('/');
  return { verb, group: group.join('.'), resource, subresource, namespace: 'shop', name: '' };
}

describe('arm: the door of a cluster', () => {
  let world: World;
  let door: ClusterDoor;
  let access: AzureKubernetesAccess;
  beforeEach(async () => {
    world = await World.start();
    door = { entra: true, azureRbac: true, adminToken: undefined };
    access = new AzureKubernetesAccess(cluster, world.entra, world.roles, () => door);
  });

  /** Which of the rights the stranger has. */
  function given(rights: readonly string[]): string[] {
    return rights.filter((right) => access.authorize({ name: world.stranger.objectId, groups: [] }, asked(right)));
  }

  it('takes subresources for their resource, pods/exec excepted', () => {
    world.assign(world.stranger, 'Azure Kubernetes Service RBAC Reader', cluster);
    assert.deepEqual(given(['get pods/log', 'create pods/exec', 'get deployments/status.apps']), ['get pods/log', 'get deployments/status.apps']);
    world.assign(world.stranger, 'Azure Kubernetes Service RBAC Writer', cluster);
    assert.deepEqual(given(['create pods/exec', 'create serviceaccounts/token']), ['create pods/exec', 'create serviceaccounts/token']);
  });

  it('keeps quotas and namespaces from RBAC Admin', () => {
    world.assign(world.stranger, 'Azure Kubernetes Service RBAC Admin', cluster);
    const rights = ['get namespaces', 'patch namespaces', 'patch resourcequotas', 'delete resourcequotas', 'create rolebindings.rbac.authorization.k8s.io'];
    assert.deepEqual(given(rights), ['get namespaces', 'create rolebindings.rbac.authorization.k8s.io']);
  });

  it('knows the special verbs and no others', () => {
    world.assign(world.stranger, clusterAdmin, cluster);
    assert.deepEqual(given(['bind clusterroles.rbac.authorization.k8s.io', 'impersonate users', 'frobnicate pods']), ['bind clusterroles.rbac.authorization.k8s.io', 'impersonate users']);
  });

  it('honours conditions on groups and kinds of custom resources', () => {
    const definition = builtInRoles.find(({ name }) => name === clusterAdmin);
    const attribute = '@Request[Microsoft.ContainerService/managedClusters/customResources:group]';
    const condition = `${attribute} StringEqualsIgnoreCase 'secrets-store.csi.x-k8s.io'`;
    world.roles.add({ name: 'g', scope: cluster, principalId: world.stranger.objectId, principalType: 'ServicePrincipal', roleDefinitionId: definition?.id ?? '', condition, conditionVersion: '2.0' });
    const rights = ['patch secretproviderclasses.secrets-store.csi.x-k8s.io', 'patch certificates.cert-manager.io', 'get pods'];
    assert.deepEqual(given(rights), rights.slice(0, 1));
  });

  it('is open to Entra only while Entra is on', () => {
    const bearer = `Bearer ${world.entra.issue(world.stranger, serverApplication)}`;
    assert.equal(access.authenticate(bearer)?.name, world.stranger.objectId);
    door = { ...door, entra: false };
    assert.equal(access.authenticate(bearer), undefined);
  });

  it('takes the admin token while there is one, and leaves all to the cluster without Azure RBAC', () => {
    world.assign(world.stranger, clusterAdmin, cluster);
    assert.equal(access.authenticate('Bearer admin'), undefined);
    assert.deepEqual(given(['get pods']), ['get pods']);
    door = { entra: true, azureRbac: false, adminToken: 'admin' };
    assert.deepEqual(access.authenticate('Bearer admin')?.groups, ['system:masters', 'system:authenticated']);
    assert.deepEqual(given(['get pods']), []);
  });
});
