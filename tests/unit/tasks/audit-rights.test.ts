import assert from 'node:assert/strict';
import bootstrapRoles from '../../../templates/bootstrap/roles.json' with { type: 'json' };
import { auditRights } from '../../../tasks/AuditWorkloadIdentity/rights.js';
import { hierarchyRight } from '../../../tasks/_shared/azure/ancestry.js';
import type { LogPlace } from '../../../tasks/_shared/azure/log-analytics.js';
import { parseArmId } from '../../../tasks/_shared/fleet/arm-id.js';
import { resourceName } from '../../../tasks/_shared/kubernetes/objects.js';
import type { Permission } from '../../../tasks/_shared/reconcile/resource.js';
import { bootstrap } from '../../bicep/bootstrapped.js';
import type { ValueMap } from '../../bicep/values.js';
import { AzureKubernetesAccess } from '../../simulators/arm/azure-kubernetes-access.js';
import { managementGroupId } from '../../simulators/arm/hierarchy.js';
import { read } from '../../contract/tree.js';
import { clusterId, Rig, subscriptionId } from '../azure/azure-world.js';

const managementGroup = managementGroupId('nonprod');
const subscription = `/subscriptions/${subscriptionId}`;
const groups = { identities: `${subscription}/resourceGroups/rg-id`, targets: `${subscription}/resourceGroups/rg-shared` };
const clusters = 'Microsoft.ContainerService/managedClusters';
/** Reader, which has every right to read, as Log Analytics Reader has; the simulated Azure does not know that one. */
const readerRole = 'acdd72a7-3385-48ef-bd42-f606fba81ae7';
const audited = { subscriptions: [subscriptionId], clusters: [{ id: clusterId('aks-1') }, { id: clusterId('aks-2') }], managementGroups: [managementGroup] };

/** What this project writes or uses besides reading, and what nothing of it does. */
const grants = ['write', 'delete'].map((verb) => `Microsoft.Authorization/roleAssignments/${verb}`);
const notReading = [...grants, ...Object.values(bootstrapRoles.custom).flatMap(({ actions }) => actions)].filter((action) => !/\/read$|\/listClusterUserCredential\/action$/.test(action));
const never = ['Microsoft.Authorization/roleDefinitions/write', 'Microsoft.Authorization/policyExemptions/write', `${clusters}/listClusterAdminCredential/action`, `${clusters}/runCommand/action`];
const kindsWritten = ['namespaces', 'secrets', 'serviceaccounts', 'pods', 'apps/deployments'];
const dataNotReading = kindsWritten.map((kind) => `${clusters}/${kind}/write`);
const dataNever = [`${clusters}/pods/exec/action`, 'Microsoft.KeyVault/vaults/secrets/getSecret/action'];

/** The bootstrap of a ring of two clusters, and what its principals may do by it. */
class Ring {
  static readonly applier = 'applier';
  static readonly auditor = 'auditor';

  private constructor(readonly rig: Rig) {}

  static async deployed(parameters: ValueMap = {}): Promise<Ring> {
    const rig = await Rig.start();
    const asked = { auditLogs: true, vaultPolicies: true, adminUser: true, applier: Ring.applier, auditor: Ring.auditor, ...parameters };
    bootstrap(rig.world, { ...asked, subscriptions: audited.subscriptions, clusters: audited.clusters.map(({ id }) => id), identityGroup: groups.identities, targetGroups: [groups.targets] }, managementGroup);
    return new Ring(rig);
  }

  /** Whether a role allows an action somewhere: conditions on grants aside, which name roles and principals. */
  somewhere(objectId: string, action: string, data = false): boolean {
    const attributes = { 'Microsoft.Authorization/roleAssignments:RoleDefinitionId': bootstrapRoles.grantable.AcrPull, 'Microsoft.Authorization/roleAssignments:PrincipalType': 'ServicePrincipal' };
    const scopes = [managementGroup, subscription, ...Object.values(groups), ...audited.clusters.map(({ id }) => id)];
    return scopes.some((scope) => this.rig.world.roles.allows({ objectId, action, scope, data, attributes }));
  }

  /** Which of these rights the auditor lacks, as the services ask for them. */
  lacking(rights: readonly Permission[]): string[] {
    const { roles, entra } = this.rig.world;
    return rights.flatMap(({ plane, action, scope }) => {
      const [verb = '', target = ''] = action.split(' ');
      const [resource = '', ...group] = target.split('.');
      const asked = { verb, resource, group: group.join('.'), subresource: '', namespace: '', name: '' };
      const allowed = plane === 'azure' ? roles.allows({ objectId: Ring.auditor, action, scope }) : new AzureKubernetesAccess(scope, entra, roles).authorize({ name: Ring.auditor, groups: [] }, asked);
      return allowed ? [] : [action];
    });
  }
}

describe('the rights of an audit', () => {
  it('are given by the bootstrap, each at the scope where it is used', async () => {
    const rights = auditRights(audited);
    assert.ok(rights.filter(({ plane }) => plane === 'azure').length >= 16 && rights.some(({ action }) => action === 'list secrets'), rights.map(({ action }) => action).join());
    assert.deepEqual((await Ring.deployed()).lacking(rights), []);
    assert.deepEqual((await Ring.deployed({ auditor: '' })).lacking(rights), rights.map(({ action }) => action));
  });

  it('are all that the auditor’s roles hold in Azure, but for the right to see management groups', () => {
    const { hierarchy, auditor, policyReader, clusterUser } = bootstrapRoles.custom;
    const listed = auditRights(audited).flatMap(({ plane, action }) => (plane === 'azure' ? [action] : []));
    assert.deepEqual(new Set([...hierarchy.actions, ...auditor.actions, ...policyReader.actions, ...clusterUser.actions]), new Set([hierarchyRight, ...listed]));
  });

  it('lack, without secrets, only what the page names', async () => {
    const ring = await Ring.deployed({ auditSecrets: false });
    const group = 'rbac.authorization.k8s.io';
    const lacking = { Secret: '', RoleBinding: `.${group}`, PeerAuthentication: '.security.istio.io', ClusterRole: `.${group}`, ClusterRoleBinding: `.${group}` };
    const actions = Object.entries(lacking).map(([kind, suffix]) => `list ${resourceName(kind)}${suffix}`);
    assert.deepEqual(ring.lacking(auditRights({ ...audited, clusters: [{ id: clusterId('aks-1') }] })), actions);
    const [, section = ''] = /^## What an auditor sees\n(.*?)^## /ms.exec(read('docs/permissions.md')) ?? [];
    assert.deepEqual(Object.keys(lacking).filter((kind) => !section.includes(kind)), []);
  });

  it('hold what the sign-ins take only where a workspace is named by its ARM id, and leave that to whoever deploys', async () => {
    const ring = await Ring.deployed();
    const { logAnalytics: service } = ring.rig.connection.cloud;
    const workspace = parseArmId(`${groups.targets}/providers/Microsoft.OperationalInsights/workspaces/log-unit`);
    assert.ok(service !== undefined && workspace !== undefined);
    const more = (signIns: LogPlace): Permission[] => auditRights({ ...audited, signIns }).slice(auditRights(audited).length);
    const rights = more({ service, workspace });
    assert.deepEqual([rights.length, ...new Set(rights.map(({ scope }) => scope))], [4, workspace.id]);
    assert.equal(ring.lacking(rights).length, rights.length);
    ring.rig.world.roles.add({ name: 'by hand', scope: workspace.id, principalId: Ring.auditor, principalType: 'ServicePrincipal', roleDefinitionId: readerRole });
    assert.deepEqual(ring.lacking(rights), []);
    assert.deepEqual(more({ service, workspace: { id: 'd1e2f3a4-0000-4000-8000-000000000001' } }), []);
  });

  it('do not hold anything that writes, nor what opens more than reading does', async () => {
    for (const auditSecrets of [true, false]) {
      const ring = await Ring.deployed({ auditSecrets });
      const may = (objectId: string, actions: readonly string[], data: boolean): string[] => actions.filter((action) => ring.somewhere(objectId, action, data));
      assert.deepEqual(may(Ring.auditor, [...notReading, ...never], false), []);
      assert.deepEqual(may(Ring.auditor, [...dataNotReading, ...dataNever], true), []);
      // The applier may: so the question was put where the answer could have been yes.
      assert.deepEqual(may(Ring.applier, notReading, false), notReading);
      assert.deepEqual(may(Ring.applier, dataNotReading, true), dataNotReading);
    }
    assert.ok(new Set(notReading).size >= 10, notReading.join());
    assert.deepEqual(auditRights(audited).filter(({ plane, action }) => (plane === 'azure' ? notReading.includes(action) : !action.startsWith('list '))), []);
  });
});
