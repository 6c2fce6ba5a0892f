import { tenantId } from '../azure/authority.js';
import { Directory, type FederatedCredential, type ServicePrincipal } from '../azure/directory.js';
import { issueJwt, lifetime, publishedJwtKey, type PublishedJwtKey } from '../kernel/jwt.js';
import { Network } from '../kernel/network.js';
import { isRecord, notSimulated, type Service, type SimRequest, type SimResponse } from '../kernel/service.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { Entra } from './entra.js';

export const audience = 'api://AzureADTokenExchange';
export const vault = 'https://vault.azure.net';
const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** One key for all tests: making one takes long. */
const sharedKey = publishedJwtKey();

/** An OIDC issuer whose documents tests can spoil. */
export class TestIssuer implements Service {
  readonly name = 'foreign-issuer';
  /** Set once attached; with or without a trailing slash. */
  issuer = '';
  key: PublishedJwtKey = sharedKey;
  /** Replaces the fields of the discovery document. */
  discovery: Record<string, unknown> = {};

  handle(request: SimRequest): Promise<SimResponse> {
    const { origin, pathname } = request.url;
    const document = { issuer: this.issuer, jwks_uri: `${origin}/keys`, ...this.discovery };
    if (pathname === new URL(`${this.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`).pathname) return Promise.resolve({ status: 200, body: document });
    if (pathname === '/keys') return Promise.resolve({ status: 200, body: JSON.stringify({ keys: [this.key.jwk] }) });
    return Promise.resolve(notSimulated(this.name, request));
  }
}

/** Entra, a foreign issuer and a directory on one network. */
export class World {
  /** Begins now, since MSAL dates its own assertions by the machine's clock. */
  readonly clock = new VirtualClock(new Date().toISOString());
  readonly network = new Network(this.clock);
  readonly directory = new Directory({ clock: this.clock });
  readonly entra = new Entra({ network: this.network, clock: this.clock, directory: this.directory });
  readonly issuer = new TestIssuer();
  readonly credentials: FederatedCredential[] = [];
  readonly app: ServicePrincipal = this.directory.add({ displayName: 'pipeline', kind: 'application', secrets: ['good secret'] });
  readonly identity: ServicePrincipal = this.directory.add({ displayName: 'id-shop', kind: 'managedIdentity', federatedCredentials: () => this.credentials });
  origin = '';

  static async start(path = '/tenant/'): Promise<World> {
    const world = new World();
    world.origin = await world.network.attach(world.entra);
    world.issuer.issuer = `${await world.network.attach(world.issuer)}${path}`;
    return world;
  }

  trust(more: Partial<FederatedCredential> = {}): void {
    const name = `c${this.credentials.length}`;
    this.credentials.push({ name, issuer: this.issuer.issuer, subject: 'system:serviceaccount:shop:web', audience, createdAt: this.clock.monotonic(), ...more });
  }

  /** A token of the foreign issuer. */
  assertion(claims: Record<string, unknown> = {}, seconds = 600): string {
    return issueJwt(this.issuer.key, { iss: this.issuer.issuer, sub: 'system:serviceaccount:shop:web', aud: audience, ...lifetime(this.clock.now(), seconds), ...claims });
  }

  /** Posts a token request; an undefined field is left out. */
  post(fields: Record<string, string | undefined>, options: { tenant?: string; headers?: Record<string, string> } = {}): Promise<SimResponse> {
    const all: Record<string, string | undefined> = { grant_type: 'client_credentials', client_id: this.app.appId, scope: `${vault}/.default`, ...fields };
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(all)) if (value !== undefined) form.set(name, value);
    const headers = { 'content-type': 'application/x-www-form-urlencoded', ...options.headers };
    return this.send('POST', `/${options.tenant ?? tenantId}/oauth2/v2.0/token`, headers, form.toString());
  }

  federate(assertion = this.assertion()): Promise<SimResponse> {
    return this.post({ client_id: this.identity.appId, client_assertion_type: jwtBearer, client_assertion: assertion });
  }

  send(method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<SimResponse> {
    const url = new URL(`${this.origin}${path}`);
    return this.network.dispatch({ method, url, headers, body: Buffer.from(body), signal: new AbortController().signal });
  }
}

/** The JSON object of an answer. */
export function json({ body }: SimResponse): Record<string, unknown> {
  const parsed: unknown = JSON.parse(JSON.stringify(body));
  if (!isRecord(parsed)) throw new TypeError('the answer is no JSON object');
  return parsed;
}

/** Status, error word and AADSTS number of a refusal in one text, e.g. `401 invalid_client 700211`; `200` for an accepted request. */
export function verdict(response: SimResponse): string {
  const { error, error_codes: codes } = json(response);
  return response.status === 200 ? '200' : `${response.status} ${String(error)} ${String(codes)}`;
}
