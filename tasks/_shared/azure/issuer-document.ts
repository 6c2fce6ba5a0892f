import type { Azure } from './azure.js';
import { Problem } from '../reconcile/problem.js';

/** Whether the keys of an issuer are still published: then tokens of its cluster may still be exchanged. */
export type Issuance = 'gone' | 'served' | { readonly unclear: string };

/**
 * Asks an issuer for its discovery document, without any credential. Gone: 404 or 410, and nothing else. A name that cannot be resolved tells
 * of the agent's name server rather than of the cluster, since all clusters of a region share the host. Sources: OpenID Connect Discovery 1.0,
 * section 4 (the address of the document); AKS docs, OIDC issuer (form of the issuer: host of a region, then tenant and cluster).
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
    return { unclear: `its issuer does not say whether it is still served: ${error.parts.because}` };
  }
}
