import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectAzure, type Azure } from '../../../tasks/_shared/azure/azure.js';
import type { ServiceConnection, SignIn } from '../../../tasks/_shared/azure/connection.js';
import { knownClouds } from '../../../tasks/_shared/agent/clouds.js';
import { openRoute, type Route } from '../../../tasks/_shared/network/route.js';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { createCertificateAuthority } from '../../simulators/kernel/certificate-authority.js';
import { ConnectProxy } from '../../simulators/kernel/connect-proxy.js';
import { LoopbackNetwork } from '../../simulators/kernel/loopback-network.js';
import { correlationId, forgetHost, problemOf } from './azure-world.js';

const nowhere = 'http://127.0.0.1:9';
const variables = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY', 'IDENTITY_ENDPOINT', 'IDENTITY_HEADER'];

/** With real sockets: what is tested is which of them the SDK opens. */
describe('the route of requests to Azure', () => {
  const saved = new Map(variables.map((name) => [name, process.env[name]]));
  let network: LoopbackNetwork;
  let origin: string;
  let authority: string;
  let host: Server;
  let proxy: ConnectProxy;

  before(async () => {
    const made = await createCertificateAuthority(new Date());
    authority = made.certificate;
    network = new LoopbackNetwork(systemClock(), made.server);
    origin = await network.attach({ name: 'arm', handle: () => Promise.resolve({ status: 200, body: { name: 'answered' } }) });
    proxy = await ConnectProxy.start({ username: 'u', password: 'p' });
    host = createServer((_, answer) => answer.setHeader('content-type', 'application/json').end(JSON.stringify({ access_token: 'host-token', expires_on: String(Math.round(Date.now() / 1000) + 86_400), resource: 'x', token_type: 'Bearer' })));
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  });

  beforeEach(async () => {
    await forgetHost();
    proxy.tunnels.length = 0;
    network.connections.length = 0;
    Object.assign(process.env, { IDENTITY_ENDPOINT: `http://127.0.0.1:${(host.address() as AddressInfo).port}/msi/token`, IDENTITY_HEADER: 'host secret' });
  });

  afterEach(async () => {
    await forgetHost();
    for (const [name, value] of saved) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  });

  after(async () => {
    await network.close();
    await proxy.close();
    host.closeAllConnections();
    await new Promise((resolve) => host.close(resolve));
  });

  function connect(route: Route, signIn: SignIn = { kind: 'managedIdentity' }): Promise<Azure> {
    const connection: ServiceConnection = { id: 'c', name: 'c', tenantId: 't', cloud: { ...knownClouds[0], resourceManager: origin, authority: origin }, signIn };
    return connectAzure(connection, { clock: systemClock(1000), signal: new AbortController().signal, debug: () => undefined, correlationId, route });
  }

  function way(address: string | undefined): Promise<Route> {
    return openRoute({ proxy: address === undefined ? undefined : new URL(address), bypass: [], noProxy: [], authorities: [authority] });
  }

  const read = (azure: Azure): Promise<unknown> => azure.arm.get('/subscriptions/x', '2020-01-01', { tried: 'read', what: 'It cannot be read' });

  it('leads around every proxy for the managed identity of the host, whatever the environment says', async () => {
    Object.assign(process.env, { HTTPS_PROXY: nowhere, HTTP_PROXY: nowhere, ALL_PROXY: nowhere });
    assert.equal(await (await connect(await way(nowhere))).token('https://vault.azure.net'), 'host-token');
  });

  it('is ours and not the one that the SDK reads from the environment', async () => {
    Object.assign(process.env, { HTTPS_PROXY: nowhere, HTTP_PROXY: nowhere });
    assert.deepEqual(await read(await connect(await way(undefined))), { name: 'answered' });
    process.env.NO_PROXY = 'localhost';
    const through = new URL(proxy.address);
    [through.username, through.password] = ['u', 'p'];
    assert.deepEqual(await read(await connect(await way(through.href))), { name: 'answered' });
    assert.equal(proxy.tunnels.length, 1);
    assert.deepEqual(network.connections.map(({ from }) => proxy.tunnels.some((tunnel) => tunnel.from === from)), [false, true]);
  });

  it('fails by the name of the proxy, for requests and for signing in', async () => {
    const azure = await connect(await way(proxy.address));
    const request = await problemOf(read(azure));
    assert.deepEqual([request.code, request.what], ['WI2050', 'It cannot be read']);
    const secret: SignIn = { kind: 'secret', clientId: 'c', secret: () => 's' };
    const signIn = await problemOf((await connect(await way(proxy.address), secret)).token('https://vault.azure.net'));
    assert.deepEqual([signIn.code, signIn.what], ['WI2050', 'The service connection c cannot sign in']);
    assert.equal(proxy.tunnels.filter(({ status }) => status === 407).length, proxy.tunnels.length, 'and is not tried again');
    const gone = await problemOf((await connect(await way(nowhere), secret)).token('https://vault.azure.net'));
    assert.deepEqual([gone.code, gone.because], ['WI2052', 'the proxy http://127.0.0.1:9 cannot be reached: connect ECONNREFUSED 127.0.0.1:9']);
  });
});
