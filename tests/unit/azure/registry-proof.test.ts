import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import type { RegistryState } from '../../../tasks/_shared/azure/registry-lookup.js';
import { refusedElsewhere, walkTokenFlow, type Elsewhere, type RegistryCaller, type RegistryGrant } from '../../../tasks/_shared/azure/registry-proof.js';
import { conditionedActions, printCondition, type RepositoryRole } from '../../../tasks/_shared/azure/repository-conditions.js';
import { managementGroupId } from '../../simulators/arm/hierarchy.js';
import { idOf, type ServicePrincipal } from '../../simulators/azure/directory.js';
import { role } from '../../simulators/azure/role-definitions.js';
import { group, problemOf, tenantId, type Rig } from './azure-world.js';
import { context, grant, minute, propagate, start } from './proof-world.js';

describe('registry proof', () => {
  let rig: Rig;
  let azure: Azure;
  let principal: ServicePrincipal;
  let registry: RegistryState;
  beforeEach(async () => {
    ({ rig, azure, principal } = await start());
    registry = { id: await rig.addRegistry(), name: 'crunit', loginServer: 'registry.crunit.sim', mode: 'LegacyRegistryPermissions' };
  });
  it('names the registry’s firewall at once', async () => {
    grant(rig, principal, 'AcrPull', registry.id);
    const message = "client with IP '203.0.113.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.";
    rig.network.faults.plant({ service: 'registry', respond: { status: 403, body: { errors: [{ code: 'DENIED', message }] } } });
    const problem = await problemOf(walk());
    assert.deepEqual([problem.code, rig.clock.monotonic()], ['WI2505', 0]);
  });

  const caller = (): RegistryCaller => {
    const token = rig.world.entra.issue(principal, 'https://containerregistry.azure.net');
    return { token: () => Promise.resolve(token), tenantId, principalId: principal.objectId, identityName: 'id-orders' };
  };
  const walk = (role: RegistryGrant['role'] = 'AcrPull', deadlineMs = 10 * minute, { repositories = ['orders/api'], fresh = false } = {}): Promise<string> =>
    walkTokenFlow(azure, registry, { role, repositories }, caller(), deadlineMs, context(rig, fresh));
  const elsewhere = async (role: RegistryGrant['role'] = 'AcrPull', repositories = ['orders/api']): Promise<Elsewhere> =>
    refusedElsewhere(azure, registry, { role, repositories }, caller(), await walk(role, 10 * minute, { repositories }));
  const abac = (): void => {
    registry = { ...registry, mode: 'AbacRepositoryPermissions' };
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
  };
  const limited = (role: RepositoryRole, ...repositories: string[]): string => printCondition({ actions: conditionedActions[role], repositories });

  it('walks both exchanges to a token that carries the granted actions, for a role and for the stronger one', async () => {
    grant(rig, principal, 'AcrPush', registry.id);
    await walk('AcrPull');
    await walk('AcrPush');
    assert.deepEqual(rig.network.log.all('registry').map(({ method, path, status }) => `${method} ${path} ${status}`), [...Array(2).keys()].flatMap(() => ['POST /oauth2/exchange 200', 'POST /oauth2/token 200']));
  });

  it('waits until the grant acts', async () => {
    propagate(rig, 3 * minute);
    grant(rig, principal, 'AcrPull', registry.id);
    await walk();
    assert.ok(rig.clock.monotonic() >= 3 * minute && rig.clock.monotonic() < 4 * minute);
    assert.equal(rig.progress[0], 'AcrPull is assigned, the registry does not act on it yet');
  });

  it('waits out a registry that refuses strangers at the exchange, and quotes it at the deadline', async () => {
    const service = rig.world.registries.get('crunit');
    assert.ok(service !== undefined);
    service.knobs.strangersMayExchange = false;
    propagate(rig, minute);
    grant(rig, principal, 'AcrPull', registry.id);
    await walk();
    propagate(rig, 99 * minute);
    const problem = await problemOf(walk('AcrPull', 2 * minute));
    assert.deepEqual([problem.code, problem.because], ['WI2504', 'it refused with 401: access to registry was denied']);
    assert.match(problem.remedy, /within 120 s/);
  });

  it('names a removed grant at once, and no weaker or conditioned one for it', async () => {
    assert.deepEqual([(await problemOf(walk())).code, rig.clock.monotonic()], ['WI2503', 0]);
    grant(rig, principal, 'AcrPull', registry.id);
    const weaker = await problemOf(walk('AcrPush'));
    assert.deepEqual([weaker.code, weaker.because, rig.clock.monotonic()], ['WI2503', 'no role assignment gives it AcrPush on the registry', 0]);
    assert.equal(weaker.what, 'Identity id-orders may not pull and push repository orders/api of registry crunit');
    propagate(rig, 99 * minute);
    grant(rig, principal, 'AcrPush', registry.id, "@Resource[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'x'");
    assert.equal((await problemOf(walk('AcrPush'))).code, 'WI2503');
  });

  it('gives up at the deadline, saying what the token allows', async () => {
    grant(rig, principal, 'AcrPull', registry.id);
    propagate(rig, 0);
    rig.clock.advance(1);
    propagate(rig, 99 * minute);
    const nothing = await problemOf(walk('AcrPull', minute));
    assert.deepEqual([nothing.code, nothing.because], ['WI2504', 'the token that it issued allows nothing there']);
    assert.ok(rig.clock.monotonic() <= minute + 1);
  });

  it('is not deceived by a token that allows less, or something else', async () => {
    grant(rig, principal, 'AcrPush', registry.id);
    const entries = [[], [{ type: 'repository', name: 'orders/web', actions: ['pull', 'push'] }], [{ type: 'registry', name: 'orders/api', actions: ['pull', 'push'] }], [{ type: 'repository', name: 'orders/api', actions: ['push'] }], 'x'];
    for (const access of entries) {
      const token = `e30.${Buffer.from(JSON.stringify({ access })).toString('base64url')}.x`;
      const takeOut = rig.network.faults.plant({ service: 'registry', path: /token/, respond: { status: 200, body: { access_token: token } } });
      assert.equal((await problemOf(walk('AcrPush', 10_000))).code, 'WI2504');
      takeOut();
    }
    await walk('AcrPush');
  });

  it('wants several successes in a row of what was granted just now, since replicas learn of it one after another', async () => {
    const service = rig.world.registries.get('crunit');
    assert.ok(service !== undefined);
    Object.assign(service.knobs, { replicas: 3, replicaLagMs: minute });
    grant(rig, principal, 'AcrPull', registry.id);
    await walk('AcrPull', 10 * minute, { fresh: true });
    assert.ok(rig.clock.monotonic() >= 2 * minute, 'the last replica knows it');
    rig.network.log.clear();
    await walk();
    assert.equal(rig.network.log.all('registry').length, 2, 'one success is enough where nothing was written');
  });

  it('is refused an action that the role does not have, and detects a broader grant that nobody knows of', async () => {
    grant(rig, principal, 'AcrPull', registry.id);
    assert.deepEqual(await elsewhere(), { what: 'push' });
    rig.world.roles.define(role(idOf('group role'), 'of a group', { actions: ['Microsoft.ContainerRegistry/registries/*'] }));
    grant(rig, principal, 'of a group', group);
    const problem = await problemOf(elsewhere());
    assert.deepEqual([problem.code, problem.what], ['WI2514', 'Identity id-orders reaches more of registry crunit than was granted']);
    assert.match(problem.because, /the token allows push there, and no assignment of the identity itself says why/);
    assert.match(problem.remedy, new RegExp(`--assignee ${principal.objectId} `));
  });

  it('knows other grants of the same identity, and what each role does not give', async () => {
    grant(rig, principal, 'AcrPull', registry.id);
    const push = grant(rig, principal, 'AcrPush', group);
    assert.deepEqual([await elsewhere(), await elsewhere('AcrPush')], [{ what: 'push', allowedBy: push }, { what: 'delete' }]);
    const remove = grant(rig, principal, 'AcrDelete', registry.id);
    assert.deepEqual([await elsewhere('AcrDelete'), await elsewhere('AcrPush')], [{ what: 'push', allowedBy: push }, { what: 'delete', allowedBy: remove }]);
    const all = grant(rig, principal, 'Contributor', managementGroupId('nonprod'));
    rig.world.roles.remove(push);
    assert.deepEqual(await elsewhere(), { what: 'push', allowedBy: all });
  });

  it('takes a refusal of the whole request for a refusal too', async () => {
    grant(rig, principal, 'AcrPull', registry.id);
    const refreshToken = await walk();
    rig.network.faults.plant({ service: 'registry', respond: { status: 401, body: { errors: [{ code: 'UNAUTHORIZED', message: 'No.' }] } } });
    assert.deepEqual(await refusedElsewhere(azure, registry, { role: 'AcrPull', repositories: ['orders/api'] }, caller(), refreshToken), { what: 'push' });
  });

  it('asks for every repository where roles are for repositories, for a name that begins as granted, and for one that was not', async () => {
    abac();
    const reader = 'Container Registry Repository Reader';
    grant(rig, principal, reader, registry.id, limited(reader, 'orders/api', 'backend/*'));
    assert.deepEqual(await elsewhere('AcrPull', ['orders/api', 'backend/*']), { what: 'another repository' });
    const problem = await problemOf(walk('AcrPull', minute, { repositories: ['orders/api', 'backend'] }));
    assert.deepEqual([problem.code, problem.what], ['WI2503', 'Identity id-orders may not pull repository backend of registry crunit']);
    assert.match(problem.because, /^no role assignment gives it Container Registry Repository Reader on the registry for all of these repositories$/);
    const open = grant(rig, principal, 'Container Registry Repository Writer', group);
    assert.deepEqual(await elsewhere(), { what: 'another repository', allowedBy: open });
  });

  it('detects what nobody granted where roles are for repositories', async () => {
    abac();
    const writer = 'Container Registry Repository Writer';
    rig.world.roles.define(role(idOf('renamed'), 'of a group', { dataActions: ['Microsoft.ContainerRegistry/registries/repositories/*'] }));
    grant(rig, principal, writer, registry.id, limited(writer, 'orders/api'));
    assert.deepEqual(await elsewhere('AcrPush'), { what: 'another repository' });
    grant(rig, principal, 'of a group', registry.id);
    assert.equal((await problemOf(elsewhere('AcrPush'))).code, 'WI2514');
  });

  it('ignores AcrPull where roles are for repositories, and says which role is missing', async () => {
    abac();
    grant(rig, principal, 'AcrPush', registry.id);
    assert.equal((await problemOf(walk())).because, 'no role assignment gives it Container Registry Repository Reader on the registry for all of these repositories');
  });

  it('counts grants of a management group, and survives throttling', async () => {
    propagate(rig, 30_000);
    grant(rig, principal, 'AcrPull', managementGroupId('nonprod'));
    rig.network.faults.plant({ service: 'registry', times: 1, respond: { status: 429, headers: { 'retry-after': '3' } } });
    await walk();
    assert.ok(rig.clock.monotonic() >= 30_000);
    rig.network.faults.plant({ service: 'registry', respond: { status: 404, body: '' } });
    const gone = await problemOf(walk());
    assert.deepEqual([gone.code, gone.what], ['WI2003', 'Registry crunit cannot be reached']);
  });

  it('ends its wait when the run is cancelled', async () => {
    propagate(rig, 99 * minute);
    grant(rig, principal, 'AcrPull', registry.id);
    void rig.clock.sleep(20_000).then(() => rig.abort.abort(new Error('stop')));
    await assert.rejects(walk());
    assert.ok(rig.clock.monotonic() < minute);
  });
});
