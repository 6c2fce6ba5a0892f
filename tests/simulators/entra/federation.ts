import { createPublicKey, verify } from 'node:crypto';
import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { FederatedCredential, ServicePrincipal } from '../azure/directory.js';
import { isAlive, type DecodedJwt } from '../kernel/jwt.js';
import type { Network } from '../kernel/network.js';
import { textOf } from '../kernel/response-text.js';
import { isRecord } from '../kernel/service.js';
import { badSignature, issuerUnreachable, malformedAssertion, noCredentials, noMatch, outsideLifetime, subjectCase, type Refusal } from './refusals.js';
import type { EntraKnobs } from './settings.js';

/** Signs principals in by tokens of other issuers (workload identity federation). */
export class Federation {
  #asked = 0;

  constructor(
    private readonly network: Network,
    private readonly clock: Clock,
    private readonly knobs: EntraKnobs,
  ) {}

  /**
   * Checks an assertion: keys of its issuer, signature, lifetime, then issuer, subject and audience against the credentials that the
   * replica in turn knows of. The real order of these checks is unconfirmed.
   * @returns why it is refused, undefined when it is good.
   */
  async refuse(principal: ServicePrincipal, assertion: DecodedJwt): Promise<Refusal | undefined> {
    const visible = this.#visible(principal.federatedCredentials());
    if (visible.length === 0) return noCredentials(principal.appId, this.knobs.noMatch);
    const { iss, sub, nbf, exp } = assertion.claims;
    if (typeof iss !== 'string' || typeof sub !== 'string') return malformedAssertion();
    const keys = await this.#keys(iss);
    if (keys === undefined) return issuerUnreachable();
    const unsigned = signatureProblem(assertion, keys);
    if (unsigned !== undefined) return badSignature(unsigned);
    const now = this.clock.now();
    if (!isAlive(assertion, now, this.knobs.clockSkewSeconds)) return outsideLifetime(now, nbf, exp);
    return this.#mismatch(visible, iss, sub, audiencesOf(assertion));
  }

  /** What the replica whose turn it is knows. */
  #visible(credentials: readonly FederatedCredential[]): readonly FederatedCredential[] {
    const { replicas, replicaLagMs, credentialVisibleMs } = this.knobs;
    const replica = this.#asked % replicas;
    this.#asked += 1;
    const now = this.clock.monotonic();
    return credentials.filter(({ createdAt }) => now >= createdAt + credentialVisibleMs + replica * replicaLagMs);
  }

  /** Compared byte for byte: a trailing slash and the case of a letter matter. */
  #mismatch(credentials: readonly FederatedCredential[], issuer: string, subject: string, audiences: readonly string[]): Refusal | undefined {
    const { noMatch: answer } = this.knobs;
    const ofIssuer = credentials.filter((credential) => credential.issuer === issuer);
    if (ofIssuer.length === 0) return noMatch('issuer', issuer, answer);
    const ofSubject = ofIssuer.filter((credential) => credential.subject === subject);
    if (ofSubject.length === 0) {
      const nearly = ofIssuer.some((credential) => credential.subject.toLowerCase() === subject.toLowerCase());
      return nearly ? subjectCase(subject, answer) : noMatch('subject', subject, answer);
    }
    const meant = ofSubject.some((credential) => audiences.includes(credential.audience));
    return meant ? undefined : noMatch('audience', audiences.join(', '), answer);
  }

  /** Fetches an issuer's discovery document and keys anew each time; undefined when either cannot be had or is about another issuer. */
  async #keys(issuer: string): Promise<readonly unknown[] | undefined> {
    const discovery = await this.#document(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    if (discovery?.issuer !== issuer || typeof discovery.jwks_uri !== 'string') return undefined;
    const set = await this.#document(discovery.jwks_uri);
    return Array.isArray(set?.keys) ? set.keys : undefined;
  }

  async #document(address: string): Promise<Record<string, unknown> | undefined> {
    const response = await this.network.get(address);
    if (response?.status !== 200) return undefined;
    try {
      const document: unknown = JSON.parse(await textOf(response.body));
      return isRecord(document) ? document : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Only RS256 issuers are supported. Source: Entra docs, workload identity federation considerations. */
function signatureProblem({ header, text, signature }: DecodedJwt, keys: readonly unknown[]): string | undefined {
  if (header.alg !== 'RS256') return `The algorithm ${String(header.alg)} is not supported.`;
  const { kty, n, e } = keys.filter(isRecord).find(({ kid }) => kid === header.kid) ?? {};
  if (kty !== 'RSA' || typeof n !== 'string' || typeof e !== 'string') return 'The key was not found.';
  try {
    const publicKey = createPublicKey({ key: { kty, n, e }, format: 'jwk' });
    return verify('sha256', Buffer.from(text), publicKey, signature) ? undefined : 'The signature does not match.';
  } catch {
    return 'The key is not a valid RSA key.';
  }
}

function audiencesOf({ claims: { aud } }: DecodedJwt): readonly string[] {
  return (Array.isArray(aud) ? aud : [aud]).filter((entry) => typeof entry === 'string');
}
