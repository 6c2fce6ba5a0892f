import type { Reader } from '../reconcile/resource.js';
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
    const client = (await azure.identities(place.subscriptionId)).federatedIdentityCredentials;
    for await (const item of client.list(place.resourceGroup, place.name, { abortSignal: azure.signal })) found.push(state(item));
  } catch (error) {
    if (thrownServiceError(error)?.status === 404) return [];
    throw azureProblem(`list the federated credentials of ${identityId}`, `Identity ${place.name} cannot be read`, error);
  }
  return found;
}

/** The federated credentials of an identity, listed once per run. */
export function credentialsOf(azure: Azure, identityId: string, reader: Reader): Promise<FederatedCredentialState[]> {
  return reader.once(`federated credentials of ${identityId.toLowerCase()}`, () => listCredentials(azure, identityId));
}

/** One federated credential by its name, by a strong read; undefined when there is none. */
export async function readCredential(azure: Azure, identityId: string, name: string): Promise<FederatedCredentialState | undefined> {
  const place = parseArmId(identityId);
  if (place === undefined) return undefined;
  try {
    const client = (await azure.identities(place.subscriptionId)).federatedIdentityCredentials;
    return state(await client.get(place.resourceGroup, place.name, name, { abortSignal: azure.signal }));
  } catch (error) {
    if (thrownServiceError(error)?.status === 404) return undefined;
    throw azureProblem(`read federated credential ${name} of ${identityId}`, `Identity ${place.name} cannot be read`, error);
  }
}

function state({ name = '', issuer = '', subject = '', audiences = [] }: Partial<FederatedCredentialState>): FederatedCredentialState {
  return { name, issuer, subject, audiences };
}
