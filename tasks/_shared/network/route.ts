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

/** The way from the agent to the services. */
export interface Route {
  /** True when a proxy or an authority is configured; else every client may do as it does by itself. */
  readonly configured: boolean;
  /** The proxy for an address; undefined when it is reached directly. */
  proxyFor(address: string): URL | undefined;
  /**
   * What connects to an address; undefined: whatever the client uses by itself.
   * @param onlyTrusted PEM text of the one authority that may have signed the service's certificate.
   */
  agentFor(address: string, onlyTrusted?: string): Agent | undefined;
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
  agentFor: (_address, onlyTrusted) => (onlyTrusted === undefined ? undefined : direct([onlyTrusted])),
  forPrograms: { variables: () => ({}), authorities: undefined },
};

function direct(trusted: readonly string[]): Agent {
  return new DirectAgent({ ca: [...trusted], keepAlive: true, timeout: idleMs });
}

/** Prepares the way; sends nothing. What a proxy needs is loaded only where there is one. */
export async function openRoute(settings: NetworkSettings): Promise<Route> {
  const { ProxyAgent } = settings.proxy === undefined ? { ProxyAgent: undefined } : await import('./sdk.js');
  const trusted = settings.authorities.length === 0 ? undefined : [...rootCertificates, ...settings.authorities];
  const agents = new Map<string, Agent>();
  const make = (proxy: URL | undefined, behind: readonly string[] | undefined): Agent | undefined => {
    if (proxy !== undefined && ProxyAgent !== undefined) return new ProxyAgent(proxy, trusted, behind);
    return behind === undefined ? undefined : direct(behind);
  };
  return {
    configured: settings.proxy !== undefined || trusted !== undefined,
    proxyFor: (address) => proxyFor(settings, address),
    agentFor: (address, onlyTrusted) => {
      const proxy = proxyFor(settings, address);
      // Plain HTTP knows no authorities: Node's own agent serves it.
      if (proxy === undefined && address.startsWith('http:')) return undefined;
      const key = `${proxy?.href ?? ''} ${onlyTrusted ?? ''}`;
      const agent = agents.get(key) ?? make(proxy, onlyTrusted === undefined ? trusted : [onlyTrusted]);
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
