import assert from 'node:assert/strict';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import { planText } from '../../../tasks/_shared/report/log-text.js';
import { clusterId, verdictOf, type RunChoices } from '../azure/azure-world.js';
import { account, AdminUserWorld, base64, login, password, plantedUse, reported, workload, type End } from './admin-user-world.js';

describe('GrantRegistryRole, the admin user switched off and on', () => {
  let world: AdminUserWorld;
  beforeEach(async () => {
    world = await AdminUserWorld.start();
  });

  describe('disable', () => {
    const disable = (inputs: Record<string, string> = {}, choices: RunChoices = {}): Promise<End> => world.run({ adminUser: 'disable', logAnalyticsWorkspace: world.workspace.id, ...inputs }, ['aks-1'], choices);

    it('switches it off after grants and proofs, and changes nothing else of the registry', async () => {
      world.onlyOthersLogIn();
      const before = structuredClone(world.rig.world.arm.registries.find('crunit'));
      const end = await disable();
      assert.equal(end.result.result, 'succeeded');
      assert.deepEqual(world.rig.world.arm.registries.find('crunit'), { ...before, properties: { ...before.properties, adminUserEnabled: false } });
      const asked = world.rig.network.log.all().map(({ service, method, path }) => `${service} ${method} ${path.split('?')[0] ?? ''}`);
      const patch = asked.findIndex((line) => line.startsWith('arm PATCH'));
      const grant = asked.findIndex((line) => line.includes('PUT') && line.includes('roleAssignments'));
      const pulls = asked.flatMap((line, index) => (line === 'registry/crunit POST /oauth2/token' ? [index] : []));
      assert.ok(grant !== -1 && grant < pulls[0]! && pulls[0]! < patch && pulls.at(-1)! > patch, 'granted, pulled, switched off, pulled again');
      assert.deepEqual(reported(end), { enabled: false, consumers: { 'aks-1': [], elsewhere: [] } });
      assert.deepEqual(world.rig.journal.at(-1), { ...world.rig.journal.at(-1), before: 'adminUserEnabled true', after: 'adminUserEnabled false', widens: false, outcome: 'done' });
    });

    it('writes nothing the second time', async () => {
      world.onlyOthersLogIn();
      await disable();
      world.rig.network.log.clear();
      const again = await disable();
      assert.deepEqual([again.result.result, world.rig.writes(), verdictOf(again.result, account).action], ['succeeded', [], 'keep']);
    });

    it('plans in a dry run what it then does', async () => {
      world.onlyOthersLogIn();
      const dry = await disable({}, { dryRun: true });
      assert.deepEqual([dry.result.result, world.enabled], ['succeeded', true]);
      const change = dry.result.plan.find(({ resource }) => resource.key === account.key)?.change;
      assert.deepEqual(change, { action: 'update', fields: [{ field: 'adminUserEnabled', before: 'true', after: 'false' }], widens: false, reason: 'no consumer of it is left' });
    });

    it('needs force while consumers remain in clusters, signed in elsewhere, or are unknown', async () => {
      const refusal = async (inputs: Record<string, string> = {}): Promise<string> => {
        const end = await disable(inputs);
        const { problem } = verdictOf(end.result, account);
        assert.deepEqual([end.result.result, problem?.code, world.enabled, world.patches()], ['failed', 'WI2531', true, []]);
        return problem?.because ?? '';
      };
      assert.match(await refusal({ logAnalyticsWorkspace: '' }), /^consumers remain or are unknown: elsewhere: unknown, since no logAnalyticsWorkspace is given$/);
      world.onlyOthersLogIn();
      world.loggedIn('crunit', '198.51.100.4');
      assert.match(await refusal(), /elsewhere: 1 consumer: 198\.51\.100\.4, docker\/27: 1 login/);
      world.onlyOthersLogIn();
      world.plantSecret();
      assert.match(await refusal(), /^consumers remain or are unknown: aks-1: 1 consumer: orders\/secret\/acr: signs in with it$/);
      const end = await disable({ force: 'true' });
      assert.deepEqual([end.result.result, world.enabled], ['succeeded', false]);
      const change = end.result.plan.find(({ resource }) => resource.key === account.key)?.change;
      assert.deepEqual(change?.action === 'update' ? change.fields.at(-1) : undefined, { field: 'consumers cut off', after: 'aks-1 orders/secret/acr: signs in with it' });
    });

    it('needs force as well where a place does not say who uses it: a cluster that cannot be read, a workspace without logins', async () => {
      const refusal = async (): Promise<string> => {
        const { result } = await disable();
        const { problem } = verdictOf(result, account);
        assert.deepEqual([result.result, problem?.code, world.enabled, world.patches()], ['failed', 'WI2531', true, []]);
        return problem?.because ?? '';
      };
      assert.match(await refusal(), /^consumers remain or are unknown: elsewhere: unknown, since the workspace knows no table ContainerRegistryLoginEvents/);
      world.workspace.logins = [];
      assert.match(await refusal(), /^consumers remain or are unknown: elsewhere: unknown, since workspace \S+ has no login at registry\.crunit\.sim of the last 30 days/);
      world.onlyOthersLogIn();
      const hidden = world.rig.network.faults.plant({ service: 'kubernetes/aks-1', path: /\/api\/v1\/secrets/, respond: { status: 403, body: { kind: 'Status', code: 403, reason: 'Forbidden', message: 'secrets is forbidden' } } });
      assert.match(await refusal(), /^consumers remain or are unknown: aks-1: unknown, since secrets is forbidden/);
      hidden();
      world.rig.network.faults.plant({ service: 'log-analytics', times: 1, respond: { status: 403, body: { error: { code: 'InsufficientAccessError', message: 'The provided credentials have insufficient access' } } } });
      assert.match(await refusal(), /^consumers remain or are unknown: elsewhere: unknown, since .*insufficient access/);
      assert.deepEqual([(await disable()).result.result, world.enabled], ['succeeded', false], 'it was nothing else that stood in the way');
    });

    it('does not switch it off for a pull that is not proven, force or not', async () => {
      world.onlyOthersLogIn();
      const unproven = async (): Promise<string> => {
        const end = await disable({ force: 'true', propagationTimeoutInMinutes: '1' });
        const { problem, outcome } = verdictOf(end.result, account);
        assert.deepEqual([end.result.result, outcome, problem?.code, world.enabled, world.patches()], ['failed', 'failed', 'WI2532', true, []]);
        return problem?.because ?? '';
      };
      const reachable = world.rig.network.faults.plant({ service: 'registry', path: /exchange/, respond: { status: 403, body: { errors: [{ code: 'DENIED', message: "client with IP '203.0.113.7' is not allowed access." }] } } });
      assert.match(await unproven(), /^not every pull is proven: orders\/api on aks-1: .*granted, not exercised/);
      reachable();
      world.api.remove('ServiceAccount', 'orders', 'api');
      assert.match(await unproven(), /orders\/api on aks-1: .*nothing exercised, since the service account does not exist/);
    });

    it('leaves it on when a grant fails, and when the principal may not write the registry', async () => {
      world.onlyOthersLogIn();
      const grantable = world.rig.network.faults.plant({ service: 'arm', method: 'PUT', path: /roleAssignments/, respond: { status: 409, body: { error: { code: 'RoleAssignmentLimitExceeded', message: 'No more.' } } } });
      assert.deepEqual([verdictOf((await disable()).result, account).outcome, world.enabled], ['skipped', true]);
      grantable();
      world.deny('Microsoft.ContainerRegistry/registries/write');
      const { result } = await disable();
      assert.deepEqual(result.preflight.lacking.map(({ action, scope }) => `${action} ${scope.split('/').at(-1) ?? ''}`), ['Microsoft.ContainerRegistry/registries/write crunit']);
      assert.deepEqual([verdictOf(result, account).problem?.code, world.enabled, world.patches()], ['WI3001', true, []]);
    });

    it('leaves it on when a cluster of the run is not there, or cannot be placed, since the pulls from it are not proven', async () => {
      for (const identity of [workload.identity, 'id-{workload}-{cluster}-{location}']) {
        const end = await world.run({ adminUser: 'disable', force: 'true', identity }, ['aks-1', 'aks-gone']);
        assert.deepEqual([end.result.result, verdictOf(end.result, account).action, world.enabled, world.patches()], ['failed', 'blocked', true, []]);
      }
    });

    it('has the rights to look looked up before it writes, unless it is forced', async () => {
      world.onlyOthersLogIn();
      const wanted = async (inputs: Record<string, string>): Promise<string[]> => {
        world.enabled = true;
        return (await disable({ logAnalyticsWorkspace: world.workspace.armId, ...inputs })).result.preflight.permissions.map(({ action }) => action);
      };
      const looked = await wanted({});
      for (const action of ['Microsoft.ContainerRegistry/registries/write', 'list secrets', 'list serviceaccounts', 'list cronjobs.batch', 'Microsoft.OperationalInsights/workspaces/query/ContainerRegistryLoginEvents/read']) assert.ok(looked.includes(action), action);
      const forced = await wanted({ force: 'true' });
      assert.deepEqual([forced.includes('Microsoft.ContainerRegistry/registries/write'), forced.includes('list secrets')], [true, false]);
    });

    it('waits for an update that Azure has accepted, and says when it failed', async () => {
      world.onlyOthersLogIn();
      world.rig.world.arm.registryUpdates.knobs.updateMs = 40_000;
      const end = await disable();
      assert.deepEqual([end.result.result, world.enabled, world.patches().length], ['succeeded', false, 1]);
      assert.ok(world.rig.clock.monotonic() >= 40_000);
      world.enabled = true;
      world.rig.network.faults.plant({ service: 'arm', path: /operationStatuses/, respond: { status: 200, body: { status: 'Failed', error: { code: 'RegistryStatusConflict', message: 'The registry is being moved.' } } } });
      const { problem } = verdictOf((await disable()).result, account);
      assert.deepEqual([problem?.code, problem?.serviceCode, problem?.because], ['WI2106', 'RegistryStatusConflict', 'The registry is being moved.']);
    });

    it('looks at each registry of the clusters on its own', async () => {
      await world.rig.addCluster('aks-2', 'ready');
      await world.federate(['aks-1', 'aks-2']);
      const other = await world.rig.addRegistry('crother', { adminUserEnabled: true });
      world.plantSecret();
      const clusters = JSON.stringify([clusterId('aks-1'), { cluster: clusterId('aks-2'), registry: other }]);
      const { result, outputs } = await world.rig.runTask(grantRegistryRole, clusters, { ...workload, registry: 'rg-dev/crunit', repositories: 'orders/api', adminUser: 'disable', force: 'true' });
      assert.equal(result.result, 'succeeded');
      const found = JSON.parse(outputs.adminUserConsumers ?? '{}') as Record<string, { enabled: boolean; consumers: Record<string, unknown> }>;
      assert.deepEqual(Object.entries(found).map(([name, one]) => [name, one.enabled, one.consumers['aks-1'], one.consumers['aks-2']]), [['crunit', false, [plantedUse], []], ['crother', false, [], []]]);
    });
  });

  describe('restore', () => {
    const signsIn = async (): Promise<number> => {
      const url = new URL(`https://${login}/oauth2/token?service=${login}&scope=repository:orders/api:pull`);
      const headers = { authorization: `Basic ${base64(`crunit:${password}`)}` };
      return (await world.rig.network.dispatch({ method: 'GET', url, headers, body: Buffer.alloc(0), signal: world.rig.abort.signal })).status;
    };

    it('is the way back: marked as widening, and the old password signs in again', async () => {
      assert.equal(await signsIn(), 200);
      await world.run({ adminUser: 'disable', force: 'true' });
      assert.equal(await signsIn(), 401);
      const end = await world.run({ adminUser: 'restore' });
      const change = end.result.plan.find(({ resource }) => resource.key === account.key)?.change;
      assert.deepEqual([end.result.result, change?.action, change?.action === 'update' && change.widens, world.enabled], ['succeeded', 'update', true, true]);
      assert.equal(await signsIn(), 200);
      assert.deepEqual(reported(end), { enabled: true, consumers: {} });
      assert.ok(JSON.stringify(planText(end.result.plan)).includes('▲ widens'));
      world.rig.network.log.clear();
      const again = await world.run({ adminUser: 'restore' });
      assert.deepEqual([again.result.result, world.rig.writes()], ['succeeded', []]);
    });

    it('needs no proof and no look at the clusters’ secrets, and is done where grants fail', async () => {
      world.enabled = false;
      const end = await world.run({ workload: 'nobody', adminUser: 'restore' });
      assert.deepEqual([end.result.result, verdictOf(end.result, account).outcome, world.enabled], ['failed', 'done', true]);
      assert.deepEqual(end.result.preflight.findings.map(({ problem }) => problem.code), ['WI2202'], 'the identity is not there');
      assert.equal(world.rig.network.log.all('kubernetes').filter(({ path }) => path.includes('secrets')).length, 0);
    });
  });
});
