import assert from 'node:assert/strict';
import { knownSince, resourceOf, signInsFor, type SignIn } from '../../../tasks/_shared/fleet/sign-ins.js';

const group = '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg';
const vault = `${group}/providers/Microsoft.KeyVault/vaults/kv`;
const registry = `${group}/providers/Microsoft.ContainerRegistry/registries/cr`;
const storage = `${group}/providers/Microsoft.Storage/storageAccounts/sa`;
const owner = 'aaaaaaaa-0000-4000-8000-000000000001';
const stranger = 'aaaaaaaa-0000-4000-8000-000000000002';

const signIn = (resource: string, resourceId: string, parts: Partial<SignIn> = {}): SignIn => ({ principalId: owner, resource, resourceId, at: '2026-03-02T00:00:00.000Z', first: '2026-03-01T00:00:00.000Z', table: 'AADManagedIdentitySignInLogs', ...parts });
const toVault = signIn('Azure Key Vault', 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093');
const toGovernmentVault = signIn('', '7E7C393B-45D0-48B1-A35E-2905DDF8183C');
const toRegistry = signIn('Azure Container Registry', '6a0ec4d3-30cb-4a83-91c0-ae56bc0e3d26');
const toManager = signIn('Windows Azure Service Management API', '797f4846-ba00-4fd7-ba43-dac1f8f63013');
const toStorage = signIn('Azure Storage', 'e406a681-f3d4-42a8-90b6-c2b029497af1');
const toOwn = signIn('orders-api', 'bbbbbbbb-0000-4000-8000-000000000001');
const all = [toVault, toGovernmentVault, toRegistry, toManager, toStorage, toOwn];

describe('which sign-ins can be a use of a grant', () => {
  const uses = (scope: string, dataOnly?: boolean, signIns: readonly SignIn[] = all): readonly SignIn[] => {
    const answer = signInsFor({ principalId: owner, scope, ...(dataOnly === undefined ? {} : { dataOnly }) }, signIns);
    return 'found' in answer ? answer.found : assert.fail(answer.unread);
  };

  it('are those of the service at the scope, and of Azure Resource Manager unless the role has data actions only', () => {
    const cases: readonly [string, readonly SignIn[]][] = [[vault, [toVault, toGovernmentVault]], [registry, [toRegistry, toManager]], [storage, [toStorage]]];
    for (const [scope, expected] of cases) {
      assert.deepEqual(uses(scope, true), expected, scope);
      assert.deepEqual(new Set(uses(scope)), new Set([...expected, toManager]), scope);
    }
  });

  it('are found by id in any case, or by name where the id is another', () => {
    const byId = signIn('renamed', 'CFA8B339-82A2-471A-A3C9-0FC0BE7A4093');
    const byName = signIn('azure key vault', 'cccccccc-0000-4000-8000-000000000001');
    assert.deepEqual(uses(vault, true, [byId, byName, toOwn]), [byId, byName]);
  });

  it('count at what lies in a resource, in any case of its type', () => {
    for (const scope of [`${vault}/secrets/orders-db`, vault.toUpperCase(), `${vault}/`]) assert.deepEqual(uses(scope, true), [toVault, toGovernmentVault], scope);
  });

  it('are any at every other scope', () => {
    const others = ['/', '/subscriptions/11111111-1111-4111-8111-111111111111', group, '/providers/Microsoft.Management/managementGroups/nonprod', `${group}/providers/Microsoft.ServiceBus/namespaces/sb`, `${group}/providers/Microsoft.KeyVault/managedHSMs/h`, `${vault}/providers/Microsoft.Insights/diagnosticSettings/d`, 'vaults', ''];
    for (const scope of others) assert.deepEqual([resourceOf(scope), uses(scope, true)], [undefined, all], scope);
  });

  it('may be any that the log says nothing of', () => {
    const unnamed = signIn('', '');
    const unknown = signIn('', 'bbbbbbbb-0000-4000-8000-000000000002');
    assert.deepEqual(uses(vault, true, [unnamed, unknown]), [unnamed]);
  });

  it('are those of the grant’s own principal, whose id is compared without case', () => {
    const other = { ...toVault, principalId: stranger };
    const upper = { ...toVault, principalId: owner.toUpperCase() };
    assert.deepEqual(uses(vault, true, [other, upper]), [upper]);
  });

  it('cannot be told where the log of managed identities knows nobody, but a use in the other log is one', () => {
    const table = 'AADServicePrincipalSignInLogs';
    const elsewhere = { ...toVault, table } as const;
    const unread = { unread: 'AADManagedIdentitySignInLogs has no sign-in of any managed identity' };
    assert.deepEqual([[elsewhere], []].map((signIns) => signInsFor({ principalId: stranger, scope: vault }, signIns)), [unread, unread]);
    assert.deepEqual([uses(vault, true, [elsewhere]), uses(registry, true, [elsewhere, toOwn])], [[elsewhere], []]);
  });

  it('are known from the first of any managed identity on', () => {
    const earlier = { ...toOwn, principalId: stranger, first: '2026-02-01T00:00:00.5Z' };
    const application = { ...toVault, table: 'AADServicePrincipalSignInLogs', first: '2025-01-01T00:00:00.000Z' } as const;
    assert.deepEqual([knownSince([toVault, earlier, application]), knownSince([application]), knownSince([])], ['2026-02-01T00:00:00.500Z', undefined, undefined]);
  });
});
