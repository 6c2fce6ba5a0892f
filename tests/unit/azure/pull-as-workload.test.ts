import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkloadIdentityCredential } from '@azure/identity';
import { pullManifest } from '../../../docs/samples/pull-as-workload.js';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import { exchangeAudience } from '../../../tasks/_shared/fleet/names.js';
import { tenantId } from '../../simulators/azure/authority.js';
import { inProcessHttpClient } from '../../simulators/kernel-clients/in-process-http-client.js';
import { textOf } from '../../simulators/kernel/response-text.js';
import { Rig } from './azure-world.js';

const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const image = { registry: 'registry.crunit.sim', repository: 'orders/api', reference: '1.0.0' };

describe('the sample of the application’s side, with the SDK’s own workload-identity credential', () => {
  let rig: Rig;
  let folder: string;
  beforeEach(async () => {
    rig = await Rig.start(new Date().toISOString());
    folder = await mkdtemp(join(tmpdir(), 'workload-'));
    await rig.addCluster('aks-1', 'ready');
    await rig.addRegistry();
    assert.equal((await rig.runTask(federateServiceAccount, ['aks-1'], workload)).result.result, 'succeeded');
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** What the webhook gives a pod: the identity's ids, and a file with a token of the service account. */
  async function credential(): Promise<WorkloadIdentityCredential> {
    const services = await rig.services(rig.entries('aks-1'));
    const tokenFilePath = join(folder, 'azure-identity-token');
    await writeFile(tokenFilePath, await services.cluster(rig.entry()).serviceAccountToken('orders', 'api', exchangeAudience, 3600));
    const { clientId } = rig.world.arm.identities.find('id-orders-aks-1');
    const options = { authorityHost: rig.world.origins.entra, disableInstanceDiscovery: true, httpClient: inProcessHttpClient(rig.network), retryOptions: { maxRetries: 0 } };
    return new WorkloadIdentityCredential({ clientId, tenantId, tokenFilePath, ...options });
  }
  /** `fetch` over the network of the test. */
  const request: typeof fetch = async (target, init) => {
    const { method, url, headers, body } = new Request(target, init);
    const content = Buffer.from(body === null ? '' : await new Response(body).text());
    const answer = await rig.network.dispatch({ method, url: new URL(url), headers: Object.fromEntries(headers), body: content, signal: rig.abort.signal });
    return new Response(await textOf(answer.body), { status: answer.status, headers: { ...answer.headers } });
  };

  it('pulls with the granted role, over both exchanges', async () => {
    assert.equal((await rig.runTask(grantRegistryRole, ['aks-1'], { ...workload, registry: 'rg-dev/crunit', repositories: 'orders/api' })).result.result, 'succeeded');
    rig.network.log.clear();
    const manifest = (await pullManifest(image, await credential(), request)) as { schemaVersion: number; config: { digest: string } };
    assert.equal(manifest.schemaVersion, 2);
    assert.match(manifest.config.digest, /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual(rig.network.log.all('registry').map(({ method, path, status, principal }) => `${method} ${path} ${status} ${principal === rig.world.arm.identities.find('id-orders-aks-1').principalId ? 'the identity' : ''}`), [
      'POST /oauth2/exchange 200 the identity',
      'POST /oauth2/token 200 the identity',
      'GET /v2/orders/api/manifests/1.0.0 200 the identity',
    ]);
  });

  it('does not need the admin user', async () => {
    const inputs = { ...workload, registry: 'rg-dev/crunit', repositories: 'orders/api', adminUser: 'disable', force: 'true' };
    rig.world.arm.registries.edit('crunit', { adminUserEnabled: true });
    assert.equal((await rig.runTask(grantRegistryRole, ['aks-1'], inputs)).result.result, 'succeeded');
    assert.equal(rig.world.arm.registries.find('crunit').properties.adminUserEnabled, false);
    await pullManifest(image, await credential(), request);
  });

  it('is refused without the role, for another tag, and without the federated credential', async () => {
    await assert.rejects(pullManifest(image, await credential(), request), /registry\.crunit\.sim refused orders\/api:1\.0\.0 with 401/);
    await rig.runTask(grantRegistryRole, ['aks-1'], { ...workload, registry: 'rg-dev/crunit', repositories: 'orders/api' });
    await assert.rejects(pullManifest({ ...image, reference: '9.9.9' }, await credential(), request), /refused orders\/api:9\.9\.9 with 404/);
    const stranger = await credential();
    rig.world.arm.identities.find('id-orders-aks-1').credentials.remove();
    await assert.rejects(pullManifest(image, stranger, request), /AADSTS70025/);
  });
});
