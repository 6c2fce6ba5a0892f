import { createHash } from 'node:crypto';
import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';

/** A trust of an application or identity in tokens of another issuer. */
export interface FederatedCredential {
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
  /** Milliseconds of the clock's `monotonic()` when it was written. Entra learns of it later: see the knobs of `Entra`. */
  readonly createdAt: number;
}

/** A principal: what role assignments are given to. Tokens are issued for service principals, i.e. applications and managed identities, only. */
export interface ServicePrincipal {
  readonly objectId: string;
  /** The client id. */
  readonly appId: string;
  readonly displayName: string;
  readonly kind: 'application' | 'managedIdentity' | 'user' | 'group';
  /** Client secrets that are accepted at this moment. */
  readonly secrets: string[];
  /** PEM texts of the certificates that are accepted at this moment. */
  readonly certificates: string[];
  /** The credentials as stored now, asked on each sign-in. */
  readonly federatedCredentials: () => readonly FederatedCredential[];
}

/** What `add` needs; ids that are left out are derived from the display name. */
export type NewServicePrincipal = Pick<ServicePrincipal, 'displayName' | 'kind'> & Partial<ServicePrincipal>;

/** A UUID that is the same for the same name in every world. */
export function idOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}

/** The directory of the one tenant: its service principals. */
export class Directory {
  /**
   * How long after it was added a principal stays unknown to others. Milliseconds.
   * Source: the `PrincipalNotFound` text of azure-docs, troubleshooting RBAC ("might be related to a replication delay").
   */
  replicationMs = 0;
  readonly #principals = new Map<string, { readonly principal: ServicePrincipal; readonly addedAt: number }>();
  readonly #clock: Clock;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /**
   * Adds a service principal.
   * @throws Error when the object id or the app id is taken.
   */
  add(wanted: NewServicePrincipal): ServicePrincipal {
    const principal: ServicePrincipal = {
      objectId: idOf(`object ${wanted.displayName}`),
      appId: idOf(`application ${wanted.displayName}`),
      secrets: [],
      certificates: [],
      federatedCredentials: () => [],
      ...wanted,
    };
    const taken = this.all().some(({ objectId, appId }) => same(objectId, principal.objectId) || same(appId, principal.appId));
    if (taken) throw new Error(`the ids of ${principal.displayName} are taken`);
    this.#principals.set(principal.objectId.toLowerCase(), { principal, addedAt: this.#clock.monotonic() });
    return principal;
  }

  /** Removes a principal at once; nothing happens when there is none. */
  remove(objectId: string): void {
    this.#principals.delete(objectId.toLowerCase());
  }

  /** The principal with this object id, once it has replicated. */
  byObjectId(objectId: string): ServicePrincipal | undefined {
    return this.#visible().find((principal) => same(principal.objectId, objectId));
  }

  /** The principal of this client id, once it has replicated. */
  byAppId(appId: string): ServicePrincipal | undefined {
    return this.#visible().find((principal) => same(principal.appId, appId) && principalTypeOf(principal) === 'ServicePrincipal');
  }

  /** Every principal, whether replicated or not; for tests. */
  all(): readonly ServicePrincipal[] {
    return [...this.#principals.values()].map(({ principal }) => principal);
  }

  #visible(): readonly ServicePrincipal[] {
    const now = this.#clock.monotonic();
    return [...this.#principals.values()].filter(({ addedAt }) => now >= addedAt + this.replicationMs).map(({ principal }) => principal);
  }
}

/** The type of a principal in the words of role assignments. */
export function principalTypeOf({ kind }: Pick<ServicePrincipal, 'kind'>): 'User' | 'Group' | 'ServicePrincipal' {
  if (kind === 'user') return 'User';
  return kind === 'group' ? 'Group' : 'ServicePrincipal';
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
