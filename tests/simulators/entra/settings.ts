/** Disturbances and unconfirmed details of the Entra simulator; all may be changed at any time. */
export interface EntraKnobs {
  /**
   * How long a new federated credential stays unknown to sign-ins. Milliseconds.
   * Source: "a few seconds" in AKS docs to "several minutes" in Entra docs, workload identity federation considerations.
   */
  credentialVisibleMs: number;
  /** Number of token-service replicas; they answer federated sign-ins in turn. */
  replicas: number;
  /** How much later than the one before each replica learns of a credential. Milliseconds. */
  replicaLagMs: number;
  /** Life of an application's access tokens. Source: Entra docs, client credentials flow (3599). */
  tokenLifeSeconds: number;
  /** Life of a managed identity's access tokens: about 24 hours. Source: Azure DevOps docs, troubleshoot workload identity. */
  identityTokenLifeSeconds: number;
  /** Tolerance on `nbf` and `exp` of assertions (unconfirmed). */
  clockSkewSeconds: number;
  /** Answer when no credential matches: 401 `invalid_client` in samples since 2023, 400 `invalid_request` in samples of 2022. */
  noMatch: { status: number; error: string };
  /** The `IDENTITY_HEADER` of the host with managed identities; undefined when the host has none. */
  identityHeader: string | undefined;
  /** Client id that is meant when a managed-identity request names none. */
  systemIdentity: string | undefined;
}

/** The knobs at rest: nothing is delayed. */
export function defaultKnobs(): EntraKnobs {
  return {
    credentialVisibleMs: 0,
    replicas: 1,
    replicaLagMs: 0,
    tokenLifeSeconds: 3599,
    identityTokenLifeSeconds: 86_399,
    clockSkewSeconds: 0,
    noMatch: { status: 401, error: 'invalid_client' },
    identityHeader: undefined,
    systemIdentity: undefined,
  };
}
