import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import { parseCondition } from '../../../tasks/_shared/azure/repository-conditions.js';
import { roleTitle } from '../../../tasks/_shared/azure/roles.js';
import { grantMark } from '../../../tasks/_shared/fleet/marks.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { clusterId, identityId, Rig, subscriptionId, type RunChoices } from '../azure/azure-world.js';

const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const given = { ...workload, registry: 'rg-dev/crunit', repositories: 'orders/api' };
const other = idOf('subscription of the registries');

describe('GrantRegistryRole: repositories, principals and proofs', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start(undefined, [subscriptionId, other]);
    await rig.addCluster('aks-1', 'ready');
    await rig.addRegistry('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
  });
  const run = async (inputs: Record<string, string> = {}, clusters: string | readonly string[] = ['aks-1'], choices: RunChoices = {}): Promise<RunResult> =>
    (await rig.runTask(grantRegistryRole, clusters, { ...given, ...inputs }, choices)).result;
  const federate = async (clusters: readonly string[] = ['aks-1'], inputs: Record<string, string> = {}): Promise<void> => {
    assert.equal((await rig.runTask(federateServiceAccount, clusters, { ...workload, ...inputs })).result.result, 'succeeded');
    rig.network.log.clear();
  };
  const grants = (principalId?: string): string[] => rig.world.roles.assignments()
    .filter((entry) => entry.scope.includes('/registries/') && (principalId === undefined || entry.principalId === principalId))
    .map(({ roleDefinitionId, condition = '' }) => `${roleTitle(roleDefinitionId)}: ${parseCondition(condition)?.repositories.join(', ') ?? 'all'}`);
  const proofs = (result: RunResult): string[] => result.proofs.map(({ outcome }) => `${outcome.level}: ${'problem' in outcome ? outcome.problem.code : outcome.summary}`);
  const asked = (service: string): string[] => rig.network.log.all(service).map(({ path }) => path);

  it('grants and proves repositories, and that another one is refused', async () => {
    await federate();
    const result = await run({ repositories: 'orders/api, backend/*' });
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(grants(), ['Container Registry Repository Reader: orders/api, backend/*']);
    assert.deepEqual(proofs(result), ['exercised: registry token for crunit carries pull on orders/api, backend/*, another repository refused (as it should be)']);
    rig.network.log.clear();
    const second = await run({ repositories: 'orders/api, backend/*' });
    assert.deepEqual([second.result, rig.writes(), proofs(second)], ['succeeded', [], proofs(result)]);
    assert.deepEqual(asked('registry'), ['/oauth2/exchange', '/oauth2/token', '/oauth2/token']);
  });

  it('merges what clusters that share an identity, and several calls, are granted', async () => {
    await rig.addCluster('aks-2', 'ready');
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-shared', 'westeurope');
    const identity = identityId('id-shared');
    await federate(['aks-1', 'aks-2'], { identity });
    const first = await run({ identity }, ['aks-1', 'aks-2']);
    assert.deepEqual([first.result, grants(), rig.writes().length, first.proofs.length], ['succeeded', ['Container Registry Repository Reader: orders/api'], 1, 2]);
    const [one, two] = await Promise.all([run({ identity, repositories: 'web' }, ['aks-1']), rig.restarted().runTask(grantRegistryRole, ['aks-2'], { ...given, identity, repositories: 'backend/*' })]);
    assert.deepEqual([one.result, two.result.result], ['succeeded', 'succeeded']);
    assert.deepEqual(grants().map((text) => text.replace(/.*: /, '').split(', ').sort()), [['backend/*', 'orders/api', 'web']]);
  });

  it('counts its assignments against those that the subscription can have, before the first write', async () => {
    await rig.addCluster('aks-2', 'ready');
    await federate(['aks-1', 'aks-2']);
    const present = rig.world.roles.assignments().filter(({ scope }) => scope.startsWith(`/subscriptions/${subscriptionId}`)).length;
    for (const roleAssignmentMode of ['AbacRepositoryPermissions', 'LegacyRegistryPermissions']) {
      rig.world.arm.registries.edit('crunit', { roleAssignmentMode });
      const full = await run({ roleAssignmentLimit: String(present + 1) }, ['aks-1', 'aks-2']);
      assert.deepEqual([full.result, rig.writes(), [...new Set(full.preflight.findings.map(({ problem }) => problem.code))]], ['failed', [], ['WI2621']], roleAssignmentMode);
      assert.match(full.preflight.findings[0]?.problem.because ?? '', new RegExp(`^there are ${present}, this run would add 2, and ${present + 1} is the most`));
    }
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
    const limit = { roleAssignmentLimit: String(present + 2) };
    assert.equal((await run(limit, ['aks-1', 'aks-2'])).result, 'succeeded');
    assert.equal((await run({ ...limit, repositories: 'orders/api, web' }, ['aks-1', 'aks-2'])).result, 'succeeded', 'a condition that grows takes no room');
  });

  it('follows a registry whose mode was changed, and says what the old grant is worth', async () => {
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: 'LegacyRegistryPermissions' });
    await federate();
    assert.equal((await run()).result, 'succeeded');
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
    const result = await run();
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(grants(), ['AcrPull: all', 'Container Registry Repository Reader: orders/api']);
    const change = result.plan.find(({ resource }) => resource.kind === 'grant')?.change;
    assert.ok(change?.action === 'create' && change.fields.some(({ field, after }) => field === 'without effect in the mode AbacRepositoryPermissions' && after.startsWith('AcrPull, assignment ')));
  });

  it('grants AcrDelete where roles are for the whole registry, and proves that it neither pushes', async () => {
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: 'LegacyRegistryPermissions' });
    await federate();
    assert.deepEqual(proofs(await run({ role: 'AcrDelete' })), ['exercised: registry token for crunit carries delete on orders/api, push refused (as it should be)']);
    assert.deepEqual(grants(), ['AcrDelete: all']);
  });

  it('fails where the identity reaches what nobody granted it', async () => {
    await federate();
    const anyone = rig.world.arm.identities.find('id-orders-aks-1').principalId;
    const custom = idOf('a custom role');
    rig.world.roles.define({ id: custom, name: 'custom', actions: [], notActions: [], dataActions: ['Microsoft.ContainerRegistry/registries/repositories/*'], notDataActions: [] });
    rig.world.roles.add({ name: idOf('custom grant'), scope: `/subscriptions/${subscriptionId}`, principalId: anyone, principalType: 'ServicePrincipal', roleDefinitionId: custom });
    const result = await run();
    assert.deepEqual([result.result, proofs(result)], ['failed', ['failed: WI2514']]);
  });

  it('goes on until replicas that learn of a grant one after another agree', async () => {
    await federate();
    Object.assign(rig.world.registries.get('crunit')?.knobs ?? {}, { replicas: 3, replicaLagMs: 60_000 });
    const before = rig.clock.monotonic();
    assert.equal((await run()).result, 'succeeded');
    assert.ok(rig.clock.monotonic() - before >= 120_000, 'the last replica knows it');
  });

  it('takes an unreachable registry for granted and not exercised, and the run has issues', async () => {
    await federate();
    const message = "client with IP '203.0.113.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.";
    rig.network.faults.plant({ service: 'registry', respond: { status: 403, body: { errors: [{ code: 'DENIED', message }] } } });
    const walled = await run();
    assert.deepEqual([walled.result, grants()], ['succeededWithIssues', ['Container Registry Repository Reader: orders/api']]);
    assert.deepEqual(proofs(walled), ['observed: AcrPull on crunit read back; granted, not exercised, since this agent does not reach the registry']);
    const [outcome] = walled.proofs.map((proof) => proof.outcome);
    assert.ok(outcome !== undefined && 'shortfall' in outcome && outcome.shortfall.code === 'WI2505');
  });

  it('asks for no token where nothing is to be proven, and says so', async () => {
    await federate();
    const result = await run({ proveFrom: 'none', repositories: 'orders/api' });
    assert.deepEqual([result.result, proofs(result)], ['succeeded', ['none: not proven, as the input proveFrom says; what was written was read back']]);
    assert.deepEqual([asked('registry'), asked('kubernetes').filter((path) => path.includes('/token'))], [[], []]);
    assert.ok(!result.preflight.permissions.some(({ action }) => action.includes('token')));
  });

  it('needs no repository in the legacy mode where nothing is proven', async () => {
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: 'LegacyRegistryPermissions' });
    await federate();
    assert.equal((await run({ proveFrom: 'none', repositories: '' })).result, 'succeeded');
    rig.world.arm.registries.edit('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
    const result = await run({ proveFrom: 'none', repositories: '' });
    assert.deepEqual([result.result, result.preflight.findings.map(({ problem }) => problem.code)], ['failed', ['WI2511']]);
  });

  it('proves nothing for FederateServiceAccount either with proveFrom: none', async () => {
    const { result } = await rig.runTask(federateServiceAccount, ['aks-1'], { ...workload, proveFrom: 'none' });
    assert.deepEqual([result.result, result.proofs.map(({ outcome }) => outcome.level)], ['succeeded', ['none']]);
    assert.deepEqual(asked('kubernetes').filter((path) => path.includes('/token')), []);
  });

  for (const [principalType, kind] of [['Group', 'group'], ['User', 'user'], ['ServicePrincipal', 'application']] as const) {
    it(`grants to a ${principalType} by its object id, once for each registry, looking at no cluster`, async () => {
      const crother = await rig.addRegistry('crother', { roleAssignmentMode: 'LegacyRegistryPermissions' });
      const { objectId } = rig.world.directory.add({ displayName: 'developers', kind });
      const clusters = JSON.stringify([clusterId('gone-1'), clusterId('gone-2'), { cluster: clusterId('gone-3'), registry: crother }]);
      const inputs = { principal: 'objectId', principalId: objectId.toUpperCase(), principalType, registry: 'rg-dev/crunit', repositories: 'orders/*' };
      const { result, outputs } = await rig.runTask(grantRegistryRole, clusters, inputs);
      assert.equal(result.result, 'succeeded');
      assert.deepEqual(grants(objectId).sort(), ['AcrPull: all', 'Container Registry Repository Reader: orders/*']);
      assert.deepEqual(new Set(rig.world.roles.assignments().filter((entry) => entry.principalId === objectId).map((entry) => entry.principalType)), new Set([principalType]));
      assert.deepEqual(proofs(result).sort(), ['observed: AcrPull on crother read back; only that principal could exercise it', 'observed: Container Registry Repository Reader on orders/* of crunit read back; only that principal could exercise it']);
      assert.equal(asked('arm').filter((path) => path.includes('/managedClusters/')).length, 0);
      assert.deepEqual(Object.keys(JSON.parse(outputs.registries ?? '') as object), ['gone-1', 'gone-2', 'gone-3']);
      rig.network.log.clear();
      assert.deepEqual([(await rig.runTask(grantRegistryRole, clusters, inputs)).result.result, rig.writes()], ['succeeded', []]);
    });
  }

  it('says what Azure says of a principal of another type', async () => {
    const { objectId } = rig.world.directory.add({ displayName: 'developers', kind: 'group' });
    const { result } = await rig.runTask(grantRegistryRole, ['aks-1'], { principal: 'objectId', principalId: objectId, principalType: 'User', registry: 'rg-dev/crunit', repositories: 'web' });
    const problem = result.applied.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem] : []))[0];
    assert.deepEqual([result.result, problem?.serviceCode], ['failed', 'UnmatchedPrincipalType']);
  });

  it('grants to kubelets on repositories, marked with the cluster that they belong to', async () => {
    const kubelet = JSON.stringify(rig.world.arm.clusters.find('aks-1').resource.properties.identityProfile).replace(/.*"objectId":"([^"]+)".*/, '$1');
    rig.world.directory.add({ displayName: 'agentpool', objectId: kubelet, kind: 'managedIdentity' });
    const { result } = await rig.runTask(grantRegistryRole, ['aks-1'], { principal: 'kubelet', registry: 'rg-dev/crunit', repositories: 'orders/*' });
    assert.deepEqual([result.result, grants(kubelet)], ['succeeded', ['Container Registry Repository Reader: orders/*']]);
    assert.deepEqual(proofs(result), ['observed: Container Registry Repository Reader on orders/* of crunit read back; only a node could exercise it']);
    const [made] = rig.world.roles.assignments().filter(({ principalId }) => principalId === kubelet);
    assert.deepEqual(grantMark(made?.description), { workload: 'kubelet of aks-1', principal: clusterId(), run: 'unit 1' });
  });

  it('grants in another subscription with the connection that may, and looks its rights up there', async () => {
    await federate();
    const registry = await rig.world.addRegistry({ subscriptionId: other, group: 'rg-dev', name: 'crshared', location: 'westeurope', properties: {} });
    registry.addImage('orders/api', '1.0.0');
    for (const { name, principalId, scope } of rig.world.roles.assignments()) if (principalId === rig.deployer.objectId && scope.endsWith(other)) rig.world.roles.remove(name);
    const connection = rig.otherConnection('registries', other);
    const inputs = { registry: 'rg-dev/crshared', registryConnection: 'registries' };
    const barred = await run(inputs, ['aks-1'], { connections: [connection] });
    assert.deepEqual([barred.result, barred.preflight.findings[0]?.problem.code], ['failed', 'WI2002']);
    const { signIn } = connection;
    const caller = signIn.kind === 'secret' ? rig.world.directory.byAppId(signIn.clientId) : undefined;
    assert.ok(caller !== undefined);
    rig.world.assign(caller.objectId, 'Reader', `/subscriptions/${other}`);
    const lacking = await run(inputs, ['aks-1'], { connections: [connection] });
    assert.match(lacking.preflight.findings[0]?.problem.because ?? '', /the principal of the service connection registries lacks Microsoft\.Authorization\/roleAssignments\/write/);
    rig.world.assign(caller.objectId, 'User Access Administrator', `/subscriptions/${other}`);
    rig.network.log.clear();
    const result = await run(inputs, ['aks-1'], { connections: [connection] });
    assert.deepEqual([result.result, grants()], ['succeeded', ['AcrPull: all']]);
    assert.ok(rig.network.log.writes('arm').every(({ principal }) => principal === caller.objectId));
  });
});
