import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { roles } from '../../../tasks/_shared/azure/roles.js';
import { describeGrant, grantName } from '../../../tasks/_shared/fleet/marks.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { takeKeysInTurn, takeKeysAgain } from '../../simulators/kernel/rsa-keys.js';
import type { KubernetesObject } from '../../simulators/kubernetes/objects/values.js';
import { snapshot } from '../../simulators/world/snapshot.js';
import { clusterId, group, identityId, Rig, subscriptionId, tenantId, type RunChoices } from '../azure/azure-world.js';

const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' };
const identityName = 'id-orders-aks-1';
const role = roles['Key Vault Secrets User'];

describe('FederateServiceAccount, state absent', () => {
  let rig: Rig;
  let vault: string;
  beforeEach(async () => {
    takeKeysAgain();
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    vault = await rig.addVault();
  });
  after(takeKeysInTurn);
  type End = Promise<{ result: RunResult; outputs: Readonly<Record<string, string>> }>;
  const run = (inputs: Record<string, string> = {}, clusters: string | readonly string[] = ['aks-1'], choices: RunChoices = {}): End =>
    rig.runTask(federateServiceAccount, clusters, { ...given, ...inputs }, choices);
  const federated = async (inputs: Record<string, string> = {}, clusters: readonly string[] = ['aks-1']): Promise<void> => {
    assert.equal((await run(inputs, clusters)).result.result, 'succeeded');
    rig.network.log.clear();
  };
  const absent = (inputs: Record<string, string> = {}, clusters: readonly string[] = ['aks-1'], choices: RunChoices = {}): End => run({ ...inputs, state: 'absent' }, clusters, choices);
  const kinds = (): string[] => rig.writes().map((line) => line.replace(/\/.*/, ''));
  const left = (result: RunResult): string[] => result.proofs.flatMap(({ outcome }) => ('shortfall' in outcome ? (outcome.shortfall.details?.map(({ parts }) => parts) ?? [outcome.shortfall]).map(({ code, what }) => `${code} ${what}`) : []));
  const summaries = (result: RunResult): string => result.proofs.map(({ outcome }) => ('summary' in outcome ? outcome.summary : '')).join();
  const reasons = (result: RunResult): string[] => result.plan.flatMap(({ resource, change }) => ('reason' in change ? [`${resource.kind} ${resource.name}: ${change.action}, ${change.reason}`] : [`${resource.kind} ${resource.name}: ${change.action}, ${change.problem.because}`]));
  const api = (name = 'aks-1'): NonNullable<ReturnType<Rig['world']['clusters']['get']>> => rig.world.clusters.get(name)!;
  const account = (): KubernetesObject | undefined => api().find('ServiceAccount', 'orders', 'api');
  const identity = (name = identityName): ReturnType<Rig['world']['arm']['identities']['find']> => rig.world.arm.identities.find(name);
  const names = (): string[] => rig.world.arm.identities.all().map(({ name }) => name);
  const grants = (): string[] => rig.world.roles.assignments().filter(({ roleDefinitionId }) => roleDefinitionId === role).map(({ scope }) => scope.split('/').at(-1) ?? '');
  const annotate = (labels: Record<string, string>, annotations: Record<string, string>, manager: string): void => {
    if (api().find('Namespace', undefined, 'orders') === undefined) api().put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
    api().put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api', labels, annotations } }, manager);
  };

  it('takes back everything that a run made, in an order in which nothing is left hanging, and gives no identity', async () => {
    const inAzure = (): unknown => ({ ...snapshot(rig.world), clusters: undefined });
    const before = inAzure();
    await federated();
    const { result, outputs } = await absent();
    assert.deepEqual([result.result, kinds()], ['succeeded', ['DELETE serviceaccounts', 'DELETE roleAssignments', 'DELETE federatedIdentityCredentials', 'DELETE userAssignedIdentities']]);
    assert.deepEqual([inAzure(), account()], [before, undefined]);
    assert.deepEqual(outputs, { clientId: '', principalId: '', tenantId: '', identityId: '', clientIds: '{}', principalIds: '{}', identityIds: '{}' });
    assert.match(summaries(result), /nothing that had to go is left; namespace orders stays/);
  });

  it('writes nothing the second time, and nothing where there never was anything', async () => {
    await federated();
    await absent();
    rig.network.log.clear();
    const again = await absent();
    assert.deepEqual([again.result.result, rig.writes(), left(again.result)], ['succeeded', [], []]);
  });

  it('plans in a dry run exactly what it then does, and journals what was there before', async () => {
    await federated();
    rig.journal.splice(0);
    const { clientId, principalId } = identity();
    const dry = await absent({}, ['aks-1'], { dryRun: true });
    assert.deepEqual([dry.result.result, rig.writes()], ['succeeded', []]);
    const real = await absent();
    assert.deepEqual(reasons(dry.result), reasons(real.result));
    assert.deepEqual(rig.journal.map(({ action, object, before, outcome }) => [action, object.split('/').at(-2), before, outcome]), [
      ['delete', 'serviceaccounts', `azure.workload.identity/client-id=${clientId} azure.workload.identity/tenant-id=${tenantId}`, 'done'],
      ['delete', 'roleAssignments', `Key Vault Secrets User for ${principalId}`, 'done'],
      ['delete', 'federatedIdentityCredentials', `${rig.issuer()} system:serviceaccount:orders:api`, 'done'],
      ['delete', 'userAssignedIdentities', `client id ${clientId}, principal ${principalId}`, 'done'],
    ]);
  });

  it('asks for the rights to delete before it deletes anything', async () => {
    await federated();
    const { result } = await absent({}, ['aks-1'], { dryRun: true });
    const asked = result.preflight.permissions.filter(({ action }) => !action.endsWith('/read')).map(({ action, scope }) => `${action} at ${scope.split('/').slice(-2).join('/')}`);
    assert.deepEqual(asked.sort(), [
      `Microsoft.Authorization/roleAssignments/delete at secrets/orders-db`,
      `Microsoft.ManagedIdentity/userAssignedIdentities/delete at userAssignedIdentities/${identityName}`,
      `Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/delete at userAssignedIdentities/${identityName}`,
      'delete serviceaccounts at namespaces/orders',
    ]);
  });

  it('ends in the same state when it is cancelled after any write and run again', async () => {
    for (let after = 0; after < 4; after += 1) {
      takeKeysAgain();
      rig = await Rig.start();
      await rig.addCluster('aks-1', 'ready');
      await rig.addVault();
      await federated();
      let seen = 0;
      rig.network.faults.plant({ then: (_request, response) => {
        if (response.wrote !== undefined) seen += 1;
        if (seen > after) rig.abort.abort(new Error('stop'));
      } });
      assert.equal(await absent().then(({ result }) => result.result, () => 'failed'), 'failed', `cut after ${after + 1}`);
      const again = await rig.restarted().runTask(federateServiceAccount, ['aks-1'], { ...given, state: 'absent' });
      assert.deepEqual([again.result.result, names(), grants(), account()], ['succeeded', [], [], undefined], `cut after ${after + 1}`);
    }
  });

  it('takes back what is there of a half-made state', async () => {
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', identityName, 'westeurope').tags = { 'managed-by': 'aks-workload-identity' };
    assert.deepEqual([(await absent()).result.result, kinds(), names()], ['succeeded', ['DELETE userAssignedIdentities'], []]);
  });

  it('leaves no role assignment behind when the identity is gone already: its description still tells whose it was', async () => {
    await federated();
    const { principalId } = identity();
    rig.world.roles.add({ name: idOf('marked'), scope: `${vault}/secrets/billing-db`, principalId, principalType: 'ServicePrincipal', roleDefinitionId: role, description: describeGrant({ workload: 'orders/api', principal: identityId(identityName), run: 'long ago' }) });
    rig.world.arm.identities.remove(identityName);
    const { result } = await absent();
    assert.deepEqual([result.result, left(result)], ['succeededWithIssues', ['WI4134 Service account orders/api on aks-1 stays as it is']]);
    assert.ok(!grants().includes('billing-db'), 'an orphan is left');
  });

  it('leaves somebody’s credential, grant and identity as they are, and says what can be done about each', async () => {
    const theirs = rig.world.arm.identities.add(subscriptionId, 'rg-dev', identityName, 'westeurope');
    theirs.tags = { team: 'orders' };
    theirs.credentials.set('by-hand', rig.issuer(), 'system:serviceaccount:orders:api');
    theirs.credentials.set('github', 'https://token.actions.githubusercontent.com', 'repo:contoso/orders:ref:refs/heads/main');
    rig.world.roles.add({ name: idOf('by hand'), scope: `${vault}/secrets/orders-db`, principalId: theirs.principalId, principalType: 'ServicePrincipal', roleDefinitionId: role });
    const before = JSON.stringify([theirs.tags, theirs.credentials.views(), rig.world.roles.assignments()]);
    await federated();
    const { result } = await absent();
    assert.equal(result.result, 'succeededWithIssues');
    assert.deepEqual(kinds(), ['DELETE serviceaccounts']);
    assert.equal(JSON.stringify([theirs.tags, theirs.credentials.views(), rig.world.roles.assignments()]), before);
    assert.deepEqual(left(result).map((line) => line.split(' ')[0]), ['WI2312', 'WI2311']);
    assert.match(left(result).join(), /Grant Key Vault Secrets User on kv-unit \/ secrets \/ orders-db for id-orders-aks-1 stays.*credential by-hand still lets orders\/api on aks-1 use identity id-orders-aks-1/);
    assert.match(summaries(result), /it is not this project’s/);
    assert.deepEqual(result.preflight.notes.flatMap((note) => /^left behind: \w+/.exec(note) ?? []), ['left behind: Grant', 'left behind: Federated']);
  });

  it('keeps an identity of its own that something else uses, and names each use', async () => {
    await federated();
    identity().credentials.set('github', 'https://token.actions.githubusercontent.com', 'repo:contoso/orders:ref:refs/heads/main');
    rig.world.roles.add({ name: idOf('elsewhere'), scope: `${group}/providers/Microsoft.ContainerRegistry/registries/crother`, principalId: identity().principalId, principalType: 'ServicePrincipal', roleDefinitionId: roles.AcrPull });
    const { result } = await absent();
    assert.equal(result.result, 'succeededWithIssues');
    assert.deepEqual(kinds(), ['DELETE serviceaccounts', 'DELETE roleAssignments', 'DELETE federatedIdentityCredentials']);
    const problem = result.proofs.flatMap(({ outcome }) => ('shortfall' in outcome ? [outcome.shortfall] : []))[0];
    assert.equal(problem?.code, 'WI2313');
    assert.match(problem.because, /federated credential github \(repo:contoso.*; AcrPull on crother \(assignment/);
    assert.match(problem.remedy, /GrantRegistryRole with state absent/);
  });

  it('keeps an identity that a cluster of the fleet runs on', async () => {
    await federated();
    rig.world.arm.clusters.edit('aks-1', { addonProfiles: { azurepolicy: { identity: { resourceId: identityId(identityName) } } } });
    const { result } = await absent();
    assert.deepEqual([names(), left(result)], [[identityName], [`WI2313 Identity ${identityName} stays`]]);
  });

  it('does not delete an identity that somebody began to use meanwhile', async () => {
    await federated();
    rig.network.faults.plant({ service: 'arm', method: 'DELETE', path: /federatedIdentityCredentials/, times: 1, then: () => identity().credentials.set('late', 'https://late.example/', 'late') });
    const { result } = await absent();
    assert.deepEqual([result.result, names()], ['failed', [identityName]]);
    const outcome = result.applied.find(({ resource }) => resource.kind === 'identity')?.outcome;
    assert.ok(outcome !== undefined && 'problem' in outcome);
    assert.match(`${outcome.problem.code} ${outcome.problem.because}`, /WI2313 something else uses it: federated credential late/);
  });

  describe('of one cluster of several that share an identity', () => {
    const shared = { identity: 'id-shared', identityResourceGroup: 'rg-dev' };
    beforeEach(async () => {
      await rig.addCluster('aks-2', 'ready');
      await federated(shared, ['aks-1', 'aks-2']);
    });

    it('takes that cluster’s credential only: the others still reach what was granted', async () => {
      const { result } = await absent(shared);
      assert.deepEqual(kinds(), ['DELETE serviceaccounts', 'DELETE federatedIdentityCredentials']);
      assert.deepEqual([grants(), identity('id-shared').credentials.trusts().map(({ issuer }) => issuer)], [['orders-db'], [rig.issuer('aks-2')]]);
      assert.match(reasons(result).join('\n'), /grant Key Vault.*: keep, stays: others use the identity as well: federated credential wi-aks-2-orders-api-/);
      assert.equal((await run(shared, ['aks-2'])).result.proofs[0]?.outcome.level, 'exercised');
    });

    it('takes the rest with the last of them', async () => {
      await absent(shared);
      const { result } = await absent(shared, ['aks-2']);
      assert.deepEqual([result.result, names(), grants()], ['succeeded', [], []]);
    });

    it('takes everything when all of them go at once, and waits out another run that writes credentials', async () => {
      rig.world.arm.identities.knobs.writeMs = 3_000;
      const busy = { error: { code: 'ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity', message: 'Too many Federated Identity Credentials are written concurrently' } };
      rig.network.faults.plant({ service: 'arm', method: 'DELETE', path: /federatedIdentityCredentials/, times: 2, respond: { status: 409, body: busy } });
      const { result } = await absent(shared, ['aks-1', 'aks-2']);
      assert.deepEqual([result.result, names(), grants()], ['succeeded', [], []]);
      assert.ok(rig.progress.some((line) => line.includes('another run writes credentials of identity id-shared')));
      assert.deepEqual(rig.statuses('arm', 'DELETE', /federatedIdentityCredentials/), [409, 409, 200, 200]);
    });
  });

  it('takes credentials of an old issuer, and of a cluster that is gone: their name tells whose they are', async () => {
    await federated();
    rig.world.removeCluster('aks-1');
    const { result } = await absent();
    assert.deepEqual([result.result, names(), grants()], ['succeeded', [], []]);
    assert.match(summaries(result), /cluster aks-1 is gone, and what was in it/);
  });

  it('stops at a cluster that cannot be worked with, and leaves its credential until then', async () => {
    await federated();
    rig.world.arm.clusters.edit('aks-1', { powerState: { code: 'Stopped' } });
    const { result } = await absent();
    assert.deepEqual([result.result, rig.writes(), result.preflight.findings.length], ['failed', [], 1]);
    const without = await absent({ createServiceAccount: 'false' });
    assert.deepEqual([without.result.result, names()], ['succeeded', []]);
    assert.match(summaries(without.result), /what is in the clusters stays, as createServiceAccount is false/);
  });

  it('removes nothing further of an identity whose grants cannot be listed', async () => {
    await federated();
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /vaults\/kv-unit\/providers\/Microsoft.Authorization\/roleAssignments\?/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no' } } } });
    const { result } = await absent();
    assert.deepEqual([result.result, kinds(), result.preflight.findings.map(({ problem }) => problem.code)], ['failed', [], ['WI2002']]);
    assert.deepEqual(names(), [identityName]);
  });

  describe('in the cluster', () => {
    it('takes only its annotations off a service account of somebody else', async () => {
      annotate({ app: 'api' }, { team: 'orders' }, 'theirs');
      const before = JSON.stringify(account()?.metadata.annotations);
      await federated();
      const { result } = await absent();
      assert.equal(result.result, 'succeeded');
      assert.deepEqual([JSON.stringify(account()?.metadata.annotations), account()?.metadata.labels], [before, { app: 'api' }]);
      rig.network.log.clear();
      await absent();
      assert.deepEqual(rig.writes(), []);
    });

    it('leaves what somebody else sets to the same value, and says who', async () => {
      await federated();
      const { clientId } = identity();
      api().remove('ServiceAccount', 'orders', 'api');
      annotate({}, { 'azure.workload.identity/client-id': clientId }, 'gitops');
      await federated();
      const { result } = await absent();
      assert.deepEqual(account()?.metadata.annotations, { 'azure.workload.identity/client-id': clientId });
      assert.deepEqual(left(result), ['WI4133 Service account orders/api on aks-1 keeps the annotation azure.workload.identity/client-id']);
      rig.network.log.clear();
      await absent();
      assert.deepEqual(rig.writes(), []);
    });

    it('does not delete a service account of its own that pods use: its annotations go, and it goes later', async () => {
      await federated();
      api().put({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'orders', name: 'api-1' }, spec: { serviceAccountName: 'api', containers: [{ name: 'api', image: 'api' }] }, status: { phase: 'Running' } });
      const first = await absent();
      assert.deepEqual([account()?.metadata.annotations ?? {}, account()?.metadata.labels], [{}, { 'aks-workload-identity/managed': 'true' }]);
      assert.deepEqual(left(first.result), ['WI4131 Service account orders/api on aks-1 stays, without the identity’s annotations']);
      rig.network.log.clear();
      await absent();
      assert.deepEqual(rig.writes(), []);
      api().remove('Pod', 'orders', 'api-1');
      await absent();
      assert.equal(account(), undefined);
    });

    it('does not delete a service account of its own on which somebody else set something', async () => {
      await federated();
      api().edit('ServiceAccount', 'orders', 'api', (found) => void Object.assign(found, { imagePullSecrets: [{ name: 'theirs' }] }), 'theirs');
      const { result } = await absent();
      assert.ok(account() !== undefined);
      assert.match(result.proofs.flatMap(({ outcome }) => ('shortfall' in outcome ? [outcome.shortfall.because] : [])).join(), /in use: fields of theirs/);
    });
  });

  it('knows its own grants by their name alone, as earlier versions made them', async () => {
    await federated();
    const scope = `${vault}/secrets/orders-api-key`;
    rig.world.roles.add({ name: grantName(scope, role, identity().principalId), scope, principalId: identity().principalId, principalType: 'ServicePrincipal', roleDefinitionId: role, description: 'aks-workload-identity: secret orders-api-key for orders/api' });
    const { result } = await absent();
    assert.deepEqual([result.result, grants()], ['succeeded', []]);
  });

  it('says that it takes back in a list of clusters with settings of their own, too', async () => {
    const other = await rig.addVault('kv-other');
    await rig.addCluster('aks-2', 'ready');
    const list = JSON.stringify([clusterId('aks-1'), { cluster: clusterId('aks-2'), keyVault: other, secrets: ['orders-api-key'], identity: 'id-own' }]);
    assert.equal((await run({}, list)).result.result, 'succeeded');
    const { result } = await run({ state: 'absent' }, list);
    assert.deepEqual([result.result, names(), grants()], ['succeeded', [], []]);
  });
});
