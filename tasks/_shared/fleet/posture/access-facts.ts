import type { ReviewedCredential } from './credential-review.js';
import type { GrantFact, Read } from './rule.js';

/** What a boundary policy says today of an access that is there; unknown where an end cannot be placed. */
export interface BoundaryFact {
  readonly verdict: 'within' | 'allowed' | 'expired' | 'refused' | 'unknown';
  /** What was judged and how, in a clause. */
  readonly detail: string;
}

/** Why a grant is there, as far as marks and ledgers tell. */
export type GrantOrigin =
  /** This project wrote it; how that is known, in a clause. */
  | { readonly planned: string }
  /** Somebody else did, as far as can be told. */
  | { readonly unplanned: string }
  /** It carries no mark, and no ledger was given that would tell. */
  | { readonly untold: string };

/** When something was used last, as far as sign-ins tell. Times in ISO 8601. */
export interface LastUse {
  /** The last sign-in that may have been a use of it; absent for none. */
  readonly at?: string;
  /** From when on the log tells of anything. */
  readonly since: string;
  /** When it was granted, where that is within the period that is looked at: too young to be called unused. */
  readonly granted?: string;
}

/** One thing that an identity may do: a role assignment, or an entry in the access policies of a vault. */
export interface IdentityGrant extends GrantFact {
  readonly kind: 'role' | 'access policy';
  /** Why what the role allows could not be read; absent where it was. */
  readonly roleUnread?: string;
  /** The condition of the assignment. */
  readonly condition?: string;
  readonly origin: GrantOrigin;
  /** Absent where no boundary policy was given. */
  readonly boundary?: BoundaryFact;
  /** Absent where sign-ins are not looked at. */
  readonly lastUsed?: Read<LastUse>;
}

/** A federated credential with what the boundary policy says of the access from its cluster. */
export interface IdentityCredential extends ReviewedCredential {
  readonly boundary?: BoundaryFact;
}

/** What is known of one identity: who may become it, and what it reaches. */
export interface IdentityFacts {
  readonly name: string;
  /** ARM id. */
  readonly id: string;
  readonly clientId: string;
  readonly principalId: string;
  readonly credentials: Read<readonly IdentityCredential[]>;
  readonly grants: readonly IdentityGrant[];
  /** Where grants could not be looked for, and why, in clauses. */
  readonly unread: readonly string[];
}
