import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { groupId, parseArmId, resourceNamed, sameId } from '../../../tasks/_shared/fleet/arm-id.js';
import { accountOf, credentialName, fillPattern, shorten, subjectOf, unknownPlaceholders, uuidOf } from '../../../tasks/_shared/fleet/names.js';
import { compareVersions } from '../../../tasks/_shared/fleet/versions.js';

const subscription = '11111111-1111-4111-8111-111111111111';
const vaultType = 'Microsoft.KeyVault/vaults';
const vault = `/subscriptions/${subscription}/resourceGroups/rg/providers/${vaultType}/kv-1`;

describe('fleet: ARM ids', () => {
  it('are taken apart', () => {
    assert.deepEqual(parseArmId(vault), { subscriptionId: subscription, resourceGroup: 'rg', type: vaultType, name: 'kv-1', id: vault });
  });

  it('are read in any case, without a trailing slash, and otherwise kept as written', () => {
    const shouted = vault.toUpperCase();
    assert.deepEqual(parseArmId(`${shouted}/`), { subscriptionId: subscription, resourceGroup: 'RG', type: vaultType.toUpperCase(), name: 'KV-1', id: shouted });
  });

  it('of another form are refused', () => {
    const wrong = ['', '/', 'kv', vault.slice(1), `${vault}/secrets/x`, `${vault}//`, `x${vault}`, `${vault} `, `${vault}\n`, groupId(subscription, 'rg'), vault.replace('rg', ''), vault.replace('rg', 'x'.repeat(91)), vault.replace(subscription, 'sub'), vault.replace('kv-1', 'k v'), vault.replace('kv-1', 'a?b')];
    for (const text of wrong) assert.equal(parseArmId(text), undefined, JSON.stringify(text));
  });

  it('that an address would take for another are refused', () => {
    const wrong = ['rg/', '/kv-1'].flatMap((part) => ['.', '..'].map((dots) => vault.replace(part, part.replace(/[-\w]+/, dots))));
    for (const text of wrong) assert.deepEqual([parseArmId(text), new URL(`https://a.example${text}`).pathname === text], [undefined, false], text);
    assert.equal(resourceNamed('../kv-1', vaultType, subscription), undefined);
    assert.equal(parseArmId(vault.replace('rg/', 'r.g/').replace('kv-1', '.kv..1'))?.name, '.kv..1');
  });

  it('are equal in whatever case', () => {
    assert.equal(sameId(vault, vault.toUpperCase()), true);
    assert.equal(sameId(vault, `${vault}2`), false);
  });

  it('may be given as group and name in the connection\'s subscription', () => {
    assert.deepEqual(resourceNamed('rg/kv-1', vaultType, subscription), parseArmId(vault));
    assert.deepEqual(resourceNamed(vault, vaultType, undefined), parseArmId(vault));
    assert.equal(resourceNamed(vault.replace('KeyVault', 'keyvault'), vaultType, undefined)?.name, 'kv-1');
  });

  it('are refused when they are of another type, or incomplete', () => {
    assert.equal(resourceNamed('rg/kv-1', vaultType, undefined), undefined);
    assert.equal(resourceNamed(vault, 'Microsoft.ContainerRegistry/registries', subscription), undefined);
    for (const text of ['', 'kv-1', 'rg/', '/kv-1', 'rg/kv-1/x', 'rg/k v']) assert.equal(resourceNamed(text, vaultType, subscription), undefined, text);
  });
});

describe('fleet: name patterns', () => {
  const parts = { workload: 'orders', cluster: 'aks-1', namespace: 'shop', serviceAccount: 'api' };

  it('are filled, every placeholder as often as it stands there', () => {
    assert.equal(fillPattern('id-{workload}-{cluster}', parts, 128), 'id-orders-aks-1');
    assert.equal(fillPattern('{cluster}{cluster}.{namespace}_{serviceAccount}', parts, 128), 'aks-1aks-1.shop_api');
    assert.equal(fillPattern('fixed', parts, 128), 'fixed');
  });

  it('take values as they are, whatever these look like', () => {
    assert.equal(fillPattern('{workload}-{cluster}', { ...parts, workload: '$&$$' }, 128), '$&$$-aks-1');
    assert.equal(fillPattern('{workload}-{cluster}', { ...parts, workload: '{cluster}' }, 128), '{cluster}-aks-1');
  });

  it('keep what has no value, so that no name is made of it', () => {
    assert.equal(fillPattern('id-{ring}-{location}', { ...parts, ring: 'ppd', location: 'westeurope' }, 128), 'id-ppd-westeurope');
    assert.equal(fillPattern('id-{ring}-{location}', parts, 128), 'id-{ring}-{location}');
  });

  it('name their unknown placeholders', () => {
    assert.deepEqual(unknownPlaceholders('id-{workload}-{cluster}-{namespace}-{serviceAccount}'), []);
    assert.deepEqual(unknownPlaceholders('{Workload}{Ring}{ring}{}{constructor}{location}'), ['Workload', 'Ring', '', 'constructor']);
  });

  it('are cut at the limit and not before it', () => {
    assert.equal(shorten('x'.repeat(24), 24), 'x'.repeat(24));
    const cut = shorten('x'.repeat(25), 24);
    assert.equal(cut, `${'x'.repeat(15)}-${createHash('sha256').update('x'.repeat(25)).digest('hex').slice(0, 8)}`);
    assert.equal(cut.length, 24);
  });

  it('stay distinct and the same when cut', () => {
    const long = (cluster: string): string => fillPattern('id-{workload}-{cluster}', { ...parts, cluster }, 24);
    const names = ['1', '2', '3'].map((end) => long(`${'a'.repeat(60)}${end}`));
    assert.equal(new Set(names).size, 3);
    assert.equal(long(`${'a'.repeat(60)}1`), names[0]);
    assert.ok(names.every((name) => name.length === 24));
  });
});

describe('fleet: names of federated credentials', () => {
  const cluster = (group: string): string => `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.ContainerService/managedClusters/aks`;

  it('are readable, and within what Entra allows', () => {
    const name = credentialName(cluster('rg'), 'aks', 'shop', 'api');
    assert.match(name, /^wi-aks-shop-api-[0-9a-f]{8}$/);
    const longest = credentialName(cluster('rg'), 'c'.repeat(63), 'n'.repeat(63), 's'.repeat(63));
    assert.equal(longest.length, 120);
    for (const each of [name, longest, credentialName(cluster('rg'), 'äks.1', 'a', 'b/c')]) assert.match(each, /^[a-zA-Z0-9][a-zA-Z0-9-_]{2,119}$/);
  });

  it('are the same again, also when the id is written in other case', () => {
    assert.equal(credentialName(cluster('rg'), 'aks', 'shop', 'api'), credentialName(cluster('rg').toUpperCase(), 'aks', 'shop', 'api'));
  });

  it('tell clusters of one name apart, and accounts whose names run together', () => {
    const names = [
      credentialName(cluster('rg1'), 'aks', 'shop', 'api'),
      credentialName(cluster('rg2'), 'aks', 'shop', 'api'),
      credentialName(cluster('rg1'), 'aks', 'shop-api', 'x'),
      credentialName(cluster('rg1'), 'aks', 'shop', 'api-x'),
      credentialName(cluster('rg1'), 'c'.repeat(63), 'n'.repeat(63), `${'s'.repeat(62)}1`),
      credentialName(cluster('rg1'), 'c'.repeat(63), 'n'.repeat(63), `${'s'.repeat(62)}2`),
    ];
    assert.equal(new Set(names.map((name) => name.toLowerCase())).size, names.length);
  });

  it('have subjects as Kubernetes writes them', () => assert.equal(subjectOf('shop', 'Api'), 'system:serviceaccount:shop:Api'));

  it('are read from subjects, and from nothing else', () => {
    assert.deepEqual(accountOf(subjectOf('shop', 'Api')), { namespace: 'shop', serviceAccount: 'Api' });
    for (const other of ['', 'repo:shop/api:ref:refs/heads/main', 'system:serviceaccount:shop', 'system:serviceaccount::api', 'system:serviceaccount:shop:api:more', 'System:ServiceAccount:shop:api']) assert.equal(accountOf(other), undefined, other);
  });
});

/** RFC 9562, section 5.5, written with numbers instead of buffers' methods. */
function version5(namespace: string, name: string): string {
  const bytes = [...createHash('sha1').update(Buffer.concat([Buffer.from(namespace.replaceAll('-', ''), 'hex'), Buffer.from(name, 'utf8')])).digest()].slice(0, 16);
  const digits = bytes.map((byte, index) => {
    if (index === 6) return 0x50 + (byte % 16);
    if (index === 8) return 0x80 + (byte % 64);
    return byte;
  }).map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

describe('fleet: UUIDs from names', () => {
  const names = ['', 'a', 'grant|/subscriptions/x|AcrPull', 'ümläut', 'x'.repeat(1000), ...Array.from({ length: 200 }, (_, index) => `name ${index}`)];

  it('agree with the RFC\'s own example, computed independently', () => {
    assert.equal(version5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com'), '2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('are of version 5 and the RFC\'s variant', () => {
    for (const name of names) assert.match(uuidOf(name), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, name);
  });

  it('equal an independent computation in the project\'s namespace', () => {
    for (const name of names) assert.equal(uuidOf(name), version5('8d0f3f5c-6b1e-4f0e-9a6e-2f7c5b4a3d21', name), name);
  });

  it('are distinct for distinct names', () => assert.equal(new Set(names.map(uuidOf)).size, names.length));
});

describe('fleet: versions', () => {
  it('compare by number, part by part', () => {
    const rising = ['0.9', '1', '1.2', '1.9.9', '1.10', '1.10.1', '1.27', '1.27.3', '1.28.0', '2', '10.0'];
    for (const [left, one] of rising.entries()) {
      for (const [right, other] of rising.entries()) assert.equal(Math.sign(compareVersions(one, other)), Math.sign(left - right), `${one} and ${other}`);
    }
  });

  it('count missing parts as 0, and ignore a leading v and suffixes', () => {
    for (const [one, other] of [['1.27', '1.27.0'], ['v1.30.1', '1.30.1'], ['1.30.1-hotfix.20240101', '1.30.1'], ['v3.16.2+g13654a5', '3.16.2']] as const) assert.equal(compareVersions(one, other), 0);
  });

  it('count what is no version as 0', () => assert.ok(compareVersions('latest', '0.1') < 0));
});
