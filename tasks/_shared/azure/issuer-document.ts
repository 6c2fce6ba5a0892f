import type { Azure } from './azure.js';
import { Problem } from '../reconcile/problem.js';

/** Whether the keys of an issuer are still published: then tokens of its cluster may still be exchanged. */
export type Issuance = 'gone' | 'served' | { readonly unclear: string };

/**
 * Asks an issuer for its discovery document, without any credential. Gone: 404, 410, or a host that no name server knows.
 * Anything else leaves open whether it is gone. Source: OpenID Connect Discovery 1.0, section 4 (the address of the document).
 */
export async function askIssuer({ http, signal }: Azure, issuer: string): Promise<Issuance> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  if (!URL.canParse(url) || !url.startsWith('https://')) return { unclear: 'its issuer is no https address' };
  try {
    const { status } = await http.send({ method: 'GET', url, signal, expect: [404, 410], tried: `read ${url}`, what: `Issuer ${issuer} does not answer` });
    return status === 404 || status === 410 ? 'gone' : 'served';
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Problem)) throw error;
    return isUnknownHost(error, new URL(url).hostname) ? 'gone' : { unclear: `its issuer does not say whether it is still served: ${error.parts.because}` };
  }
}

/** True when the name of the host itself could not be resolved, and not that of a proxy. Source: Node.js docs, dns error codes. */
function isUnknownHost(error: Problem, host: string): boolean {
  return error.code === 'WI2006' && error.parts.because.includes('ENOTFOUND') && error.parts.because.includes(host);
}
