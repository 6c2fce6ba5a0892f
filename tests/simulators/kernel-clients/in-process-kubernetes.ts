import { ResponseContext, wrapHttpLibrary, type HttpLibrary, type RequestContext } from '@kubernetes/client-node';
import type { Dispatcher } from '../kernel/network.js';
import { textOf } from '../kernel/response-text.js';

/** Lets @kubernetes/client-node talk to a simulated world inside the process: no sockets, so that virtual clocks work. */
export function inProcessKubernetes(network: Dispatcher): HttpLibrary {
  return wrapHttpLibrary({
    send: async (request) => {
      const response = await network.dispatch({
        method: request.getHttpMethod(),
        url: new URL(request.getUrl()),
        headers: lowerCase(request.getHeaders()),
        body: bodyOf(request),
        signal: request.getSignal() ?? new AbortController().signal,
      });
      const text = await textOf(response.body);
      const body = { text: () => Promise.resolve(text), binary: () => Promise.resolve(Buffer.from(text)) };
      const type = response.body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
      return new ResponseContext(response.status, { ...type, ...response.headers }, body);
    },
  });
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function bodyOf(request: RequestContext): Buffer {
  const body = request.getBody();
  if (body === undefined) return Buffer.alloc(0);
  if (typeof body === 'string') return Buffer.from(body);
  throw new Error('in-process Kubernetes clients send text bodies only');
}
