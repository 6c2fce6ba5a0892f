import assert from 'node:assert/strict';
import { planText } from '../../../tasks/_shared/report/log-text.js';
import { toMarkdown } from '../../../tasks/_shared/report/markdown.js';
import { toReport } from '../../../tasks/_shared/report/schema.js';
import { idOf } from '../../simulators/azure/directory.js';
import { group } from '../azure/azure-world.js';
import { AdminUserWorld, base64, password, plantedUse, reported, shortfalls, shownBy, told } from './admin-user-world.js';

describe('GrantRegistryRole, report of the admin user', () => {
  let world: AdminUserWorld;
  beforeEach(async () => {
    world = await AdminUserWorld.start();
  });

  it('names secrets, variables and pull secrets of the clusters in log, summary and output, and writes nothing else', async () => {
    world.plantSecret();
    world.api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'builder', namespace: 'orders' }, imagePullSecrets: [{ name: 'acr' }] });
    const end = await world.run({ adminUser: 'report' });
    assert.equal(end.result.result, 'succeeded');
    const found = [plantedUse, 'orders/serviceaccount/builder: imagePullSecrets acr'];
    assert.deepEqual(reported(end), { enabled: true, consumers: { 'aks-1': found, elsewhere: 'unknown, since no logAnalyticsWorkspace is given' } });
    assert.deepEqual(told(end), [`aks-1 observed: 2 consumers: ${found.join('; ')}`, 'shared none: elsewhere unknown, since no logAnalyticsWorkspace is given']);
    assert.ok(toMarkdown(toReport(end.result, { task: 't', startedAt: '', run: '', signIn: '', correlation: '', clusters: [] })).includes('orders/secret/acr'));
    assert.deepEqual([world.rig.writes().map((line) => line.split('/')[0]), world.enabled], [['PUT roleAssignments'], true]);
    assert.equal(world.rig.network.log.all().filter(({ path }) => /listCredentials/i.test(path)).length, 0);
  });

  it('shows no value of a secret anywhere, whatever happens', async () => {
    world.plantSecret();
    world.loggedIn('crunit', '203.0.113.7');
    for (const inputs of [{ adminUser: 'report' }, { adminUser: 'disable' }, { adminUser: 'disable', force: 'true' }]) {
      const shown = shownBy(await world.run({ ...inputs, logAnalyticsWorkspace: world.workspace.id }), world.rig);
      assert.ok(shown.includes('orders/secret/acr'), 'it is told at all');
      for (const secret of [password, base64(`crunit:${password}`), base64(password)]) assert.ok(!shown.includes(secret), `${inputs.adminUser}: ${secret}`);
    }
  });

  it('tells in a dry run as well', async () => {
    world.plantSecret();
    const end = await world.run({ adminUser: 'report' }, ['aks-1'], { dryRun: true });
    assert.deepEqual([reported(end).consumers, world.rig.writes()], [{ 'aks-1': [plantedUse], elsewhere: 'unknown, since no logAnalyticsWorkspace is given' }, []]);
    assert.ok(JSON.stringify(planText(end.result.plan)).includes('1 consumer: orders/secret/acr'));
  });

  it('counts a cluster that cannot be read as unknown, not as none, and ends with issues', async () => {
    const other = await world.rig.addCluster('aks-2', 'ready');
    await world.federate(['aks-1', 'aks-2']);
    world.plantSecret(other);
    world.rig.network.faults.plant({ service: 'kubernetes/aks-2', path: /\/api\/v1\/secrets/, respond: { status: 403, body: { kind: 'Status', code: 403, reason: 'Forbidden', message: 'secrets is forbidden: User "deployer" cannot list resource "secrets" in API group "" at the cluster scope', details: {} } } });
    const end = await world.run({ adminUser: 'report' }, ['aks-1', 'aks-2']);
    const { consumers: places } = reported(end);
    assert.deepEqual([end.result.result, places['aks-1'], shortfalls(end)], ['succeededWithIssues', [], ['WI4121']]);
    assert.match(String(places['aks-2']), /^unknown, since secrets is forbidden: User "deployer" cannot list/);
  });

  it('finds logins from elsewhere in a workspace, by its id and by its ARM id', async () => {
    world.loggedIn('crunit', '203.0.113.7');
    world.loggedIn('CrUnit', '203.0.113.7', 'docker/27', 3);
    world.loggedIn('crunit', '198.51.100.4', 'containerd/1.7', 29);
    world.loggedIn('crunit', '198.51.100.5', 'containerd/1.7', 31);
    world.loggedIn('00000000-aaaa', '198.51.100.9');
    const [latest, , older] = (world.workspace.logins ?? []).map(({ at }) => at.toISOString());
    const expected = [`203.0.113.7, docker/27: 2 logins, the last at ${latest ?? ''}`, `198.51.100.4, containerd/1.7: 1 login, the last at ${older ?? ''}`];
    for (const given of [world.workspace.id, world.workspace.armId]) {
      const end = await world.run({ adminUser: 'report', logAnalyticsWorkspace: given });
      assert.deepEqual([reported(end).consumers.elsewhere, end.result.result], [expected, 'succeeded']);
    }
  });

  it('says unknown where the workspace tells nothing: no table, no login of this registry, no right, no workspace', async () => {
    const elsewhere = async (given: string = world.workspace.id): Promise<string> => {
      const end = await world.run({ adminUser: 'report', logAnalyticsWorkspace: given });
      assert.deepEqual([end.result.result, shortfalls(end)], ['succeededWithIssues', ['WI2542']]);
      return String(reported(end).consumers.elsewhere);
    };
    assert.match(await elsewhere(), /^unknown, since the workspace knows no table ContainerRegistryLoginEvents: send the registry’s there$/);
    world.workspace.logins = [];
    assert.match(await elsewhere(), /^unknown, since workspace .* has no login at registry.crunit.sim of the last 30 days: send the registry’s ContainerRegistryLoginEvents there$/);
    world.loggedIn('somebody', '203.0.113.7');
    assert.deepEqual(reported(await world.run({ adminUser: 'report', logAnalyticsWorkspace: world.workspace.id })).consumers.elsewhere, [], 'others sign in, the admin user does not');
    assert.match(await elsewhere(idOf('no such workspace')), /could not be found/);
    assert.match(await elsewhere(`${group}/providers/Microsoft.OperationalInsights/workspaces/log-gone`), /there is no such workspace/);
    world.deny('Microsoft.OperationalInsights/workspaces/query/*');
    assert.match(await elsewhere(), /insufficient access/);
  });

  it('takes a partial answer for none', async () => {
    world.rig.network.faults.plant({ service: 'log-analytics', respond: { status: 200, body: { tables: [{ name: 'PrimaryResult', columns: [{ name: 'Admin', type: 'bool' }], rows: [[false]] }], error: { code: 'PartialError', message: 'Query result exceeded its limits' } } } });
    const end = await world.run({ adminUser: 'report', logAnalyticsWorkspace: world.workspace.id });
    assert.deepEqual(told(end)[1], 'shared none: elsewhere unknown, since Query result exceeded its limits');
  });

  it('is not touched, and not looked for, unless that is asked', async () => {
    world.plantSecret();
    const end = await world.run({});
    assert.deepEqual([end.result.result, Object.keys(end.outputs), world.enabled], ['succeeded', ['registries'], true]);
    assert.equal(world.rig.network.log.all('kubernetes').filter(({ path }) => path.includes('secrets')).length, 0);
  });
});
