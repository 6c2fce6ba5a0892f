import { HttpsProxyAgent } from 'https-proxy-agent';
import { idleMs } from './idle.js';
import { ProxyFault } from './proxy-fault.js';

type Connect = HttpsProxyAgent<string>['connect'];

/** Texts of certificates (PEM) that are trusted. */
export type Certificates = readonly string[];

/** Opens a tunnel for each connection, and says of a failure whether it is the proxy's. */
export class ProxyAgent extends HttpsProxyAgent<string> {
  /**
   * @param trusted by whom the certificate of an https:// proxy may be signed; undefined: whom Node trusts.
   * @param trustedBehind the same for the service behind the proxy.
   * @param shown to the service behind the proxy: a certificate and its key.
   */
  constructor(
    private readonly address: URL,
    trusted: Certificates | undefined,
    private readonly trustedBehind: Certificates | undefined,
    private readonly shown: { readonly cert?: string; readonly key?: string } = {},
  ) {
    super(address, { keepAlive: true, timeout: idleMs, ...(trusted === undefined ? {} : { ca: [...trusted] }) });
  }

  /** @throws ProxyFault when the proxy does not open a tunnel. */
  override async connect(request: Parameters<Connect>[0], options: Parameters<Connect>[1]): ReturnType<Connect> {
    let answer: { readonly statusCode: number; readonly statusText: string } | undefined;
    request.once('proxyConnect', (given: typeof answer) => (answer = given));
    const trust = this.trustedBehind === undefined ? {} : { ca: [...this.trustedBehind] };
    const socket = await super.connect(request, { ...options, ...trust, ...this.shown }).catch((error: unknown) => {
      throw ProxyFault.unreachable(this.address, error);
    });
    if (answer === undefined || answer.statusCode === 200) return socket;
    // The answer of the proxy would be taken for the service's.
    socket.destroy();
    throw ProxyFault.refused(this.address, `${options.host ?? ''}:${options.port}`, answer.statusCode, answer.statusText);
  }
}
