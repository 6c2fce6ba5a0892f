import assert from 'node:assert/strict';
import { Network } from '../kernel/network.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { canaries, clusterId, clusters, connections, contosoTenant, createContoso, organisation, project, subscriptions } from './contoso.js';
import { contosoPipelineWorld } from './pipeline-world.js';
import { clusterPath, group, json, kubernetesAudience, TestClient } from './test-client.js';

const registryAudience = 'https://containerregistry.azure.net';

describe('world: how its services are wired', () => {
  it('publishes the keys of a cluster only while its issuer is on', async () => {
    const client = await TestClient.start();
    const { issuerUrl } = client.world.arm.clusters.find('aks-shop');
    const keys = async (): Promise<number> => (await client.send('GET', `${issuerUrl()}openid/v1/jwks`)).status;
    assert.equal(await keys(), 404);
    client.world.arm.clusters.edit('aks-shop', { oidcIssuerProfile: { enabled: true, issuerURL: issuerUrl() } });
    assert.equal(await keys(), 200);
  });

  it('lets the admin token of a cluster in only while local accounts are on', async () => {
    const client = await TestClient.start({ properties: { disableLocalAccounts: false, aadProfile: null } });
    const { adminToken } = client.world.arm.clusters.find('aks-shop');
    const ask = async (token: string): Promise<number> => (await client.send('GET', `${client.server()}/api/v1/secrets`, token)).status;
    assert.equal(await ask(adminToken), 200);
    const entra = await client.ownerToken(kubernetesAudience);
    assert.equal(await ask(entra), 401, 'Entra is off');
    client.world.arm.clusters.edit('aks-shop', { disableLocalAccounts: true, aadProfile: { managed: true, enableAzureRBAC: true } });
    assert.equal(await ask(adminToken), 401);
    assert.equal(await ask(entra), 200);
    client.world.arm.clusters.edit('aks-shop', { aadProfile: { enableAzureRBAC: false } });
    assert.equal(await ask(entra), 403, 'known to Entra, but only the cluster’s own RBAC counts');
  });

  it('judges a vault by the access policies and network rules of its ARM resource', async () => {
    const client = await TestClient.start();
    const { owner, world } = client;
    const policy = { tenantId: contosoTenant, objectId: owner.objectId, permissions: { secrets: ['get'] } };
    const vault = await world.addVault(client.place('kv-old', { enableRbacAuthorization: false, accessPolicies: [policy] }));
    vault.secrets.set('s', 'canary');
    const token = await client.ownerToken('https://vault.azure.net');
    const get = async (): Promise<number> => (await client.send('GET', `${String(world.arm.vaults.find('kv-old').properties.vaultUri)}secrets/s?api-version=2025-07-01`, token)).status;
    assert.equal(await get(), 200);
    world.arm.vaults.edit('kv-old', { accessPolicies: [] });
    assert.equal(await get(), 403);
    world.arm.vaults.edit('kv-old', { accessPolicies: [policy], networkAcls: { defaultAction: 'Deny' } });
    assert.equal(await get(), 403);
    world.arm.vaults.edit('kv-old', { networkAcls: { ipRules: [{ value: '127.0.0.1' }] } });
    assert.equal(await get(), 200);
  });

  it('judges a registry by its ARM resource', async () => {
    const client = await TestClient.start();
    await client.world.addRegistry(client.place('crshop'));
    const { properties } = client.world.arm.registries.find('crshop');
    const host = String(properties.loginServer);
    const exchange = async (audience: string): Promise<number> => {
      const form = new URLSearchParams({ grant_type: 'access_token', service: host, tenant: contosoTenant, access_token: await client.ownerToken(audience) });
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const request = { method: 'POST', url: new URL(`https://${host}/oauth2/exchange`), headers, body: Buffer.from(form.toString()), signal: new AbortController().signal };
      return (await client.world.network.dispatch(request)).status;
    };
    assert.deepEqual([await exchange(registryAudience), await exchange('https://management.azure.com')], [200, 200]);
    client.world.arm.registries.edit('crshop', { policies: { azureADAuthenticationAsArmPolicy: { status: 'disabled' } } });
    assert.deepEqual([await exchange(registryAudience), await exchange('https://management.azure.com')], [200, 401]);
  });

  it('assigns roles that act at once, by a name that must exist', async () => {
    const client = await TestClient.start();
    client.world.roles.effectMs = 600_000;
    const reader = client.world.directory.add({ displayName: 'reader', kind: 'application' });
    client.world.assign(reader.objectId, 'Reader', group);
    assert.ok(client.world.roles.allows({ objectId: reader.objectId, action: 'Microsoft.ContainerService/managedClusters/read', scope: clusterPath }));
    assert.throws(() => client.world.assign(reader.objectId, 'Raeder', group), /no role Raeder/);
  });
});

describe('world: contoso', () => {
  it('begins with a cluster in each state', async () => {
    const world = await createContoso(new Network(new VirtualClock()), 'in process');
    const states = Object.values(clusters).map(({ name }) => {
      const { properties } = world.arm.clusters.find(name).resource;
      return [json(properties.oidcIssuerProfile).enabled, properties.securityProfile];
    });
    const both = { workloadIdentity: { enabled: true }, defender: { securityMonitoring: { enabled: true } } };
    assert.deepEqual(states, [[false, {}], [true, {}], [true, both]]);
    for (const name of [clusters.test.name, clusters.prd.name]) {
      const { resource, issuerUrl } = world.arm.clusters.find(name);
      assert.equal(json(resource.properties.oidcIssuerProfile).issuerURL, issuerUrl());
    }
    assert.equal(world.network.log.all().length, 0, 'building asks nobody');
    await world.close();
  });

  it('lets no connection cross into the other ring, and no planner write', async () => {
    const world = await createContoso(new Network(new VirtualClock()), 'in process');
    const may = (name: string, verb: string, which: keyof typeof clusters): boolean => {
      const { objectId } = world.directory.all().find(({ displayName }) => displayName === name) ?? { objectId: '' };
      return world.roles.allows({ objectId, action: `Microsoft.ContainerService/managedClusters/${verb}`, scope: clusterId(which) });
    };
    const { nonprod, nonprodPlan, prod, prodPlan } = connections;
    assert.deepEqual([may(nonprod.name, 'write', 'dev'), may(nonprod.name, 'write', 'test'), may(nonprod.name, 'read', 'prd')], [true, true, false]);
    assert.deepEqual([may(prod.name, 'write', 'prd'), may(prod.name, 'read', 'dev')], [true, false]);
    assert.deepEqual([may(nonprodPlan.name, 'read', 'dev'), may(nonprodPlan.name, 'write', 'dev')], [true, false]);
    assert.deepEqual([may(prodPlan.name, 'read', 'prd'), may(prodPlan.name, 'write', 'prd')], [true, false]);
  });

  it('shows a pipeline its connections, groups and environments', async () => {
    const world = await createContoso(new Network(new VirtualClock()), 'in process');
    const stages: string[] = [];
    const seen = contosoPipelineWorld(world, { environment: { EXTRA: '1' }, approve: (stage) => stages.push(stage) > 0 });
    assert.equal(seen.organisation.id, organisation.id);
    assert.deepEqual(seen.environmentVariables, { EXTRA: '1' });
    const connection = seen.serviceConnection('contoso-nonprod');
    assert.equal(connection?.scheme, 'WorkloadIdentityFederation');
    assert.equal(seen.serviceConnection(connection.id), connection);
    assert.equal(connection.data.subscriptionid, subscriptions.dev);
    assert.equal(seen.serviceConnection('contoso-prod-plan')?.parameters.serviceprincipalkey, canaries.clientSecret);
    assert.equal(seen.serviceConnection('nobody'), undefined);
    assert.equal(seen.variableGroup('wi-nonprod')?.variables.clusters?.value, [clusterId('dev'), clusterId('test')].join(','));
    assert.equal(seen.variableGroup('wi-prod')?.variables.unrelatedPassword?.isSecret, true);
    assert.deepEqual([seen.environment('prod')?.name, seen.environment('other')], ['prod', undefined]);
    assert.equal(seen.approve('prod', []), true);
    assert.deepEqual(stages, ['prod']);
  });

  it('signs a job in by the token of its connection', async () => {
    const client = await createContoso(new Network(new VirtualClock()), 'in process');
    const seen = contosoPipelineWorld(client, { environment: {}, approve: () => true });
    const job = { planId: 'p', jobId: 'j' };
    const connection = seen.serviceConnection('contoso-nonprod');
    const url = new URL(`${seen.oidcRequestUri(job)}?api-version=7.1&serviceConnectionId=${connection?.id ?? ''}`);
    const headers = { authorization: `Bearer ${seen.jobToken(job)}`, 'content-type': 'application/json' };
    const answered = await client.network.dispatch({ method: 'POST', url, headers, body: Buffer.alloc(0), signal: new AbortController().signal });
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: String(connection?.parameters.serviceprincipalid),
      scope: 'https://management.azure.com/.default',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: String(json(answered).oidcToken),
    });
    const entra = new URL(`${client.origins.entra}/${contosoTenant}/oauth2/v2.0/token`);
    const asked = { method: 'POST', url: entra, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: Buffer.from(form.toString()), signal: new AbortController().signal };
    const token = String(json(await client.network.dispatch(asked)).access_token);
    assert.equal(client.directory.byObjectId(client.entra.verify(`Bearer ${token}`, ['https://management.azure.com'])?.objectId ?? '')?.displayName, 'contoso-nonprod');
    assert.equal(project.name, seen.project.name);
  });
});
