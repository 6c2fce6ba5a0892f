/** Who calls an API server, as its authenticators found. */
export interface KubernetesUser {
  /** Object id for Entra callers, `system:serviceaccount:ns:name` for service accounts, `system:anonymous` for nobody. */
  readonly name: string;
  readonly groups: readonly string[];
}

/** What is asked of the API server; empty strings where a part does not apply. */
export interface RequestAttributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

/** The door of an API server: for AKS this is Entra authentication and Azure RBAC (or Kubernetes RBAC). */
export interface ClusterAccess {
  /** The user of an Authorization header, undefined when there is a token but it is not acceptable (401). */
  authenticate(authorization: string): KubernetesUser | undefined;
  authorize(user: KubernetesUser, attributes: RequestAttributes): boolean;
}
