import assert from 'node:assert/strict';
import { leastRoles } from '../../../tasks/_shared/azure/least-role.js';
import type { Permission } from '../../../tasks/_shared/reconcile/resource.js';
import { builtInRoles } from '../../simulators/azure/role-definitions.js';
import { actionMatches } from '../../simulators/azure/conditions.js';

const group = '/subscriptions/s/resourceGroups/rg';
const azure = (action: string, scope = group): Permission => ({ plane: 'azure', action, scope });
const cluster = (action: string): Permission => ({ plane: 'kubernetes', action, scope: `${group}/providers/Microsoft.ContainerService/managedClusters/aks` });
const identities = 'Microsoft.ManagedIdentity/userAssignedIdentities';

describe('least roles', () => {
  for (const [actions, expected] of [
    [[`${identities}/read`], 'Reader (or Workload Identity Identity Reader of templates/bootstrap)'],
    [[`${identities}/write`, `${identities}/federatedIdentityCredentials/write`], 'Managed Identity Contributor (or Workload Identity Identity Writer of templates/bootstrap)'],
    [['Microsoft.ContainerService/managedClusters/write'], 'Azure Kubernetes Service Contributor Role (or Workload Identity Cluster Updater of templates/bootstrap)'],
    [['Microsoft.ContainerService/managedClusters/listClusterUserCredential/action'], 'Azure Kubernetes Service Cluster User Role (or Workload Identity Cluster User of templates/bootstrap)'],
    [['Microsoft.Authorization/roleAssignments/write'], 'Role Based Access Control Administrator under a condition that names the roles it may grant'],
    [['Microsoft.KeyVault/vaults/accessPolicies/write'], 'Key Vault Contributor (or Workload Identity Vault Policies of templates/bootstrap)'],
    [['Microsoft.ContainerRegistry/registries/write'], 'Contributor (or Workload Identity Registry Admin User of templates/bootstrap)'],
    [['Microsoft.ContainerRegistry/registries/write', 'Microsoft.Authorization/roleAssignments/write'], 'Owner'],
  ] as const) {
    it(`for ${actions.join(' and ')}`, () => {
      assert.equal(leastRoles(actions.map((action) => azure(action))), `assign ${expected} at ${group}`);
      const [name = ''] = expected.split(/ under | \(/);
      const definition = builtInRoles.find((one) => one.name === name);
      if (definition === undefined) return;
      for (const action of actions) assert.ok(definition.actions.some((pattern) => actionMatches(pattern, action)), `${name} has ${action}`);
    });
  }

  it('name one for each scope, and those of clusters', () => {
    const told = leastRoles([azure(`${identities}/write`), azure('Microsoft.ContainerService/managedClusters/write', `${group}/x`), cluster('create namespaces'), cluster('patch serviceaccounts')]);
    assert.deepEqual(told.split('; ').map((one) => one.replace(/ \(.*\)| or a role.*rights/, '')), [
      `assign Managed Identity Contributor at ${group}`,
      `assign Azure Kubernetes Service Contributor Role at ${group}/x`,
      `assign Azure Kubernetes Service RBAC Cluster Admin at ${cluster('').scope}`,
    ]);
    assert.match(leastRoles([cluster('patch serviceaccounts'), cluster('create serviceaccounts/token')]), /RBAC Writer/);
    assert.match(leastRoles([cluster('get namespaces'), cluster('list pods')]), /RBAC Reader/);
    assert.match(leastRoles([cluster('create roles.rbac.authorization.k8s.io')]), /RBAC Admin/);
    assert.match(leastRoles([cluster('create secretproviderclasses.secrets-store.csi.x-k8s.io')]), /RBAC Admin/, 'custom resources');
  });
});
