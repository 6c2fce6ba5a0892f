import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { cluster, group, items, message, propertiesOf, record, subscription, subscriptionId, verdict, World } from './test-world.js';

const on = { oidcIssuerProfile: { enabled: true }, securityProfile: { workloadIdentity: { enabled: true } } };

/** A resource as it was read, with other properties. */
function changed(read: SimResponse, properties: Record<string, unknown>): Record<string, unknown> {
  return { ...record(read.body), properties: { ...propertiesOf(read), ...properties } };
}

describe('arm: managed clusters', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
    world.addCluster();
  });

  const read = (): Promise<SimResponse> => world.send('GET', cluster);
  const put = async (properties: Record<string, unknown>, headers: Record<string, string> = {}): Promise<SimResponse> =>
    world.send('PUT', cluster, changed(await read(), properties), { headers });
  const etag = async (): Promise<string> => String(record((await read()).body).eTag);
  const poolEtags = async (): Promise<unknown[]> => {
    const { agentPoolProfiles: pools } = propertiesOf(await read());
    return Array.isArray(pools) ? pools.filter(isRecord).map((pool) => pool.eTag) : [];
  };

  it('shows ids and kinds as the service spells them', async () => {
    const body = record((await read()).body);
    assert.equal(body.id, cluster.replace('resourceGroups', 'resourcegroups'));
    assert.equal(body.type, 'Microsoft.ContainerService/ManagedClusters');
    assert.deepEqual(propertiesOf(await read()).oidcIssuerProfile, { enabled: false });
    assert.deepEqual(propertiesOf(await read()).securityProfile, {});
  });

  it('lists a subscription and a resource group in pages', async () => {
    world.addCluster({}, 'aks-two');
    world.addCluster({}, 'aks-three');
    world.arm.clusters.knobs.pageSize = 2;
    for (const scope of [subscription, group]) {
      const first = await world.send('GET', `${scope}/providers/Microsoft.ContainerService/managedClusters`);
      const second = await world.follow(record(first.body).nextLink);
      assert.deepEqual([...items(first), ...items(second)].map(({ name }) => name), ['aks-shop', 'aks-two', 'aks-three']);
      assert.equal(record(second.body).nextLink, undefined);
    }
    assert.deepEqual(items(await world.send('GET', `${subscription}/resourceGroups/rg-other/providers/Microsoft.ContainerService/managedClusters`)), []);
    assert.equal(verdict(await world.send('GET', `${group}/providers/Microsoft.ContainerService/managedClusters?$skiptoken=x`)), '400 InvalidSkipToken');
  });

  it('enables issuer and workload identity as a long operation', async () => {
    const response = await put(on);
    assert.equal(response.status, 200);
    assert.equal(response.wrote, cluster);
    assert.equal(propertiesOf(response).provisioningState, 'Updating');
    assert.deepEqual(propertiesOf(response).oidcIssuerProfile, { enabled: true, issuerURL: 'https://issuer.sim/t/u/' }, 'filled at once');
    assert.deepEqual(Object.keys(response.headers ?? {}).filter((name) => ['location', 'retry-after'].includes(name)), []);
    const address = response.headers?.['azure-asyncoperation'] ?? '';
    assert.match(address, new RegExp(`^${world.origin}/subscriptions/${subscriptionId}/providers/Microsoft\\.ContainerService/locations/westeurope/operations/[0-9a-f-]{36}\\?api-version=2016-03-30$`));
    const running = record((await world.follow(address)).body);
    assert.equal(running.status, 'InProgress');
    assert.equal(running.endTime, undefined);
    world.clock.advance(19_999);
    assert.equal(record((await world.follow(address)).body).status, 'InProgress');
    world.clock.advance(1);
    const ended = record((await world.follow(address)).body);
    assert.equal(ended.status, 'Succeeded');
    assert.equal(Date.parse(String(ended.endTime)) - Date.parse(String(ended.startTime)), 20_000);
    assert.equal(propertiesOf(await read()).provisioningState, 'Succeeded');
    const [, guid = ''] = /operations\/([^?]+)/.exec(address) ?? [];
    const swap = (part: string): string => (part.match(/../g) ?? []).reverse().join('');
    const [a = '', b = '', c = '', ...rest] = guid.split('-');
    assert.equal(ended.name, [swap(a), swap(b), swap(c), ...rest].join('-'), 'byte-swapped');
  });

  it('keeps ended operations readable and other places empty', async () => {
    const first = (await put(on)).headers?.['azure-asyncoperation'] ?? '';
    world.clock.advance(20_000);
    await put({});
    assert.equal(record((await world.follow(first)).body).status, 'Succeeded', 'a later operation runs');
    assert.equal(verdict(await world.follow(first.replace('westeurope', 'northeurope'))), '404 NotFound');
    assert.equal(verdict(await world.follow(first.replace('operations/', 'operations/0'))), '404 NotFound');
  });

  it('replaces the whole resource', async () => {
    const before = await read();
    await world.send('PUT', cluster, changed(before, { ...on, newerFeature: { level: 3 } }));
    world.clock.advance(20_000);
    assert.deepEqual(propertiesOf(await read()).newerFeature, { level: 3 }, 'unknown properties are kept');
    const { networkProfile, ...rest } = propertiesOf(await read());
    assert.ok(networkProfile);
    const { tags, ...body } = record((await read()).body);
    assert.ok(tags);
    await world.send('PUT', cluster, { ...body, properties: rest });
    assert.equal(propertiesOf(await read()).networkProfile, undefined, 'what is not said is gone');
    assert.equal(record((await read()).body).tags, undefined);
  });

  it('ignores what is read-only', async () => {
    const addon = { enabled: true, config: {}, identity: { clientId: 'made by the service' } };
    world.arm.clusters.edit('aks-shop', { addonProfiles: { azurepolicy: addon } });
    const before = await read();
    const spoiled = {
      powerState: { code: 'Stopped' },
      fqdn: 'x',
      nodeResourceGroup: 'x',
      currentKubernetesVersion: '9.9.9',
      identityProfile: {},
      oidcIssuerProfile: { enabled: true, issuerURL: 'https://mine/' },
      addonProfiles: { azurepolicy: { enabled: true, config: {}, identity: { clientId: 'mine' } }, other: { enabled: true, identity: { clientId: 'mine' } } },
      agentPoolProfiles: [{ name: 'nodepool1', count: 5, provisioningState: 'Failed', eTag: 'mine' }],
    };
    const after = propertiesOf(await world.send('PUT', cluster, { ...changed(before, spoiled), id: '/x', name: 'x', eTag: 'mine', identity: { type: 'SystemAssigned', principalId: 'mine' } }));
    for (const key of ['powerState', 'fqdn', 'nodeResourceGroup', 'currentKubernetesVersion', 'identityProfile']) assert.deepEqual(after[key], propertiesOf(before)[key], key);
    assert.deepEqual(after.oidcIssuerProfile, { enabled: true, issuerURL: 'https://issuer.sim/t/u/' });
    assert.deepEqual(after.addonProfiles, { azurepolicy: addon, other: { enabled: true } });
    const stored = record((await read()).body);
    assert.equal(stored.name, 'aks-shop');
    assert.deepEqual(stored.identity, record(before.body).identity);
    const [pool] = Array.isArray(after.agentPoolProfiles) ? after.agentPoolProfiles.map(record) : [];
    assert.equal(pool?.count, 5);
    assert.equal(pool.provisioningState, 'Succeeded');
    assert.notEqual(pool.eTag, 'mine');
    assert.notEqual(stored.eTag, 'mine');
  });

  it('changes etags: of cluster and pools by a cluster operation, of one pool by a pool operation', async () => {
    const first = await etag();
    const [pool] = await poolEtags();
    world.arm.clusters.editPool('aks-shop', 'nodepool1', { count: 7 });
    assert.equal(await etag(), first, 'If-Match on the cluster does not see it');
    const [scaled] = await poolEtags();
    assert.notEqual(scaled, pool);
    await put(on, { 'if-match': first });
    assert.notEqual(await etag(), first);
    assert.notEqual((await poolEtags())[0], scaled);
    assert.throws(() => world.arm.clusters.editPool('aks-shop', 'none', {}), /no pool none/);
  });

  it('honours If-Match and If-None-Match as documented', async () => {
    const none = `${cluster}-none`;
    const cases: readonly (readonly [headers: Record<string, string>, present: string, missing: string])[] = [
      [{ 'if-match': '' }, '200', '501 NotSimulated'],
      [{ 'if-match': '*' }, '200', '412 PreConditionFailed flat'],
      [{ 'if-match': 'stale' }, '412 PreConditionFailed flat', '412 PreConditionFailed flat'],
      [{ 'if-none-match': '*' }, '412 PreConditionFailed flat', '501 NotSimulated'],
      [{ 'if-none-match': 'x' }, '400 BadRequest flat', '501 NotSimulated'],
      [{ 'if-match': '*', 'if-none-match': '*' }, '400 BadRequest flat', '412 PreConditionFailed flat'],
    ];
    for (const [headers, present, missing] of cases) {
      assert.equal(verdict(await put(on, headers)), present, JSON.stringify(headers));
      world.clock.advance(20_000);
      assert.equal(verdict(await world.send('PUT', none, changed(await read(), on), { headers })), missing, JSON.stringify(headers));
    }
    assert.equal(verdict(await put(on, { 'if-match': await etag() })), '200');
  });

  it('refuses a second writer while an operation runs', async () => {
    world.arm.clusters.begin('aks-shop', 'upgrade managed cluster', 60_000);
    assert.equal(propertiesOf(await read()).provisioningState, 'Updating');
    const busy = await put(on);
    assert.equal(verdict(busy), '409 OperationNotAllowed flat');
    assert.match(message(busy), /^Operation is not allowed because there's an in progress upgrade managed cluster operation \(operation ID: [0-9a-f-]{36}\) on the managed cluster started on \S+Z\. Please wait/);
    assert.deepEqual(Object.keys(record(busy.body)), ['code', 'details', 'message', 'subcode']);
    world.arm.clusters.knobs.wording = 'older';
    assert.match(message(await put(on)), /^Operation is not allowed: Another operation \(Updating\) is in progress, please wait for it to finish/);
    assert.equal(busy.wrote, undefined);
    world.clock.advance(60_000);
    assert.equal(verdict(await put(on)), '200');
  });

  it('loses a race when told so, once', async () => {
    world.arm.clusters.knobs.raceNext = 'aks-shop';
    const lost = await put(on);
    assert.equal(verdict(lost), '409 EtagMismatch flat');
    assert.match(String(record(lost.body).subcode), /^PutManagedClusterAndComponents_Fa/);
    assert.deepEqual(record(lost.body).details, [{ code: 'Unspecified', message: 'rpc error: code = FailedPrecondition desc = Etag mismatched' }]);
    assert.equal(verdict(await put(on)), '200');
  });

  it('fails an operation when told so, once', async () => {
    world.arm.clusters.knobs.failNext.set('aks-shop', { code: 'QuotaExceeded', message: 'no cores' });
    const address = (await put(on)).headers?.['azure-asyncoperation'];
    world.clock.advance(20_000);
    const status = record((await world.follow(address)).body);
    assert.equal(status.status, 'Failed');
    assert.deepEqual(status.error, { code: 'QuotaExceeded', message: 'no cores' });
    assert.equal(propertiesOf(await read()).provisioningState, 'Failed');
    assert.deepEqual(propertiesOf(await read()).status, { provisioningError: status.error });
    await put(on);
    world.clock.advance(20_000);
    assert.equal(propertiesOf(await read()).provisioningState, 'Succeeded');
    assert.equal(propertiesOf(await read()).status, undefined);
  });

  it('refuses what cannot be', async () => {
    assert.equal(verdict(await put({ securityProfile: on.securityProfile })), '400 BadRequest flat', 'workload identity without issuer');
    await put(on);
    world.clock.advance(20_000);
    assert.equal(verdict(await put({ oidcIssuerProfile: { enabled: false }, securityProfile: {} })), '400 OIDCIssuerFeatureCannotBeDisabled flat');
    assert.equal(verdict(await put({ securityProfile: {} })), '200', 'workload identity may be switched off');
    assert.equal(verdict(await world.send('PUT', cluster, { properties: {} })), '400 InvalidParameter flat');
    assert.equal(verdict(await world.send('PUT', cluster)), '400 InvalidParameter flat');
    world.clock.advance(20_000);
    world.arm.clusters.edit('aks-shop', { powerState: { code: 'Stopped' } });
    assert.equal(verdict(await put(on)), '409 OperationNotAllowed flat');
  });

  it('gives a registered cluster its issuer URL', async () => {
    world.addCluster({ properties: on }, 'aks-two');
    const two = propertiesOf(await world.send('GET', cluster.replace('aks-shop', 'aks-two')));
    assert.deepEqual(two.oidcIssuerProfile, { enabled: true, issuerURL: 'https://issuer.sim/t/u/' });
  });

  it('throttles by the published buckets when told so', async () => {
    world.arm.clusters.knobs.buckets = true;
    for (let count = 0; count < 60; count += 1) assert.equal((await read()).status, 200);
    const refused = await read();
    assert.equal(verdict(refused), '429 Throttled flat');
    assert.equal(refused.headers?.['retry-after'], '1');
    assert.equal((await world.send('GET', `${group}/providers/Microsoft.ContainerService/managedClusters`)).status, 200, 'lists have a bucket of their own');
    world.clock.advance(1000);
    assert.equal((await read()).status, 200);
    const body = record(world.arm.clusters.find('aks-shop').resource);
    for (let count = 0; count < 20; count += 1) assert.equal((await world.send('PUT', cluster, body, { headers: { 'if-match': 'stale' } })).status, 412);
    assert.equal((await world.send('PUT', cluster, body)).headers?.['retry-after'], '60');
  });

  const kubeconfig = async (kind: string): Promise<Record<string, unknown>> => {
    const { kubeconfigs } = record((await world.send('POST', `${cluster}/${kind}`)).body);
    const [entry] = Array.isArray(kubeconfigs) ? kubeconfigs.map(record) : [];
    return { name: entry?.name, config: record(parse(Buffer.from(String(entry?.value), 'base64').toString('utf8'))) };
  };

  it('answers the user credential with kubelogin on Entra clusters', async () => {
    const { name, config } = await kubeconfig('listClusterUserCredential?server-fqdn=&format=exec');
    assert.equal(name, 'clusterUser');
    const text = JSON.stringify(config);
    assert.match(text, /"command":"kubelogin"/);
    assert.match(text, /"--server-id","6dae42f8-4368-4678-94ff-3960e28e3630","--client-id","80faf920-1908-4b52-b5ef-a8e7bedfc67a"/);
    assert.match(text, /"server":"https:\/\/aks\.sim:443","certificate-authority-data":"UEVN"/);
    assert.doesNotMatch(text, /"token"/);
    assert.equal(verdict(await world.send('POST', `${cluster}/listClusterUserCredential?format=yaml`)), '400 BadRequest flat');
    assert.equal(verdict(await world.send('POST', `${cluster}/listClusterUserCredential?format=azure`)), '501 NotSimulated');
  });

  it('answers static credentials without Entra, and admin ones only with local accounts', async () => {
    const refused = await world.send('POST', `${cluster}/listClusterAdminCredential`);
    assert.equal(verdict(refused), '400 BadRequest flat');
    assert.equal(message(refused), "Getting static credential isn't allowed because this cluster is set to disable local accounts.");
    world.arm.clusters.edit('aks-shop', { disableLocalAccounts: false, aadProfile: null });
    const user = await kubeconfig('listClusterUserCredential');
    const admin = await kubeconfig('listClusterAdminCredential');
    assert.equal(admin.name, 'clusterAdmin');
    const token = world.arm.clusters.find('aks-shop').adminToken;
    for (const { config } of [user, admin]) assert.ok(JSON.stringify(config).includes(`"token":"${token}"`));
  });

  it('finds by name or says that there is none', () => {
    assert.throws(() => world.arm.clusters.find('aks-shap'), /no cluster aks-shap/);
  });
});
