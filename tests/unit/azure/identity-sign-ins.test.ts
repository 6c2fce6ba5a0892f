import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { identitySignIns, signInRights } from '../../../tasks/_shared/azure/identity-sign-ins.js';
import type { LogPlace } from '../../../tasks/_shared/azure/log-analytics.js';
import { parseArmId } from '../../../tasks/_shared/fleet/arm-id.js';
import type { Read } from '../../../tasks/_shared/fleet/posture/rule.js';
import { signInsFor, type SignIn } from '../../../tasks/_shared/fleet/sign-ins.js';
import { idOf } from '../../simulators/azure/directory.js';
import { role } from '../../simulators/azure/role-definitions.js';
import type { LogWorkspace } from '../../simulators/log-analytics/log-analytics.js';
import type { SignInTable } from '../../simulators/log-analytics/sign-in-query.js';
import { group, Rig, subscriptionId } from './azure-world.js';

const identities: SignInTable = 'AADManagedIdentitySignInLogs';
const applications: SignInTable = 'AADServicePrincipalSignInLogs';
const orders = idOf('principal of orders');
const billing = idOf('principal of billing');
const vaultId = 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093';
const day = 86_400_000;

describe('sign-ins of identities', () => {
  let rig: Rig;
  let azure: Azure;
  let workspace: LogWorkspace;
  beforeEach(async () => {
    rig = await Rig.start();
    azure = await rig.connect();
    workspace = rig.world.addWorkspace({ subscriptionId, group: 'rg-dev', name: 'log-unit', location: 'westeurope', properties: {} });
  });

  const at = (daysAgo: number): string => new Date(rig.clock.now().getTime() - daysAgo * day).toISOString();
  const plant = (table: SignInTable, principalId: string, daysAgo: number, { resource = 'Azure Key Vault', resourceId = vaultId, resultType = '0' } = {}): void => {
    (workspace.signIns[table] ??= []).push({ at: new Date(at(daysAgo)), principalId, resource, resourceId, resultType });
  };
  const place = (id = workspace.id): LogPlace => {
    const service = rig.connection.cloud.logAnalytics;
    assert.ok(service !== undefined);
    return { service, workspace: parseArmId(id) ?? { id } };
  };
  const read = (days = 30, log = place()): Promise<Read<readonly SignIn[]>> => identitySignIns(azure, log, days);
  const found = async (days = 30, log = place()): Promise<readonly SignIn[]> => {
    const answer = await read(days, log);
    if ('unread' in answer) assert.fail(answer.unread);
    return answer.found;
  };
  const reason = async (log = place()): Promise<string> => {
    const answer = await read(30, log);
    return 'unread' in answer ? answer.unread : assert.fail('it was read');
  };
  const vault = (principalId: string, first: number, last: number, table: SignInTable = identities): SignIn => ({ principalId, resource: 'Azure Key Vault', resourceId: vaultId, at: at(last), first: at(first), table });
  /** A client whose principal may do at the workspace all but this. */
  const without = (action: string): void => {
    const { roles } = rig.world;
    for (const { name, principalId } of roles.assignments()) if (principalId === rig.deployer.objectId) roles.remove(name);
    roles.define(role(idOf(`not ${action}`), `Not ${action}`, { actions: ['*'], notActions: [action] }));
    rig.world.assign(rig.deployer.objectId, `Not ${action}`, `/subscriptions/${subscriptionId}`);
  };
  const queries = (): number => rig.network.log.all('log-analytics').length;

  it('tells of both tables in one query, for every principal and resource, by the workspace’s id and by its ARM id', async () => {
    plant(identities, orders, 1);
    plant(identities, orders, 9);
    plant(identities, orders, 2, { resource: 'Azure Storage', resourceId: 'e406a681-f3d4-42a8-90b6-c2b029497af1' });
    plant(identities, billing, 3);
    plant(applications, rig.deployer.objectId, 4);
    const expected = [
      vault(orders, 9, 1),
      { ...vault(orders, 2, 2), resource: 'Azure Storage', resourceId: 'e406a681-f3d4-42a8-90b6-c2b029497af1' },
      vault(billing, 3, 3),
      vault(rig.deployer.objectId, 4, 4, applications),
    ];
    for (const given of [workspace.id, workspace.armId]) {
      const before = queries();
      assert.deepEqual([await found(30, place(given)), queries() - before], [expected, 1]);
    }
  });

  it('looks as far back as it is asked to', async () => {
    plant(identities, orders, 31);
    plant(identities, billing, 29);
    assert.deepEqual((await found(30)).map(({ principalId }) => principalId), [billing]);
    assert.deepEqual((await found(90)).map(({ principalId }) => principalId), [billing, orders]);
  });

  it('does with one of the tables, but takes nothing for unused by the log of applications alone', async () => {
    const grant = { principalId: orders, scope: `${group}/providers/Microsoft.KeyVault/vaults/kv`, dataOnly: true };
    plant(applications, billing, 1);
    const byApplications = await found();
    assert.deepEqual(byApplications, [vault(billing, 1, 1, applications)]);
    assert.deepEqual(signInsFor(grant, byApplications), { unread: `${identities} has no sign-in of any managed identity` });
    workspace.signIns[applications] = undefined;
    plant(identities, billing, 2);
    const byIdentities = await found();
    assert.deepEqual([byIdentities, signInsFor(grant, byIdentities)], [[vault(billing, 2, 2)], { found: [] }]);
  });

  it('is unread, not empty, without either table and without a sign-in', async () => {
    assert.match(await reason(), /^the workspace knows neither AADManagedIdentitySignInLogs nor AADServicePrincipalSignInLogs: send Entra’s ManagedIdentitySignInLogs /);
    workspace.signIns[identities] = [];
    workspace.signIns[applications] = [];
    assert.match(await reason(), new RegExp(`^workspace ${workspace.id} has no successful sign-in of the last 30 days: send `));
  });

  it('does not count failures', async () => {
    plant(identities, orders, 1, { resultType: '7000215' });
    assert.match(await reason(), /has no successful sign-in/);
    plant(identities, orders, 5);
    assert.deepEqual(await found(), [vault(orders, 5, 5)]);
  });

  it('gives the reason of a refusal: no right to one table, no such workspace, no whole answer', async () => {
    plant(identities, orders, 1);
    assert.match(await reason(place(idOf('no such workspace'))), /could not be found/);
    assert.equal(await reason(place(`${group}/providers/Microsoft.OperationalInsights/workspaces/log-gone`)), 'there is no such workspace');
    rig.network.faults.plant({ service: 'log-analytics', times: 1, respond: { status: 200, body: { tables: [{ columns: [], rows: [] }], error: { code: 'PartialError', message: 'Query result exceeded its limits' } } } });
    assert.equal(await reason(), 'Query result exceeded its limits');
    without(`Microsoft.OperationalInsights/workspaces/query/${applications}/read`);
    assert.match(await reason(), /insufficient access/);
  });

  it('names the rights it needs, and does with them', async () => {
    const rights = signInRights(place(workspace.armId));
    assert.deepEqual(rights.map(({ action, scope }) => [action.replace('Microsoft.OperationalInsights/workspaces/', ''), scope]), ['read', 'query/read', `query/${identities}/read`, `query/${applications}/read`].map((right) => [right, workspace.armId]));
    assert.deepEqual(signInRights(place()), [], 'nobody can say where they are');
    plant(identities, orders, 1);
    const { roles } = rig.world;
    for (const { name, principalId } of roles.assignments()) if (principalId === rig.deployer.objectId) roles.remove(name);
    roles.define(role(idOf('just these'), 'Just these', { actions: rights.flatMap((right) => ('action' in right ? [right.action] : [])) }));
    rig.world.assign(rig.deployer.objectId, 'Just these', workspace.armId);
    assert.equal((await found(30, place(workspace.armId))).length, 1);
  });

  it('throws the reason of a cancelled run', async () => {
    plant(identities, orders, 1);
    const cancelled = new Error('the agent was told to stop');
    rig.abort.abort(cancelled);
    await assert.rejects(read(), cancelled);
  });

  it('takes texts of the log for data, whatever they are', async () => {
    const hostile = ['"] | where 1 == 1 //', '##vso[task.complete result=Succeeded]', '<img src=x>\n| a | b |', '__proto__', '\u202e\u0000', 'x'.repeat(70_000)];
    for (const text of hostile) plant(identities, orders, 1, { resource: text, resourceId: text });
    plant(identities, '__proto__', 1);
    const all = await found();
    assert.deepEqual(new Set(all.map(({ resource }) => resource)), new Set([...hostile, 'Azure Key Vault']));
    const own = all.filter(({ principalId }) => principalId === orders);
    assert.equal(own.length, hostile.length);
    assert.deepEqual(signInsFor({ principalId: orders, scope: `${group}/providers/__proto__/constructor/x` }, all), { found: own }, 'a scope of no known type');
  });

  it('is unread when the answer has a row that cannot be told', async () => {
    const columns = ['Type', 'ServicePrincipalId', 'ResourceDisplayName', 'ResourceIdentity', 'First', 'Last'].map((name) => ({ name }));
    const sound = [identities, orders, 'Azure Key Vault', vaultId, at(2), at(1)];
    const answer = async (...rows: unknown[][]): Promise<Read<readonly SignIn[]>> => {
      rig.network.faults.plant({ service: 'log-analytics', times: 1, respond: { status: 200, body: { tables: [{ columns, rows }] } } });
      return read();
    };
    const broken = [sound.with(0, 'SigninLogs'), sound.with(4, 'soon'), sound.slice(0, 5), [identities, 7, 'x', 'x', at(2), at(1)]];
    for (const row of broken) assert.deepEqual(await answer(sound, row), { unread: `workspace ${workspace.id} answers 1 sign-in without principal, time or table` });
    assert.deepEqual(await answer(sound, sound.with(1, '')), { found: [vault(orders, 2, 1)] }, 'a sign-in of nobody is nobody’s');
    assert.deepEqual(await answer([identities, orders, null, null, at(2), at(1)]), { found: [{ ...vault(orders, 2, 1), resource: '', resourceId: '' }] });
  });
});
