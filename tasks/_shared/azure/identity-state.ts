import type { IdentityPlace } from '../fleet/identity-place.js';
import type { Reader } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import { readByList, type Pages } from './bulk.js';
import { azureProblem, isGone, thrownServiceError } from './errors.js';

/** A user-assigned managed identity as Azure knows it. */
export interface IdentityState {
  readonly id: string;
  readonly clientId: string;
  /** Object id of its service principal. */
  readonly principalId: string;
  readonly tenantId: string;
  readonly tags: Readonly<Record<string, string>>;
}

const kind = 'identity';

/** Announces that an identity will be read. */
export function expectIdentity(azure: Azure, place: IdentityPlace): void {
  azure.expected.addResource(kind, place.id);
}

/** Reads an identity; undefined when there is none. Once per identity and run, or from a list where many are read. */
export function readIdentity(azure: Azure, place: IdentityPlace, reader: Reader): Promise<IdentityState | undefined> {
  const { expected, signal } = azure;
  return readByList(reader, place.id, { name: kind, expected, signal, idOf: ({ id }) => id, pages: (listed) => pages(azure, listed), read: () => readOne(azure, place) });
}

/** Every user-assigned identity of a subscription or resource group that the connection may see. Once per run and place. */
export function identitiesIn(azure: Azure, place: string, reader: Reader): Promise<readonly IdentityState[]> {
  return reader.once(`identities of ${place.toLowerCase()}`, async () => {
    const found: IdentityState[] = [];
    try {
      for await (const page of pages(azure, place)) found.push(...page);
    } catch (error) {
      throw azureProblem(`list the identities of ${place}`, `The identities of ${place} cannot be listed`, error);
    }
    return found;
  });
}

async function* pages(azure: Azure, place: string): Pages<IdentityState> {
  const [, , subscriptionId = '', , group] = place.split('/');
  const { userAssignedIdentities } = await azure.identities(subscriptionId);
  const options = { abortSignal: azure.signal };
  const listed = group === undefined ? userAssignedIdentities.listBySubscription(options) : userAssignedIdentities.listByResourceGroup(group, options);
  for await (const page of listed.byPage()) yield page.map((found) => state(found, ''));
}

function state({ id, clientId = '', principalId = '', tenantId = '', tags = {} }: Partial<IdentityState>, otherwise: string): IdentityState {
  return { id: id ?? otherwise, clientId, principalId, tenantId, tags };
}

async function readOne(azure: Azure, place: IdentityPlace): Promise<IdentityState | undefined> {
  try {
    const { userAssignedIdentities } = await azure.identities(place.subscriptionId);
    return state(await userAssignedIdentities.get(place.resourceGroup, place.name, { abortSignal: azure.signal }), place.id);
  } catch (error) {
    if (isGone(thrownServiceError(error))) return undefined;
    throw azureProblem(`read ${place.id}`, `Identity ${place.name} cannot be read`, error);
  }
}
