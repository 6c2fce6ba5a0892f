import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { ClusterLookup } from '../../../tasks/_shared/azure/cluster-lookup.js';
import { FleetUse } from '../../../tasks/_shared/azure/fleet-use.js';
import { Identity, identityKey } from '../../../tasks/_shared/azure/identity.js';
import { IdentityLookup } from '../../../tasks/_shared/azure/identity-lookup.js';
import { identityPlace, type IdentityPlace } from '../../../tasks/_shared/fleet/identity-place.js';
import { output } from '../../../tasks/_shared/reconcile/ref.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { stateOf } from '../../../tasks/_shared/reconcile/run.js';
import { group, identityId, Rig, subscriptionId, tenantId, verdictOf } from './azure-world.js';

describe('identity', () => {
  let rig: Rig;
  let azure: Azure;
  let others: Azure[];
  beforeEach(async () => {
    others = [];
    rig = await Rig.start();
    azure = await rig.connect();
    await rig.addCluster('aks-1', 'ready');
  });
  const placeOf = (pattern = 'id-{workload}', resourceGroup?: string): IdentityPlace =>
    identityPlace(pattern, resourceGroup, rig.entry(), { workload: 'orders', namespace: 'orders', serviceAccount: 'api' });
  const settings = { words: ['orders'], run: 'unit 1' };
  const desired = (place = placeOf()): { cluster: ClusterLookup; identity: Identity } => {
    const cluster = new ClusterLookup(azure, rig.entry(), { issuer: true });
    return { cluster, identity: new Identity(azure, place, { ...settings, others }, new FleetUse(azure, [rig.entry()]), [rig.entry()], { label: 'aks-1', id: output(cluster, (state) => state.id) }) };
  };
  const run = (place?: IdentityPlace): Promise<RunResult> => {
    const { cluster, identity } = desired(place);
    return rig.run([identity, cluster]);
  };
  const blockedFor = async (place?: IdentityPlace): Promise<string> => {
    const { action, problem } = verdictOf(await run(place), desired(place).identity);
    assert.deepEqual([action, problem?.code, rig.writes()], ['blocked', 'WI2201', []]);
    return problem?.because ?? '';
  };

  it('is made in the region of the cluster, tagged as ours, and left alone afterwards', async () => {
    const result = await run();
    const change = result.plan.find(({ resource }) => resource.kind === 'identity')?.change;
    assert.ok(change?.action === 'create');
    assert.deepEqual([change.fields, change.widens], [[{ field: 'location', after: 'westeurope' }], false]);
    const made = rig.world.arm.identities.find('id-orders');
    assert.deepEqual([made.location, made.tags], ['westeurope', { 'managed-by': 'aks-workload-identity', workload: 'orders', run: 'unit 1' }]);
    assert.deepEqual(stateOf(result, desired().identity)?.identity, { id: identityId().replace('resourceGroups', 'resourcegroups'), clientId: made.clientId, principalId: made.principalId, tenantId, tags: made.tags });
    assert.deepEqual(rig.writes(), ['PUT userAssignedIdentities/id-orders']);
    rig.network.log.clear();
    await run();
    assert.deepEqual(rig.writes(), []);
  });

  it('asks for its rights where the identity shall be', async () => {
    const { preflight } = await run();
    assert.deepEqual(preflight.permissions.filter(({ action }) => !action.endsWith('/read')), [{ plane: 'azure', action: 'Microsoft.ManagedIdentity/userAssignedIdentities/write', scope: group }]);
  });

  it('is reused with all its tags where it exists, whoever made it', async () => {
    const present = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders', 'northeurope');
    present.tags = { theirs: 'x' };
    const result = await run();
    assert.deepEqual([result.result, rig.writes(), present.tags], ['succeeded', [], { theirs: 'x' }]);
    assert.equal(stateOf(result, desired().identity)?.identity?.clientId, present.clientId);
  });

  it('is never made when its ARM id was given', async () => {
    const given = placeOf(identityId('id-shared'));
    const missing = verdictOf(await run(given), desired(given).identity);
    assert.deepEqual([missing.problem?.code, rig.writes()], ['WI2202', []]);
    assert.match(missing.problem?.remedy ?? '', /correct the ARM id/);
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-shared', 'westeurope');
    assert.equal(verdictOf(await run(given), desired(given).identity).action, 'keep');
  });

  it('never lies in a node resource group, whether it exists or not', async () => {
    assert.match(await blockedFor(placeOf('id-{workload}', 'mc_RG-DEV_aks-1_westeurope')), /node resource group/);
    rig.world.arm.identities.add(subscriptionId, 'MC_rg-dev_aks-1_westeurope', 'id-orders', 'westeurope');
    assert.match(await blockedFor(placeOf('id-{workload}', 'MC_rg-dev_aks-1_westeurope')), /node resource group/);
  });

  it('is never one that the cluster itself runs on: control plane, kubelet, add-on', async () => {
    const cluster = rig.world.arm.clusters.find('aks-1');
    const id = identityId('id-taken');
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-taken', 'westeurope');
    const profiles = [{ identityProfile: { kubeletidentity: { resourceId: id.toUpperCase(), objectId: 'o' } } }, { addonProfiles: { azurepolicy: { identity: { resourceId: id } } } }];
    const before = cluster.resource;
    for (const properties of profiles) {
      rig.world.arm.clusters.edit('aks-1', properties);
      assert.equal(await blockedFor(placeOf(id)), 'cluster aks-1 itself runs on it');
      cluster.resource = before;
    }
    cluster.resource = { ...before, identity: { type: 'UserAssigned', userAssignedIdentities: { [id.replace('resourceGroups', 'resourcegroups')]: {} } } };
    assert.match(await blockedFor(placeOf(id)), /itself runs on it/);
  });

  it('is never what the pipeline itself signs in with', async () => {
    const { clientId } = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders', 'westeurope');
    const connection = { ...azure.connection, signIn: { kind: 'managedIdentity' as const, clientId } };
    azure = { ...azure, connection };
    assert.match(await blockedFor(), /service connection signs in with/);
  });

  it('is never what another service connection of the run signs in with, by its client id or its token', async () => {
    const record = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders', 'westeurope');
    const named = { ...azure.connection, id: 'vaults', name: 'vaults', signIn: { kind: 'managedIdentity' as const, clientId: record.clientId.toUpperCase() } };
    const claims = Buffer.from(JSON.stringify({ oid: record.principalId.toUpperCase() })).toString('base64url');
    const unnamed = { ...azure.connection, id: 'vaults', name: 'vaults', signIn: { kind: 'managedIdentity' as const } };
    const connections: Azure[] = [{ ...azure, connection: named }, { ...azure, connection: unnamed, token: () => Promise.resolve(`x.${claims}.x`) }];
    for (const other of connections) {
      others = [other];
      assert.equal(await blockedFor(), 'it is what the service connection vaults signs in with');
    }
    others = [azure];
    assert.equal((await run()).result, 'succeeded');
  });

  it('is never what the pipeline signs in with, where only the token says what that is', async () => {
    const record = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders', 'westeurope');
    const claims = Buffer.from(JSON.stringify({ oid: record.principalId })).toString('base64url');
    azure = { ...azure, connection: { ...azure.connection, signIn: { kind: 'managedIdentity' } }, token: () => Promise.resolve(`x.${claims}.x`) };
    assert.match(await blockedFor(), /service connection signs in with/);
    azure = { ...azure, token: () => Promise.resolve('not to be read') };
    assert.equal((await run()).result, 'succeeded');
  });

  it('is made in the region that is asked for, with whom it belongs to, and takes tags that are not too long', async () => {
    const marked = { words: ['orders', 'w'.repeat(300)], run: '', owner: 'team-orders', location: 'swedencentral' };
    const identity = new Identity(azure, placeOf(), marked, new FleetUse(azure, [rig.entry()]), [rig.entry()]);
    const result = await rig.run([identity]);
    const { location, tags } = rig.world.arm.identities.find('id-orders');
    assert.deepEqual([result.result, location, Object.keys(tags), tags.owner, String(tags.workload).length], ['succeeded', 'swedencentral', ['managed-by', 'workload', 'owner'], 'team-orders', 256]);
  });

  it('plans while the cluster is not known yet', () => {
    const change = desired().identity.plan(undefined);
    assert.ok(change.action === 'create');
    assert.deepEqual(change.fields, [{ field: 'location', after: '(known after apply)' }]);
  });

  it('says what Azure refused', async () => {
    const missing = placeOf('id-{workload}', 'rg-nowhere');
    const { outcome, problem } = verdictOf(await run(missing), desired(missing).identity);
    assert.deepEqual([outcome, problem?.code, problem?.serviceCode, problem?.what], ['failed', 'WI2003', 'ResourceGroupNotFound', 'Identity id-orders was not created']);
    rig.network.faults.plant({ service: 'arm', path: /userAssignedIdentities/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'Not allowed.' } } } });
    assert.deepEqual(verdictOf(await run(), desired().identity).problem?.code, 'WI2002');
  });

  it('survives throttling and the loss of its answer', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'PUT', times: 1, respond: { status: 429, headers: { 'retry-after': '11' } } });
    rig.network.faults.plant({ service: 'arm', method: 'PUT', times: 1, drop: 'after' });
    assert.equal((await run()).result, 'succeeded');
    assert.deepEqual(rig.statuses('arm', 'PUT', /./), [429, 201, 200]);
    assert.ok(rig.clock.monotonic() >= 11_000);
  });

  it('is one resource for all who share it, and looked up under the same key', async () => {
    const place = placeOf(identityId('id-shared'));
    const spelled = placeOf(identityId('ID-shared').replace('resourceGroups', 'resourcegroups'));
    assert.equal(identityKey(place), identityKey(spelled));
    const lookup = new IdentityLookup(azure, place, undefined);
    assert.equal(lookup.key, desired(spelled).identity.key);
    const result = await rig.run([lookup]);
    const { problem } = verdictOf(result, lookup);
    assert.deepEqual([problem?.code, result.preflight.findings.map(({ awaits }) => awaits)], ['WI2202', [true]]);
    assert.match(problem?.remedy ?? '', /FederateServiceAccount first/);
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-shared', 'westeurope');
    assert.equal(verdictOf(await rig.run([lookup]), lookup).action, 'keep');
  });

  describe('that clusters share', () => {
    const shared = (): Identity => new Identity(azure, placeOf(), settings, new FleetUse(azure, [rig.entry(), rig.entry('aks-2')]), [rig.entry(), rig.entry('aks-2')]);

    it('is made although the first of its clusters cannot be read', async () => {
      await rig.addCluster('aks-2', 'ready');
      rig.network.faults.plant({ service: 'arm', path: /managedClusters\/aks-1/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'Not allowed.' } } } });
      const identity = shared();
      assert.equal(verdictOf(await rig.run([identity]), identity).outcome, 'done');
    });

    it('asks one cluster for its region when it is made, however large the fleet is', async () => {
      for (const name of ['aks-2', 'aks-3', 'aks-4']) await rig.addCluster(name, 'ready');
      const fleet = ['aks-1', 'aks-2', 'aks-3', 'aks-4'].map((name) => rig.entry(name));
      await rig.run([new Identity(azure, placeOf(), settings, new FleetUse(azure, fleet), fleet)]);
      assert.equal(rig.statuses('arm', 'GET', /managedClusters/).length, fleet.length + 1);
    });

    it('is never one that any of the clusters runs on', async () => {
      await rig.addCluster('aks-2', 'ready');
      rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders', 'westeurope');
      rig.world.arm.clusters.edit('aks-2', { identityProfile: { kubeletidentity: { resourceId: identityId(), objectId: 'o' } } });
      const identity = shared();
      const { action, problem } = verdictOf(await rig.run([identity]), identity);
      assert.deepEqual([action, problem?.because], ['blocked', 'cluster aks-2 itself runs on it']);
    });

    it('may lie in a group that is called like a node resource group of another subscription', async () => {
      const elsewhere = { ...placeOf('id-{workload}', 'MC_rg-dev_aks-1_westeurope'), subscriptionId: '00000000-0000-4000-8000-00000000dead' };
      const identity = new Identity(azure, elsewhere, settings, new FleetUse(azure, [rig.entry()]), [rig.entry()]);
      const result = await rig.run([identity], [], { dryRun: true });
      assert.notEqual(verdictOf(result, identity).problem?.code, 'WI2201');
    });
  });
});
