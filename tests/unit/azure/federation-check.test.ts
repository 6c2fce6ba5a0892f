import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { FederatedCredential } from '../../../tasks/_shared/azure/federated-credential.js';
import { federationCheck } from '../../../tasks/_shared/azure/federation-check.js';
import { FleetUse } from '../../../tasks/_shared/azure/fleet-use.js';
import { Identity } from '../../../tasks/_shared/azure/identity.js';
import { identityPlace } from '../../../tasks/_shared/fleet/identity-place.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import type { AnyResource } from '../../../tasks/_shared/reconcile/resource.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import type { IdentityRecord } from '../../simulators/arm/identities.js';
import { clusterId, identityId, Rig, subscriptionId, verdictOf, type RunChoices } from './azure-world.js';

const subject = 'system:serviceaccount:orders:api';
const clusterList = /^\/subscriptions\/[^/]+\/providers\/Microsoft\.ContainerService\/managedClusters\?/;

describe('what is never federated, looked up before a credential is written', () => {
  let rig: Rig;
  let azure: Azure;
  let identity: IdentityRecord;
  beforeEach(async () => {
    ({ rig, azure, identity } = await Rig.withIdentity());
  });
  const credential = (id = identityId(), name = 'wi-aks-1'): FederatedCredential =>
    new FederatedCredential(azure, 'aks-1', id, { name, subject }, { identityId: value(id), issuer: value('https://issuer/') }, clusterId());
  const run = async (resources: readonly AnyResource[] = [credential()], choices: RunChoices = {}): Promise<RunResult> =>
    rig.run(resources, [], choices, { ...(await rig.services([])), checks: [federationCheck(azure)] });
  const lists = (): number => rig.network.log.all('arm').filter(({ path }) => clusterList.test(path)).length;

  it('passes where no cluster runs on the identity, with one list for all credentials of a subscription', async () => {
    await rig.addCluster('aks-elsewhere', 'ready');
    const result = await run([credential(), credential(identityId(), 'wi-aks-2'), credential(identityId('id-none'))]);
    assert.deepEqual([result.preflight.findings, lists(), identity.credentials.trusts().length > 0], [[], 1, true]);
  });

  it('is not asked for a credential that is there already', async () => {
    identity.credentials.set('theirs', 'https://issuer/', subject);
    assert.deepEqual([(await run()).result, lists()], ['succeeded', 0]);
  });

  it('finds a cluster that the run does not work on: control plane, kubelet, add-on', async () => {
    await rig.addCluster('aks-other', 'ready');
    const other = rig.world.arm.clusters.find('aks-other');
    const before = other.resource;
    const id = identityId().toUpperCase();
    const uses: (() => void)[] = [
      () => (other.resource = { ...before, identity: { type: 'UserAssigned', userAssignedIdentities: { [id]: {} } } }),
      () => { rig.world.arm.clusters.edit('aks-other', { identityProfile: { kubeletidentity: { resourceId: id, objectId: 'o' } } }); },
      () => { rig.world.arm.clusters.edit('aks-other', { addonProfiles: { azurepolicy: { identity: { resourceId: id } } } }); },
    ];
    for (const use of uses) {
      other.resource = before;
      use();
      const { outcome, problem } = verdictOf(await run(), credential());
      assert.deepEqual([outcome, problem?.code, problem?.because, rig.writes()], ['skipped', 'WI2201', 'cluster aks-other itself runs on it', []]);
    }
  });

  it('finds the node resource group of such a cluster', async () => {
    await rig.addCluster('aks-other', 'ready');
    rig.world.arm.clusters.edit('aks-other', { nodeResourceGroup: 'RG-dev' });
    const { problem } = verdictOf(await run(), credential());
    assert.deepEqual([problem?.code, rig.writes()], ['WI2201', []]);
    assert.match(problem?.because ?? '', /node resource group of cluster aks-other/);
  });

  it('federates nothing where the clusters cannot be listed, and names the right that is missing', async () => {
    rig.network.faults.plant({ service: 'arm', path: clusterList, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'Not allowed.' } } } });
    const { outcome, problem } = verdictOf(await run(), credential());
    assert.deepEqual([outcome, problem?.code, problem?.serviceCode, rig.writes()], ['skipped', 'WI2214', 'AuthorizationFailed', []]);
    assert.match(problem?.remedy ?? '', new RegExp(`grant Microsoft\\.ContainerService/managedClusters/read at /subscriptions/${subscriptionId} `));
    const dry = await run([credential()], { dryRun: true });
    assert.deepEqual([dry.result, dry.preflight.findings], ['succeeded', []]);
    assert.match(dry.preflight.notes.join(), /whether a cluster runs on id-orders is looked up when it is applied/);
  });

  it('tells of credentials that only seem to serve', async () => {
    identity.credentials.set('made-by-hand', 'https://issuer/', 'system:serviceaccount:Orders:api');
    const result = await run();
    assert.equal(result.result, 'succeeded');
    assert.match(result.preflight.notes.join(), /credential made-by-hand was not made by this project and does not serve orders\/api, since its subject \S+ differs in case.*WI2213/);
  });

  it('warns of a region that was documented to be without federation, and of no other', async () => {
    await rig.addCluster('aks-1', 'ready');
    const identityIn = (location: string): Identity => {
      const place = identityPlace(`id-${location}`, undefined, rig.entry(), { workload: 'orders', namespace: 'orders', serviceAccount: 'api' });
      return new Identity(azure, place, { words: ['orders'], run: '', location }, new FleetUse(azure, []), [rig.entry()]);
    };
    const { preflight } = await run([identityIn('newzealandnorth'), identityIn('westeurope')], { dryRun: true });
    assert.deepEqual(preflight.notes.map((note) => /^identity (\S+) would be in newzealandnorth.*identityLocation/.exec(note)?.[1]), ['id-newzealandnorth']);
  });
});
