import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** A tunnel that a proxy opened or refused. */
export interface Tunnel {
  /** `host:port`, as the caller asked for it. */
  readonly target: string;
  /** 200 for an open tunnel. */
  readonly status: number;
  /** Port from which the proxy goes on to the target; undefined for a tunnel that was refused. */
  readonly from?: number;
}

/** Whom a proxy lets through, and whereto. */
export interface ProxyRules {
  readonly username: string;
  readonly password: string;
  /** The status with which a target is refused; undefined lets through. */
  readonly refuse?: (target: string) => number | undefined;
  /** Where a target really is, as `host:port`: stands in for the DNS of names that do not exist. Default: where it says. */
  readonly whereabouts?: (target: string) => string | undefined;
}

/**
 * An HTTP proxy on the loopback interface that knows CONNECT and Basic credentials and nothing else: no NTLM, no plain requests.
 * Source: RFC 9110, sections 9.3.6 (CONNECT) and 11.7 (proxy authentication).
 */
export class ConnectProxy {
  readonly tunnels: Tunnel[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly rules: ProxyRules) {
    this.#server = createServer((_, answer) => answer.writeHead(501, { 'content-type': 'text/plain' }).end('This proxy knows CONNECT only.'));
    this.#server.on('connection', (socket: Socket) => this.#keep(socket));
    this.#server.on('connect', (request, socket: Socket, head: Buffer) => {
      const target = request.url ?? '';
      const status = this.#statusFor(target, request.headers['proxy-authorization']);
      if (status === 200) this.#open(target, socket, head);
      else this.#refuse(target, socket, status);
    });
  }

  /** Starts one on a free port. */
  static async start(rules: ProxyRules): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(rules);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** `http://127.0.0.1:port`, without credentials. */
  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #statusFor(target: string, authorization: string | undefined): number {
    const { username, password, refuse } = this.rules;
    const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    return authorization === expected ? (refuse?.(target) ?? 200) : 407;
  }

  #refuse(target: string, socket: Socket, status: number): void {
    this.tunnels.push({ target, status });
    const text: Record<number, string> = { 403: 'Forbidden', 407: 'Proxy Authentication Required', 502: 'Bad Gateway' };
    const challenge = status === 407 ? 'Proxy-Authenticate: Basic realm="simulated"\r\n' : '';
    socket.end(`HTTP/1.1 ${status} ${text[status] ?? 'Refused'}\r\n${challenge}Content-Length: 0\r\nConnection: close\r\n\r\n`);
  }

  #open(target: string, socket: Socket, head: Buffer): void {
    const { hostname, port } = new URL(`http://${this.rules.whereabouts?.(target) ?? target}`);
    const onward = this.#keep(connect({ host: hostname, port: Number(port) }));
    onward.once('connect', () => {
      this.tunnels.push({ target, status: 200, ...(onward.localPort === undefined ? {} : { from: onward.localPort }) });
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket);
      socket.pipe(onward);
    });
    onward.once('error', () => (onward.connecting ? this.#refuse(target, socket, 502) : socket.destroy()));
    onward.once('close', () => socket.destroy());
    socket.once('close', () => onward.destroy());
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    return socket;
  }
}
