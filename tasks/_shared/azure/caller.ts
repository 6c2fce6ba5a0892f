import { text } from '../fleet/json.js';
import type { Azure } from './azure.js';
import { tokenPayload } from './token-exchange.js';

/**
 * Object id of the principal that a service connection signs in as: what its own token says. Undefined for a token that cannot be read.
 * Source: Entra docs, access token claims reference (`oid`).
 */
export async function objectIdOf(azure: Azure): Promise<string | undefined> {
  return text(tokenPayload(await azure.token(azure.cloud.resourceManagerAudience)).oid);
}
