import { object, text } from '../fleet/json.js';
import { Problem } from '../reconcile/problem.js';
import { proxyName } from './proxies.js';

/** Begins the code of every error that is the proxy's; the rest is the status that it answered, or what the connection to it failed of. */
const prefix = 'PROXY_';

/** Codes of faults of a proxy that may pass: it cannot be reached for the moment, or cannot reach the service for the moment. */
const passing = /^PROXY_(E\w+|50[234])$/;

/** True for the error code of a proxy's fault that may be gone at the next try. */
export function isPassingFault(code: unknown): boolean {
  return typeof code === 'string' && passing.test(code);
}

/**
 * An error of the proxy rather than of the service behind it. The HTTP libraries keep message and code of what an agent throws and
 * nothing else, so all that is known is in these two.
 */
export class ProxyFault extends Error {
  override readonly name = 'ProxyFault';
  readonly code: string;

  private constructor(reason: string, message: string) {
    super(message);
    this.code = `${prefix}${reason}`;
  }

  /** The proxy did not open a tunnel. @param target `host:port` */
  static refused(proxy: URL, target: string, status: number, statusText: string): ProxyFault {
    const answer = `${status} ${statusText}`.trim();
    if (status !== 407) return new ProxyFault(String(status), `the proxy ${proxyName(proxy)} does not let through to ${target} (${answer})`);
    const because = proxy.username === '' ? 'asks for credentials, and it was given none' : 'does not accept the user name and password that it was given';
    return new ProxyFault('407', `the proxy ${proxyName(proxy)} ${because} (${answer})`);
  }

  /** The proxy cannot be reached, or hung up. */
  static unreachable(proxy: URL, cause: unknown): ProxyFault {
    const reason = text(object(cause).code) ?? 'ENDED';
    const message = cause instanceof Error && cause.message !== '' ? cause.message : reason;
    return new ProxyFault(reason, `the proxy ${proxyName(proxy)} cannot be reached: ${message}`);
  }
}

/**
 * The Problem of an error that a proxy caused, whatever library it came through; undefined for every other error.
 * @returns WI2050 when the proxy wants other credentials, WI2051 when it refuses the address, WI2052 when it cannot be reached.
 */
export function proxyProblem(error: unknown, parts: { readonly what: string; readonly tried: string }): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error ? text(error.code) : undefined;
  if (code?.startsWith(prefix) !== true) return undefined;
  // node-fetch puts its own words before the message.
  const because = error.message.replace(/^request to .* failed, reason: /, '');
  return new Problem({ ...parts, because, ...remedyFor(code.slice(prefix.length)) }, error);
}

function remedyFor(reason: string): { code: string; remedy: string } {
  if (reason === '407') {
    const remedy = 'configure the agent with --proxyurl, --proxyusername and --proxypassword, or put user:password into HTTPS_PROXY; the tasks know Basic authentication only';
    return { code: 'WI2050', remedy };
  }
  if (/^\d+$/.test(reason)) {
    const remedy = 'ask the owner of the proxy to let the agent through to this address, or add the host to the agent’s .proxybypass file or to NO_PROXY when it is reached directly';
    return { code: 'WI2051', remedy };
  }
  return { code: 'WI2052', remedy: 'check the address of the proxy (the agent’s --proxyurl, or HTTPS_PROXY) and that the agent’s machine reaches it' };
}
