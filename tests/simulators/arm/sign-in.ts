import { tenantId, type Caller, type TokenAuthority } from '../azure/authority.js';
import { decodeJwt } from '../kernel/jwt.js';
import type { SimRequest, SimResponse } from '../kernel/service.js';
import { gateway, wrapped } from './refusals.js';

/** Source: azure-docs, troubleshooting RBAC names the first; the second is the resource id of the SDKs' public cloud. */
const publicAudiences = ['https://management.core.windows.net', 'https://management.azure.com'];

/** The bearer of a request to ARM, or why there is none. The simulator's own address is an audience too, as custom clouds have it. */
export function signIn(authority: TokenAuthority, request: SimRequest): Caller | SimResponse {
  const { authorization } = request.headers;
  if (authorization === undefined) return refused('AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing.");
  const audiences = [...publicAudiences, request.url.origin].flatMap((audience) => [`${audience}/`, audience]);
  const caller = authority.verify(authorization, audiences);
  if (caller !== undefined) return caller;
  const claimed = decodeJwt(authorization.replace(/^Bearer\s+/i, ''))?.claims.aud;
  if (typeof claimed !== 'string' || authority.verify(authorization, [claimed]) === undefined) {
    return refused('InvalidAuthenticationToken', 'The access token is invalid.');
  }
  const allowed = audiences.map((audience) => `'${audience}'`).join(',');
  const message = `The access token has been obtained for wrong audience or resource '${claimed}'. It should exactly match with one of the allowed audiences ${allowed}.`;
  return refused('InvalidAuthenticationTokenAudience', message);
}

function refused(code: string, message: string): SimResponse {
  const challenge = `Bearer authorization_uri="https://login.windows.net/${tenantId}", error="invalid_token", error_description="${message}"`;
  return wrapped(401, code, message, { ...gateway, 'www-authenticate': challenge });
}
