import type { Azure } from './azure.js';
import { azureProblem, thrownServiceError } from './errors.js';
import { parseArmId } from '../fleet/arm-id.js';

/** One trust from (issuer, subject, audience) to an identity. */
export interface FederatedCredentialState {
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
}

/** All federated credentials of an identity, by a strong read; none when the identity does not exist. */
export async function listCredentials(azure: Azure, identityId: string): Promise<FederatedCredentialState[]> {
  const place = parseArmId(identityId);
  if (place === undefined) return [];
  const found: FederatedCredentialState[] = [];
  try {
    const client = azure.identities(place.subscriptionId).federatedIdentityCredentials;
    for await (const { name = '', issuer = '', subject = '', audiences = [] } of client.list(place.resourceGroup, place.name, { abortSignal: azure.signal })) {
      found.push({ name, issuer, subject, audiences });
    }
  } catch (error) {
    if (thrownServiceError(error)?.status === 404) return [];
    throw azureProblem(`list the federated credentials of ${identityId}`, `Identity ${place.name} cannot be read`, error);
  }
  return found;
}
