import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { FederatedCredential } from '../azure/directory.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { Buckets } from './buckets.js';
import { throttled, wrapped } from './refusals.js';

/** Knobs of federated credentials. */
export interface CredentialKnobs {
  /** How long a write takes; another one that arrives meanwhile is refused. Milliseconds. */
  writeMs: number;
  /** Enforces the published rate per identity: create and delete 0.25, get 0.5, list 0.25 a second. */
  buckets: boolean;
  /** Source: Entra docs, workload identity federation considerations. */
  unsupportedLocations: string[];
}

/** Source: Entra docs, federated credential considerations. */
const most = 20;
const validName = /^[a-zA-Z0-9][a-zA-Z0-9-_]{2,119}$/;
const longest = 600;

interface Stored extends FederatedCredential {
  readonly audiences: readonly string[];
}

/** The federated credentials of one identity. Error texts: Entra docs, workload identity federation considerations. */
export class FederatedCredentialStore {
  #stored: Stored[] = [];
  #busyUntil = 0;
  readonly #buckets: Buckets;

  constructor(
    private readonly clock: Clock,
    private readonly identityId: string,
    private readonly location: string,
    private readonly knobs: CredentialKnobs,
  ) {
    this.#buckets = new Buckets(clock);
  }

  /** What Entra matches assertions against. */
  trusts(): readonly FederatedCredential[] {
    return this.#stored;
  }

  /** Adds or replaces a credential outside of any request. */
  set(name: string, issuer: string, subject: string, audience = 'api://AzureADTokenExchange'): void {
    this.#stored = [...this.#stored.filter((entry) => entry.name !== name), { name, issuer, subject, audience, audiences: [audience], createdAt: this.clock.monotonic() }];
  }

  /** Takes a credential away outside of any request; all of them when no name is given. */
  remove(name?: string): void {
    this.#stored = this.#stored.filter((entry) => name !== undefined && entry.name !== name);
  }

  views(): object[] {
    return this.#stored.map((entry) => this.#view(entry));
  }

  get(name: string): SimResponse {
    const found = this.#stored.find((entry) => entry.name === name);
    return found === undefined ? this.#missing(name) : { status: 200, body: this.#view(found) };
  }

  async put(name: string, body: unknown): Promise<SimResponse> {
    const credential = this.#read(name, body);
    if ('status' in credential) return credential;
    const busy = this.#limited();
    if (busy !== undefined) return busy;
    if (this.knobs.writeMs > 0) await this.clock.sleep(this.knobs.writeMs);
    const present = this.#stored.some((entry) => entry.name === name);
    this.#stored = present ? this.#stored.map((entry) => (entry.name === name ? credential : entry)) : [...this.#stored, credential];
    return { status: present ? 200 : 201, body: this.#view(credential), wrote: `${this.identityId}/federatedIdentityCredentials/${name}` };
  }

  async delete(name: string): Promise<SimResponse> {
    if (!this.#stored.some((entry) => entry.name === name)) return { status: 204 };
    const busy = this.#limited();
    if (busy !== undefined) return busy;
    if (this.knobs.writeMs > 0) await this.clock.sleep(this.knobs.writeMs);
    this.remove(name);
    return { status: 200, wrote: `${this.identityId}/federatedIdentityCredentials/${name}` };
  }

  #read(name: string, body: unknown): Stored | SimResponse {
    if (this.knobs.unsupportedLocations.includes(this.location.toLowerCase())) {
      return wrapped(405, 'MethodNotAllowed', 'The request format was unexpected: Support for federated identity credentials not enabled.');
    }
    if (!validName.test(name)) return bad(`Federated Identity Credential name '${name}' is invalid.`);
    const properties = isRecord(body) ? body.properties : undefined;
    if (!isRecord(properties)) return bad('Federated Identity Credential from HTTP body has empty properties');
    const { issuer, subject, audiences } = properties;
    if (typeof issuer !== 'string' || issuer === '' || typeof subject !== 'string' || subject === '' || !Array.isArray(audiences)) {
      return bad("The request format was unexpected. Federated Identity Credential must specify 'issuer', 'subject' and 'audience'.");
    }
    const [audience, ...more] = audiences.map(String);
    if (audience === undefined || more.length > 0) return bad('Federated identity credentials must have exactly one audience.');
    if ([issuer, subject, audience].some((text) => text.length > longest)) return bad(`Values must not be longer than ${longest} characters.`);
    const others = this.#stored.filter((entry) => entry.name !== name);
    if (others.some((entry) => entry.issuer === issuer && entry.subject === subject)) return bad('Issuer and subject combination already exists for this Managed Identity.');
    if (others.length >= most) return bad(`Too many federated identity credentials: at most ${most} are allowed.`);
    return { name, issuer, subject, audience, audiences: [audience], createdAt: this.clock.monotonic() };
  }

  #limited(): SimResponse | undefined {
    if (this.clock.monotonic() < this.#busyUntil) {
      const message = `Too many Federated Identity Credentials are written concurrently for the managed identity '${this.identityId}'. Concurrent Federated Identity Credentials writes under the same managed identity are not supported.`;
      return wrapped(409, 'ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity', message);
    }
    const wait = this.knobs.buckets ? this.#buckets.take('write', { burst: 1, perSecond: 0.25 }) : 0;
    if (wait > 0) return throttled('TooManyRequests', 'The request was throttled.', wait);
    this.#busyUntil = this.clock.monotonic() + this.knobs.writeMs;
    return undefined;
  }

  #missing(name: string): SimResponse {
    return wrapped(404, 'NotFound', `The federated identity credential '${name}' does not exist on '${this.identityId}'.`);
  }

  #view({ name, issuer, subject, audiences }: Stored): object {
    const type = 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials';
    return { id: `${this.identityId}/federatedIdentityCredentials/${name}`, name, type, properties: { issuer, subject, audiences } };
  }
}

function bad(message: string): SimResponse {
  return wrapped(400, 'BadRequest', message);
}
