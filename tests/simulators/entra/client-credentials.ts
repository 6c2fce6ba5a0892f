import { constants, createHash, X509Certificate, verify, type KeyObject } from 'node:crypto';
import type { ServicePrincipal } from '../azure/directory.js';
import { isAlive, type DecodedJwt } from '../kernel/jwt.js';
import { outsideLifetime, refusal, type Refusal } from './refusals.js';

/** Tolerance on the lifetime of certificate assertions. MSAL rounds `nbf` up to a whole second, so there is one; its size is unconfirmed. */
const skewSeconds = 300;

/** Refuses a client secret that the application does not have. */
export function refuseSecret({ appId, secrets }: ServicePrincipal, secret: string): Refusal | undefined {
  if (secrets.includes(secret)) return undefined;
  const text = `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${appId}'.`;
  return refusal(7000215, text);
}

/**
 * Refuses an assertion that the application should have signed with one of its certificates, as MSAL does it: `x5t#S256` with PS256
 * or `x5t` with RS256. Source: Entra docs, certificate credentials; statuses unconfirmed.
 */
export function refuseCertificate(principal: ServicePrincipal, assertion: DecodedJwt, audiences: readonly string[], now: Date): Refusal | undefined {
  const { iss, sub, aud, nbf, exp } = assertion.claims;
  if (iss !== principal.appId || sub !== principal.appId) {
    return refusal(700021, "Client assertion application identifier doesn't match 'client_id' parameter.");
  }
  const certificate = principal.certificates.map((pem) => new X509Certificate(pem)).find((candidate) => isNamed(candidate, assertion));
  if (certificate === undefined) return notRegistered('The key was not found.', assertion);
  if (now < new Date(certificate.validFrom) || now > new Date(certificate.validTo)) return notRegistered('The key used is expired.', assertion);
  if (!isSigned(certificate.publicKey, assertion)) return notRegistered('The signature does not match the key.', assertion);
  if (!isAlive(assertion, now, skewSeconds)) return outsideLifetime(now, nbf, exp);
  if (typeof aud === 'string' && audiences.includes(aud)) return undefined;
  return refusal(700023, 'Client assertion audience claim does not match Realm issuer. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials.');
}

function isNamed(certificate: X509Certificate, { header }: DecodedJwt): boolean {
  const thumbprint = (hash: string): string => createHash(hash).update(certificate.raw).digest('base64url');
  return header['x5t#S256'] === thumbprint('sha256') || header.x5t === thumbprint('sha1');
}

function isSigned(key: KeyObject, { header, text, signature }: DecodedJwt): boolean {
  const data = Buffer.from(text);
  if (header.alg === 'RS256') return verify('sha256', data, key, signature);
  const padding = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return header.alg === 'PS256' && verify('sha256', data, padding, signature);
}

function notRegistered(reason: string, { header }: DecodedJwt): Refusal {
  const named = header['x5t#S256'] ?? header.x5t;
  const thumbprint = typeof named === 'string' ? Buffer.from(named, 'base64url').toString('hex').toUpperCase() : '';
  const text = `The certificate with identifier used to sign the client assertion is not registered on application. [Reason - ${reason}, Thumbprint of key used by client: '${thumbprint}']`;
  return refusal(700027, text);
}
