import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { tenantId, type Caller, type TokenAuthority } from '../azure/authority.js';
import { idOf, type Directory, type ServicePrincipal } from '../azure/directory.js';
import { decodeJwt, issueJwt, lifetime, publishedJwtKey, readJwt, type PublishedJwtKey } from '../kernel/jwt.js';
import type { Network } from '../kernel/network.js';
import { notSimulated, type Service, type SimRequest, type SimResponse } from '../kernel/service.js';
import { refuseCertificate, refuseSecret } from './client-credentials.js';
import { Federation } from './federation.js';
import { answerManagedIdentity, managedIdentityPath } from './managed-identity.js';
import { malformedAssertion, missingParameter, refusal, unknownApplication, unknownTenant, type Refusal } from './refusals.js';
import { Resources } from './resources.js';
import { defaultKnobs, type EntraKnobs } from './settings.js';

/** What the Entra simulator is made of. */
export interface EntraParts {
  /** Over which the keys of foreign issuers are fetched. */
  readonly network: Network;
  readonly clock: Clock;
  readonly directory: Directory;
  readonly knobs?: Partial<EntraKnobs>;
}

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const formType = /^application\/x-www-form-urlencoded\s*(;|$)/i;
/** The issuer of access tokens of version 1, which Azure's own resources get. */
const tokenIssuer = `https://sts.windows.net/${tenantId}/`;

/** Microsoft Entra ID for one tenant: application sign-ins and the checking of their access tokens. See BEHAVIOUR.md. */
export class Entra implements Service, TokenAuthority {
  readonly name = 'entra';
  readonly knobs: EntraKnobs;
  readonly resources = new Resources();
  readonly #federation: Federation;
  #signingKey: PublishedJwtKey | undefined;
  #answered = 0;

  constructor(private readonly parts: EntraParts) {
    this.knobs = { ...defaultKnobs(), ...parts.knobs };
    this.#federation = new Federation(parts.network, parts.clock, this.knobs);
  }

  async handle(request: SimRequest): Promise<SimResponse> {
    const { pathname } = request.url;
    if (pathname === managedIdentityPath && request.method === 'GET') return this.#managedIdentity(request);
    const [, tenant = '', rest = ''] = /^\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
    const foreign = tenant.toLowerCase() !== tenantId;
    switch (`${request.method} ${rest}`) {
      case 'GET v2.0/.well-known/openid-configuration':
        return foreign ? this.#refuse(request, unknownTenant(tenant)) : { status: 200, body: metadata(request.url.origin) };
      case 'GET discovery/v2.0/keys':
        return foreign ? this.#refuse(request, unknownTenant(tenant)) : { status: 200, body: { keys: [this.#key().jwk] } };
      case 'POST oauth2/v2.0/token':
        return foreign ? this.#refuse(request, unknownTenant(tenant)) : this.#signIn(request);
      default:
        return notSimulated(this.name, request);
    }
  }

  verify(authorization: string | undefined, audiences: readonly string[]): Caller | undefined {
    const token = /^Bearer ([^\s]+)$/i.exec(authorization ?? '')?.[1];
    const claims = token === undefined ? undefined : readJwt(this.#key(), token, this.parts.clock.now());
    if (claims?.iss !== tokenIssuer) return undefined;
    const { oid, appid, aud } = claims;
    if (typeof oid !== 'string' || typeof appid !== 'string' || typeof aud !== 'string') return undefined;
    return audiences.includes(aud) ? { objectId: oid, appId: appid, audience: aud } : undefined;
  }

  /** An access token for a principal outside of any request, e.g. for tests of data planes. */
  issue(principal: ServicePrincipal, audience: string): string {
    return issueJwt(this.#key(), this.#claims(principal, audience));
  }

  async #signIn(request: SimRequest): Promise<SimResponse> {
    const form = new URLSearchParams(formType.test(request.headers['content-type'] ?? '') ? request.body.toString('utf8') : '');
    const missing = ['grant_type', 'client_id', 'scope'].find((name) => (form.get(name) ?? '') === '');
    if (missing !== undefined) return this.#refuse(request, missingParameter(missing));
    const grant = form.get('grant_type') ?? '';
    if (grant !== 'client_credentials') {
      return this.#refuse(request, refusal(70003, `The app requested an unsupported grant type '${grant}'.`, 400, 'unsupported_grant_type'));
    }
    const appId = form.get('client_id') ?? '';
    const principal = this.parts.directory.byAppId(appId);
    if (principal === undefined) return this.#refuse(request, unknownApplication(appId));
    const refused = await this.#authenticationRefusal(request, form, principal);
    const resource = refused ?? this.resources.ofScope(form.get('scope') ?? '');
    if (typeof resource !== 'string') return this.#refuse(request, resource);
    const { exp, iat } = this.#claims(principal, resource);
    const life = { expires_in: exp - iat, ext_expires_in: exp - iat };
    return { status: 200, headers: uncached, body: { token_type: 'Bearer', ...life, access_token: this.issue(principal, resource) }, principal: principal.objectId };
  }

  async #authenticationRefusal(request: SimRequest, form: URLSearchParams, principal: ServicePrincipal): Promise<Refusal | undefined> {
    const secret = form.get('client_secret');
    if (secret !== null) return refuseSecret(principal, secret);
    const assertion = form.get('client_assertion');
    if (assertion === null || form.get('client_assertion_type') !== jwtBearer) {
      const text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.";
      return refusal(7000216, text, 400, 'invalid_request');
    }
    const jwt = decodeJwt(assertion);
    if (jwt === undefined) return malformedAssertion();
    const certificate = jwt.header['x5t#S256'] ?? jwt.header.x5t;
    if (certificate === undefined) return this.#federation.refuse(principal, jwt);
    const { origin, pathname } = request.url;
    return refuseCertificate(principal, jwt, [`${origin}/${tenantId}/oauth2/v2.0/token`, `${origin}/${tenantId}/v2.0`, `${origin}${pathname}`], this.parts.clock.now());
  }

  #managedIdentity(request: SimRequest): SimResponse {
    const claims = (principal: ServicePrincipal, resource: string): { token: string; exp: number } => {
      return { token: this.issue(principal, resource), exp: this.#claims(principal, resource).exp };
    };
    return answerManagedIdentity(request, { directory: this.parts.directory, resources: this.resources, knobs: this.knobs, issue: claims });
  }

  #claims({ objectId, appId, kind }: ServicePrincipal, audience: string): { iat: number; nbf: number; exp: number } & Record<string, unknown> {
    const seconds = kind === 'managedIdentity' ? this.knobs.identityTokenLifeSeconds : this.knobs.tokenLifeSeconds;
    const who = { appid: appId, oid: objectId, sub: objectId, tid: tenantId, idtyp: 'app', ver: '1.0' };
    return { aud: audience, iss: tokenIssuer, ...lifetime(this.parts.clock.now(), seconds), ...who };
  }

  #key(): PublishedJwtKey {
    this.#signingKey ??= publishedJwtKey();
    return this.#signingKey;
  }

  #refuse(request: SimRequest, { status, error, code, text }: Refusal): SimResponse {
    this.#answered += 1;
    const trace = idOf(`entra trace ${this.#answered}`);
    const correlation = request.headers['client-request-id'] ?? idOf(`entra correlation ${this.#answered}`);
    const timestamp = this.parts.clock.now().toISOString().replace(/T(.*)\.\d+Z/, ' $1Z');
    const error_description = `AADSTS${code}: ${text} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`;
    const error_uri = `https://login.microsoftonline.com/error?code=${code}`;
    const body = { error, error_description, error_codes: [code], timestamp, trace_id: trace, correlation_id: correlation, error_uri };
    return { status, headers: uncached, body };
  }
}

const uncached = { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' };

/** The fields that MSAL requires, and those that say what the simulator does; all at its own address. */
function metadata(origin: string): object {
  const base = `${origin}/${tenantId}`;
  return {
    token_endpoint: `${base}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
    jwks_uri: `${base}/discovery/v2.0/keys`,
    issuer: `${base}/v2.0`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    end_session_endpoint: `${base}/oauth2/v2.0/logout`,
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    tenant_region_scope: 'EU',
    cloud_instance_name: 'microsoftonline.com',
  };
}
