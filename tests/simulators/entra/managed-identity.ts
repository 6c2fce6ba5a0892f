import type { Directory, ServicePrincipal } from '../azure/directory.js';
import type { SimRequest, SimResponse } from '../kernel/service.js';
import type { Resources } from './resources.js';
import type { EntraKnobs } from './settings.js';

/** Where the host's `IDENTITY_ENDPOINT` points. */
export const managedIdentityPath = '/msi/token';
const apiVersion = '2019-08-01';

interface Host {
  readonly directory: Directory;
  readonly resources: Resources;
  readonly knobs: EntraKnobs;
  /** A token for a resource, with its expiry in Unix seconds. */
  readonly issue: (principal: ServicePrincipal, resource: string) => { readonly token: string; readonly exp: number };
}

/**
 * Answers a managed-identity request in the App Service flavour: any managed identity of the directory counts as attached to the host.
 * Source: App Service docs, overview-managed-identity; @azure/msal-node AppService. Statuses and texts of refusals are unconfirmed.
 */
export function answerManagedIdentity(request: SimRequest, { directory, resources, knobs, issue }: Host): SimResponse {
  const query = request.url.searchParams;
  if (knobs.identityHeader === undefined) return refused(404, 'The host has no managed identities.');
  if (request.headers['x-identity-header'] !== knobs.identityHeader) return refused(401, 'The X-IDENTITY-HEADER is missing or wrong.');
  if (query.get('api-version') !== apiVersion) return refused(400, `The api-version must be ${apiVersion}.`);
  const asked = query.get('resource');
  if (asked === null) return refused(400, 'The resource parameter is missing.');
  const clientId = query.get('client_id') ?? knobs.systemIdentity;
  const principal = clientId === undefined ? undefined : directory.byAppId(clientId);
  if (principal?.kind !== 'managedIdentity') return refused(400, 'Unable to load the proper Managed Identity.');
  const resource = resources.find(asked);
  if (typeof resource !== 'string') return refused(400, `AADSTS${resource.code}: ${resource.text}`);
  const { token, exp } = issue(principal, resource);
  const body = { access_token: token, client_id: principal.appId, expires_on: String(exp), resource, token_type: 'Bearer' };
  return { status: 200, body, principal: principal.objectId };
}

function refused(statusCode: number, message: string): SimResponse {
  return { status: statusCode, body: { statusCode, message } };
}
