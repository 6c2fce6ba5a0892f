import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { takeKeysAgain } from '../../simulators/kernel/rsa-keys.js';
import { clusterId, Rig, subscriptionId } from '../azure/azure-world.js';
import { PolicyFile } from './policy-file.js';

const workload = { namespace: 'orders', serviceAccount: 'api', workload: 'orders' };
const prod = idOf('prod subscription');

describe('a crossing that is in place', () => {
  let rig: Rig;
  let policy: string;
  const file = new PolicyFile();
  after(() => file.remove());
  beforeEach(async () => {
    takeKeysAgain();
    policy = file.write('version: 1\nboundaries:\n  nonprod: [nonprod]\n  prod: [prod]\n');
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    rig.world.hierarchy.addManagementGroup({ name: 'prod', displayName: 'Production' });
    rig.world.hierarchy.addSubscription({ id: prod, displayName: 'production', managementGroup: 'prod' });
    rig.world.hierarchy.addResourceGroup(prod, 'rg-prd', 'westeurope');
    rig.world.assign(rig.deployer.objectId, 'Owner', `/subscriptions/${prod}`);
  });
  const federate = async (inputs: Record<string, string>, cluster = 'aks-1'): Promise<RunResult> => (await rig.runTask(federateServiceAccount, cluster.startsWith('/') ? cluster : [cluster], { ...workload, ...inputs })).result;

  it('no new grant, and no annotation, completes a crossing whose credential is in place', async () => {
    const identity = rig.world.arm.identities.add(prod, 'rg-prd', 'id-orders', 'westeurope');
    identity.credentials.set('by-hand', rig.issuer('aks-1'), 'system:serviceaccount:orders:api');
    (await rig.world.addVault({ subscriptionId: prod, group: 'rg-prd', name: 'kv-prod', location: 'westeurope', properties: {} })).secrets.set('orders-db', 'canary');
    Object.assign(rig.connection, { subscriptionId: prod });
    rig.network.log.clear();
    const result = await federate({ identity: identity.id, keyVault: rig.world.arm.vaults.find('kv-prod').id, secrets: 'orders-db', boundaryPolicy: policy });
    assert.deepEqual([result.result, rig.writes()], ['failed', []]);
  });

  it('a connection of nonprod writes nothing into a cluster of prod', async () => {
    rig.world.assign(rig.deployer.objectId, 'Azure Kubernetes Service RBAC Cluster Admin', `/subscriptions/${prod}`);
    await rig.world.addCluster({ subscriptionId: prod, group: 'rg-prd', name: 'aks-prd', location: 'westeurope', resource: {} });
    rig.world.arm.clusters.edit('aks-prd', { oidcIssuerProfile: { enabled: true, issuerURL: rig.issuer('aks-prd') }, securityProfile: { workloadIdentity: { enabled: true } } });
    const identity = rig.world.arm.identities.add(prod, 'rg-prd', 'id-orders', 'westeurope');
    identity.credentials.set('by-hand', rig.issuer('aks-prd'), 'system:serviceaccount:orders:api');
    rig.network.log.clear();
    const { result, preflight } = await federate({ identity: identity.id, boundaryPolicy: policy }, clusterId('aks-prd').replace(subscriptionId, prod).replace('rg-dev', 'rg-prd'));
    assert.deepEqual([result, rig.writes(), [...new Set(preflight.findings.map(({ problem }) => problem.code))]], ['failed', [], ['WI3111']]);
    const told = preflight.findings.map(({ problem }) => `${problem.what}; ${problem.remedy}`);
    assert.ok(told.some((one) => /^The namespace orders would let service connection .* of nonprod reach cluster aks-prd of prod; .*\{name: .*, from: "nonprod", to: "prod", kinds: \[federation\], .*managedClusters\/aks-prd"/.test(one)), told.join('\n'));
    assert.equal(new Set(told.map((one) => one.replace(/^The [^:]+? would/, ''))).size, told.length, 'an access is told twice');
  });
});
