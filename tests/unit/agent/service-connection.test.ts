import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { readServiceConnection, subscriptionOf } from '../../../tasks/_shared/agent/service-connection.js';
import type { ReleaseOidcRequest } from '../../../tasks/_shared/agent/release-oidc.js';
import type { OidcRequest } from '../../../tasks/_shared/azure/oidc-token.js';
import { FakeAgent, federatedEndpoint, type FakeEndpoint } from './fake-agent.js';

const clientId = '1f0c1111-1111-4111-8111-11111111119a';
const tenantid = '22222222-2222-4222-8222-222222222222';
const pem = '-----BEGIN PRIVATE KEY-----\nMIIcanarycanary1\nMIIcanarycanary2\n-----END PRIVATE KEY-----\n';

describe('readServiceConnection', () => {
  let agent: FakeAgent;
  const requests: (OidcRequest | ReleaseOidcRequest)[] = [];

  beforeEach(() => {
    agent = new FakeAgent();
    agent.variables['System.OidcRequestUri'] = 'https://dev.azure.com/contoso/oidctoken';
    requests.length = 0;
  });

  afterEach(() => agent.dispose());

  function read(endpoint: FakeEndpoint): ReturnType<typeof readServiceConnection> {
    agent.endpoints.conn = endpoint;
    return readServiceConnection(agent, 'conn', (request) => {
      requests.push(request);
      return Promise.resolve(`oidc-${requests.length}`);
    });
  }

  it('reads a federated connection, and asks for a new token at each exchange', async () => {
    const connection = read(federatedEndpoint);
    assert.equal(connection.tenantId, tenantid);
    assert.equal(connection.subscriptionId, '33333333-3333-4333-8333-333333333333');
    assert.ok(connection.signIn.kind === 'federated');
    assert.equal(connection.signIn.clientId, clientId);
    assert.equal(requests.length, 0);
    assert.deepEqual([await connection.signIn.assertion(), await connection.signIn.assertion()], ['oidc-1', 'oidc-2']);
    assert.deepEqual(requests[0], { requestUri: 'https://dev.azure.com/contoso/oidctoken', accessToken: 'job-token', connectionId: 'conn' });
    for (const secret of ['job-token', 'oidc-1', 'oidc-2']) assert.ok(agent.masked.includes(secret), secret);
  });

  it('reads a key, masked, and printing the connection does not show it', () => {
    const { signIn, ...rest } = read({ ...federatedEndpoint, scheme: 'ServicePrincipal', parameters: { ServicePrincipalId: clientId, tenantid, authenticationType: 'spnKey', serviceprincipalkey: 'canary"key' } });
    assert.ok(signIn.kind === 'secret');
    assert.equal(signIn.secret(), 'canary"key');
    assert.ok(agent.masked.includes('canary"key') && agent.masked.includes('canary\\"key'));
    assert.ok(!inspect({ signIn, ...rest }, { depth: 9, showHidden: true }).includes('canary'));
  });

  it('reads a certificate, masked line by line', () => {
    const { signIn } = read({ ...federatedEndpoint, scheme: 'serviceprincipal', parameters: { serviceprincipalid: clientId, tenantid, authenticationType: 'spnCertificate', servicePrincipalCertificate: pem } });
    assert.ok(signIn.kind === 'certificate');
    assert.equal(signIn.pem(), pem);
    assert.deepEqual(agent.masked, ['MIIcanarycanary1', 'MIIcanarycanary2']);
  });

  it('reads managed identities, the machine’s own and an assigned one', () => {
    const msi: FakeEndpoint = { ...federatedEndpoint, scheme: 'ManagedServiceIdentity', parameters: { tenantid } };
    assert.deepEqual(read(msi).signIn, { kind: 'managedIdentity' });
    assert.deepEqual(read({ ...msi, data: { ...msi.data, msiclientId: clientId } }).signIn, { kind: 'managedIdentity', clientId });
  });

  const refusals: readonly [string, FakeEndpoint, RegExp][] = [
    ['another scheme, by name', { ...federatedEndpoint, scheme: 'PublishProfile' }, /^Problem: WI1011: .*PublishProfile/],
    ['a missing client id', { ...federatedEndpoint, parameters: { tenantid } }, /WI1012: .*serviceprincipalid/],
    ['a missing key', { ...federatedEndpoint, scheme: 'ServicePrincipal' }, /WI1012: .*serviceprincipalkey/],
    ['a missing tenant', { ...federatedEndpoint, scheme: 'ManagedServiceIdentity', parameters: {} }, /WI1012: .*tenantid/],
    ['an unknown cloud', { ...federatedEndpoint, data: { environment: 'AzureGermanCloud' } }, /WI1014: .*AzureGermanCloud/],
    ['an Azure Stack without endpoints', { ...federatedEndpoint, data: { environment: 'AzureStack' } }, /WI1012: .*activeDirectoryServiceEndpointResourceId/],
  ];
  for (const [title, endpoint, message] of refusals) {
    it(`refuses ${title}`, () => {
      assert.throws(() => read(endpoint), message);
    });
  }

  it('refuses a connection that the job was not given', () => {
    assert.throws(() => readServiceConnection(agent, 'nowhere', () => Promise.resolve('')), /WI1010: .*nowhere/);
    assert.throws(() => subscriptionOf(agent, 'nowhere'), /WI1010/);
  });

  it('asks as a release does where there is no request address, with either name of the collection', async () => {
    const release = { 'System.CollectionUri': 'https://vsrm.dev.azure.com/contoso/', 'System.TeamProjectId': 'p', 'System.HostType': 'release', 'System.PlanId': 'plan', 'System.JobId': 'job' };
    for (const uri of ['', undefined]) {
      agent.variables = { ...release, ...(uri === undefined ? {} : { 'System.OidcRequestUri': uri }) };
      const { signIn } = read(federatedEndpoint);
      assert.ok(signIn.kind === 'federated');
      await signIn.assertion();
    }
    const expected = { collectionUri: 'https://vsrm.dev.azure.com/contoso/', projectId: 'p', hub: 'release', planId: 'plan', jobId: 'job', accessToken: 'job-token', connectionId: 'conn' };
    assert.deepEqual(requests, [expected, expected]);
    agent.variables = { ...release, 'System.CollectionUri': '', 'System.TeamFoundationCollectionUri': 'https://contoso.vsrm.visualstudio.com/' };
    const { signIn } = read(federatedEndpoint);
    assert.ok(signIn.kind === 'federated');
    await signIn.assertion();
    assert.deepEqual(requests[2], { ...expected, collectionUri: 'https://contoso.vsrm.visualstudio.com/' });
  });

  it('names everything that a job lacks which can ask in neither way', () => {
    agent.variables = { 'System.HostType': 'release', 'System.PlanId': '' };
    assert.throws(() => read(federatedEndpoint), /WI1013: .*System\.OidcRequestUri is not set.* lacks System\.CollectionUri, System\.TeamProjectId, System\.PlanId, System\.JobId$/);
  });

  it('says so when the agent kept the job token', () => {
    delete agent.endpoints.SYSTEMVSSCONNECTION;
    assert.throws(() => read(federatedEndpoint), /WI1012: .*AccessToken/);
  });

  it('lies at the management group that it was made for, where it has no subscription', () => {
    const found = read({ ...federatedEndpoint, data: { environment: 'AzureCloud', scopeLevel: 'ManagementGroup', managementGroupId: 'mg-corp', managementGroupName: 'Corporation' } });
    assert.deepEqual([found.subscriptionId, found.managementGroup], [undefined, 'mg-corp']);
    assert.equal(read(federatedEndpoint).managementGroup, undefined);
  });

  it('knows the clouds by name', () => {
    const government = read({ ...federatedEndpoint, url: '', data: { environment: 'azureusgovernment' } });
    assert.equal(government.subscriptionId, undefined);
    assert.deepEqual(government.cloud, {
      name: 'AzureUSGovernment',
      resourceManager: 'https://management.usgovcloudapi.net',
      resourceManagerAudience: 'https://management.usgovcloudapi.net',
      authority: 'https://login.microsoftonline.us',
      keyVaultAudience: 'https://vault.usgovcloudapi.net',
      containerRegistryAudience: 'https://containerregistry.azure.net',
      containerRegistrySuffix: 'azurecr.us',
      logAnalytics: { endpoint: 'https://api.loganalytics.us', audience: 'https://api.loganalytics.us' },
      logsIngestionAudience: 'https://monitor.azure.us',
    });
    assert.equal(read({ ...federatedEndpoint, url: '', data: { environment: 'AzureChinaCloud' } }).cloud.keyVaultAudience, 'https://vault.azure.cn');
  });

  it('prefers what the connection says itself', () => {
    const { cloud } = read({
      ...federatedEndpoint,
      url: 'https://arm.local/',
      data: {
        environment: 'AzureStack',
        activeDirectoryAuthority: 'https://adfs.local/adfs/',
        activeDirectoryServiceEndpointResourceId: 'https://arm.local/aud/',
        AzureKeyVaultServiceEndpointResourceId: 'https://vault.local',
      },
    });
    assert.deepEqual(cloud, {
      name: 'AzureStack',
      resourceManager: 'https://arm.local',
      resourceManagerAudience: 'https://arm.local/aud/',
      authority: 'https://adfs.local/adfs',
      keyVaultAudience: 'https://vault.local',
      containerRegistryAudience: 'https://containerregistry.azure.net',
    });
  });
});
