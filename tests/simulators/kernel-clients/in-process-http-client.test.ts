import assert from 'node:assert/strict';
import { createDefaultHttpClient, createHttpHeaders, createPipelineRequest, isRestError } from '@azure/core-rest-pipeline';
import { Network } from '../kernel/network.js';
import type { SimRequest, SimResponse } from '../kernel/service.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { inProcessHttpClient } from './in-process-http-client.js';

/** A network with one service that answers as told and keeps what it saw. */
async function world(answer: (request: SimRequest) => SimResponse | Promise<SimResponse>): Promise<{ network: Network; origin: string; seen: SimRequest[] }> {
  const network = new Network(new VirtualClock());
  const seen: SimRequest[] = [];
  const handle = async (request: SimRequest): Promise<SimResponse> => {
    seen.push(request);
    return answer(request);
  };
  return { network, origin: await network.attach({ name: 'echo', handle }), seen };
}

describe('in-process HTTP client', () => {
  it('delivers method, address, lower-case headers and body, and reads the answer as text', async () => {
    const { network, origin, seen } = await world(() => ({ status: 201, headers: { 'x-own': '1' }, body: { a: 1 } }));
    const headers = createHttpHeaders({ 'Content-Type': 'application/json', 'If-Match': 'x' });
    const request = createPipelineRequest({ url: `${origin}/p?q=1`, method: 'PUT', headers, body: '{"b":2}' });
    const response = await inProcessHttpClient(network).sendRequest(request);
    assert.equal(response.status, 201);
    assert.equal(response.bodyAsText, '{"a":1}');
    assert.equal(response.headers.get('X-Own'), '1');
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
    assert.equal(response.request, request);
    assert.equal(seen[0]?.method, 'PUT');
    assert.equal(seen[0].url.href, `${origin}/p?q=1`);
    assert.deepEqual(seen[0].headers, { 'content-type': 'application/json', 'if-match': 'x' });
    assert.equal(seen[0].body.toString(), '{"b":2}');
  });

  it('sends buffers, reads streams, gives no body to HEAD', async () => {
    async function* chunks(): AsyncIterable<string> {
      yield 'one ';
      yield await Promise.resolve('two');
    }
    const { network, origin, seen } = await world(() => ({ status: 200, body: chunks() }));
    const client = inProcessHttpClient(network);
    const bytes = new Uint8Array([9, 1, 2, 3]).subarray(1);
    const response = await client.sendRequest(createPipelineRequest({ url: origin, method: 'POST', body: bytes }));
    assert.equal(response.bodyAsText, 'one two');
    assert.deepEqual([...(seen[0]?.body ?? [])], [1, 2, 3]);
    const head = await client.sendRequest(createPipelineRequest({ url: origin, method: 'HEAD' }));
    assert.equal(head.bodyAsText, undefined);
  });

  it('turns a broken connection into the error of the real client', async () => {
    const { network, origin } = await world(() => ({ status: 200 }));
    network.faults.plant({ drop: 'before', times: 1 });
    const client = inProcessHttpClient(network);
    for (const url of [origin, 'https://nowhere.sim/']) {
      const request = createPipelineRequest({ url });
      await assert.rejects(client.sendRequest(request), (error) => isRestError(error) && error.code === 'REQUEST_SEND_ERROR' && error.request === request);
    }
  });

  it('aborts before and during a request as the real client does', async () => {
    const { network, origin, seen } = await world(() => new Promise<SimResponse>(() => undefined));
    const client = inProcessHttpClient(network);
    const early = createPipelineRequest({ url: origin, abortSignal: AbortSignal.abort() });
    await assert.rejects(client.sendRequest(early), { name: 'AbortError' });
    await assert.rejects(createDefaultHttpClient().sendRequest(early), { name: 'AbortError' });
    assert.equal(seen.length, 0);
    const controller = new AbortController();
    const sending = client.sendRequest(createPipelineRequest({ url: origin, abortSignal: controller.signal }));
    setImmediate(() => controller.abort());
    await assert.rejects(sending, { name: 'AbortError' });
    assert.equal(seen[0]?.signal.aborted, true);
  });

  it('refuses plain HTTP unless the request allows it', async () => {
    const { network } = await world(() => ({ status: 200 }));
    const request = createPipelineRequest({ url: 'http://echo.sim/' });
    await assert.rejects(inProcessHttpClient(network).sendRequest(request), /allowInsecureConnection/);
  });
});
