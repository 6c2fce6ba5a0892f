import assert from 'node:assert/strict';
import { proxyFor, proxyName, proxySecrets, readBypassList, readNoProxy, readProxyAddress, type ProxySettings } from '../../../tasks/_shared/network/proxies.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';

const proxy = new URL('http://proxy:8080');

function settings(given: Partial<ProxySettings>): ProxySettings {
  return { proxy, bypass: [], noProxy: [], ...given };
}

describe('which proxy for which address', () => {
  it('is the one there is, also for addresses of this machine, unless a list names them', () => {
    for (const address of ['https://management.azure.com/x', 'https://localhost:1/', 'https://127.0.0.1/', 'https://[::1]:8443/', 'http://tfs:8080/tfs']) {
      assert.equal(proxyFor(settings({}), address), proxy, address);
      assert.equal(proxyFor(settings({ proxy: undefined }), address), undefined);
    }
  });

  const noProxy: readonly [entry: string, address: string, direct: boolean][] = [
    ['*', 'https://a.b/', true],
    ['a.b', 'https://a.b/', true],
    ['A.B', 'https://a.b/', true],
    ['a.b', 'https://x.a.b/', true],
    ['a.b', 'https://xa.b/', false],
    ['a.b', 'https://a.b.c/', false],
    ['.a.b', 'https://x.a.b/', true],
    ['.a.b', 'https://a.b/', false],
    ['*.a.b', 'https://x.a.b/', true],
    ['*.a.b', 'https://a.b/', false],
    ['a.b:443', 'https://a.b/', true],
    ['a.b:80', 'http://a.b/', true],
    ['a.b:443', 'https://a.b:8443/', false],
    ['a.b:8443', 'https://a.b:8443/', true],
    ['10.1.2.3', 'https://10.1.2.3/', true],
    ['10.1.2.3', 'https://10.1.2.30/', false],
    ['::1', 'https://[::1]/', true],
    ['[::1]:8443', 'https://[::1]:8443/', true],
    ['[::1]:8443', 'https://[::1]/', false],
    ['localhost', 'https://localhost:5001/', true],
    ['.', 'https://a.b/', false],
  ];
  for (const [entry, address, direct] of noProxy) {
    it(`NO_PROXY=${entry} ${direct ? 'excepts' : 'does not except'} ${address}`, () => {
      assert.equal(proxyFor(settings({ noProxy: ['unrelated', entry] }), address), direct ? undefined : proxy);
    });
  }

  const bypass: readonly [pattern: string, address: string, direct: boolean][] = [
    ['\\.local$', 'https://x.local/path', true],
    ['\\.LOCAL$', 'https://x.local/', true],
    ['\\.local$', 'https://x.local:8443/', false],
    ['\\.local:8443$', 'https://x.local:8443/', true],
    ['^https://tfs', 'http://tfs/', false],
    ['contoso\\.com', 'https://login.microsoftonline.com/contoso.com/oauth2', false],
    ['contoso\\.com', 'https://dev.contoso.com/', true],
    [':443$', 'https://a.b:443/', false],
  ];
  for (const [pattern, address, direct] of bypass) {
    it(`the bypass list's ${pattern} ${direct ? 'excepts' : 'does not except'} ${address}`, () => {
      const read = readBypassList(JSON.stringify(['unrelated', pattern]), () => assert.fail());
      assert.equal(proxyFor(settings({ bypass: read }), address), direct ? undefined : proxy);
    });
  }

  it('leaves out what is no regular expression, and says so', () => {
    const ignored: string[] = [];
    const read = (text: string | undefined): number => readBypassList(text, (entry) => ignored.push(entry)).length;
    assert.deepEqual([undefined, '', '["(", "a", 1, "", null]', '{}', 'not json'].map(read), [0, 0, 1, 0, 0]);
    assert.deepEqual(ignored, ['(', 'not json']);
    assert.deepEqual(readNoProxy(' a, b ,,c d'), ['a', 'b', 'c', 'd']);
    assert.deepEqual(readNoProxy(undefined), []);
  });
});

describe('the address of a proxy', () => {
  it('gets credentials that are percent-encoded and mean what was given', () => {
    for (const password of ['plain', 'p@ss:w/rd', '50%', '%41', 'ü#?&', "it's", ' ']) {
      const read = readProxyAddress('http://proxy:8080', 'Agent.ProxyUrl', { username: 'CONTOSO\\me', password });
      assert.deepEqual([decodeURIComponent(read.username), decodeURIComponent(read.password), read.host], ['CONTOSO\\me', password, 'proxy:8080']);
      assert.ok(proxySecrets(read).includes(password) && proxySecrets(read).includes(read.password));
      assert.ok(proxySecrets(read).includes(Buffer.from(`CONTOSO\\me:${password}`).toString('base64')));
    }
    const inAddress = (text: string): string => decodeURIComponent(readProxyAddress(text, 'HTTPS_PROXY').password);
    assert.deepEqual(['http://u:p%40ss@proxy', 'http://u:50%@proxy', 'http://u:a%zz@proxy', 'http://u@proxy', 'http://proxy'].map(inAddress), ['p@ss', '50%', 'a%zz', '', '']);
  });

  it('keeps its own credentials where no others are given, and has no secrets without a password', () => {
    const own = readProxyAddress('http://u:p@proxy', 'Agent.ProxyUrl', { username: undefined, password: undefined });
    assert.deepEqual([own.username, own.password, proxyName(own)], ['u', 'p', 'http://proxy']);
    assert.deepEqual(proxySecrets(readProxyAddress('http://u@proxy', 'x')), []);
  });

  for (const text of ['proxy:8080', '10.0.0.1:8080', 'socks5://u:canary@proxy:1080', 'SOCKS://proxy', 'ftp://u:canary@proxy', 'http://', 'http://u:canary@:80', 'nonsense']) {
    it(`is refused when it is ${text.replace('canary', '…')}, without repeating it`, () => {
      assert.throws(() => readProxyAddress(text, 'HTTPS_PROXY'), (error) => {
        assert.ok(error instanceof Problem && error.code === 'WI1050');
        assert.match(error.parts.what, /HTTPS_PROXY/);
        assert.equal(error.parts.because.includes('SOCKS'), /^socks/i.test(text));
        assert.ok(!JSON.stringify(error.parts).includes('canary'));
        return true;
      });
    });
  }
});
