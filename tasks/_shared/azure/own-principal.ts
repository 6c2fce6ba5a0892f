import { object, parseJson, text } from '../fleet/json.js';
import type { Reader } from '../reconcile/resource.js';
import type { Azure } from './azure.js';

/**
 * Object id of the principal that the service connection signs in with, as its own token says: the only way to know it where an agent's
 * managed identity signs in without being named. Undefined when the token is not to be read.
 * Source: Microsoft identity platform docs, access token claims (`oid`).
 */
export function ownPrincipal(azure: Azure, reader: Reader): Promise<string | undefined> {
  return reader.once(`object id of the principal of ${azure.connection.id}`, async () => {
    const [, claims = ''] = (await azure.token(azure.cloud.resourceManagerAudience)).split('.');
    return text(object(parseJson(Buffer.from(claims, 'base64url').toString('utf8'))).oid);
  });
}
