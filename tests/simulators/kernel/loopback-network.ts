import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { Certificate } from './certificate-authority.js';
import { ConnectionLost, Network } from './network.js';
import type { Service, SimResponse } from './service.js';

/** A network whose services listen on HTTPS ports of the loopback interface, each service on a port of its own. */
export class LoopbackNetwork extends Network {
  /** Every connection that was made: whereto, and the port that it came from. */
  readonly connections: { readonly origin: string; readonly from: number }[] = [];
  readonly #servers: Server[] = [];

  constructor(
    clock: Clock,
    private readonly certificate: Certificate,
  ) {
    super(clock);
  }

  override async attach(service: Service): Promise<string> {
    const server = createServer({ key: this.certificate.key, cert: this.certificate.certificate }, (incoming, outgoing) => {
      void this.#serve(incoming, outgoing);
    });
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#servers.push(server);
    const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
    server.on('connection', ({ remotePort = 0 }: { remotePort?: number }) => this.connections.push({ origin, from: remotePort }));
    this.register(origin, service);
    return origin;
  }

  override async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(async (server) => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }),
    );
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const gone = new AbortController();
    outgoing.on('close', () => {
      gone.abort(new ConnectionLost('the caller went away'));
    });
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
      const port = (incoming.socket.address() as AddressInfo).port;
      const path = (incoming.url ?? '/').replace(/^\/+/, '/');
      const url = new URL(path, `https://localhost:${port}`);
      const request = { method: incoming.method ?? 'GET', url, headers, body: Buffer.concat(chunks), signal: gone.signal };
      await send(await this.dispatch(request), outgoing, gone.signal);
    } catch (error) {
      if (!(error instanceof ConnectionLost) && !gone.signal.aborted) {
        process.stderr.write(`simulator: ${incoming.method ?? ''} ${incoming.url ?? ''}: ${String((error as Error).stack)}\n`);
      }
      outgoing.destroy();
    }
  }
}

async function send(response: SimResponse, outgoing: ServerResponse, signal: AbortSignal): Promise<void> {
  const { body } = response;
  const type = body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
  outgoing.writeHead(response.status, { ...type, ...response.headers });
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) {
    outgoing.end(body);
  } else if (Symbol.asyncIterator in body) {
    outgoing.flushHeaders();
    for await (const chunk of body) {
      if (signal.aborted) break;
      outgoing.write(chunk);
    }
    outgoing.end();
  } else {
    outgoing.end(JSON.stringify(body));
  }
}
