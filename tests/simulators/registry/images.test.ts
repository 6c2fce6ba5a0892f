import assert from 'node:assert/strict';
import type { SimResponse } from '../kernel/service.js';
import { call, json } from './fakes.js';
import { digestOf } from './image-store.js';
import { code, origin, World } from './test-world.js';

describe('registry simulator: images', () => {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const config = Buffer.from('{"architecture":"amd64","os":"linux"}');
  const layer = Buffer.from('layer bytes');
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(layer), size: layer.length }],
  });

  async function pushed(): Promise<{ world: World; token: string }> {
    const world = await World.start();
    world.access.rule = () => true;
    const token = await world.accessToken('repository:orders:pull,push,delete', 'registry:catalog:*');
    const begun = await world.use('POST', '/v2/orders/blobs/uploads/', token);
    const location = begun.headers?.location ?? '';
    assert.equal(begun.status, 202);
    assert.equal((await world.use('PATCH', location, token, {}, layer)).headers?.range, `0-${layer.length - 1}`);
    assert.equal((await world.use('PUT', `${location}?digest=${digestOf(layer)}`, token)).status, 201);
    assert.equal((await world.use('POST', `/v2/orders/blobs/uploads/?digest=${digestOf(config)}`, token, {}, config)).status, 201);
    const put = await world.use('PUT', '/v2/orders/manifests/1.0', token, { 'content-type': mediaType }, manifest);
    assert.equal(put.status, 201);
    assert.equal(put.headers?.['docker-content-digest'], digestOf(Buffer.from(manifest)));
    return { world, token };
  }

  it('stores a pushed image and gives it back byte for byte, by tag and by digest', async () => {
    const { world, token } = await pushed();
    const byTag = await world.use('GET', '/v2/orders/manifests/1.0', token, { accept: mediaType });
    assert.equal(String(byTag.body as Buffer), manifest);
    assert.equal(byTag.headers?.['content-type'], mediaType);
    const head = await world.use('HEAD', `/v2/orders/manifests/${digestOf(Buffer.from(manifest))}`, token);
    assert.equal(head.headers?.['content-length'], String(manifest.length));
    assert.equal(head.body, undefined);
    assert.deepEqual((await world.use('GET', `/v2/orders/blobs/${digestOf(layer)}`, token)).body, layer);
    assert.deepEqual(json(await world.use('GET', '/v2/orders/tags/list', token)), { name: 'orders', tags: ['1.0'] });
  });

  it('counts pushes as writes, and nothing else', async () => {
    const { world, token } = await pushed();
    const writes = world.network.log.writes().length;
    assert.equal(writes, 5);
    await world.use('GET', '/v2/orders/manifests/1.0', token);
    await world.use('PUT', '/v2/orders/manifests/1.1', token, { 'content-type': mediaType }, '{}');
    assert.equal(world.network.log.writes().length, writes);
    assert.equal(world.network.log.all().at(-1)?.principal, 'oid');
  });

  it('refuses manifests that are broken, of an unknown type, or point at what is not there', async () => {
    const { world, token } = await pushed();
    const put = (path: string, type: string, body: string): Promise<SimResponse> => world.use('PUT', path, token, { 'content-type': type }, body);
    assert.equal(code(await put('/v2/orders/manifests/2.0', mediaType, '{')), 'MANIFEST_INVALID');
    assert.equal(code(await put('/v2/orders/manifests/2.0', 'application/json', manifest)), 'MANIFEST_INVALID');
    assert.equal(code(await put('/v2/orders/manifests/2.0', mediaType, manifest.replaceAll(digestOf(layer), digestOf(Buffer.from('?'))))), 'MANIFEST_BLOB_UNKNOWN');
    assert.equal(code(await put(`/v2/orders/manifests/${digestOf(layer)}`, mediaType, manifest)), 'DIGEST_INVALID');
    assert.equal(code(await world.use('POST', `/v2/orders/blobs/uploads/?digest=${digestOf(layer)}`, token, {}, 'other')), 'DIGEST_INVALID');
  });

  it('answers 404 for unknown manifests, blobs, uploads and for types that the client does not accept', async () => {
    const { world, token } = await pushed();
    assert.equal(code(await world.use('GET', '/v2/orders/manifests/9.9', token)), 'MANIFEST_UNKNOWN');
    assert.equal(code(await world.use('GET', '/v2/orders/manifests/1.0', token, { accept: 'application/vnd.oci.image.index.v1+json' })), 'MANIFEST_UNKNOWN');
    assert.equal(code(await world.use('GET', `/v2/orders/blobs/${digestOf(Buffer.from('?'))}`, token)), 'BLOB_UNKNOWN');
    assert.equal(code(await world.use('PATCH', '/v2/orders/blobs/uploads/00000000-0000-0000-0000-000000000000', token, {}, 'x')), 'BLOB_UPLOAD_UNKNOWN');
  });

  it('lets a token do only what its access claim says, with the status of the knob', async () => {
    const { world } = await pushed();
    world.access.rule = ({ action }) => action.endsWith('/pull/read');
    const token = await world.accessToken('repository:orders:pull,push');
    assert.equal((await world.use('GET', '/v2/orders/manifests/1.0', token)).status, 200);
    const refused = await world.use('POST', '/v2/orders/blobs/uploads/', token);
    assert.equal(refused.status, 401);
    assert.match(refused.headers?.['www-authenticate'] ?? '', /scope="repository:orders:push",error="insufficient_scope"$/);
    assert.equal((await world.use('GET', '/v2/billing/manifests/1.0', token)).status, 401);
    world.registry.knobs.insufficientScope = 403;
    assert.equal(code(await world.use('GET', '/v2/_catalog', token)), 'DENIED');
  });

  it('pages the catalogue with Link headers', async () => {
    const { world, token } = await pushed();
    for (const name of ['billing', 'web']) world.registry.addImage(name, 'latest');
    const first = await world.use('GET', '/v2/_catalog?n=2', token);
    assert.deepEqual(json(first), { repositories: ['billing', 'orders'] });
    const next = /^<([^>]+)>; rel="next"$/.exec(first.headers?.link ?? '')?.[1];
    assert.equal(next, '/v2/_catalog?last=orders&n=2');
    const second = await world.use('GET', next, token);
    assert.deepEqual(json(second), { repositories: ['web'] });
    assert.equal(second.headers?.link, undefined);
    assert.equal((await world.use('GET', '/v2/_catalog?n=0', token)).status, 400);
  });

  it('deletes a manifest with its tags', async () => {
    const { world, token } = await pushed();
    assert.equal((await world.use('DELETE', `/v2/orders/manifests/${digestOf(Buffer.from(manifest))}`, token)).status, 202);
    assert.equal((await world.use('GET', '/v2/orders/manifests/1.0', token)).status, 404);
    assert.equal((await world.use('GET', '/v2/orders/tags/list', token)).status, 404);
  });

  it('names what it does not simulate', async () => {
    const { world, token } = await pushed();
    const response = await world.use('GET', '/acr/v1/orders/_tags', token);
    assert.equal(response.status, 501);
    assert.match(JSON.stringify(response.body), /GET \/acr\/v1\/orders\/_tags is not simulated/);
    assert.equal((await call(world.network, 'GET', `${origin}/v2/`, { headers: { authorization: 'Basic eDp5' } })).status, 501);
  });
});
