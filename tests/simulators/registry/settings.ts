import type { ReplicaKnobs } from '../azure/replicas.js';

/** What the data plane reads, on each request, from the registry's ARM resource. */
export interface RegistrySettings {
  readonly armId: string;
  /** Host and port that clients use, e.g. `contoso.azurecr.io` or `localhost:40123`. */
  readonly loginServer: string;
  readonly roleAssignmentMode: 'AbacRepositoryPermissions' | 'LegacyRegistryPermissions';
  readonly adminUserEnabled: boolean;
  /** `policies.azureADAuthenticationAsArmPolicy.status` */
  readonly azureADAuthenticationAsArmPolicy: 'enabled' | 'disabled';
}

/** What no source confirms, or what a test wants otherwise. May be changed at any time. */
export interface RegistryKnobs extends ReplicaKnobs {
  /** Status of a refused `/oauth2/exchange`. */
  exchangeRefusal: number;
  /** Status when a valid access token lacks the action. */
  insufficientScope: 401 | 403;
  /** False: a principal that may do nothing at all in the registry is already refused at the exchange. */
  strangersMayExchange: boolean;
  /** Password of the admin user, whose name is the registry's; it signs in while `adminUserEnabled` is true. */
  adminPassword: string;
}
