import assert from 'node:assert/strict';
import type { SecretFact } from '../../../tasks/_shared/fleet/posture/rule.js';
import { secretFact } from '../../../tasks/_shared/kubernetes/secret-facts.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const fact = (data: Readonly<Record<string, string>>, type = 'Opaque'): SecretFact =>
  secretFact({ metadata: { name: 'one', namespace: 'orders' }, type, data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])) });
const looks = (data: Readonly<Record<string, string>>, type?: string): readonly string[] => fact(data, type).looksLike;
const docker = (auths: object): readonly string[] => looks({ '.dockerconfigjson': JSON.stringify({ auths }) }, 'kubernetes.io/dockerconfigjson');

const clientId = 'aaaaaaaa-1111-4111-8111-111111111111';
const key = 'canaryA1'.repeat(11);
const token = '00000000-0000-0000-0000-000000000000';
const sas = `sv=2024-11-04&se=2027-01-01T00%3A00%3A00Z&sr=c&sp=r&sig=${'canary%2B'.repeat(5)}`;

describe('facts of a secret: logins to Azure registries', () => {
  it('tell the admin user, who has the registry\'s name, from others', () => {
    assert.deepEqual(docker({ 'contoso.azurecr.io': { username: 'contoso', password: 'canary' } }), ['registry admin user']);
    assert.deepEqual(docker({ 'https://CONTOSO.azurecr.io/v2/': { auth: base64('Contoso:canary') } }), ['registry admin user']);
    assert.deepEqual(docker({ 'contoso-a1b2c3.azurecr.io': { username: 'contoso', password: 'canary' } }), ['registry admin user']);
    assert.deepEqual(docker({ 'contoso.azurecr.cn': { username: clientId, password: 'canary' }, 'index.docker.io': { username: 'x', password: 'y' } }), ['registry credential']);
    assert.deepEqual(docker({ 'contoso.azurecr.us': { username: 'pull-token', password: 'canary' } }), ['registry credential']);
  });

  it('are found in both forms and under any key', () => {
    assert.deepEqual(looks({ '.dockercfg': JSON.stringify({ 'contoso.azurecr.io': { username: 'contoso', password: 'canary' } }) }, 'kubernetes.io/dockercfg'), ['registry admin user']);
    assert.deepEqual(looks({ 'config.json': JSON.stringify({ auths: { 'contoso.azurecr.io': { auth: base64('other:canary') } } }) }), ['registry credential']);
  });

  it('are no others: tokens, other registries, entries without a password', () => {
    assert.deepEqual(docker({ 'contoso.azurecr.io': { username: token, password: 'canary' } }), []);
    assert.deepEqual(docker({ 'contoso.azurecr.io': { auth: base64(`${token}:canary`) } }), []);
    assert.deepEqual(docker({ 'ghcr.io': { username: 'contoso', password: 'canary' }, 'contoso.azurecr.io.example.com': { auth: base64('contoso:canary') } }), []);
    assert.deepEqual(docker({ 'contoso.azurecr.io': { username: 'contoso' } }), []);
  });

  it('are found as a user name and a password beside the registry', () => {
    assert.deepEqual(looks({ REGISTRY_URL: 'https://contoso.azurecr.io', REGISTRY_USERNAME: 'contoso', REGISTRY_PASSWORD: 'canary' }), ['registry admin user']);
    assert.deepEqual(looks({ acrUsername: 'push', acrPassword: 'canary' }), ['registry credential']);
    assert.deepEqual(looks({ server: 'contoso.azurecr.io', username: token, password: 'canary' }), []);
    assert.deepEqual(looks({ REGISTRY_USERNAME: 'me', REGISTRY_PASSWORD: 'canary' }), []);
  });

  it('are found by the mark in their keys', () => assert.deepEqual(looks({ word: `${'canaryA1'.repeat(5)}AB+ACRACANAR` }), ['registry credential']));
});

describe('facts of a secret: other credentials of Azure', () => {
  it('tell secrets of service principals', () => {
    const kind = ['service principal secret'];
    assert.deepEqual(looks({ AZURE_CLIENT_ID: clientId, AZURE_CLIENT_SECRET: 'canary' }), kind);
    assert.deepEqual(looks({ clientid: clientId, clientsecret: 'canary' }), kind);
    assert.deepEqual(looks({ 'client-id': clientId, 'client-secret': 'canary' }), kind);
    assert.deepEqual(looks({ credentials: JSON.stringify({ clientId, clientSecret: 'canary', tenantId: clientId }) }), kind);
    assert.deepEqual(looks({ 'sp.json': JSON.stringify({ appId: clientId, password: 'canary' }) }), kind);
    assert.deepEqual(looks({ 'azure.json': JSON.stringify({ aadClientId: clientId, aadClientSecret: 'canary' }) }), kind);
    assert.deepEqual(looks({ anything: `abc8Q~${'canaryA.1_'.repeat(3)}abcd` }), kind);
  });

  it('take no other client for one', () => {
    assert.deepEqual(looks({ clientId: 'my-github-app', clientSecret: 'canary' }), []);
    assert.deepEqual(looks({ 'azure.json': JSON.stringify({ aadClientId: 'msi', aadClientSecret: 'msi', useManagedIdentityExtension: true }) }), []);
    assert.deepEqual(looks({ AZURE_CLIENT_ID: clientId, AZURE_TENANT_ID: clientId, password: 'canary' }), []);
  });

  it('tell connection strings and keys', () => {
    assert.deepEqual(looks({ blob: `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${key};EndpointSuffix=core.windows.net` }), ['storage connection string']);
    assert.deepEqual(looks({ db: `AccountEndpoint=https://a.documents.azure.com:443/;AccountKey=${key};` }), ['Cosmos DB connection string']);
    assert.deepEqual(looks({ bus: `Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=${key}` }), ['service bus connection string']);
    assert.deepEqual(looks({ key: `${key.slice(0, 76)}+AStCanarQ==` }), ['storage account key']);
  });

  it('tell SAS tokens, alone, in URLs and in connection strings', () => {
    assert.deepEqual(looks({ a: sas }), ['SAS token']);
    assert.deepEqual(looks({ a: `https://a.blob.core.windows.net/c?${sas}` }), ['SAS token']);
    assert.deepEqual(looks({ a: `BlobEndpoint=https://a.blob.core.windows.net;SharedAccessSignature=${sas}` }), ['SAS token']);
    assert.deepEqual(looks({ a: 'https://example.com/?sig=canarycanarycanarycanary' }), []);
  });

  it('take neither the emulator\'s public key nor a string without a key for one', () => {
    assert.deepEqual(looks({ a: `DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=${key};` }), []);
    assert.deepEqual(looks({ a: 'UseDevelopmentStorage=true', b: 'Endpoint=sb://a.servicebus.windows.net/', c: 'AccountName=a;AccountKey=' }), []);
    assert.deepEqual(looks({ a: 'InstrumentationKey=aaaaaaaa-1111-4111-8111-111111111111;IngestionEndpoint=https://x/' }), []);
  });

  it('look at no packed release of Helm', () => assert.deepEqual(looks({ release: `AccountKey=${key}` }, 'helm.sh/release.v1'), []));
});

describe('facts of a secret', () => {
  it('are its name, type and keys, and kinds in order, each once', () => {
    const data = { b: `AccountKey=${key}`, a: sas, '.dockerconfigjson': JSON.stringify({ auths: { 'contoso.azurecr.io': { username: 'contoso', password: `${'canaryA1'.repeat(5)}AB+ACRACANAR` } } }), c: `AccountKey=${key}` };
    assert.deepEqual(fact(data), { name: 'one', type: 'Opaque', keys: ['.dockerconfigjson', 'a', 'b', 'c'], looksLike: ['SAS token', 'registry admin user', 'storage connection string'] });
  });

  it('never hold a value, in no encoding', () => {
    const values = ['canary', key, sas, JSON.stringify({ clientId, clientSecret: 'canary' }), `contoso:canary`, JSON.stringify({ auths: { 'contoso.azurecr.io': { auth: base64('contoso:canary') } } })];
    const told = JSON.stringify(values.map((value) => fact({ first: value, AZURE_CLIENT_SECRET: value, password: value, username: value })));
    for (const value of [...values, 'canary', ...values.map(base64)]) assert.equal(told.includes(value), false);
  });

  it('are told of whatever is answered, without an error', () => {
    const canary = base64('canary');
    const odd: readonly unknown[] = [undefined, null, 7, canary, [canary], { a: null, b: 7, c: { canary }, d: '%%%', e: canary, __proto__: canary }, { a: base64('{"auths": 7}'), b: base64('{"auths":{"contoso.azurecr.io":7}}'), c: base64('{"clientId":{}}'), d: base64('\u0000\uffff') }];
    for (const data of odd) assert.deepEqual(secretFact({ data }).looksLike, []);
    assert.deepEqual(secretFact({ metadata: 7, data: { e: canary } }), { name: '', type: 'Opaque', keys: ['e'], looksLike: [] });
  });

  it('are told of a large value in little time', () => {
    const large = ['AccountKey=', 'sig=', 'a.', 'x-', '+ACR', `${'A'.repeat(76)}+ASt`, 'AccountName=devstoreaccount1;'].map((part) => part.repeat(1_000_000 / part.length));
    const begun = performance.now();
    for (const value of large) fact({ value });
    const milliseconds = performance.now() - begun;
    assert.ok(milliseconds < 10_000, `${milliseconds} ms`);
  });
});
