import { tenantId } from '../azure/authority.js';
import { wrapped } from './refusals.js';
import { notSimulated, type Service, type SimRequest, type SimResponse } from '../kernel/service.js';

/** A set of public keys as clusters publish them. */
export interface KeySet {
  readonly keys: readonly object[];
}

/**
 * The host of the clusters' OIDC issuers: `/{tenant}/{uuid}/`, with trailing slash.
 * Source: AKS docs, use-oidc-issuer; headers as a real API server answers them.
 */
export class IssuerHost implements Service {
  readonly name = 'issuer';
  /** Knob: answers nothing useful, as when Entra cannot reach an issuer (AADSTS90061). */
  unreachable = false;
  readonly #keys = new Map<string, () => KeySet | undefined>();

  /** Publishes the keys of a cluster under a uuid. */
  publish(uuid: string, keys: () => KeySet | undefined): void {
    this.#keys.set(uuid, keys);
  }

  /** Serves nothing for an issuer any more, as when its cluster is deleted. */
  withdraw(issuer: string): void {
    this.#keys.delete(issuer.split('/').at(-2) ?? '');
  }

  /** The issuer URL of a uuid at the host's own address. */
  static url(origin: string, uuid: string): string {
    return `${origin}/${tenantId}/${uuid}/`;
  }

  handle(request: SimRequest): Promise<SimResponse> {
    return Promise.resolve(this.#answer(request));
  }

  #answer(request: SimRequest): SimResponse {
    if (this.unreachable) return { status: 503, body: 'upstream connect error' };
    const match = /^\/([^/]+)\/([^/]+)\/(\.well-known\/openid-configuration|openid\/v1\/jwks)$/.exec(request.url.pathname);
    if (match === null || request.method !== 'GET') return notSimulated(this.name, request);
    const [, tenant, uuid = '', document] = match;
    const keys = tenant === tenantId ? this.#keys.get(uuid)?.() : undefined;
    if (keys === undefined) return wrapped(404, 'NotFound', 'There is no such issuer.');
    const cache = { 'cache-control': 'public, max-age=3600' };
    if (document === 'openid/v1/jwks') return { status: 200, headers: { ...cache, 'content-type': 'application/jwk-set+json' }, body: keys };
    const issuer = IssuerHost.url(request.url.origin, uuid);
    const body = {
      issuer,
      jwks_uri: `${issuer}openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    };
    return { status: 200, headers: { ...cache, 'content-type': 'application/json' }, body };
  }
}
