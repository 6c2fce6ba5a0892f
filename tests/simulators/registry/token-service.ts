import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { tenantId, type TokenAuthority } from '../azure/authority.js';
import { Replicas } from '../azure/replicas.js';
import { issueJwt, lifetime, readJwt, secretJwtKey } from '../kernel/jwt.js';
import { isRecord, type SimRequest, type SimResponse } from '../kernel/service.js';
import { parseScope, type Grant, type Grants } from './grants.js';
import { refusal } from './refusals.js';
import type { RegistryKnobs, RegistrySettings } from './settings.js';

const registryAudience = ['https://containerregistry.azure.net', 'https://containerregistry.azure.net/'];
const armAudiences = [
  'https://management.azure.com',
  'https://management.azure.com/',
  'https://management.core.windows.net',
  'https://management.core.windows.net/',
];
/** About three hours. Source: Azure/acr docs/AAD-OAuth.md. */
const refreshSeconds = 3 * 3600;
/** 75 minutes between `nbf` and `exp` of the sample token. Source: Azure/acr docs/AAD-OAuth.md. */
const accessSeconds = 75 * 60;

/** Subject of the admin user's tokens, which may do anything. What the real ones say is unconfirmed. */
const adminSubject = 'admin user';

/** The bearer of an access token and what it was granted. */
export interface Bearer {
  readonly objectId: string;
  readonly access: readonly Grant[];
}

interface Parts {
  readonly clock: Clock;
  readonly authority: TokenAuthority;
  readonly grants: Grants;
  readonly settings: () => RegistrySettings;
  readonly knobs: RegistryKnobs;
  /** Names of the repositories, asked when strangers are refused. */
  readonly repositories: () => readonly string[];
}

/** The two token endpoints of a registry. Source: Azure/acr docs/AAD-OAuth.md. */
export class TokenService {
  readonly #key = secretJwtKey();
  readonly #replicas: Replicas;

  constructor(private readonly parts: Parts) {
    this.#replicas = new Replicas(parts.knobs);
  }

  /** `POST /oauth2/exchange`: an Entra token for a refresh token. */
  exchange(request: SimRequest): SimResponse {
    const form = formOf(request);
    if (form === undefined) return badRequest('the content type must be application/x-www-form-urlencoded');
    const grantType = form.get('grant_type');
    if (grantType !== 'access_token') return badRequest(`grant_type ${grantType ?? '(none)'} is not supported`);
    const settings = this.parts.settings();
    if (form.get('service') !== settings.loginServer) return badRequest('service must be the login server');
    if ((form.get('tenant') ?? tenantId) !== tenantId) return this.#refused('the tenant is not the one of the token');
    const arm = settings.azureADAuthenticationAsArmPolicy === 'enabled' ? armAudiences : [];
    const caller = this.parts.authority.verify(`Bearer ${form.get('access_token') ?? ''}`, [...registryAudience, ...arm]);
    if (caller === undefined) return this.#refused('authentication required');
    if (!this.parts.knobs.strangersMayExchange && !this.#isKnown(caller.objectId)) return this.#refused('access to registry was denied');
    const claims = { sub: caller.objectId, tenant: tenantId, grant_type: 'refresh_token', permissions: { actions: ['*'], notActions: [] } };
    return { status: 200, principal: caller.objectId, body: { refresh_token: this.#issue(claims, refreshSeconds) } };
  }

  /** `POST /oauth2/token`: a refresh token for an access token that holds what the roles allow of the asked scopes. */
  token(request: SimRequest): SimResponse {
    const form = formOf(request);
    if (form === undefined) return badRequest('the content type must be application/x-www-form-urlencoded');
    const grantType = form.get('grant_type');
    if (grantType !== 'refresh_token') return badRequest(`grant_type ${grantType ?? '(none)'} is not supported`);
    return this.#grant(form, form.get('refresh_token') ?? '');
  }

  /** `GET /oauth2/token` as `docker login` asks: as the admin user, or with the refresh token as the password of the null GUID. */
  dockerToken(request: SimRequest): SimResponse {
    const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const [user, ...password] = Buffer.from(basic ?? '', 'base64').toString('utf8').split(':');
    if (this.#isAdmin(user ?? '', password.join(':'))) return this.#grant(request.url.searchParams, this.#issue({ sub: adminSubject, grant_type: 'refresh_token' }, refreshSeconds));
    if (user !== '00000000-0000-0000-0000-000000000000') return refusal(401, 'UNAUTHORIZED', 'authentication required');
    return this.#grant(request.url.searchParams, password.join(':'));
  }

  /** The bearer of an `Authorization` header's access token; undefined when it is missing, expired or not ours. */
  bearer(authorization: string | undefined): Bearer | undefined {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
    const claims = token === undefined ? undefined : this.#read(token, 'access_token');
    if (claims === undefined) return undefined;
    const entries: unknown[] = Array.isArray(claims.access) ? claims.access : [];
    return { objectId: String(claims.sub), access: entries.filter(isGrant) };
  }

  #grant(form: URLSearchParams, refreshToken: string): SimResponse {
    if (form.get('service') !== this.parts.settings().loginServer) return badRequest('service must be the login server');
    const claims = this.#read(refreshToken, 'refresh_token');
    if (claims === undefined) return refusal(401, 'UNAUTHORIZED', 'authentication required');
    const objectId = String(claims.sub);
    const texts = form.getAll('scope').flatMap((text) => text.split(' ').filter((part) => part !== ''));
    const asked = texts.map(parseScope);
    if (!asked.every((scope) => scope !== undefined)) return badRequest('scope must have the form type:name:action,action');
    const behindMs = this.#replicas.next();
    const access = asked.map((scope) => (objectId === adminSubject ? scope : this.parts.grants.reduce(objectId, scope, behindMs)));
    const token = this.#issue({ sub: objectId, grant_type: 'access_token', access, roles: [] }, accessSeconds);
    return { status: 200, principal: objectId, body: { access_token: token } };
  }

  #issue(claims: object, seconds: number): string {
    const common = { jti: randomUUID(), iss: 'Azure Container Registry', aud: this.parts.settings().loginServer, version: '1.0' };
    return issueJwt(this.#key, { ...common, ...lifetime(this.parts.clock.now(), seconds), ...claims });
  }

  #read(token: string, grantType: string): Record<string, unknown> | undefined {
    const claims = readJwt(this.#key, token, this.parts.clock.now());
    const ours = claims?.grant_type === grantType && claims.aud === this.parts.settings().loginServer;
    return ours ? claims : undefined;
  }

  #isAdmin(user: string, password: string): boolean {
    const { armId, adminUserEnabled } = this.parts.settings();
    return adminUserEnabled && user.toLowerCase() === armId.split('/').at(-1)?.toLowerCase() && password === this.parts.knobs.adminPassword;
  }

  #isKnown(objectId: string): boolean {
    const scopes: Grant[] = this.parts.repositories().map((name) => ({ type: 'repository', name, actions: ['*'] }));
    const all: Grant[] = [{ type: 'registry', name: 'catalog', actions: ['*'] }, { type: 'repository', name: '*', actions: ['*'] }, ...scopes];
    return all.some((scope) => this.parts.grants.reduce(objectId, scope).actions.length > 0);
  }

  #refused(message: string): SimResponse {
    return refusal(this.parts.knobs.exchangeRefusal, 'UNAUTHORIZED', message);
  }
}

function formOf(request: SimRequest): URLSearchParams | undefined {
  const type = request.headers['content-type']?.split(';')[0]?.trim();
  return type === 'application/x-www-form-urlencoded' ? new URLSearchParams(request.body.toString('utf8')) : undefined;
}

function badRequest(message: string): SimResponse {
  return refusal(400, 'BAD_REQUEST', message);
}

function isGrant(entry: unknown): entry is Grant {
  return isRecord(entry) && typeof entry.type === 'string' && typeof entry.name === 'string' && Array.isArray(entry.actions);
}
