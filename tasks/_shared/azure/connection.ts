/** The endpoints of one Azure cloud, as the service connection names them. */
export interface AzureCloud {
  /** `AzureCloud`, `AzureChinaCloud`, `AzureUSGovernment`, `AzureStack`. */
  readonly name: string;
  /** Base URL of Azure Resource Manager, without a trailing slash. */
  readonly resourceManager: string;
  /** What a token for Azure Resource Manager is asked for, without `/.default`. */
  readonly resourceManagerAudience: string;
  /** Base URL of the token authority, without a trailing slash. */
  readonly authority: string;
  /** Audience of Key Vault tokens. */
  readonly keyVaultAudience: string;
  /** Audience of container registry tokens. */
  readonly containerRegistryAudience: string;
  /** What the hosts of the cloud's container registries end with, e.g. `azurecr.io`; absent where the cloud has none that we know. */
  readonly containerRegistrySuffix?: string;
  /** Query service of Log Analytics; absent where the cloud has none that we know. */
  readonly logAnalytics?: LogAnalyticsService;
  /** Audience of logs ingestion tokens; absent where the cloud has none that we know. */
  readonly logsIngestionAudience?: string;
}

/** Where logs are queried. */
export interface LogAnalyticsService {
  /** Base URL, without a trailing slash. */
  readonly endpoint: string;
  /** What its tokens are asked for, without `/.default`. */
  readonly audience: string;
}

/** How the service connection signs in. Secrets live in closures only, so that printing a connection cannot leak one. */
export type SignIn =
  | { readonly kind: 'federated'; readonly clientId: string; readonly assertion: () => Promise<string> }
  | { readonly kind: 'secret'; readonly clientId: string; readonly secret: () => string }
  | { readonly kind: 'certificate'; readonly clientId: string; readonly pem: () => string }
  | { readonly kind: 'managedIdentity'; readonly clientId?: string };

/** An Azure Resource Manager service connection of the pipeline. */
export interface ServiceConnection {
  readonly id: string;
  readonly name: string;
  readonly tenantId: string;
  /** The subscription it was made for; absent for connections of management-group scope. */
  readonly subscriptionId?: string;
  /** The management group that it was made for, by its id; absent for connections of subscription scope. */
  readonly managementGroup?: string;
  readonly cloud: AzureCloud;
  readonly signIn: SignIn;
}
