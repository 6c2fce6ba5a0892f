import assert from 'node:assert/strict';
import { dangerOf, overlap, readRole } from '../../../tasks/_shared/azure/role-definitions.js';
import { sharedReader } from '../../../tasks/_shared/reconcile/plan.js';
import { builtInRoles, role } from '../../simulators/azure/role-definitions.js';
import { idOf } from '../../simulators/azure/directory.js';
import { problemOf, Rig } from './azure-world.js';

const rights = (actions: string[], notActions: string[] = [], dataActions: string[] = []): Parameters<typeof dangerOf>[0] => ({ rights: [{ actions, notActions, dataActions }] });

describe('role definitions', () => {
  it('tell which roles hand out access, by what they allow', () => {
    const dangerous = ['Owner', 'Contributor', 'User Access Administrator', 'Role Based Access Control Administrator', 'Key Vault Data Access Administrator'];
    const found = builtInRoles.filter((one) => dangerOf({ rights: [one] }) !== undefined).map(({ name }) => name);
    assert.deepEqual(found.sort(), [...dangerous].sort());
    const custom: readonly (readonly [string, Parameters<typeof dangerOf>[0], boolean])[] = [
      ['everything', rights(['*']), true],
      ['everything of data', rights([], [], ['*']), true],
      ['everything in another spelling', rights(['*/*']), true],
      ['every write', rights(['*/write']), true],
      ['the write itself, in other letters', rights(['microsoft.authorization/ROLEASSIGNMENTS/Write']), true],
      ['a wildcard in the middle of a word', rights(['Microsoft.Auth*/roleDef*/w*']), true],
      ['elevation', rights(['Microsoft.Authorization/elevateAccess/*']), true],
      ['policies, since they can deploy', rights(['Microsoft.Authorization/policyAssignments/write']), true],
      ['notActions that take out another write', rights(['Microsoft.Authorization/*'], ['Microsoft.Authorization/policyAssignments/write', 'Microsoft.Authorization/elevateAccess/action']), true],
      ['notActions of another part of the role', { rights: [...rights(['*/read'], ['Microsoft.Authorization/*']).rights, ...rights(['Microsoft.Authorization/roleAssignments/write']).rights] }, true],
      ['notActions that take all of it out', rights(['Microsoft.*/write'], ['Microsoft.Authorization/*']), false],
      ['reading', rights(['*/read', 'Microsoft.Authorization/*/read']), false],
      ['data of one service', rights([], [], ['Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*']), false],
      ['another provider that begins alike', rights(['Microsoft.AuthorizationX/a/write']), false],
      ['nothing', rights([]), false],
    ];
    for (const [title, given, danger] of custom) assert.equal(dangerOf(given) !== undefined, danger, title);
  });

  it('compare patterns as texts that fit both', () => {
    for (const [one, other, both] of [['a*c', '*b*', true], ['a*', '*z', true], ['ab', 'AB', true], ['a*b', 'a*c', false], ['', '*', true], ['a', '', false], ['*a*a*a*a*b', 'a'.repeat(60), false]] as const) {
      assert.equal(overlap(one, other), both, `${one} ${other}`);
      assert.equal(overlap(other, one), both, `${other} ${one}`);
    }
  });

  it('are read by GUID or by name, once, with what they allow now', async () => {
    const rig = await Rig.start();
    const azure = await rig.connect();
    const vault = await rig.addVault();
    const own = role(idOf("Bob's role"), "Bob's role", { actions: ['Microsoft.Storage/x/read'] });
    rig.world.roles.define(own);
    const reader = sharedReader();
    const byName = await readRole(azure, reader, vault, "bob's ROLE");
    assert.deepEqual(byName, { id: own.id, name: "Bob's role", builtIn: false, rights: [{ actions: ['Microsoft.Storage/x/read'], notActions: [], dataActions: [] }] });
    assert.deepEqual(await readRole(azure, reader, vault, own.id.toUpperCase()), byName);
    assert.equal((await readRole(azure, reader, vault, 'AcrPull')).builtIn, true);
    const before = rig.network.log.all('arm').length;
    await readRole(azure, reader, vault.toUpperCase(), 'acrpull');
    assert.equal(rig.network.log.all('arm').length, before);
    for (const missing of ['No such role', idOf('nothing')]) assert.equal((await problemOf(readRole(azure, reader, vault, missing))).code, 'WI2611', missing);
  });
});
