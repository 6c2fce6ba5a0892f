import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readNetwork } from '../../../tasks/_shared/agent/network.js';
import { createCertificateAuthority } from '../../simulators/kernel/certificate-authority.js';
import { FakeAgent } from './fake-agent.js';

describe('the network around the agent', () => {
  let agent: FakeAgent;
  beforeEach(() => (agent = new FakeAgent()));
  afterEach(() => agent.dispose());

  it('is empty where nothing is configured', () => {
    Object.assign(agent.variables, { 'Agent.ProxyUrl': '', 'Agent.CAInfo': '' });
    agent.environment = { HTTPS_PROXY: '', HTTP_PROXY: 'http://for-http-only' };
    assert.deepEqual(readNetwork(agent), { proxy: undefined, bypass: [], noProxy: [], authorities: [], nodeAuthorities: [] });
    assert.deepEqual(agent.masked, []);
  });

  it('has the agent’s proxy, its password masked in every spelling', () => {
    Object.assign(agent.variables, { 'Agent.ProxyUrl': 'http://proxy:8080/', 'Agent.ProxyUsername': 'me', 'Agent.ProxyPassword': 'p@ss', 'Agent.ProxyBypassList': '["\\\\.local$", "("]' });
    const { proxy, bypass } = readNetwork(agent);
    assert.equal(proxy?.href, 'http://me:p%40ss@proxy:8080/');
    assert.deepEqual(bypass, [/\.local$/i]);
    for (const text of ['p@ss', 'p%40ss', Buffer.from('me:p@ss').toString('base64')]) assert.ok(agent.masked.includes(text), text);
    assert.match(agent.debugLog.join(), /no regular expression.*\($/);
  });

  it('prefers the proxy of the environment, by any of its names, and takes both lists', () => {
    Object.assign(agent.variables, { 'Agent.ProxyUrl': 'http://agent', 'Agent.ProxyBypassList': '["a"]' });
    const names = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
    const hosts = names.map((name) => {
      agent.environment = { [name]: `http://u:canary@${name.toLowerCase().replace('_', '-')}`, no_proxy: 'x,y' };
      const { proxy, bypass, noProxy } = readNetwork(agent);
      assert.deepEqual([bypass.length, noProxy], [1, ['x', 'y']]);
      return proxy?.hostname;
    });
    assert.deepEqual(hosts, ['https-proxy', 'https-proxy', 'all-proxy', 'all-proxy']);
    assert.ok(agent.masked.includes('canary'));
    agent.environment = { all_proxy: 'http://second', https_proxy: 'http://first' };
    assert.equal(readNetwork(agent).proxy?.hostname, 'first');
  });

  it('has the agent’s authorities, and those of NODE_EXTRA_CA_CERTS beside them', async () => {
    const { certificate } = await createCertificateAuthority(new Date());
    const [own, extra] = ['own authority.pem', 'extra.pem'].map((name) => join(agent.tempDirectory, name));
    writeFileSync(own!, certificate);
    writeFileSync(extra!, `# extra\n${certificate}`);
    agent.environment = { NODE_EXTRA_CA_CERTS: extra! };
    assert.deepEqual(readNetwork(agent).authorities, []);
    agent.variables['Agent.CAInfo'] = own!;
    assert.deepEqual(readNetwork(agent).authorities, [certificate, `# extra\n${certificate}`]);
    agent.environment = { NODE_EXTRA_CA_CERTS: join(agent.tempDirectory, 'absent') };
    assert.deepEqual(readNetwork(agent).authorities, [certificate]);
  });

  it('refuses a file of authorities that is not there or holds none, by name', () => {
    const path = join(agent.tempDirectory, 'ca.pem');
    agent.variables['Agent.CAInfo'] = path;
    assert.throws(() => readNetwork(agent), /WI1051: .*ca\.pem.*ENOENT/);
    writeFileSync(path, 'not a certificate');
    assert.throws(() => readNetwork(agent), /WI1051: .*no certificate in PEM form/);
  });
});
