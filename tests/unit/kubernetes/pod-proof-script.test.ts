import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { roles } from '../../../tasks/_shared/azure/roles.js';
import { object, objects, text } from '../../../tasks/_shared/fleet/json.js';
import { proofJob } from '../../../tasks/_shared/kubernetes/proof-job.js';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { tenantId } from '../../simulators/azure/authority.js';
import { idOf } from '../../simulators/azure/directory.js';
import type { IdentityRecord } from '../../simulators/arm/identities.js';
import { createCertificateAuthority } from '../../simulators/kernel/certificate-authority.js';
import { LoopbackNetwork } from '../../simulators/kernel/loopback-network.js';
import type { KubernetesApi } from '../../simulators/kubernetes/kubernetes-api.js';
import { World } from '../../simulators/world/world.js';
import { runPodProgram, type ProgramEnd } from '../../tools/pod-program.js';

const subscriptionId = idOf('subscription of the pod proofs');
const group = 'rg-dev';
const place = { subscriptionId, group, location: 'westeurope' };
const kubernetesAudience = '6dae42f8-4368-4678-94ff-3960e28e3630';

describe('the script of a proof from a pod, with sh and curl', () => {
  let world: World;
  let api: KubernetesApi;
  let identity: IdentityRecord;
  let folder: string;
  let environment: Record<string, string>;

  before(async () => {
    const authority = await createCertificateAuthority(new Date());
    folder = await mkdtemp(join(tmpdir(), 'aks-wi-test-'));
    const bundle = join(folder, 'ca.pem');
    await writeFile(bundle, authority.certificate);
    environment = { PATH: process.env.PATH ?? '', CURL_CA_BUNDLE: bundle };
    world = await World.create({ network: new LoopbackNetwork(systemClock(), authority.server), certificateAuthority: authority.certificate, organisation: { id: idOf('contoso'), name: 'contoso' } });
    world.roles.effectMs = 0;
    world.directory.replicationMs = 0;
    world.entra.knobs.credentialVisibleMs = 0;
    world.hierarchy.addManagementGroup({ name: 'nonprod', displayName: 'Non-production' });
    world.hierarchy.addSubscription({ id: subscriptionId, displayName: 'dev', managementGroup: 'nonprod' });
    world.hierarchy.addResourceGroup(subscriptionId, group, 'westeurope');
    const features = { properties: { oidcIssuerProfile: { enabled: true }, securityProfile: { workloadIdentity: { enabled: true } } } };
    api = await world.addCluster({ ...place, name: 'aks-1', resource: features });
    const { secrets } = await world.addVault({ ...place, name: 'kv-dev', properties: {} });
    for (const secret of ['orders-db', 'billing-db']) secrets.set(secret, `canary-${secret}`);
    identity = world.arm.identities.add(subscriptionId, group, 'id-orders', 'westeurope');
    identity.credentials.set('wi', world.arm.clusters.find('aks-1').issuerUrl(), 'system:serviceaccount:orders:api');
    const owner = world.directory.add({ displayName: 'deployer', kind: 'application', secrets: ['deployer secret'] });
    world.assign(owner.objectId, 'Azure Kubernetes Service RBAC Cluster Admin', `/subscriptions/${subscriptionId}`);
    const vault = world.arm.vaults.find('kv-dev').id;
    for (const secret of ['orders-db', 'unborn']) {
      world.roles.add({ name: idOf(secret), scope: `${vault}/secrets/${secret}`, principalId: identity.principalId, principalType: 'ServicePrincipal', roleDefinitionId: roles['Key Vault Secrets User'] });
    }
    api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
    for (const [name, id] of [['api', identity.clientId], ['stranger', idOf('somebody')]] as const) {
      api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name, annotations: { 'azure.workload.identity/client-id': id } } });
    }
  });
  after(async () => {
    await world.close();
    await rm(folder, { recursive: true });
  });

  const send = async (address: string, headers: Record<string, string>, body: string): Promise<Record<string, unknown>> => {
    const answer = await world.network.dispatch({ method: 'POST', url: new URL(address), headers, body: Buffer.from(body), signal: new AbortController().signal });
    return object(JSON.parse(JSON.stringify(answer.body)));
  };
  const deployer = async (): Promise<string> => {
    const principal = world.directory.all().find(({ displayName }) => displayName === 'deployer');
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: principal?.appId ?? '', client_secret: 'deployer secret', scope: `${kubernetesAudience}/.default` });
    return text((await send(`${world.origins.entra}/${tenantId}/oauth2/v2.0/token`, { 'content-type': 'application/x-www-form-urlencoded' }, form.toString())).access_token) ?? '';
  };
  let assertion = '';
  /** A token of a service account, as the kubelet asks for it. */
  const token = async (namespace: string, account: string, audience: string): Promise<string> => {
    const authorization = `Bearer ${await deployer()}`;
    const answer = await api.handle({ method: 'POST', url: new URL(`https://api/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`), headers: { authorization, 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience], expirationSeconds: 3600 } })), signal: new AbortController().signal });
    assertion = text(object(object(answer.body).status).token) ?? '';
    assert.notEqual(assertion, '', JSON.stringify(answer.body));
    return assertion;
  };

  /** Runs the pod that the job would have; changed in what a test wants otherwise. */
  const run = async (secrets: readonly string[], change: (env: Map<string, string>) => void = () => undefined, serviceAccount = 'api'): Promise<ProgramEnd> => {
    const uri = String(world.arm.vaults.find('kv-dev').properties.vaultUri);
    const job = proofJob({ namespace: 'orders', release: 'orders', serviceAccount, image: 'contoso/curl:8', scope: 'https://vault.azure.net/.default', vault: { uri, apiVersion: '2025-07-01' }, secrets, timeoutMs: 0 }, {});
    const { metadata, spec } = object(object(job.spec).template);
    const name = `proof-${secrets.length}`;
    const pod = api.put({ apiVersion: 'v1', kind: 'Pod', metadata: { ...object(metadata), namespace: 'orders', name }, spec: object(spec) });
    api.remove('Pod', 'orders', name);
    const [container = {}] = objects(object(pod.spec).containers);
    const variables = new Map(objects(container.env).map((entry): [string, string] => [text(entry.name) ?? '', text(entry.value) ?? '']));
    change(variables);
    const changed = { ...pod, spec: { ...object(pod.spec), containers: [{ ...container, env: [...variables].map(([key, value]) => ({ name: key, value })) }] } };
    const ended = await runPodProgram(changed, { token, environment });
    assert.equal(ended.output, '', 'nothing is left in a log');
    assert.ok(!/eyJ|canary/.test(ended.message) && (assertion === '' || !ended.message.includes(assertion)), 'nothing secret leaves the pod');
    return ended;
  };

  it('gets a token and reads what it may', async () => {
    const { message, exitCode } = await run(['orders-db']);
    assert.deepEqual([message, exitCode], ['token ok; secret orders-db 200', 0]);
  });

  it('gets a token where no secret is to be read', async () => {
    assert.equal((await run([])).message, 'token ok');
  });

  it('tells what is refused and what is missing from what is readable', async () => {
    const { message, exitCode } = await run(['billing-db', 'orders-db', 'unborn']);
    assert.deepEqual([message, exitCode], ['token ok; secret billing-db 403; secret orders-db 200; secret unborn 404', 1]);
  });

  it('tells Entra’s code where it gives no token', async () => {
    assert.match((await run(['orders-db'], undefined, 'stranger')).message, /^token AADSTS\d+$/);
  });

  it('tells how it does not reach Entra, or the vault', async () => {
    assert.equal((await run(['orders-db'], (env) => env.set('AZURE_AUTHORITY_HOST', 'https://127.0.0.1:9/'))).message, 'token 000 curl 7');
    assert.equal((await run(['orders-db'], (env) => env.set('WI_VAULT', 'https://127.0.0.1:9'))).message, 'token ok; secret orders-db 000 curl 7');
  });

  it('says what the webhook did not give it', async () => {
    assert.equal((await run([], (env) => void env.delete('AZURE_CLIENT_ID'))).message, 'identity missing AZURE_CLIENT_ID');
    assert.equal((await run([], (env) => env.set('AZURE_FEDERATED_TOKEN_FILE', '/nowhere'))).message, 'identity missing token file');
  });

  it('asks again for what may still come', async () => {
    const faults = world.network.faults;
    let refused = 0;
    const undo = faults.plant({ path: /^\/secrets\//, times: 1, then: () => void (refused += 1), respond: { status: 403, body: {} } });
    const { message } = await run(['orders-db'], (env) => void env.set('WI_SECONDS', '30').set('WI_PAUSE', '0'));
    undo();
    assert.deepEqual([message, refused], ['token ok; secret orders-db 200', 1]);
  });
});
