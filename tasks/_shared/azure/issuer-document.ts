import type { Azure } from './azure.js';
import { object, objects, text, type Json } from '../fleet/json.js';
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

/** How many keys for signatures an issuer publishes, as Entra would find them. */
export interface PublishedKeys {
  readonly count: number;
}

/**
 * Reads an issuer's discovery document and its keys, without any credential, as Entra does before it exchanges a token. Sources: OpenID Connect
 * Discovery 1.0, section 4.3 (the document's issuer is that of the tokens, byte for byte); Entra docs, federated credential considerations (RS256 only).
 * @param issuer as ARM says it
 * @throws Problem WI2114 when they do not fit the issuer; that of the request when there is no answer.
 */
export async function publishedKeys({ http, signal }: Azure, issuer: string): Promise<PublishedKeys> {
  const read = async (url: string): Promise<Json> => object((await http.send({ method: 'GET', url, signal, tried: `read ${url}`, what: `Issuer ${issuer} does not answer` })).body);
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = await read(address);
  const wrong = (because: string): Problem => new Problem({
    code: 'WI2114',
    what: `Entra will not accept tokens of issuer ${issuer}`,
    tried: `read ${address}`,
    because,
    remedy: 'look at the cluster’s OIDC issuer (az aks show --query oidcIssuerProfile); if it stays so, ask Azure support: the document is made by AKS',
  });
  if (document.issuer !== issuer) throw wrong(`its discovery document is for issuer ${text(document.issuer) ?? '(none)'}, and ARM says ${issuer}`);
  const keys = text(document.jwks_uri);
  if (!keys?.startsWith(new URL('/', issuer).href)) throw wrong(`its discovery document names ${keys ?? 'no address'} for its keys, which is not on the issuer’s host`);
  const usable = objects((await read(keys)).keys).filter(({ kty, kid, alg = 'RS256' }) => kty === 'RSA' && text(kid) !== undefined && alg === 'RS256');
  if (usable.length === 0) throw wrong(`none of the keys at ${keys} is one for RS256, and Entra takes no other`);
  return { count: usable.length };
}
