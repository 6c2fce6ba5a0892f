/** The one tenant of a simulated world. */
export const tenantId = '72f988bf-0000-4000-8000-c0ffee000001';

/** What an access token says about its bearer, after its signature and lifetime were checked. */
export interface Caller {
  readonly objectId: string;
  readonly appId: string;
  /** The `aud` claim. */
  readonly audience: string;
}

/** Issues and checks access tokens; implemented by the Entra simulator. */
export interface TokenAuthority {
  /** The bearer of an `Authorization` header's token, or undefined when it is missing, expired, forged or for none of the audiences. */
  verify(authorization: string | undefined, audiences: readonly string[]): Caller | undefined;
}

/** The question a resource provider asks before it acts. */
export interface AccessQuestion {
  readonly objectId: string;
  /** Action or data action, e.g. `Microsoft.KeyVault/vaults/secrets/getSecret/action`. */
  readonly action: string;
  /** ARM id the action is performed on. */
  readonly scope: string;
  /** True when `action` is a data action. */
  readonly data?: boolean;
  /** Request attributes that role-assignment conditions may test, e.g. the repository's name. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** How far whoever asks lies behind in learning of assignments. Milliseconds; 0 when absent. */
  readonly behindMs?: number;
}

/** Evaluates role assignments on each call, propagation included; implemented by the directory's role store. */
export interface AccessControl {
  allows(question: AccessQuestion): boolean;
}
