import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import { roles } from '../../../tasks/_shared/azure/roles.js';
import { describeGrant } from '../../../tasks/_shared/fleet/marks.js';
import { credentialName } from '../../../tasks/_shared/fleet/names.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { takeKeysInTurn, takeKeysAgain } from '../../simulators/kernel/rsa-keys.js';
import { clusterId, group, identityId, Rig, subscriptionId, type RunChoices } from '../azure/azure-world.js';

const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-shared', identityResourceGroup: 'rg-dev', workload: 'orders', keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' };

describe('prune', () => {
  let rig: Rig;
  let vault: string;
  beforeEach(async () => {
    takeKeysAgain();
    rig = await Rig.start();
    for (const name of ['aks-1', 'aks-2']) await rig.addCluster(name, 'ready');
    vault = await rig.addVault();
  });
  after(takeKeysInTurn);
  type End = Promise<{ result: RunResult; outputs: Readonly<Record<string, string>> }>;
  const run = (inputs: Record<string, string> = {}, clusters: readonly string[] = ['aks-1'], choices: RunChoices = {}): End => rig.runTask(federateServiceAccount, clusters, { ...given, ...inputs }, choices);
  const pruning = (inputs: Record<string, string> = {}, clusters?: readonly string[], choices?: RunChoices): End => run({ ...inputs, prune: 'true' }, clusters, choices);
  const federated = async (inputs: Record<string, string> = {}): Promise<void> => {
    assert.equal((await run(inputs, ['aks-1', 'aks-2'])).result.result, 'succeeded');
    rig.network.log.clear();
  };
  const trusts = (): string[] => rig.world.arm.identities.find('id-shared').credentials.trusts().map(({ subject, issuer }) => `${subject.split(':').slice(2).join('/')} ${issuer === rig.issuer() ? 'aks-1' : 'else'}`);
  const left = (result: RunResult): string => result.proofs.flatMap(({ outcome }) => ('shortfall' in outcome ? [`${outcome.shortfall.code} ${outcome.shortfall.what}: ${outcome.shortfall.because}`] : [])).join();
  const deletions = (result: RunResult): string[] => result.plan.flatMap(({ resource, change }) => (change.action === 'delete' ? [`${resource.kind} ${resource.name.replace(/-[0-9a-f]{8}$/, '')}: ${change.reason}`] : []));
  const assignments = (): string[] => rig.world.roles.assignments().map(({ name }) => name);
  const orphan = (name: string, principal: string, more: { principalId?: string; scope?: string; run?: string } = {}): string => {
    const description = describeGrant({ workload: 'orders/api', principal, run: more.run ?? 'long ago' });
    rig.world.roles.add({ name: idOf(name), scope: more.scope ?? `${vault}/secrets/billing-db`, principalId: more.principalId ?? idOf(`gone ${name}`), principalType: 'ServicePrincipal', roleDefinitionId: roles['Key Vault Secrets User'], description });
    return idOf(name);
  };

  it('removes the credential of a cluster that is gone, shows it first, and writes nothing the second time', async () => {
    await federated();
    rig.world.removeCluster('aks-2');
    assert.deepEqual([deletions((await run()).result), trusts().length], [[], 2]);
    const dry = await pruning({}, ['aks-1'], { dryRun: true });
    assert.deepEqual([dry.result.result, rig.writes()], ['succeeded', []]);
    assert.match(deletions(dry.result).join(), /^federated credential wi-aks-2-orders-api: its cluster is gone: none that this connection sees has its issuer or its name, and nothing is served at https/);
    const { result } = await pruning();
    assert.deepEqual([result.result, trusts(), rig.writes().map((line) => line.replace(/\/.*/, ''))], ['succeeded', ['orders/api aks-1'], ['DELETE federatedIdentityCredentials']]);
    assert.deepEqual(deletions(result), deletions(dry.result));
    rig.network.log.clear();
    assert.deepEqual([(await pruning()).result.result, rig.writes()], ['succeeded', []]);
  });

  it('leaves the credential of a cluster that is in no run, but is there: by its name, by its issuer, in the identity’s subscription', async () => {
    await federated();
    const { result } = await pruning();
    assert.deepEqual([deletions(result), trusts().length, left(result)], [[], 2, '']);
  });

  it('leaves a credential whose issuer is still served, whose host does not answer, or whose clusters cannot be listed, and says why', async () => {
    await federated();
    rig.world.removeCluster('aks-2', 'served');
    const served = await pruning();
    assert.deepEqual([served.result.result, trusts().length], ['succeededWithIssues', 2]);
    assert.match(left(served.result), /WI2315 Federated credential wi-aks-2-orders-api-\w+ of identity id-shared was not pruned: no cluster of it is seen, but its issuer .* is still served/);
    rig.world.issuers.unreachable = true;
    const silent = await pruning();
    assert.match(left(silent.result), /its issuer does not say whether it is still served/);
    rig.world.issuers.unreachable = false;
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /subscriptions\/[^/]+\/providers\/Microsoft.ContainerService\/managedClusters\?/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'you may not list' } } } });
    const blind = await pruning();
    assert.match(left(blind.result), /the clusters of subscription .* cannot be listed: you may not list/);
    assert.equal(trusts().length, 2);
  });

  it('does not take a host that no name server knows for gone: all clusters of a region share it', async () => {
    await federated();
    rig.world.arm.identities.find('id-shared').credentials.set(credentialName(clusterId('aks-9'), 'aks-9', 'orders', 'api'), 'https://nowhere.example/tenant/uuid/', 'system:serviceaccount:orders:api');
    const { result } = await pruning();
    assert.deepEqual([result.result, deletions(result), trusts().length], ['succeededWithIssues', [], 3]);
    assert.match(left(result), /WI2315 Federated credential wi-aks-9-orders-api-\w+ of identity id-shared was not pruned: its issuer does not say whether it is still served: .*nowhere\.example/);
  });

  it('touches no credential of somebody else, whatever it refers to', async () => {
    await federated();
    const { credentials } = rig.world.arm.identities.find('id-shared');
    credentials.set('by-hand', 'https://nowhere.example/a/', 'system:serviceaccount:orders:api');
    credentials.set('wi-aks-9-orders-api', 'https://nowhere.example/b/', 'system:serviceaccount:orders:api');
    credentials.set('wi-aks-9-other-name-0123abcd', 'https://nowhere.example/c/', 'system:serviceaccount:orders:api');
    credentials.set('aks-identity-binding', 'https://nowhere.example/d/', 'system:serviceaccount:orders:api');
    const { result } = await pruning();
    assert.deepEqual([deletions(result), trusts().length, left(result)], [[], 6, '']);
  });

  it('removes the credential of a service account that is gone from a cluster of the run', async () => {
    await federated();
    await run({ serviceAccount: 'web' });
    rig.world.clusters.get('aks-1')!.remove('ServiceAccount', 'orders', 'web');
    const { result } = await pruning();
    assert.match(deletions(result).join(), /^federated credential wi-aks-1-orders-web: service account orders\/web is gone from aks-1$/);
    assert.deepEqual([result.result, trusts().sort()], ['succeeded', ['orders/api aks-1', 'orders/api else']]);
  });

  it('does not take a credential that the run itself wants, though its service account is yet to be made', async () => {
    await federated();
    rig.world.clusters.get('aks-1')!.remove('ServiceAccount', 'orders', 'api');
    const { result } = await pruning({ createServiceAccount: 'false' });
    assert.deepEqual([deletions(result), trusts().length], [[], 2]);
  });

  it('leaves the credential of a cluster that does not answer', async () => {
    await federated();
    await run({ serviceAccount: 'web' });
    rig.network.faults.plant({ service: 'kubernetes/aks-1', method: 'GET', path: /serviceaccounts\/web/, respond: { status: 403, body: { kind: 'Status', message: 'forbidden', reason: 'Forbidden', code: 403 } } });
    const { result } = await pruning();
    assert.equal(deletions(result).length, 0);
    assert.match(left(result), /aks-1 does not say whether service account orders\/web is there/);
  });

  it('removes its grants whose identity is gone or was made anew, and no other', async () => {
    await federated();
    const gone = orphan('identity is gone', identityId('id-gone'));
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-anew', 'westeurope');
    const anew = orphan('identity was made anew', identityId('id-anew'), { scope: `${vault}/secrets/orders-api-key` });
    const there = orphan('identity is there', identityId('id-anew'), { principalId: rig.world.arm.identities.find('id-anew').principalId });
    const foreign = idOf('of somebody');
    rig.world.roles.add({ name: foreign, scope: vault, principalId: idOf('nobody'), principalType: 'ServicePrincipal', roleDefinitionId: roles.AcrPull, description: 'made by hand' });
    const elsewhere = orphan('elsewhere', identityId('id-gone'), { scope: vault.replace('kv-unit', 'kv-other') });
    const above = [group, `/subscriptions/${subscriptionId}`].map((scope) => orphan(`above, at ${scope}`, identityId('id-gone'), { scope }));
    const { result } = await pruning();
    assert.equal(result.result, 'succeeded');
    assert.deepEqual([gone, anew, there, foreign, elsewhere, ...above].map((name) => assignments().includes(name)), [false, false, true, true, true, true, true]);
    assert.match(deletions(result).join(' | '), /grant Key Vault Secrets User on kv-unit \/ secrets \/ billing-db: id-gone is gone \(assignment .*made for orders\/api by long ago\)/);
    rig.network.log.clear();
    await pruning();
    assert.deepEqual(rig.writes(), []);
  });

  it('leaves a grant whose identity cannot be read, and says so', async () => {
    await federated();
    const unread = orphan('cannot be read', identityId('id-secret'));
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /userAssignedIdentities\/id-secret/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'you may not read it' } } } });
    const { result } = await pruning();
    assert.ok(assignments().includes(unread));
    assert.match(left(result), /WI2315 Grant Key Vault Secrets User on kv-unit \/ secrets \/ billing-db .* was not pruned: you may not read it/);
  });

  it('does not take what lies in a subscription that is not seen for gone', async () => {
    await federated();
    const far = idOf('subscription of others');
    const there = [identityId('id-far'), clusterId('aks-far')].map((id) => orphan(`for ${id}`, id.replace(subscriptionId, far)));
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: new RegExp(`/subscriptions/${far}/`), respond: { status: 404, body: { error: { code: 'SubscriptionNotFound', message: `The subscription '${far}' could not be found.` } } } });
    const { result } = await pruning();
    assert.ok(there.every((name) => assignments().includes(name)));
    assert.match(JSON.stringify(result.proofs), /was not pruned.*The subscription .* could not be found/);
  });

  it('removes grants on registries of identities and nodes that are gone', async () => {
    const registry = await rig.addRegistry();
    await federated();
    const inputs = { ...given, registry: 'rg-dev/crunit', repositories: 'orders/api', keyVault: '', secrets: '' };
    const ofNodes = orphan('of nodes', clusterId('aks-gone'), { scope: registry });
    const ofOldNodes = orphan('of old nodes', clusterId('aks-2'), { scope: registry });
    const ofIdentity = orphan('of an identity', identityId('id-gone'), { scope: registry });
    const { result } = await rig.runTask(grantRegistryRole, ['aks-1'], { ...inputs, prune: 'true' });
    assert.equal(result.result, 'succeeded');
    assert.deepEqual([ofNodes, ofOldNodes, ofIdentity].map((name) => assignments().includes(name)), [false, false, false]);
  });

  it('leaves the grant of nodes whose identity another cluster uses as well', async () => {
    const registry = await rig.addRegistry();
    await federated();
    const kubelet = JSON.stringify(rig.world.arm.clusters.find('aks-2').resource.properties.identityProfile).replace(/.*"objectId":"([^"]+)".*/, '$1');
    const shared = orphan('of shared nodes', clusterId('aks-gone'), { scope: registry, principalId: kubelet.toUpperCase() });
    const inputs = { ...given, registry: 'rg-dev/crunit', repositories: 'orders/api', keyVault: '', secrets: '', prune: 'true' };
    const { result } = await rig.runTask(grantRegistryRole, ['aks-1'], inputs);
    assert.deepEqual([result.result, deletions(result), assignments().includes(shared)], ['succeeded', [], true]);
    rig.world.removeCluster('aks-2');
    assert.equal((await rig.runTask(grantRegistryRole, ['aks-1'], inputs)).result.result, 'succeeded');
    assert.ok(!assignments().includes(shared));
  });

  it('makes room for the credentials of the same run', async () => {
    await federated();
    rig.world.removeCluster('aks-2');
    const { credentials } = rig.world.arm.identities.find('id-shared');
    for (let index = credentials.trusts().length; index < 20; index += 1) credentials.set(`theirs-${index}`, 'https://issuer.example/', `somebody ${index}`);
    const full = await run({ serviceAccount: 'web' });
    assert.deepEqual([full.result.result, full.result.preflight.findings.map(({ problem }) => problem.code)], ['failed', ['WI2203']]);
    const { result } = await pruning({ serviceAccount: 'web' });
    assert.deepEqual([result.result, credentials.trusts().length, trusts().includes('orders/web aks-1')], ['succeeded', 20, true]);
  });

  it('lets an identity go whose other credentials are pruned in the same run', async () => {
    await federated();
    rig.world.removeCluster('aks-2');
    const stays = await run({ state: 'absent' }, ['aks-1'], { dryRun: true });
    assert.ok(!deletions(stays.result).some((line) => line.startsWith('identity')));
    const { result } = await pruning({ state: 'absent' });
    assert.deepEqual([result.result, rig.world.arm.identities.all().length], ['succeeded', 0]);
  });
});
