import { createHttpHeaders, RestError, type HttpClient, type PipelineRequest, type PipelineResponse } from '@azure/core-rest-pipeline';
import { ConnectionLost, type Dispatcher } from '../kernel/network.js';
import { textOf } from '../kernel/response-text.js';

/**
 * Lets the Azure SDK talk to a simulated world inside the process: no sockets, so that virtual clocks work. A broken connection and an
 * abort surface as they do from the SDK's own client; `timeout` is not watched, since only the world's clock counts here.
 */
export function inProcessHttpClient(network: Dispatcher): HttpClient {
  return { sendRequest: (request) => send(network, request) };
}

async function send(network: Dispatcher, request: PipelineRequest): Promise<PipelineResponse> {
  const gone = new AbortController();
  const abort = (): void => gone.abort(aborted());
  if (request.abortSignal?.aborted === true) throw aborted();
  request.abortSignal?.addEventListener('abort', abort);
  try {
    const url = new URL(request.url);
    if (url.protocol !== 'https:' && request.allowInsecureConnection !== true) {
      throw new Error(`Cannot connect to ${request.url} while allowInsecureConnection is false.`);
    }
    const { method } = request;
    const headers = Object.fromEntries(Object.entries(request.headers.toJSON()).map(([name, value]) => [name.toLowerCase(), value]));
    const answering = network.dispatch({ method, url, headers, body: bodyOf(request), signal: gone.signal });
    const { status, headers: own, body } = await unlessAborted(answering, gone.signal);
    const type = body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
    const response = { status, headers: createHttpHeaders({ ...type, ...own }), request };
    if (method === 'HEAD') return response;
    return { ...response, bodyAsText: await unlessAborted(textOf(body), gone.signal) };
  } catch (error) {
    if (error instanceof ConnectionLost) throw new RestError(error.message, { code: RestError.REQUEST_SEND_ERROR, request });
    throw error;
  } finally {
    request.abortSignal?.removeEventListener('abort', abort);
  }
}

/** Rejects as soon as the caller gives up, also when the simulated service never looks at the signal. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = (): void => undefined;
  const given = new Promise<never>((_resolve, reject) => {
    abort = (): void => reject(aborted());
    signal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([work, given]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function aborted(): Error {
  return Object.assign(new Error('The operation was aborted.'), { name: 'AbortError' });
}

function bodyOf({ body }: PipelineRequest): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof ArrayBuffer) return Buffer.from(body);
  if (ArrayBuffer.isView(body)) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  throw new Error('in-process Azure clients send texts and buffers only');
}
