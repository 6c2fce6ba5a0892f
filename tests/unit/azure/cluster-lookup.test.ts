import assert from 'node:assert/strict';
import { stringify } from 'yaml';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { clusterAddress } from '../../../tasks/_shared/azure/cluster-credential.js';
import { ClusterLookup } from '../../../tasks/_shared/azure/cluster-lookup.js';
import { clusterState } from '../../../tasks/_shared/azure/cluster-state.js';
import { clusterId, problemOf, Rig, tenantId, verdictOf } from './azure-world.js';

describe('cluster state', () => {
  it('is read from whatever is there', () => {
    const bare = { id: 'x', location: '', kubernetesVersion: '', provisioningState: '', power: 'Running', oidcIssuer: false, workloadIdentity: false, ownIdentities: [] };
    for (const raw of [{}, { properties: null, identity: [] }, { properties: { oidcIssuerProfile: 'x', powerState: {}, identityProfile: { kubeletidentity: {} } } }]) {
      assert.deepEqual(clusterState(raw, 'x'), { ...bare, raw });
    }
  });

  it('knows every identity that the cluster itself runs on', () => {
    const raw = {
      identity: { type: 'UserAssigned', tenantId, userAssignedIdentities: { '/plane': {} } },
      properties: {
        identityProfile: { kubeletidentity: { resourceId: '/kubelet', objectId: 'o', clientId: 'c' }, later: { resourceId: '/later' } },
        addonProfiles: { azurepolicy: { enabled: true, identity: { resourceId: '/addon' } }, omsagent: { enabled: false } },
        podIdentityProfile: { userAssignedIdentities: [{ identity: { resourceId: '/pod' } }] },
      },
    };
    const state = clusterState(raw, 'x');
    assert.deepEqual(state.ownIdentities, ['/plane', '/kubelet', '/later', '/addon', '/pod']);
    assert.deepEqual([state.kubelet, state.tenantId], [{ resourceId: '/kubelet', objectId: 'o', clientId: 'c' }, tenantId]);
  });

  it('has an issuer only while it is on, byte for byte, and prefers the version that runs', () => {
    const properties = { oidcIssuerProfile: { enabled: false, issuerURL: 'https://Issuer/T/' }, kubernetesVersion: '1.34', currentKubernetesVersion: '1.33.2' };
    const off = clusterState({ properties }, 'x');
    assert.deepEqual([off.oidcIssuer, off.issuerUrl, off.kubernetesVersion], [false, undefined, '1.33.2']);
    const on = clusterState({ properties: { ...properties, oidcIssuerProfile: { enabled: true, issuerURL: 'https://Issuer/T/' } } }, 'x');
    assert.deepEqual([on.oidcIssuer, on.issuerUrl], [true, 'https://Issuer/T/']);
  });
});

describe('cluster lookup', () => {
  let rig: Rig;
  let azure: Azure;
  beforeEach(async () => {
    rig = await Rig.start();
    azure = await rig.connect();
  });
  const look = async (needs: { issuer: boolean; kubelet?: boolean }): Promise<ReturnType<typeof verdictOf> & { awaits: boolean }> => {
    const lookup = new ClusterLookup(azure, rig.entry(), needs);
    const result = await rig.run([lookup]);
    const change = result.plan[0]?.change;
    return { ...verdictOf(result, lookup), awaits: change?.action === 'blocked' && change.awaits };
  };

  it('keeps a ready cluster and reads it once a run', async () => {
    await rig.addCluster('aks-1', 'ready');
    const lookups = [new ClusterLookup(azure, rig.entry(), { issuer: true }), new ClusterLookup(azure, rig.entry(), { issuer: true })];
    const result = await rig.run(lookups);
    assert.deepEqual([result.result, result.plan.length, rig.statuses('arm', 'GET', /managedClusters/).length], ['succeeded', 1, 1]);
    await assert.rejects(lookups[0]!.apply(), /is only read/);
  });

  it('waits for EnableWorkloadIdentity where a feature is missing', async () => {
    await rig.addCluster();
    const off = await look({ issuer: true });
    assert.deepEqual([off.problem?.code, off.problem?.because, off.awaits], ['WI2105', 'it has no OIDC issuer', true]);
    assert.equal((await look({ issuer: false })).action, 'keep');
    rig.world.arm.clusters.edit('aks-1', { oidcIssuerProfile: { enabled: true, issuerURL: rig.issuer() } });
    assert.deepEqual([(await look({ issuer: true })).problem?.because], ['it has workload identity switched off']);
  });

  it('is blocked for good by clusters that nothing can be done with', async () => {
    assert.deepEqual([(await look({ issuer: true })).problem?.code, (await look({ issuer: true })).awaits], ['WI2101', false]);
    await rig.addCluster('aks-1', 'ready');
    rig.world.arm.clusters.edit('aks-1', { powerState: { code: 'Stopped' } });
    assert.equal((await look({ issuer: true })).problem?.code, 'WI2102');
    rig.world.arm.clusters.edit('aks-1', { powerState: { code: 'Running' }, provisioningState: 'Deleting' });
    assert.equal((await look({ issuer: false })).problem?.code, 'WI2103');
  });

  it('serves a cluster whose last operation failed: its API server may well work', async () => {
    await rig.addCluster('aks-1', 'ready');
    for (const provisioningState of ['Failed', 'Canceled']) {
      rig.world.arm.clusters.edit('aks-1', { provisioningState });
      assert.equal((await look({ issuer: true })).action, 'keep');
    }
  });

  it('is blocked without a kubelet identity, where that is what the role is for', async () => {
    await rig.addCluster('aks-1', 'ready', { properties: { identityProfile: { kubeletidentity: { objectId: '' } } } });
    assert.deepEqual([(await look({ issuer: false, kubelet: true })).problem?.code, (await look({ issuer: false })).action], ['WI2110', 'keep']);
  });

  it('is blocked with the service’s words by a cluster that may not be read', async () => {
    await rig.addCluster('aks-1', 'ready');
    rig.network.faults.plant({ service: 'arm', path: /managedClusters/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'Not allowed.' } } } });
    const { problem } = await look({ issuer: true });
    assert.deepEqual([problem?.code, problem?.because, problem?.what], ['WI2002', 'Not allowed.', 'Cluster aks-1 cannot be read']);
  });
});

describe('cluster credential', () => {
  let rig: Rig;
  let azure: Azure;
  beforeEach(async () => {
    rig = await Rig.start();
    azure = await rig.connect();
  });
  const answer = (config: unknown): void => {
    const value = Buffer.from(typeof config === 'string' ? config : stringify(config)).toString('base64');
    rig.network.faults.plant({ service: 'arm', method: 'POST', times: 1, respond: { status: 200, body: { kubeconfigs: [{ name: 'clusterUser', value }] } } });
  };
  const exec = [{ name: 'u', user: { exec: { command: 'kubelogin' } } }];

  it('gives the address of the API server and no credential', async () => {
    await rig.addCluster();
    const address = await clusterAddress(azure, rig.entry());
    assert.deepEqual(address, { server: 'https://kubernetes.aks-1.sim', certificateAuthority: Buffer.from('in process').toString('base64') });
    assert.deepEqual(rig.writes(), [], 'a credential list is no write');
  });

  it('refuses a cluster without Entra integration, whose user credential is the admin credential', async () => {
    await rig.addCluster('aks-1', 'bare', { properties: { aadProfile: null } });
    const problem = await problemOf(clusterAddress(azure, rig.entry()));
    assert.equal(problem.code, 'WI2108');
    assert.ok(!JSON.stringify(problem).includes(rig.world.arm.clusters.find('aks-1').adminToken));
  });

  it('says what is wrong with a kubeconfig that it cannot use', async () => {
    await rig.addCluster();
    const cluster = { server: 'https://x', 'certificate-authority-data': 'eA==' };
    const unusable = [{ clusters: [{ cluster }], users: [] }, { users: exec }, { users: exec, clusters: [] }, { users: exec, clusters: [{ cluster: { ...cluster, server: '' } }] }, { users: exec, clusters: [{ cluster: { server: 'https://x' } }] }];
    for (const config of unusable) {
      answer(config);
      assert.equal((await problemOf(clusterAddress(azure, rig.entry()))).code, 'WI2109');
    }
    for (const config of ['', 'just text', '[1, 2]', 'token: hush\n\t- {', { clusters: [{ cluster }] }]) {
      answer(config);
      assert.equal((await problemOf(clusterAddress(azure, rig.entry()))).code, 'WI2109', 'garbage is never taken for a sign-in with Entra');
    }
    rig.network.faults.plant({ service: 'arm', method: 'POST', times: 1, respond: { status: 200, body: { kubeconfigs: [] } } });
    assert.equal((await problemOf(clusterAddress(azure, rig.entry()))).code, 'WI2109');
  });

  it('says which right is missing', async () => {
    await rig.addCluster();
    for (const { name } of rig.world.roles.assignments()) rig.world.roles.remove(name);
    const problem = await problemOf(clusterAddress(azure, { ...rig.entry(), id: clusterId() }));
    assert.equal(problem.code, 'WI2002');
  });
});
