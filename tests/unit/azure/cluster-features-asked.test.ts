import assert from 'node:assert/strict';
import { ClusterFeatures, type FeatureRules } from '../../../tasks/_shared/azure/cluster-features.js';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { podIdentity, policyAddOn, secretsProvider } from '../../../tasks/_shared/azure/feature-switches.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { Rig, verdictOf } from './azure-world.js';
import { part, stored, withoutEtags } from './stored-cluster.js';

const minute = 60_000;

describe('cluster features that are asked for besides', () => {
  let rig: Rig;
  let azure: Azure;
  beforeEach(async () => {
    rig = await Rig.start();
    azure = await rig.connect();
  });
  const desired = (rules: Partial<FeatureRules> = {}): ClusterFeatures =>
    new ClusterFeatures(azure, rig.entry(), { minimumKubernetesVersion: '1.27', deadlineMs: 30 * minute, more: [], ...rules });
  const run = (feature = desired()): Promise<RunResult> => rig.run([feature]);

  it('switches off and on what is asked for besides, and nothing else', async () => {
    const addonProfiles = { omsagent: { enabled: true, config: { later: 'x' } }, azureKeyvaultSecretsProvider: { enabled: true, config: { enableSecretRotation: 'false', later: 'y' } } };
    await rig.addCluster('aks-1', 'ready', { properties: { addonProfiles, podIdentityProfile: { enabled: true, allowNetworkPluginKubenet: true } } });
    const before = stored(rig);
    const { result, plan } = await run(desired({ more: [secretsProvider('5m'), policyAddOn, podIdentity] }));
    const change = plan[0]?.change;
    assert.ok(result === 'succeeded' && change?.action === 'update');
    assert.deepEqual(change.fields.map(({ field, before: was, after }) => `${field}: ${was ?? ''} → ${after}`), ['Key Vault secrets provider: on, without rotation → on, rotation every 5m', 'Azure Policy add-on: off → on', 'pod-managed identity: on → off']);
    assert.equal(change.reason, 'Key Vault secrets provider on, without rotation and Azure Policy add-on missing and pod-managed identity still on');
    const wanted = structuredClone(before);
    Object.assign(part(part(part(wanted, 'properties'), 'addonProfiles'), 'azureKeyvaultSecretsProvider'), { config: { enableSecretRotation: 'true', later: 'y', rotationPollInterval: '5m' } });
    Object.assign(part(part(wanted, 'properties'), 'addonProfiles'), { azurepolicy: { enabled: true } });
    part(part(wanted, 'properties'), 'podIdentityProfile').enabled = false;
    assert.equal(withoutEtags(stored(rig)), withoutEtags(wanted));
    rig.network.log.clear();
    assert.deepEqual([(await run(desired({ more: [secretsProvider(undefined), policyAddOn, podIdentity] }))).result, rig.writes()], ['succeeded', []]);
  });

  it('leaves pod-managed identities on while something uses them, and says what', async () => {
    const podIdentityProfile = { enabled: true, userAssignedIdentities: [{ name: 'blob', namespace: 'billing', bindingSelector: 'blob' }] };
    await rig.addCluster('aks-1', 'ready', { properties: { podIdentityProfile } });
    const feature = new ClusterFeatures(azure, rig.entry(), { minimumKubernetesVersion: '1.27', deadlineMs: minute, more: [podIdentity] }, () => Promise.resolve(['pod orders/api-1']));
    const { problem } = verdictOf(await run(feature), feature);
    assert.deepEqual([problem?.code, problem?.because, rig.writes()], ['WI2113', 'they are in use: pod identity billing/blob, pod orders/api-1', []]);
  });

  it('switches the issuer on in production only when somebody has confirmed it', async () => {
    await rig.addCluster();
    const { problem } = verdictOf(await run(desired({ unconfirmedRing: 'prd' })), desired());
    assert.deepEqual([problem?.code, rig.writes()], ['WI2112', []]);
    assert.match(problem?.because ?? '', /ring prd is production: switching it on restarts the API server and cannot be undone/);
    rig.world.arm.clusters.edit('aks-1', { oidcIssuerProfile: { enabled: true, issuerURL: rig.issuer() } });
    assert.equal((await run(desired({ unconfirmedRing: 'prd' }))).result, 'succeeded');
  });

  it('does not change a cluster that is being upgraded, and needs no change of one that is as it should be', async () => {
    await rig.addCluster();
    rig.world.arm.clusters.edit('aks-1', { provisioningState: 'Upgrading' });
    const { problem } = verdictOf(await run(), desired());
    assert.deepEqual([problem?.code, problem?.what, rig.writes()], ['WI2103', 'Cluster aks-1 is being upgraded', []]);
    rig.world.arm.clusters.edit('aks-1', { oidcIssuerProfile: { enabled: true, issuerURL: rig.issuer() }, securityProfile: { workloadIdentity: { enabled: true } } });
    assert.equal((await run()).plan[0]?.change.action, 'keep');
  });
});
