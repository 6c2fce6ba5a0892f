import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { writes } from '../../../tasks/_shared/reconcile/resource.js';
import { roles } from '../../../tasks/_shared/azure/roles.js';
import { clusterId, identityId, problemOf, Rig, subscriptionId, tenantId, type RunChoices } from '../azure/azure-world.js';

const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' };
const identityName = 'id-orders-aks-1';

describe('FederateServiceAccount', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    await rig.addVault();
  });
  const run = (inputs: Record<string, string> = {}, clusters: string | readonly string[] = ['aks-1'], choices: RunChoices = {}): Promise<{ result: RunResult; outputs: Readonly<Record<string, string>> }> =>
    rig.runTask(federateServiceAccount, clusters, { ...given, ...inputs }, choices);
  const trusts = (name: string): string[] => rig.world.arm.identities.find(name).credentials.trusts().map(({ issuer, subject }) => `${issuer} ${subject}`);
  const changes = (result: RunResult): unknown[] => result.plan.map(({ resource, change }) => [resource.kind, resource.name, resource.cluster, change]);
  const proofOf = (result: RunResult): { level: string; text: string; code?: string } => {
    const outcome = result.proofs[0]?.outcome;
    if (outcome === undefined) throw new Error('nothing was proven');
    return 'problem' in outcome ? { level: outcome.level, text: outcome.problem.because, code: outcome.problem.code } : { level: outcome.level, text: outcome.summary };
  };

  it('takes a service account from nothing to proven access, and gives its identity', async () => {
    const { result, outputs } = await run();
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(rig.writes().map((line) => line.replace(/(wi-aks-1-orders-api|roleAssignments\/).*/, '$1…')).sort(), [
      'PATCH namespaces/orders', 'PATCH serviceaccounts/api', 'PUT federatedIdentityCredentials/wi-aks-1-orders-api…', 'PUT roleAssignments/…', `PUT userAssignedIdentities/${identityName}`,
    ]);
    const identity = rig.world.arm.identities.find(identityName);
    assert.deepEqual(trusts(identityName), [`${rig.issuer()} system:serviceaccount:orders:api`]);
    const account = rig.world.clusters.get('aks-1')?.find('ServiceAccount', 'orders', 'api');
    assert.deepEqual(account?.metadata.annotations, { 'azure.workload.identity/client-id': identity.clientId, 'azure.workload.identity/tenant-id': tenantId });
    assert.deepEqual(proofOf(result), { level: 'exercised', text: 'token after 0.0 s → secret orders-db of kv-unit readable, another name refused (as it should be)' });
    const id = identityId(identityName).replace('resourceGroups', 'resourcegroups');
    const { clientId, principalId } = identity;
    const map = (value: string): string => JSON.stringify({ 'aks-1': value });
    assert.deepEqual(outputs, { clientId, principalId, tenantId, identityId: id, clientIds: map(clientId), principalIds: map(principalId), identityIds: map(id) });
    assert.ok(!JSON.stringify([rig.debug, rig.progress, rig.journal, outputs, proofOf(result)]).includes('canary'));
  });

  it('writes nothing the second time, proves again, and gives the same outputs', async () => {
    const first = await run();
    rig.network.log.clear();
    const second = await run();
    assert.deepEqual([second.result.result, rig.writes(), second.outputs, proofOf(second.result).level], ['succeeded', [], first.outputs, 'exercised']);
  });

  it('plans in a dry run exactly what it then does, one write or more for each change and none without', async () => {
    const dry = await run({}, ['aks-1'], { dryRun: true });
    assert.deepEqual([dry.result.result, rig.writes(), dry.result.proofs], ['succeeded', [], []]);
    assert.deepEqual(dry.outputs, { clientId: '', principalId: '', tenantId: '', identityId: '', clientIds: '{}', principalIds: '{}', identityIds: '{}' });
    const real = await run();
    assert.deepEqual(changes(dry.result), changes(real.result));
    const planned = dry.result.plan.filter(({ change }) => writes(change)).map(({ resource }) => resource.key);
    assert.deepEqual([...new Set(rig.journal.map(({ resource }) => resource))].sort(), planned.sort());
  });

  it('makes one identity per cluster and federates each with its own cluster only', async () => {
    await rig.addCluster('aks-2', 'ready');
    const { result, outputs } = await run({}, ['aks-1', 'aks-2']);
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(['aks-1', 'aks-2'].map((name) => trusts(`id-orders-${name}`)), ['aks-1', 'aks-2'].map((name) => [`${rig.issuer(name)} system:serviceaccount:orders:api`]));
    assert.deepEqual([outputs.clientId, outputs.identityId, outputs.tenantId], ['', '', tenantId]);
    assert.deepEqual(Object.keys(JSON.parse(outputs.clientIds ?? '') as object), ['aks-1', 'aks-2']);
  });

  it('shares one identity across clusters by its ARM id: made by somebody else, one credential per cluster, one grant', async () => {
    await rig.addCluster('aks-2', 'ready');
    const { clientId, principalId } = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-shared', 'westeurope');
    const { result, outputs } = await run({ identity: identityId('id-shared') }, ['aks-1', 'aks-2']);
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(trusts('id-shared').sort(), ['aks-1', 'aks-2'].map((name) => `${rig.issuer(name)} system:serviceaccount:orders:api`).sort());
    assert.deepEqual(rig.world.roles.assignments().filter((entry) => entry.principalId === principalId).length, 1);
    assert.deepEqual([outputs.clientId, JSON.parse(outputs.clientIds ?? '')], [clientId, { 'aks-1': clientId, 'aks-2': clientId }]);
    assert.deepEqual(result.proofs.map(({ outcome }) => outcome.level), ['exercised', 'exercised']);
    rig.network.log.clear();
    await run({ identity: identityId('id-shared') }, ['aks-1', 'aks-2']);
    assert.deepEqual(rig.writes(), []);
  });

  it('lets a shared identity serve the other clusters when one of them is stopped', async () => {
    await rig.addCluster('aks-2', 'ready');
    rig.world.arm.clusters.edit('aks-1', { powerState: { code: 'Stopped' } });
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-shared', 'westeurope');
    const { result } = await run({ identity: identityId('id-shared') }, ['aks-1', 'aks-2']);
    assert.equal(result.result, 'failed');
    assert.deepEqual(trusts('id-shared'), [`${rig.issuer('aks-2')} system:serviceaccount:orders:api`]);
    assert.deepEqual(result.proofs.map(({ proof, outcome }) => [proof.cluster, outcome.level]), [['aks-1', 'skipped'], ['aks-2', 'exercised']]);
  });

  it('never federates what a cluster of the fleet runs on, whichever cluster that is', async () => {
    await rig.addCluster('aks-2', 'ready');
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-shared', 'westeurope');
    rig.world.arm.clusters.edit('aks-2', { addonProfiles: { azurepolicy: { identity: { resourceId: identityId('id-shared') } } } });
    const { result } = await run({ identity: identityId('id-shared') }, ['aks-1', 'aks-2']);
    assert.equal(result.result, 'failed');
    assert.deepEqual([trusts('id-shared'), rig.writes('arm')], [[], []]);
  });

  it('waits for EnableWorkloadIdentity: a note in a dry run, an obstacle in a real one', async () => {
    await rig.addCluster('aks-2');
    const dry = await run({}, ['aks-2'], { dryRun: true });
    assert.deepEqual([dry.result.result, dry.result.preflight.findings.map(({ problem, awaits }) => [problem.code, awaits])], ['succeeded', [['WI2105', true]]]);
    const real = await run({}, ['aks-2']);
    assert.deepEqual([real.result.result, rig.writes()], ['failed', []]);
  });

  it('takes each cluster’s own vault and secrets from the list', async () => {
    await rig.addCluster('aks-2', 'ready');
    const other = await rig.addVault('kv-other');
    const list = JSON.stringify([clusterId('aks-1'), { cluster: clusterId('aks-2'), keyVault: other, secrets: ['orders-api-key', 'orders-db'], identity: 'id-own' }]);
    const { result } = await run({}, list);
    assert.equal(result.result, 'succeeded');
    const scopes = rig.world.roles.assignments().filter(({ roleDefinitionId }) => roleDefinitionId === roles['Key Vault Secrets User']).map(({ scope }) => scope.split('/').slice(-3).join('/'));
    assert.deepEqual(scopes.sort(), ['kv-other/secrets/orders-api-key', 'kv-other/secrets/orders-db', 'kv-unit/secrets/orders-db']);
    assert.match(JSON.stringify(result.proofs[1]?.outcome), /secrets orders-api-key, orders-db of kv-other readable/);
  });

  it('grants no secret and needs no vault where none is named', async () => {
    const { result } = await run({ keyVault: '', secrets: '' });
    assert.deepEqual([result.result, proofOf(result)], ['succeeded', { level: 'exercised', text: 'token after 0.0 s' }]);
    assert.ok(!rig.writes().some((line) => line.includes('roleAssignments')));
    assert.equal(rig.network.log.all('vault').length, 0);
  });

  it('makes no grant on a vault that would ignore it, and finishes everything else', async () => {
    rig.world.arm.vaults.edit('kv-unit', { enableRbacAuthorization: false });
    const { result } = await run();
    assert.deepEqual([result.result, result.preflight.findings.map(({ problem }) => problem.code)], ['failed', ['WI2402']]);
    assert.ok(!rig.writes().some((line) => line.includes('roleAssignments')));
    assert.equal(trusts(identityName).length, 1);
  });

  it('leaves the cluster alone where it shall, and says that nothing was exercised', async () => {
    const { result } = await run({ createServiceAccount: 'false' });
    assert.equal(result.result, 'succeeded');
    assert.deepEqual(rig.writes('kubernetes'), []);
    assert.deepEqual([proofOf(result).level, rig.network.log.all('vault').length], ['observed', 0]);
    assert.match(proofOf(result).text, /nothing exercised, since the service account does not exist/);
  });

  it('waits out everything that takes time in Azure at once', async () => {
    Object.assign(rig.world.entra.knobs, { credentialVisibleMs: 20_000, replicas: 2, replicaLagMs: 10_000 });
    rig.world.roles.effectMs = 90_000;
    rig.clock.advance(90_000);
    rig.world.arm.identities.knobs.buckets = true;
    const { result } = await run();
    assert.equal(result.result, 'succeeded');
    assert.match(proofOf(result).text, /^token after \d\d\.\d s → secret orders-db/);
  });

  it('fails when the proof shows more than was granted', async () => {
    await run();
    rig.world.assign(rig.world.arm.identities.find(identityName).principalId, 'Key Vault Secrets User', rig.world.arm.vaults.find('kv-unit').id);
    const { result } = await run();
    assert.deepEqual([result.result, proofOf(result).level, proofOf(result).code], ['failed', 'failed', 'WI2406']);
  });

  it('heals what somebody took away, and nothing else', async () => {
    await run();
    rig.world.arm.identities.find(identityName).credentials.remove();
    rig.network.log.clear();
    const { result } = await run();
    assert.deepEqual([result.result, rig.writes().map((line) => line.split('/')[0])], ['succeeded', ['PUT federatedIdentityCredentials']]);
  });

  it('ends in the same state when it is cancelled after any write and run again', async () => {
    const writesOfOneRun = 5;
    for (let after = 0; after < writesOfOneRun; after += 1) {
      rig = await Rig.start();
      await rig.addCluster('aks-1', 'ready');
      await rig.addVault();
      let seen = 0;
      rig.network.faults.plant({ then: (_request, response) => {
        if (response.wrote !== undefined) seen += 1;
        if (seen > after) rig.abort.abort(new Error('stop'));
      } });
      const cut = await run().then(({ result }) => result.result, () => 'failed');
      assert.equal(cut, 'failed', `cut after ${after + 1}`);
      const again = await rig.restarted().runTask(federateServiceAccount, ['aks-1'], given);
      assert.deepEqual([again.result.result, trusts(identityName).length], ['succeeded', 1]);
    }
  });

  describe('for several service accounts', () => {
    const several = { namespace: '', serviceAccount: '', workload: '', identity: 'id-{serviceAccount}-{cluster}', serviceAccounts: 'orders/api = orders-db\norders/web = orders-api-key\nshop/front' };
    const grantsOf = (name: string): string[] => {
      const { principalId } = rig.world.arm.identities.find(name);
      return rig.world.roles.assignments().filter((entry) => entry.principalId === principalId).map(({ scope }) => scope.split('/').at(-1) ?? '').sort();
    };

    it('gives each its own identity, credential and secrets', async () => {
      await rig.addCluster('aks-2', 'ready');
      const { result, outputs } = await run({ ...several, secrets: 'billing-db' }, ['aks-1', 'aks-2']);
      assert.equal(result.result, 'succeeded');
      for (const cluster of ['aks-1', 'aks-2']) {
        assert.deepEqual(['api', 'web', 'front'].map((name) => grantsOf(`id-${name}-${cluster}`)), [['orders-db'], ['orders-api-key'], ['billing-db']]);
        assert.deepEqual(trusts(`id-front-${cluster}`), [`${rig.issuer(cluster)} system:serviceaccount:shop:front`]);
      }
      assert.deepEqual(Object.keys(JSON.parse(outputs.clientIds ?? '') as object), ['aks-1', 'aks-2'].flatMap((name) => ['orders/api', 'orders/web', 'shop/front'].map((account) => `${name}/${account}`)));
      assert.deepEqual([outputs.clientId, outputs.identityId, outputs.tenantId, result.proofs.length], ['', '', tenantId, 6]);
      rig.network.log.clear();
      await run({ ...several, secrets: 'billing-db' }, ['aks-1', 'aks-2']);
      assert.deepEqual(rig.writes(), []);
    });

    it('lets them share one identity: a credential for each, and what the identity is outright', async () => {
      const { result, outputs } = await run({ ...several, identity: 'id-shared', serviceAccounts: 'orders/api, orders/web' });
      assert.deepEqual([result.result, trusts('id-shared').length, grantsOf('id-shared')], ['succeeded', 2, ['orders-db']]);
      assert.equal(outputs.clientId, rig.world.arm.identities.find('id-shared').clientId);
      assert.equal(rig.world.arm.identities.find('id-shared').tags.workload, 'api, web');
    });
  });

  describe('with names that depend on ring and region', () => {
    const regional = { identity: 'id-{workload}-{ring}-{location}', ring: 'ppd', identityResourceGroup: 'rg-dev' };

    it('lets the clusters of a region share an identity, there', async () => {
      await rig.addCluster('aks-2', 'ready');
      await rig.world.addCluster({ subscriptionId, group: 'rg-dev', name: 'aks-north', location: 'northeurope', resource: {} });
      rig.world.arm.clusters.edit('aks-north', { oidcIssuerProfile: { enabled: true, issuerURL: rig.issuer('aks-north') }, securityProfile: { workloadIdentity: { enabled: true } } });
      const { result } = await run(regional, ['aks-1', 'aks-2', 'aks-north']);
      assert.equal(result.result, 'succeeded');
      assert.deepEqual([trusts('id-orders-ppd-westeurope').length, trusts('id-orders-ppd-northeurope').length], [2, 1]);
      assert.equal(rig.world.arm.identities.find('id-orders-ppd-northeurope').location, 'northeurope');
    });

    it('makes them where it is told, whatever the clusters are', async () => {
      const { result } = await run({ ...regional, identityLocation: 'Sweden Central' });
      assert.deepEqual([result.result, rig.world.arm.identities.find('id-orders-ppd-swedencentral').location], ['succeeded', 'swedencentral']);
    });

    it('serves the others when the region of one cannot be read, and fails for that one', async () => {
      const { result } = await run(regional, ['aks-1', 'aks-gone']);
      assert.deepEqual([result.result, trusts('id-orders-ppd-westeurope').length], ['failed', 1]);
      assert.deepEqual(result.preflight.findings.map(({ cluster, problem }) => [cluster, problem.code]), [['aks-gone', 'WI2101']]);
    });

    it('stops when the regions do not keep namesakes apart', async () => {
      rig.world.hierarchy.addResourceGroup(subscriptionId, 'rg-two', 'westeurope');
      await rig.world.addCluster({ subscriptionId, group: 'rg-two', name: 'aks-1', location: 'westeurope', resource: {} });
      const problem = await problemOf(run({ ...regional, identity: 'id-{cluster}-{location}' }, `${clusterId('aks-1')}\n${clusterId('aks-1').replace('rg-dev', 'rg-two')}`));
      assert.deepEqual([problem.code, rig.writes()], ['WI2211', []]);
      assert.match(problem.remedy, /rg-dev\/aks-1, rg-two\/aks-1 are namesakes/);
    });
  });

  it('federates nothing that a cluster outside of the call runs on', async () => {
    await rig.addCluster('aks-other', 'ready');
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-shared', 'westeurope');
    rig.world.arm.clusters.edit('aks-other', { identityProfile: { kubeletidentity: { resourceId: identityId('id-shared'), objectId: 'o' } } });
    const { result } = await run({ identity: identityId('id-shared') });
    assert.deepEqual([result.result, trusts('id-shared')], ['failed', []]);
    assert.deepEqual([...new Set(result.preflight.findings.map(({ problem }) => problem.code))], ['WI2201']);
  });

  it('restarts what was started before the service account had the identity, and only once', async () => {
    const api = rig.world.clusters.get('aks-1');
    assert.ok(api !== undefined);
    api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
    api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api' } });
    const labels = { app: 'api', 'azure.workload.identity/use': 'true' };
    api.put({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: 'orders', name: 'api' }, spec: { replicas: 1, selector: { matchLabels: { app: 'api' } }, template: { metadata: { labels }, spec: { serviceAccountName: 'api', containers: [{ name: 'api', image: 'contoso/api:1' }] } } } });
    for (let step = 0; step < 10; step += 1) {
      rig.clock.advance(1_000);
      api.list('Pod', 'orders');
    }
    const told = await run();
    assert.deepEqual([told.result.result, rig.writes('kubernetes')], ['succeededWithIssues', ['PATCH serviceaccounts/api']]);
    assert.match(proofOf(told.result).text, /another name refused \(as it should be\); 1 pod runs of service account orders\/api on aks-1 without this identity/);
    const dry = await run({ restartWorkloads: 'true' }, ['aks-1'], { dryRun: true });
    assert.deepEqual(dry.result.plan.filter(({ change }) => writes(change)).map(({ resource }) => `${resource.kind} ${resource.name}`), ['rollout restart deployment orders/api']);
    rig.network.log.clear();
    const { result } = await run({ restartWorkloads: 'true' });
    assert.deepEqual([result.result, rig.writes()], ['succeeded', ['PATCH deployments/api']]);
    rig.network.log.clear();
    assert.deepEqual([(await run({ restartWorkloads: 'true' })).result.result, rig.writes()], ['succeeded', []]);
  });

  it('refuses inputs that do not fit together, naming each', async () => {
    const problem = await problemOf(run({ keyVault: '', secrets: 'orders-db, not_valid' }));
    assert.deepEqual([problem.code, problem.details?.map(({ parts }) => parts.what)], ['WI1000', ['Input secrets is "not_valid"', 'Input keyVault is empty']]);
    assert.equal(rig.network.log.all().length, 0);
  });
});
