import { Problem } from '../reconcile/problem.js';

/** Which proxy stands between the agent and the services, and what is reached without it. */
export interface ProxySettings {
  /** With credentials, percent-encoded; undefined: nothing goes through a proxy. */
  readonly proxy: URL | undefined;
  /** The agent's bypass list. Matched against `scheme://host`, with `:port` where it is not the scheme's own. */
  readonly bypass: readonly RegExp[];
  /** The entries of NO_PROXY. */
  readonly noProxy: readonly string[];
}

/** Credentials that are not part of the address. */
export interface ProxyCredentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/**
 * The proxy for an address; undefined when it is reached directly. The one place that decides this, for every client of a run.
 * An address of this machine is no exception: only lists make exceptions.
 * Source: for the text that the bypass list is matched against, azure-pipelines-agent, VstsAgentWebProxy.IsMatchInBypassList.
 */
export function proxyFor({ proxy, bypass, noProxy }: ProxySettings, address: string): URL | undefined {
  const { protocol, host, hostname, port } = new URL(address);
  const effectivePort = port === '' ? (protocol === 'http:' ? '80' : '443') : port;
  if (bypass.some((pattern) => pattern.test(`${protocol}//${host}`))) return undefined;
  if (noProxy.some((entry) => excepts(entry, hostname, effectivePort))) return undefined;
  return proxy;
}

/**
 * One entry of NO_PROXY: `*`, a host, a domain with everything below it, `.domain` or `*.domain` for what is below it only, each with or
 * without a port. Source: Go, golang.org/x/net/http/httpproxy, whose reading helm has; address ranges (CIDR) are not among what we read.
 */
function excepts(entry: string, hostname: string, port: string): boolean {
  if (entry === '*') return true;
  const [, name = entry, wantedPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  const wanted = name.toLowerCase().replace(/^\*(?=\.)/, '');
  const host = hostname.replace(/^\[|\]$/g, '');
  if (wanted.startsWith('.')) return host.endsWith(wanted);
  const bare = wanted.replace(/^\[|\]$/g, '');
  return bare !== '' && (host === bare || host.endsWith(`.${bare}`));
}

/** The entries of NO_PROXY. */
export function readNoProxy(text: string | undefined): readonly string[] {
  return (text ?? '').split(/[\s,]+/).filter((entry) => entry !== '');
}

/**
 * The agent's bypass list: a JSON array of regular expressions in ECMAScript syntax.
 * @param ignored is told what is no regular expression; the agent leaves those out as well.
 * Source: Azure DevOps docs, run a self-hosted agent behind a web proxy; azure-pipelines-task-lib, getHttpProxyConfiguration.
 */
export function readBypassList(text: string | undefined, ignored: (entry: string) => void): readonly RegExp[] {
  if (text === undefined || text === '') return [];
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch {
    ignored(text);
    return [];
  }
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: unknown) => {
    if (typeof entry !== 'string' || entry === '') return [];
    try {
      return [new RegExp(entry, 'i')];
    } catch {
      ignored(entry);
      return [];
    }
  });
}

/**
 * The address of a proxy as a URL whose credentials are percent-encoded.
 * @param origin where the address comes from, e.g. `the agent's proxy` or `HTTPS_PROXY`.
 * @throws Problem WI1050 for what is no http:// or https:// address. It does not repeat credentials.
 */
export function readProxyAddress(text: string, origin: string, credentials?: ProxyCredentials): URL {
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy === undefined || !/^https?:$/.test(proxy.protocol) || proxy.hostname === '') {
    throw new Problem({
      code: 'WI1050',
      what: `The proxy in ${origin} cannot be used`,
      because: /^socks/i.test(text) ? 'it is a SOCKS proxy, and the tasks speak to HTTP proxies only' : 'it is not an address of the form http://host:port',
      remedy: 'write http://host:port; user name and password of the agent’s proxy go into --proxyusername and --proxypassword of its configuration',
    });
  }
  const { username = decoded(proxy.username), password = decoded(proxy.password) } = withoutEmpty(credentials);
  // The setters leave `%` as it is, so that a password with one would be read back as another.
  proxy.username = encodeURIComponent(username);
  proxy.password = encodeURIComponent(password);
  return proxy;
}

function withoutEmpty(credentials: ProxyCredentials | undefined): { username?: string; password?: string } {
  if (credentials?.username === undefined || credentials.username === '') return {};
  return { username: credentials.username, password: credentials.password ?? '' };
}

/** A `%` that begins no escape stands for itself: people write passwords into HTTPS_PROXY as they are. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Every text in which the credentials of a proxy can appear. */
export function proxySecrets({ username, password }: URL): readonly string[] {
  if (password === '') return [];
  const [user, plain] = [decodeURIComponent(username), decodeURIComponent(password)];
  return [plain, password, Buffer.from(`${user}:${plain}`).toString('base64')];
}

/** A proxy for messages: without credentials. */
export function proxyName({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}
