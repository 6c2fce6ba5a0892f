/** What lies at one end of an access. */
export type EndKind = 'cluster' | 'identity' | 'key vault' | 'registry' | 'service connection' | 'principal' | 'resource';

/** One end of an access: where it lies decides to which boundary it belongs. */
export interface End {
  readonly kind: EndKind;
  /** As messages call it. */
  readonly name: string;
  /**
   * ARM id of the object, or of the subscription or management group that a service connection was made for. A principal that is known by
   * its object id only has that id.
   */
  readonly id: string;
  /** The Entra tenant, where the end itself says it: a service connection does, other objects lie where Azure says. */
  readonly tenantId?: string;
}

/** Kinds of access, in the words of the boundary policy. */
export const accessKinds = ['federation', 'grant', 'deploy'] as const;
export type AccessKind = (typeof accessKinds)[number];

/** Whom a resource lets reach what: from a cluster to an identity, from an identity to a vault, from a service connection to what it writes. */
export interface Access {
  readonly kind: AccessKind;
  readonly from: End;
  readonly to: End;
  /** Name of the role, of a grant. */
  readonly role?: string;
  /** GUID of that role's definition, where it is known: a rule may list either. */
  readonly roleId?: string;
  /** Other names and GUIDs that a rule may list it by: what the same grant is called where the target knows other roles. */
  readonly alsoAs?: readonly string[];
}

/** An access whose ends lie in different boundaries, with the rule that allows it. */
export interface Crossing {
  readonly access: Access;
  /** Names of the boundaries. */
  readonly from: string;
  readonly to: string;
  /** The rule's name, or its place in the policy. */
  readonly rule: string;
  readonly reason: string;
  /** Last day on which the rule holds, `2027-01-31`; absent for one that does not end. */
  readonly until?: string;
}
