import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { allows, missingActions } from '../../../tasks/_shared/azure/permissions.js';
import { RegistryLookup } from '../../../tasks/_shared/azure/registry-lookup.js';
import { VaultLookup } from '../../../tasks/_shared/azure/vault-lookup.js';
import { parseArmId, type ArmId } from '../../../tasks/_shared/fleet/arm-id.js';
import type { Permission } from '../../../tasks/_shared/reconcile/resource.js';
import { stateOf } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { role } from '../../simulators/azure/role-definitions.js';
import { clusterId, group, Rig, subscriptionId, verdictOf, tenantId } from './azure-world.js';

function place(id: string): ArmId {
  const found = parseArmId(id);
  assert.ok(found !== undefined);
  return found;
}

describe('lookups of vaults and registries', () => {
  let rig: Rig;
  let azure: Azure;
  beforeEach(async () => {
    rig = await Rig.start();
    azure = await rig.connect();
  });

  it('keeps a vault that roles decide about, and knows its address', async () => {
    const id = await rig.addVault();
    const vault = new VaultLookup(azure, place(id));
    const result = await rig.run([vault]);
    assert.deepEqual([result.result, verdictOf(result, vault).action], ['succeeded', 'keep']);
    const { network, policies, ...state } = stateOf(result, vault) ?? {};
    assert.deepEqual(state, { id, name: 'kv-unit', uri: 'https://vault.kv-unit.sim/', rbac: true, tenantId });
    assert.deepEqual([network, policies], [{ public: true, closed: false, addresses: [], subnets: [], privateEndpoints: 0 }, []]);
  });

  it('is blocked by a vault of access policies; null and absent count as such', async () => {
    const id = await rig.addVault();
    for (const enableRbacAuthorization of [false, null, undefined, 'true']) {
      rig.world.arm.vaults.edit('kv-unit', { enableRbacAuthorization });
      const vault = new VaultLookup(azure, place(id));
      const { action, problem } = verdictOf(await rig.run([vault]), vault);
      assert.deepEqual([action, problem?.code], ['blocked', 'WI2402']);
    }
  });

  it('tells a registry whose roles are for all of it from one whose roles are for repositories', async () => {
    const id = await rig.addRegistry();
    const registry = new RegistryLookup(azure, place(id));
    const result = await rig.run([registry]);
    assert.deepEqual(stateOf(result, registry), { id, name: 'crunit', loginServer: 'registry.crunit.sim', mode: 'LegacyRegistryPermissions' });
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: undefined });
    assert.equal(verdictOf(await rig.run([registry]), registry).action, 'keep');
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
    assert.equal(stateOf(await rig.run([registry]), registry)?.mode, 'AbacRepositoryPermissions');
    assert.deepEqual(rig.writes(), []);
  });

  it('is blocked by what is not there, naming the input to correct', async () => {
    const vault = new VaultLookup(azure, place(`${group}/providers/Microsoft.KeyVault/vaults/kv-nobody`));
    const registry = new RegistryLookup(azure, place(`${group}/providers/Microsoft.ContainerRegistry/registries/crnobody`));
    const result = await rig.run([vault, registry]);
    assert.deepEqual([vault, registry].map((lookup) => verdictOf(result, lookup).problem?.code), ['WI2401', 'WI2501']);
    assert.match(verdictOf(result, vault).problem?.remedy ?? '', /input keyVault/);
    assert.match(verdictOf(result, registry).problem?.remedy ?? '', /input registry/);
  });

  it('is blocked with the service’s words by what may not be read', async () => {
    rig.network.faults.plant({ service: 'arm', path: /vaults|registries/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'Not allowed.' } } } });
    const vault = new VaultLookup(azure, place(`${group}/providers/Microsoft.KeyVault/vaults/kv-x`));
    const registry = new RegistryLookup(azure, place(`${group}/providers/Microsoft.ContainerRegistry/registries/crx`));
    const result = await rig.run([vault, registry]);
    for (const lookup of [vault, registry]) assert.deepEqual([verdictOf(result, lookup).problem?.code, verdictOf(result, lookup).problem?.because], ['WI2002', 'Not allowed.']);
  });
});

describe('permission check', () => {
  it('matches wildcards anywhere and without regard to case, and takes notActions out', () => {
    const rule = (actions: string[], notActions: string[] = []): { actions: string[]; notActions: string[] } => ({ actions, notActions });
    const write = 'Microsoft.Authorization/roleAssignments/write';
    for (const actions of [['*'], [write], ['microsoft.authorization/ROLEASSIGNMENTS/write'], ['*/write'], ['Microsoft.Authorization/*'], ['x', 'Microsoft.*/roleAssignments/*']]) {
      assert.ok(allows(rule(actions), write), actions.join());
    }
    for (const actions of [[], [''], ['*/read'], ['Microsoft.Authorization/roleAssignments'], [`${write}/more`], ['MicrosoftXAuthorization/roleAssignments/write'], ['Microsoft.Authorization/roleAssignments/writ.']]) {
      assert.ok(!allows(rule(actions), write), actions.join());
    }
    assert.ok(!allows(rule(['*'], ['Microsoft.Authorization/*/Write']), write));
    assert.ok(allows(rule(['*'], ['Microsoft.Authorization/*/Delete']), write));
  });

  let rig: Rig;
  let azure: Azure;
  const at = (scope: string, action = 'Microsoft.Authorization/roleAssignments/write'): Permission => ({ plane: 'azure', action, scope });
  beforeEach(async () => {
    rig = await Rig.start();
    azure = await rig.connect();
    for (const { name } of rig.world.roles.assignments()) rig.world.roles.remove(name);
  });

  it('finds what is missing, scope by scope, one request each', async () => {
    const vault = await rig.addVault();
    rig.world.assign(rig.deployer.objectId, 'Contributor', group);
    const write = 'Microsoft.ManagedIdentity/userAssignedIdentities/write';
    const wanted = [at(group, write), at(group), at(clusterId(), 'Microsoft.ContainerService/managedClusters/write'), at(`/subscriptions/${subscriptionId}`, write), at(`${vault}/secrets/a`)];
    const missing = await missingActions(azure, wanted);
    assert.deepEqual(missing, [wanted[1], wanted[3], wanted[4]]);
    assert.equal(rig.statuses('arm', 'GET', /permissions/).length, 4);
  });

  it('knows rights at child scopes, such as a single secret', async () => {
    const vault = await rig.addVault();
    rig.world.assign(rig.deployer.objectId, 'Role Based Access Control Administrator', `${vault}/secrets/orders-db`);
    const wanted = [at(`${vault}/secrets/orders-db`), at(`${vault}/secrets/billing-db`), at(vault)];
    assert.deepEqual(await missingActions(azure, wanted), [wanted[1], wanted[2]]);
  });

  it('lets one role give what another takes out', async () => {
    rig.world.assign(rig.deployer.objectId, 'Contributor', group);
    rig.world.roles.define(role(idOf('grantor'), 'grantor', { actions: ['Microsoft.Authorization/roleAssignments/*'] }));
    rig.world.assign(rig.deployer.objectId, 'grantor', group);
    assert.deepEqual(await missingActions(azure, [at(group)]), []);
  });

  it('leaves scopes that cannot be read to the write itself, and no answer to a cancelled run', async () => {
    rig.network.faults.plant({ service: 'arm', path: /rg-dev\/providers\/Microsoft\.Authorization\/permissions/, respond: { status: 403 } });
    const other = `/subscriptions/${subscriptionId}`;
    assert.deepEqual(await missingActions(azure, [at(group), at(other)]), [at(other)]);
    rig.abort.abort(new Error('stop'));
    await assert.rejects(missingActions(azure, [at(group)]), /stop/);
  });

  it('survives rules of any shape', async () => {
    rig.network.faults.plant({ service: 'arm', path: /permissions/, respond: { status: 200, body: { value: [null, { actions: 'x' }, { actions: [1, 'Microsoft.Authorization/*'], notActions: null }] } } });
    assert.deepEqual(await missingActions(azure, [at(group), at(group, 'a/b')]), [at(group, 'a/b')]);
  });
});
