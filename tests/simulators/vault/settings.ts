import type { ReplicaKnobs } from '../azure/replicas.js';

/** What a vault holds, in the words of its addresses and of access policies. */
export const sections = ['secrets', 'keys', 'certificates'] as const;
export type Section = (typeof sections)[number];

/** One access policy entry of a vault without Azure RBAC. */
export interface AccessPolicy {
  readonly tenantId: string;
  readonly objectId: string;
  readonly permissions: Readonly<Partial<Record<Section, readonly string[]>>>;
}

/** What the data plane reads, on each request, from the vault's ARM resource. */
export interface VaultSettings {
  readonly armId: string;
  readonly tenantId: string;
  readonly location: string;
  /** Ends with a slash, as ARM prints it. */
  readonly vaultUri: string;
  /** Null and absent mean access policies. Source: Key Vault docs, access-control-default. */
  readonly enableRbacAuthorization?: boolean | null;
  readonly accessPolicies: readonly AccessPolicy[];
  /** `Disabled` leaves only private endpoints. */
  readonly publicNetworkAccess?: 'Enabled' | 'Disabled';
  readonly networkAcls?: {
    readonly defaultAction: 'Allow' | 'Deny';
    readonly ipRules?: readonly { readonly value: string }[];
  };
}

/** What no source confirms, or what a test wants otherwise. May be changed at any time. */
export interface VaultKnobs extends ReplicaKnobs {
  /** The address that network rules see. */
  clientAddress: string;
  /** Requests that are let through in any ten seconds. Source: Key Vault service limits. */
  requestsPerTenSeconds: number;
  /** Sent with a 429 when set; in seconds. */
  retryAfter: number | undefined;
  /** Where the challenge sends the client. */
  loginEndpoint: string;
  /** The `innererror` code of a refusal by access policy. */
  policyRefusalCode: string;
}
