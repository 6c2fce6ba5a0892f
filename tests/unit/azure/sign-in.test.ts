import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { oidcToken } from '../../../tasks/_shared/azure/oidc-token.js';
import type { SignIn } from '../../../tasks/_shared/azure/connection.js';
import { idOf, type ServicePrincipal } from '../../simulators/azure/directory.js';
import { inProcessHttpClient } from '../../simulators/kernel-clients/in-process-http-client.js';
import { textOf } from '../../simulators/kernel/response-text.js';
import { clientSecret, clusterId, correlationId, forgetHost, problemOf, Rig, subscriptionId } from './azure-world.js';

const purpose = { tried: 'read the cluster', what: 'The cluster cannot be read' };
const version = '2026-04-01';

async function certificate(): Promise<{ public: string; both: string }> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const life = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const made = (await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=pipeline', keys, signingAlgorithm: algorithm, ...life })).toString('pem');
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { public: made, both: `-----BEGIN PRIVATE KEY-----\n${(pkcs8.match(/.{1,64}/g) ?? []).join('\n')}\n-----END PRIVATE KEY-----\n${made}\n` };
}

/** An application that trusts the tokens of a service connection, and how it signs in. */
function federated(rig: Rig): { principal: ServicePrincipal; request: { requestUri: string; accessToken: string; connectionId: string } } {
  const { devops, origins, directory } = rig.world;
  const project = { id: idOf('project'), name: 'orders' };
  const connection = { id: idOf('connection'), projectId: project.id, name: 'contoso-nonprod', pipelines: 'all' as const };
  devops.projects.push(project);
  devops.connections.push(connection);
  const trust = { name: 'azure-devops', issuer: devops.issuer(origins.devops), subject: devops.subject(connection), audience: 'api://AzureADTokenExchange', createdAt: 0 };
  const principal = directory.add({ displayName: 'federated', kind: 'application', federatedCredentials: () => [trust] });
  const job = { projectId: project.id, pipelineId: 1, planId: idOf('plan'), jobId: idOf('job'), hub: 'build' };
  return { principal, request: { requestUri: devops.oidcRequestUri(origins.devops, job), accessToken: devops.issueJobToken(job), connectionId: connection.id } };
}

/** Makes the process's clock follow the world's while `job` runs: the SDK decides by it when a token is old. */
async function onWorldTime(rig: Rig, job: () => Promise<void>): Promise<void> {
  const machine = globalThis.Date;
  const now = (): number => rig.clock.now().getTime();
  class WorldDate extends machine {
    constructor(...parts: [] | [number | string]) {
      super(parts[0] ?? now());
    }

    static override now(): number {
      return now();
    }
  }
  globalThis.Date = Object.assign(WorldDate, { UTC: machine.UTC, parse: machine.parse }) as DateConstructor;
  try {
    await job();
  } finally {
    globalThis.Date = machine;
  }
}

describe('signing in to Azure', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start(new Date().toISOString());
    await rig.addCluster();
  });

  async function principalOf(azure: Azure): Promise<string | undefined> {
    const token = await azure.token('https://vault.azure.net');
    return rig.world.entra.verify(`Bearer ${token}`, ['https://vault.azure.net'])?.objectId;
  }

  it('with a client secret, and sends nothing before a token is needed', async () => {
    const azure = await rig.connect();
    assert.deepEqual(rig.network.log.all(), []);
    assert.equal(await principalOf(azure), rig.deployer.objectId);
    const raw = await azure.arm.get(clusterId(), version, purpose);
    assert.equal(raw?.name, 'aks-1');
  });

  it('federated, with a fresh ID token of the pipeline', async () => {
    const { principal, request } = federated(rig);
    const tools = { clock: rig.clock, signal: rig.abort.signal, debug: () => undefined, httpClient: inProcessHttpClient(rig.network) };
    const signIn: SignIn = { kind: 'federated', clientId: principal.appId, assertion: () => oidcToken(request, tools) };
    const azure = await rig.connect(signIn);
    assert.equal(await principalOf(azure), principal.objectId);
    await azure.token('https://containerregistry.azure.net');
    const exchanges = rig.statuses('entra', 'POST', /token/);
    const fetched = rig.statuses('devops', 'POST', /oidctoken/);
    assert.deepEqual(exchanges, [200, 200]);
    assert.ok(fetched.length >= exchanges.length && fetched.every((status) => status === 200), 'an ID token for each exchange');
  });

  it('with a certificate and its key in one PEM text', async () => {
    const pem = await certificate();
    const azure = await rig.connect({ kind: 'certificate', clientId: rig.deployer.appId, pem: () => pem.both });
    assert.equal((await problemOf(azure.token('https://vault.azure.net'))).serviceCode, 'AADSTS700027');
    rig.deployer.certificates.push(pem.public);
    assert.equal(await principalOf(azure), rig.deployer.objectId);
  });

  describe('with a managed identity of the host', () => {
    const saved = { IDENTITY_ENDPOINT: process.env.IDENTITY_ENDPOINT, IDENTITY_HEADER: process.env.IDENTITY_HEADER };
    beforeEach(async () => {
      await forgetHost();
      rig.world.entra.knobs.identityHeader = 'host secret';
      process.env.IDENTITY_ENDPOINT = `${rig.world.origins.entra}/msi/token`;
      process.env.IDENTITY_HEADER = 'host secret';
    });
    afterEach(async () => {
      await forgetHost();
      for (const [name, value] of Object.entries(saved)) {
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      }
    });

    it('named by its client id', async () => {
      const { clientId, principalId } = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-agent', 'westeurope');
      assert.equal(await principalOf(await rig.connect({ kind: 'managedIdentity', clientId })), principalId);
    });

    it('and the one of the host itself', async () => {
      const { clientId, principalId } = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-agent', 'westeurope');
      const azure = await rig.connect({ kind: 'managedIdentity' });
      const refused = await problemOf(azure.token('https://vault.azure.net'));
      assert.equal(refused.code, 'WI2007');
      assert.match(refused.tried ?? '', /managedIdentity/);
      rig.world.entra.knobs.systemIdentity = clientId;
      assert.equal(await principalOf(azure), principalId);
    });
  });

  it('says which connection cannot sign in, in the words of Entra, and never the secret', async () => {
    rig.deployer.secrets.length = 0;
    const azure = await rig.connect();
    for (const attempt of [azure.token('https://vault.azure.net'), azure.arm.get(clusterId(), version, purpose)]) {
      const problem = await problemOf(attempt);
      assert.equal(problem.code, 'WI2007');
      assert.equal(problem.what, 'The service connection contoso-nonprod cannot sign in');
      assert.equal(problem.serviceCode, 'AADSTS7000215');
      assert.match(problem.because, /^Invalid client secret provided\..*for a secret added to app '/);
      assert.doesNotMatch(problem.because, /Trace ID|AADSTS/);
      assert.match(problem.correlation ?? '', /^[0-9a-f-]{36}$/);
      assert.ok(!JSON.stringify(problem).includes(clientSecret));
    }
  });

  it('names the code when the federated credential does not match', async () => {
    const { request } = federated(rig);
    const other = rig.world.directory.add({ displayName: 'no trust', kind: 'application' });
    const tools = { clock: rig.clock, signal: rig.abort.signal, debug: () => undefined, httpClient: inProcessHttpClient(rig.network) };
    const azure = await rig.connect({ kind: 'federated', clientId: other.appId, assertion: () => oidcToken(request, tools) });
    const problem = await problemOf(azure.token('https://vault.azure.net'));
    assert.deepEqual([problem.code, problem.serviceCode], ['WI2007', 'AADSTS70025']);
    assert.match(problem.remedy, /federated credential/);
  });

  it('passes the problem of the pipeline’s own token service on as it is', async () => {
    const { principal, request } = federated(rig);
    const tools = { clock: rig.clock, signal: rig.abort.signal, debug: () => undefined, httpClient: inProcessHttpClient(rig.network) };
    const gone = await problemOf(oidcToken({ ...request, connectionId: idOf('nobody') }, tools));
    assert.deepEqual([gone.code, gone.status], ['WI2008', 404]);
    assert.match(gone.because, /could not be found or is not authorized/);
    rig.network.faults.plant({ service: 'devops', respond: { status: 200, body: { oidcToken: '' } } });
    const azure = await rig.connect({ kind: 'federated', clientId: principal.appId, assertion: () => oidcToken(request, tools) });
    const empty = await problemOf(azure.token('https://vault.azure.net'));
    assert.equal(empty.code, 'WI2008');
  });

  it('sends the correlation id with token requests and everything else', async () => {
    let scope = '';
    const azure = await rig.connect();
    rig.network.faults.plant({ service: 'entra', method: 'POST', delayMs: 1, then: async (request) => void (scope = await textOf(request.body)) });
    await azure.arm.get(clusterId(), version, purpose);
    assert.equal(new URLSearchParams(scope).get('scope'), 'https://management.azure.com/.default');
    assert.deepEqual([...new Set(rig.network.log.all().map(({ correlation }) => correlation))], [correlationId]);
  });

  it('waits out a throttled and a broken token endpoint', async () => {
    rig.network.faults.plant({ service: 'entra', method: 'POST', times: 1, respond: { status: 429, headers: { 'retry-after': '7' } } });
    rig.network.faults.plant({ service: 'entra', method: 'POST', times: 1, drop: 'before' });
    assert.equal(await principalOf(await rig.connect()), rig.deployer.objectId);
    assert.ok(rig.clock.monotonic() >= 7_000);
  });

  it('renews tokens for as long as the run lasts, also where each lives 90 s only', async () => {
    rig.world.entra.knobs.tokenLifeSeconds = 90;
    await onWorldTime(rig, async () => {
      const azure = await rig.connect();
      for (let minute = 0; minute < 6; minute += 1) {
        const raw = await azure.arm.get(clusterId(), version, purpose);
        assert.equal(raw?.name, 'aks-1');
        for await (const { name } of (await azure.identities(subscriptionId)).userAssignedIdentities.listByResourceGroup('rg-dev')) assert.fail(name);
        assert.equal(await principalOf(azure), rig.deployer.objectId);
        rig.clock.advance(60_000);
      }
    });
    assert.ok(!rig.network.log.all('arm').some(({ status }) => status === 401), 'no request with a token that is over');
    assert.ok(rig.statuses('entra', 'POST', /token/).length >= 5);
  });

  it('keeps a token that lives long', async () => {
    const azure = await rig.connect();
    for (let turn = 0; turn < 5; turn += 1) {
      await azure.arm.get(clusterId(), version, purpose);
      await azure.token('https://vault.azure.net');
    }
    assert.equal(rig.statuses('entra', 'POST', /token/).length, 2, 'one for each audience');
  });
});
