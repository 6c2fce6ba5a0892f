import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { idOf } from '../azure/directory.js';
import { decodeJwt } from '../kernel/jwt.js';
import { isRecord } from '../kernel/service.js';
import { clusterPath, group, json, kubernetesAudience, subscriptionId, TestClient } from './test-client.js';

const clusters = '?api-version=2026-04-01';
const identities = '?api-version=2024-11-30';
const vaultAudience = 'https://vault.azure.net';
const identityPath = `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-shop`;
const secretsUser = `/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6`;

describe('world: the whole chain from a service account to a secret', () => {
  let client: TestClient;
  beforeEach(async () => {
    client = await TestClient.start();
    const vault = await client.world.addVault(client.place('kv-shop'));
    vault.secrets.set('orders-db', 'canary');
  });

  async function enableFeatures(): Promise<string> {
    const before = json(await client.arm('GET', clusterPath + clusters));
    const properties = { ...json(before.properties), oidcIssuerProfile: { enabled: true }, securityProfile: { workloadIdentity: { enabled: true } } };
    const put = await client.arm('PUT', clusterPath + clusters, { ...before, properties });
    assert.equal(put.status, 200);
    client.clock.advance(client.world.arm.clusters.knobs.updateMs);
    const status = json(await client.send('GET', put.headers?.['azure-asyncoperation'] ?? '', await client.ownerToken('https://management.azure.com')));
    assert.equal(status.status, 'Succeeded');
    return String(json(json(json(await client.arm('GET', clusterPath + clusters)).properties).oidcIssuerProfile).issuerURL);
  }

  async function makeIdentity(issuer: string): Promise<{ clientId: string; principalId: string }> {
    const made = await client.arm('PUT', identityPath + identities, { location: 'westeurope' });
    assert.equal(made.status, 201);
    const trust = { properties: { issuer, subject: 'system:serviceaccount:shop:web', audiences: ['api://AzureADTokenExchange'] } };
    assert.equal((await client.arm('PUT', `${identityPath}/federatedIdentityCredentials/shop-web${identities}`, trust)).status, 201);
    const { clientId, principalId } = json(json(made).properties);
    return { clientId: String(clientId), principalId: String(principalId) };
  }

  /** A service account's token, through the API server that the kubeconfig of the user credential names. */
  async function accountToken(account: string): Promise<string> {
    const credential = await client.arm('POST', `${clusterPath}/listClusterUserCredential${clusters}&format=exec`);
    const [first] = Object.values(json(credential).kubeconfigs as Record<string, string>[]);
    const config: unknown = parse(Buffer.from(String(first?.value), 'base64').toString());
    assert.ok(isRecord(config) && Array.isArray(config.clusters));
    const { server } = json(json(config.clusters[0]).cluster);
    const bearer = await client.ownerToken(kubernetesAudience);
    const make = async (path: string, object: object): Promise<number> => (await client.send('POST', `${String(server)}${path}`, bearer, object)).status;
    await make('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    assert.equal(await make('/api/v1/namespaces/shop/serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account } }), 201);
    const answered = await client.accountToken(account, bearer);
    assert.equal(answered.status, 201);
    return String(json(json(answered).status).token);
  }

  async function readSecret(token: string): Promise<string> {
    const uri = String(client.world.arm.vaults.find('kv-shop').properties.vaultUri);
    const response = await client.send('GET', `${uri}secrets/orders-db?api-version=2025-07-01`, token);
    return response.status === 200 ? `200 ${String(json(response).value)}` : `${response.status} ${String(json(json(response).error).code)}`;
  }

  it('opens the vault with a token that began in the cluster', async () => {
    const { clientId, principalId } = await makeIdentity(await enableFeatures());
    const assertion = await accountToken('web');
    const token = String(json(await client.signIn(clientId, { assertion }, vaultAudience)).access_token);
    assert.equal(decodeJwt(token)?.claims.oid, principalId);
    assert.equal(await readSecret(token), '403 Forbidden', 'no role yet');
    const vaultId = `${group}/providers/Microsoft.KeyVault/vaults/kv-shop`;
    const role = { properties: { roleDefinitionId: secretsUser, principalId, principalType: 'ServicePrincipal' } };
    const granted = await client.arm('PUT', `${vaultId}/secrets/orders-db/providers/Microsoft.Authorization/roleAssignments/${idOf('grant')}?api-version=2022-04-01`, role);
    assert.equal(granted.status, 201);
    assert.equal(await readSecret(token), '200 canary');
    const writes = client.world.network.log.writes('arm').map(({ wrote }) => wrote?.split('/').at(-2));
    assert.deepEqual(writes, ['managedClusters', 'userAssignedIdentities', 'federatedIdentityCredentials', 'roleAssignments']);
  });

  it('refuses another service account, another identity and a token of before the issuer', async () => {
    const before = await accountToken('web');
    const { clientId } = await makeIdentity(await enableFeatures());
    const other = await accountToken('other');
    const codeOf = async (assertion: string, id = clientId): Promise<unknown> => json(await client.signIn(id, { assertion }, vaultAudience)).error_codes;
    assert.deepEqual(await codeOf(other), [700213]);
    assert.deepEqual(await codeOf(other, client.world.arm.identities.add(subscriptionId, 'rg-shop', 'id-other', 'westeurope').clientId), [70025]);
    assert.notEqual(decodeJwt(before)?.claims.iss, decodeJwt(other)?.claims.iss, 'the issuer of old tokens is the API server');
    assert.equal((await client.signIn(clientId, { assertion: before }, vaultAudience)).status, 400, 'whose keys Entra does not find');
  });

  it('is cut when the issuer cannot be reached, and when the identity is gone', async () => {
    const { clientId } = await makeIdentity(await enableFeatures());
    const assertion = await accountToken('web');
    client.world.issuers.unreachable = true;
    assert.deepEqual(json(await client.signIn(clientId, { assertion }, vaultAudience)).error_codes, [90061]);
    client.world.issuers.unreachable = false;
    assert.equal((await client.signIn(clientId, { assertion }, vaultAudience)).status, 200);
    assert.equal((await client.arm('DELETE', identityPath + identities)).status, 200);
    assert.deepEqual(json(await client.signIn(clientId, { assertion }, vaultAudience)).error_codes, [700016]);
  });
});
