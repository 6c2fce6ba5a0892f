import assert from 'node:assert/strict';
import { InputReader } from '../../../tasks/_shared/agent/inputs.js';
import { otherConnections, readSharedInputs } from '../../../tasks/_shared/agent/shared-inputs.js';
import type { ServiceConnection } from '../../../tasks/_shared/azure/connection.js';
import { rightAt } from '../../../tasks/_shared/azure/azure.js';
import { problemOf, Rig, subscriptionId } from '../azure/azure-world.js';
import { FakeAgent, federatedEndpoint, type FakeEndpoint } from './fake-agent.js';

describe('further service connections', () => {
  let agent: FakeAgent;

  beforeEach(() => {
    agent = new FakeAgent();
    agent.variables['System.OidcRequestUri'] = 'https://dev.azure.com/contoso/oidctoken';
    agent.endpoints.own = federatedEndpoint;
    Object.assign(agent.inputs, { azureSubscription: 'own', clusters: 'rg/aks-1' });
  });

  afterEach(() => agent.dispose());

  function read(endpoint?: FakeEndpoint): { reader: InputReader; found: ServiceConnection | undefined } {
    if (endpoint !== undefined) {
      agent.endpoints.other = endpoint;
      agent.inputs.vaultConnection = 'other';
    }
    const reader = new InputReader(agent);
    const requestToken = ({ connectionId }: { readonly connectionId: string }): Promise<string> => Promise.resolve(`oidc for ${connectionId}`);
    const shared = readSharedInputs(reader, agent, requestToken);
    return { reader, found: otherConnections(reader, agent, requestToken, shared)('vaultConnection') };
  }

  it('are optional', () => {
    const { reader, found } = read();
    reader.finish();
    assert.equal(found, undefined);
  });

  it('ask for tokens of their own', async () => {
    const { reader, found } = read({ ...federatedEndpoint, data: { subscriptionId: subscriptionId, environment: 'AzureCloud' } });
    reader.finish();
    assert.ok(found?.signIn.kind === 'federated');
    assert.equal(await found.signIn.assertion(), 'oidc for other');
    assert.equal(found.subscriptionId, subscriptionId);
  });

  const foreign: readonly (readonly [string, FakeEndpoint, RegExp])[] = [
    ['another tenant', { ...federatedEndpoint, parameters: { ...federatedEndpoint.parameters, tenantid: '99999999-2222-4222-8222-222222222222' } }, /another tenant than input azureSubscription does/],
    ['another cloud', { ...federatedEndpoint, url: '', data: { environment: 'AzureUSGovernment' } }, /another cloud than input azureSubscription does/],
    ['another scheme', { scheme: 'PublishProfile' }, /signs in with PublishProfile/],
  ];
  for (const [title, endpoint, text] of foreign) {
    it(`are refused when they belong to ${title}`, () => {
      const { reader } = read(endpoint);
      assert.throws(() => reader.finish(), text);
    });
  }

  it('are signed in once, and asked about their own principal', async () => {
    const rig = await Rig.start();
    const other = rig.otherConnection('contoso-vaults');
    const services = await rig.services([]);
    const [one, two] = await Promise.all([services.connect(other), services.connect(other)]);
    assert.equal(one, two);
    assert.equal(await services.connect(rig.connection), services.azure);
    const scope = `/subscriptions/${subscriptionId}`;
    const wanted = [services.azure, one].map((azure) => rightAt(azure, 'Microsoft.Authorization/roleAssignments/write', scope));
    assert.deepEqual(wanted.map(({ via }) => via), [undefined, 'contoso-vaults']);
    assert.deepEqual(await services.permissions.missing(wanted), [wanted[1]]);
    rig.world.assign(rig.world.directory.byAppId(one.connection.signIn.clientId ?? '')?.objectId ?? '', 'User Access Administrator', scope);
    assert.deepEqual(await services.permissions.missing(wanted), []);
  });

  it('that cannot sign in say which they are', async () => {
    const rig = await Rig.start();
    const other: ServiceConnection = { ...rig.otherConnection('contoso-vaults'), signIn: { kind: 'secret', clientId: rig.deployer.appId, secret: () => 'wrong' } };
    const azure = await (await rig.services([])).connect(other);
    assert.match((await problemOf(azure.token(azure.cloud.resourceManagerAudience))).what, /contoso-vaults cannot sign in/);
  });
});
