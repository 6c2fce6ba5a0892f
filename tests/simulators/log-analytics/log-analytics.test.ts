import assert from 'node:assert/strict';
import { queryFor } from '../../../tasks/_shared/azure/admin-user-logins.js';
import { signInQuery } from '../../../tasks/_shared/azure/identity-sign-ins.js';
import { Network } from '../kernel/network.js';
import type { SimResponse } from '../kernel/service.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { call, FakeAccess, FakeAuthority, json } from '../registry/fakes.js';
import { LogAnalytics, type LogWorkspace } from './log-analytics.js';

const id = '12345678-1234-4234-8234-123456789012';
const armId = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/log';
const known = queryFor('cr.azurecr.io', 'cr');

describe('Log Analytics simulator', () => {
  let clock: VirtualClock;
  let network: Network;
  let authority: FakeAuthority;
  let access: FakeAccess;
  let workspace: LogWorkspace;
  let origin: string;
  beforeEach(async () => {
    clock = new VirtualClock();
    network = new Network(clock);
    authority = new FakeAuthority();
    access = new FakeAccess();
    access.rule = () => true;
    const service = new LogAnalytics({ clock, authority, access });
    workspace = service.add(id, armId);
    workspace.logins = [];
    origin = await network.attach(service);
  });
  const post = (body: unknown, { audience = 'https://api.loganalytics.io', path = `/v1/workspaces/${id}/query`, type = 'application/json' } = {}): Promise<SimResponse> =>
    call(network, 'POST', `${origin}${path}`, { headers: { authorization: `Bearer ${authority.issue('oid', audience)}`, 'content-type': type }, body: JSON.stringify(body) });
  const verdict = async (response: Promise<SimResponse>): Promise<string> => {
    const answer = await response;
    const { error } = json(answer) as { error: { code: string } };
    return `${answer.status} ${error.code}`;
  };

  it('answers the query about logins by its own clock', async () => {
    const login = (identity: string, hoursAgo: number, address = '203.0.113.7'): void => {
      workspace.logins?.push({ at: new Date(clock.now().getTime() - hoursAgo * 3_600_000), loginServer: 'CR.azurecr.io', identity, address, userAgent: 'docker' });
    };
    login('cr', 1);
    login('CR', 2);
    login('someone', 3, '198.51.100.1');
    login('other', 4, '198.51.100.2');
    login('cr', 721);
    workspace.logins?.push({ at: clock.now(), loginServer: 'x.cr.azurecr.io', identity: 'cr', address: 'x', userAgent: 'x' });
    const [table] = json(await post({ query: known })).tables as [{ name: string; columns: { name: string }[]; rows: unknown[][] }];
    assert.deepEqual([table.name, table.columns.map(({ name }) => name)], ['PrimaryResult', ['Admin', 'Address', 'Program', 'LastSeen', 'Logins']]);
    assert.deepEqual(table.rows.map(([admin, address, program, , logins]) => [admin, address, program, logins]), [[true, '203.0.113.7', 'docker', 2], [false, '', '', 2]]);
  });

  it('answers the query about sign-ins by its own clock, of those tables that there are', async () => {
    const event = (principalId: string, hoursAgo: number, resultType = '0', resource = 'Azure Key Vault') => ({ at: new Date(clock.now().getTime() - hoursAgo * 3_600_000), principalId, resource, resourceId: 'id', resultType });
    const rows = async (): Promise<unknown[][]> => {
      const [table] = json(await post({ query: signInQuery(30) })).tables as [{ name: string; columns: { name: string }[]; rows: unknown[][] }];
      assert.deepEqual([table.name, table.columns.map(({ name }) => name)], ['PrimaryResult', ['Type', 'ServicePrincipalId', 'ResourceDisplayName', 'ResourceIdentity', 'First', 'Last']]);
      return table.rows;
    };
    const ago = (hours: number): string => new Date(clock.now().getTime() - hours * 3_600_000).toISOString();
    workspace.signIns.AADServicePrincipalSignInLogs = [event('one', 3), event('one', 1, '7000215'), event('one', 721), event('one', 5)];
    const application = ['AADServicePrincipalSignInLogs', 'one', 'Azure Key Vault', 'id', ago(5), ago(3)];
    assert.deepEqual(await rows(), [application]);
    workspace.signIns.AADManagedIdentitySignInLogs = [event('one', 2), event('one', 4, '0', 'Azure Storage'), event('two', 719)];
    const identity = (principal: string, resource: string, hours: number): string[] => ['AADManagedIdentitySignInLogs', principal, resource, 'id', ago(hours), ago(hours)];
    assert.deepEqual(await rows(), [identity('one', 'Azure Key Vault', 2), application, identity('one', 'Azure Storage', 4), identity('two', 'Azure Key Vault', 719)]);
  });

  it('refuses the query about sign-ins without either table, and without the right to one', async () => {
    assert.equal(await verdict(post({ query: signInQuery(30) })), '400 BadArgumentError');
    workspace.signIns.AADManagedIdentitySignInLogs = [];
    assert.equal((await post({ query: signInQuery(30) })).status, 200);
    for (const lacking of ['query/read', 'query/AADManagedIdentitySignInLogs/read', 'query/AADServicePrincipalSignInLogs/read']) {
      access.rule = ({ action, scope }) => scope === armId && action !== `Microsoft.OperationalInsights/workspaces/${lacking}`;
      assert.equal(await verdict(post({ query: signInQuery(30) })), '403 InsufficientAccessError', lacking);
    }
    access.rule = ({ action }) => !action.includes('ContainerRegistry');
    assert.equal((await post({ query: signInQuery(30) })).status, 200, 'the rights to other tables do not matter');
  });

  it('is strict about audience, rights, workspace, content type and body', async () => {
    assert.equal(await verdict(post({ query: known }, { audience: 'https://management.azure.com' })), '401 InvalidTokenError');
    assert.equal(await verdict(post({ query: known }, { path: '/v1/workspaces/00000000-0000-4000-8000-000000000000/query' })), '404 WorkspaceNotFoundError');
    assert.equal(await verdict(post({ query: known }, { type: 'text/plain' })), '415 BadContentTypeError');
    assert.equal(await verdict(post({ query: '' })), '400 BadArgumentError');
    assert.equal(await verdict(post(['x'])), '400 BadArgumentError');
    workspace.logins = undefined;
    assert.equal(await verdict(post({ query: known })), '400 BadArgumentError');
    for (const lacking of ['query/read', 'query/ContainerRegistryLoginEvents/read']) {
      access.rule = ({ action, scope }) => scope === armId && action !== `Microsoft.OperationalInsights/workspaces/${lacking}`;
      assert.equal(await verdict(post({ query: known })), '403 InsufficientAccessError', lacking);
    }
  });

  it('says by name what it does not simulate', async () => {
    const others = ['Heartbeat | take 1', known.replace('count()', 'dcount(JwtId)'), `${known}\n| take 5`, 'ContainerRegistryLoginEvents'];
    workspace.signIns.AADManagedIdentitySignInLogs = [];
    const signIns = signInQuery(30);
    others.push('AADManagedIdentitySignInLogs', signIns.replace(' isfuzzy=true', ''), signIns.replace('"0"', '0'), signIns.replace('30d', '12h'), signIns.replace(', ResourceIdentity', ''), `${signIns}\n| take 5`);
    for (const query of others) assert.equal(await verdict(post({ query })), '501 NotSimulated', query);
    assert.equal(await verdict(post({ query: known, timespan: 'P1D' })), '501 NotSimulated');
    assert.equal(await verdict(post({ query: known }, { path: '/v1/apps/x/query' })), '501 NotSimulated');
  });
});
