import type { IdentityPlace } from '../fleet/identity-place.js';
import type { Azure } from './azure.js';
import { azureProblem, thrownServiceError } from './errors.js';

/** A user-assigned managed identity as Azure knows it. */
export interface IdentityState {
  readonly id: string;
  readonly clientId: string;
  /** Object id of its service principal. */
  readonly principalId: string;
  readonly tenantId: string;
}

/** Reads an identity; undefined when there is none. */
export async function readIdentity(azure: Azure, place: IdentityPlace): Promise<IdentityState | undefined> {
  try {
    const options = { abortSignal: azure.signal };
    const found = await azure.identities(place.subscriptionId).userAssignedIdentities.get(place.resourceGroup, place.name, options);
    const { clientId = '', principalId = '', tenantId = '' } = found;
    return { id: found.id ?? place.id, clientId, principalId, tenantId };
  } catch (error) {
    if (thrownServiceError(error)?.status === 404) return undefined;
    throw azureProblem(`read ${place.id}`, `Identity ${place.name} cannot be read`, error);
  }
}
