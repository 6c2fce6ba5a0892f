import assert from 'node:assert/strict';
import { Agent as HttpsAgent, request } from 'node:https';
import { createServer as createSecureServer, type Server } from 'node:https';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { isPassingFault, proxyProblem } from '../../../tasks/_shared/network/proxy-fault.js';
import { openRoute, straight, type NetworkSettings, type ProgramRoute } from '../../../tasks/_shared/network/route.js';
import { createCertificateAuthority, type CertificateAuthority } from '../../simulators/kernel/certificate-authority.js';
import { ConnectProxy } from '../../simulators/kernel/connect-proxy.js';

const parts = { what: 'Azure cannot be reached', tried: 'read' };

describe('the route to a service', () => {
  let ours: CertificateAuthority;
  let others: CertificateAuthority;
  let server: Server;
  let origin: string;
  let proxy: ConnectProxy;

  before(async () => {
    [ours, others] = await Promise.all([createCertificateAuthority(new Date()), createCertificateAuthority(new Date())]);
    server = createSecureServer({ key: ours.server.key, cert: ours.server.certificate }, (_, answer) => answer.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `https://localhost:${(server.address() as AddressInfo).port}`;
    proxy = await ConnectProxy.start({ username: 'u', password: 'p' });
  });

  beforeEach(() => (proxy.tunnels.length = 0));

  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await proxy.close();
  });

  function settings(given: Partial<NetworkSettings> = {}): NetworkSettings {
    return { proxy: undefined, bypass: [], noProxy: [], authorities: [], ...given };
  }

  function through(address = proxy.address): URL {
    const own = new URL(address);
    [own.username, own.password] = ['u', 'p'];
    return own;
  }

  /** The code of what goes wrong, or the answer. */
  async function get(given: NetworkSettings, onlyTrusted?: string): Promise<string> {
    const agent = (await openRoute(given)).agentFor(origin, onlyTrusted);
    return new Promise((resolve) => {
      const call = request(origin, { agent }, (answer) => {
        answer.setEncoding('utf8').on('data', (text: string) => resolve(text));
      });
      call.on('error', (error) => resolve('code' in error ? String(error.code) : error.message)).end();
    }).then((text) => {
      agent?.destroy();
      return String(text);
    });
  }

  it('is told to programs in their own words', async () => {
    const of = async (given: Partial<NetworkSettings>): Promise<ProgramRoute> => (await openRoute(settings(given))).forPrograms;
    const plain = await of({});
    assert.deepEqual([plain.variables('https://charts.contoso.com/'), plain.authorities], [{}, undefined]);
    const walled = await of({ proxy: through('http://proxy:8080'), noProxy: ['.corp', '10.1.2.3'], bypass: [/charts\.contoso/] });
    assert.deepEqual(walled.variables('https://crorders.azurecr.io/'), { HTTPS_PROXY: 'http://u:p@proxy:8080/', NO_PROXY: '.corp,10.1.2.3' });
    assert.equal(walled.variables('https://charts.contoso.com:8443/x').NO_PROXY, '.corp,10.1.2.3,charts.contoso.com');
    const [own, further] = await Promise.all([of({ authorities: ['own'], nodeAuthorities: ['extra'] }), of({ nodeAuthorities: ['extra'] })]);
    assert.match(own.authorities ?? '', /^-----BEGIN CERTIFICATE-----[^]*\nown$/);
    assert.match(further.authorities ?? '', /\nextra$/);
  });

  it('trusts Node’s authorities and the agent’s own, or one alone, with and without a proxy', async () => {
    for (const way of [{}, { proxy: through() }]) {
      assert.equal(await get(settings({ ...way, authorities: [ours.certificate] })), 'hello');
      assert.equal(await get(settings({ ...way, authorities: [others.certificate] }), ours.certificate), 'hello');
      assert.match(await get(settings({ ...way, authorities: [ours.certificate] }), others.certificate), /CERT|SIGNATURE/i);
      assert.match(await get(settings({ ...way, authorities: [others.certificate] })), /CERT|SIGNATURE/i);
      assert.match(await get(settings(way)), /CERT|SIGNATURE/i);
    }
    assert.equal(proxy.tunnels.filter(({ status }) => status === 200).length, 5);
  });

  it('keeps one agent for each way, and none where a client does well by itself', async () => {
    const route = await openRoute(settings({ proxy: through(), noProxy: ['direct'] }));
    assert.equal(route.agentFor('https://a/'), route.agentFor('https://b/'));
    assert.notEqual(route.agentFor('https://a/'), route.agentFor('https://a/', ours.certificate));
    assert.equal(route.agentFor('https://direct/'), undefined);
    assert.ok(straight.agentFor('https://a/', ours.certificate) instanceof HttpsAgent);
    assert.equal((await openRoute(settings())).agentFor('https://a/'), undefined);
  });

  it('says what a proxy did wrong, without its credentials', async () => {
    const silent = createServer((socket: Socket) => socket.resume().end());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const wrong = through();
    wrong.password = 'canary';
    const cases: readonly [URL, string, boolean, RegExp][] = [
      [wrong, 'PROXY_407', false, /WI2050/],
      [new URL(proxy.address), 'PROXY_407', false, /WI2050/],
      [through('http://127.0.0.1:9'), 'PROXY_ECONNREFUSED', true, /WI2052/],
      [through(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`), 'PROXY_ENDED', true, /WI2052/],
    ];
    for (const [address, code, passes, expected] of cases) {
      const route = await openRoute(settings({ proxy: address }));
      const error = await new Promise<unknown>((resolve) => request(origin, { agent: route.agentFor(origin) }).on('error', resolve).end());
      assert.equal(error instanceof Error && 'code' in error && error.code, code);
      assert.equal(isPassingFault(code), passes);
      const problem = proxyProblem(error, parts);
      assert.match(problem?.message ?? '', expected);
      assert.ok(problem !== undefined);
      assert.ok(problem.parts.because.includes(`the proxy http://${address.host} `), problem.parts.because);
      assert.ok(!JSON.stringify(problem.parts).includes('canary'));
    }
    await new Promise((resolve) => silent.close(resolve));
  });

  it('tells which refusals may pass', () => {
    assert.deepEqual(['PROXY_403', 'PROXY_407', 'PROXY_502', 'PROXY_503', 'PROXY_504', 'PROXY_ETIMEDOUT', 'ECONNREFUSED', undefined].map(isPassingFault), [false, false, true, true, true, true, false, false]);
    for (const error of [new Error('x'), Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'text', undefined]) assert.equal(proxyProblem(error, parts), undefined);
    const wrapped = Object.assign(new Error('request to https://x/ failed, reason: the proxy says no'), { code: 'PROXY_403' });
    assert.deepEqual([proxyProblem(wrapped, parts)?.code, proxyProblem(wrapped, parts)?.parts.because], ['WI2051', 'the proxy says no']);
  });
});
