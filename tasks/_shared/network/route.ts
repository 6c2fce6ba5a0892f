import type { Agent } from 'node:http';
import { Agent as DirectAgent } from 'node:https';
import { rootCertificates } from 'node:tls';
import { idleMs } from './idle.js';
import { proxyFor, type ProxySettings } from './proxies.js';

/** What has to be known of the network around the agent. */
export interface NetworkSettings extends ProxySettings {
  /** Texts of certificates (PEM) that are trusted besides those that Node brings along. */
  readonly authorities: readonly string[];
  /** Certificates (PEM) that Node trusts besides by itself, because of its environment. Default: none. */
  readonly nodeAuthorities?: readonly string[];
}

/** PEM texts of a certificate that a client shows, and of its private key. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** The way from the agent to the services. */
export interface Route {
  /** True when a proxy or an authority is configured; else every client may do as it does by itself. */
  readonly configured: boolean;
  /** The proxy for an address; undefined when it is reached directly. */
  proxyFor(address: string): URL | undefined;
  /**
   * What connects to an address; undefined: whatever the client uses by itself.
   * @param onlyTrusted PEM text of the one authority that may have signed the service's certificate.
   * @param client shown to the service, behind any proxy.
   */
  agentFor(address: string, onlyTrusted?: string, client?: ClientCertificate): Agent | undefined;
  /** What a program that is not Node has to be told, so that it takes the same way. */
  readonly forPrograms: ProgramRoute;
}

/** The way to the services for programs that know the usual variables and a file of authorities. */
export interface ProgramRoute {
  /**
   * Environment variables for a program that fetches from an address, and from wherever that leads it. With the proxy's credentials.
   * Source: Go, golang.org/x/net/http/httpproxy.
   */
  variables(address: string): Readonly<Record<string, string>>;
  /** Certificates (PEM), public ones included, of which some are configured here; undefined: whom the program trusts by itself. */
  readonly authorities: string | undefined;
}

/** Neither proxy nor authorities of one's own. */
export const straight: Route = {
  configured: false,
  proxyFor: () => undefined,
  agentFor: (_address, onlyTrusted, client) => (onlyTrusted === undefined ? undefined : direct([onlyTrusted], client)),
  forPrograms: { variables: () => ({}), authorities: undefined },
};

function direct(trusted: readonly string[], client?: ClientCertificate): Agent {
  return new DirectAgent({ ca: [...trusted], keepAlive: true, timeout: idleMs, ...shown(client) });
}

/** A client's certificate as Node's TLS wants it. */
export function shown(client: ClientCertificate | undefined): { cert?: string; key?: string } {
  return client === undefined ? {} : { cert: client.certificate, key: client.key };
}

/** Prepares the way; sends nothing. What a proxy needs is loaded only where there is one. */
export async function openRoute(settings: NetworkSettings): Promise<Route> {
  const { ProxyAgent } = settings.proxy === undefined ? { ProxyAgent: undefined } : await import('./sdk.js');
  const trusted = settings.authorities.length === 0 ? undefined : [...rootCertificates, ...settings.authorities];
  const agents = new Map<string, Agent>();
  const make = (proxy: URL | undefined, behind: readonly string[] | undefined, client: ClientCertificate | undefined): Agent | undefined => {
    if (proxy !== undefined && ProxyAgent !== undefined) return new ProxyAgent(proxy, trusted, behind, shown(client));
    return behind === undefined ? undefined : direct(behind, client);
  };
  return {
    configured: settings.proxy !== undefined || trusted !== undefined,
    proxyFor: (address) => proxyFor(settings, address),
    agentFor: (address, onlyTrusted, client) => {
      const proxy = proxyFor(settings, address);
      // Plain HTTP knows no authorities: Node's own agent serves it.
      if (proxy === undefined && address.startsWith('http:')) return undefined;
      const key = `${proxy?.href ?? ''} ${onlyTrusted ?? ''} ${client?.certificate ?? ''}`;
      const agent = agents.get(key) ?? make(proxy, onlyTrusted === undefined ? trusted : [onlyTrusted], client);
      if (agent !== undefined) agents.set(key, agent);
      return agent;
    },
    forPrograms: forPrograms(settings),
  };
}

function forPrograms(settings: NetworkSettings): ProgramRoute {
  const { proxy, noProxy, authorities, nodeAuthorities = [] } = settings;
  const own = authorities.length === 0 ? nodeAuthorities : authorities;
  return {
    variables: (address): Record<string, string> => {
      if (proxy === undefined) return {};
      const around = proxyFor(settings, address) === undefined ? [new URL(address).hostname] : [];
      return { HTTPS_PROXY: proxy.href, NO_PROXY: [...noProxy, ...around].join(',') };
    },
    authorities: own.length === 0 ? undefined : [...rootCertificates, ...own].join('\n'),
  };
}
