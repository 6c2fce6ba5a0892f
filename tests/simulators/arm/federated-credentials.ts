import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { FederatedCredential } from '../azure/directory.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { Buckets, type BucketSize } from './buckets.js';
import { throttled, wrapped } from './refusals.js';
import { paged, wholeNumber, type ArmCall } from './route.js';

/** Knobs of federated credentials. */
export interface CredentialKnobs {
  /** How long a write takes; another one that arrives meanwhile is refused. Milliseconds. */
  writeMs: number;
  /** Enforces the published rates of identity, subscription and tenant; writes and deletes count together. */
  buckets: boolean;
  /** Answer to the 21st credential (unconfirmed). */
  limitRefusal: { status: number; code: string };
  /** Source: Entra docs, workload identity federation considerations. */
  unsupportedLocations: string[];
}

/** Source: Entra docs, federated credential considerations. */
const most = 20;
const validName = /^[a-zA-Z0-9][a-zA-Z0-9-_]{2,119}$/;
const longest = 600;
/** Requests a second of the tenant, of a subscription and of an identity. Source: Entra docs, workload identity federation considerations. */
export const credentialRates = { write: [10, 2, 0.25], get: [30, 10, 0.5], list: [15, 5, 0.25] } as const;

interface Stored extends FederatedCredential {
  readonly audiences: readonly string[];
}

/** The federated credentials of one identity. Error texts: Entra docs, workload identity federation considerations. */
export class FederatedCredentialStore {
  #stored: Stored[] = [];
  #busyUntil = 0;

  constructor(
    private readonly clock: Clock,
    private readonly identityId: string,
    private readonly location: string,
    private readonly knobs: CredentialKnobs,
    /** Those of all identities: some are shared. */
    private readonly buckets: Buckets = new Buckets(clock),
  ) {}

  /** What Entra matches assertions against. */
  trusts(): readonly FederatedCredential[] {
    return this.#stored;
  }

  /** Adds or replaces a credential outside of any request. */
  set(name: string, issuer: string, subject: string, audience = 'api://AzureADTokenExchange'): void {
    this.#stored = [...this.#stored.filter((entry) => !same(entry.name, name)), { name, issuer, subject, audience, audiences: [audience], createdAt: this.clock.monotonic() }];
  }

  /** Takes a credential away outside of any request; all of them when no name is given. */
  remove(name?: string): void {
    this.#stored = this.#stored.filter((entry) => name !== undefined && !same(entry.name, name));
  }

  /** The credentials as ARM answers them. */
  views(): object[] {
    return this.#stored.map((entry) => this.#view(entry));
  }

  list(call: ArmCall): SimResponse {
    const size = wholeNumber(call.query.get('$top'), 100);
    if (size === undefined || size === 0) return bad("The value of the query parameter '$top' is invalid.");
    return this.#throttled('list') ?? paged(call, this.views(), size);
  }

  get(name: string): SimResponse {
    const found = this.#stored.find((entry) => same(entry.name, name));
    return this.#throttled('get') ?? (found === undefined ? this.#missing(name) : { status: 200, body: this.#view(found) });
  }

  async put(name: string, body: unknown): Promise<SimResponse> {
    const present = this.#stored.find((entry) => same(entry.name, name));
    const credential = this.#read(present?.name ?? name, body);
    if ('status' in credential) return credential;
    const refusal = this.#writeRefusal();
    if (refusal !== undefined) return refusal;
    if (this.knobs.writeMs > 0) await this.clock.sleep(this.knobs.writeMs);
    const written = { ...credential, createdAt: this.clock.monotonic() };
    this.#stored = present === undefined ? [...this.#stored, written] : this.#stored.map((entry) => (entry === present ? written : entry));
    return { status: present === undefined ? 201 : 200, body: this.#view(written), wrote: `${this.identityId}/federatedIdentityCredentials/${written.name}` };
  }

  async delete(name: string): Promise<SimResponse> {
    if (!this.#stored.some((entry) => same(entry.name, name))) return { status: 204 };
    const refusal = this.#writeRefusal();
    if (refusal !== undefined) return refusal;
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
    const given: readonly unknown[] = audiences;
    const [audience, ...more] = given;
    if (typeof audience !== 'string' || audience === '' || more.length > 0) return bad('Federated identity credentials must have exactly one audience.');
    if ([issuer, subject, audience].some((text) => text.length > longest)) return bad(`Values must not be longer than ${longest} characters.`);
    const others = this.#stored.filter((entry) => !same(entry.name, name));
    if (others.some((entry) => entry.issuer === issuer && entry.subject === subject)) return bad('Issuer and subject combination already exists for this Managed Identity.');
    if (others.length >= most) return wrapped(this.knobs.limitRefusal.status, this.knobs.limitRefusal.code, `Too many federated identity credentials: at most ${most} are allowed.`);
    return { name, issuer, subject, audience, audiences: [audience], createdAt: this.clock.monotonic() };
  }

  /** One write at a time, deletes included. Source: Azure/bicep-registry-modules#1447, hashicorp/terraform-provider-azurerm#29242. */
  #writeRefusal(): SimResponse | undefined {
    if (this.clock.monotonic() < this.#busyUntil) {
      const message = `Too many Federated Identity Credentials are written concurrently for the managed identity '${this.identityId}'. Concurrent Federated Identity Credentials writes under the same managed identity are not supported.`;
      return wrapped(409, 'ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity', message);
    }
    const refusal = this.#throttled('write');
    if (refusal === undefined) this.#busyUntil = this.clock.monotonic() + this.knobs.writeMs;
    return refusal;
  }

  #throttled(kind: keyof typeof credentialRates): SimResponse | undefined {
    const places = ['tenant', this.identityId.split('/')[2] ?? '', this.identityId];
    const wanted = credentialRates[kind].map((perSecond, index) => ({ key: `${kind} ${places[index] ?? ''}`, size: sizeOf(perSecond) }));
    const wait = this.knobs.buckets ? this.buckets.takeAll(wanted) : 0;
    return wait === 0 ? undefined : throttled('TooManyRequests', 'The request was throttled.', wait);
  }

  #missing(name: string): SimResponse {
    return wrapped(404, 'NotFound', `The federated identity credential '${name}' does not exist on '${this.identityId}'.`);
  }

  #view({ name, issuer, subject, audiences }: Stored): object {
    const type = 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials';
    return { id: `${this.identityId}/federatedIdentityCredentials/${name}`, name, type, properties: { issuer, subject, audiences } };
  }
}

/** The bucket of a published rate: a burst of one second, at least one request. */
export function sizeOf(perSecond: number): BucketSize {
  return { burst: Math.max(1, perSecond), perSecond };
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function bad(message: string): SimResponse {
  return wrapped(400, 'BadRequest', message);
}
