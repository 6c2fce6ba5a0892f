import type { SimResponse } from '../kernel/service.js';
import type { RegistrySettings } from './settings.js';

/** What a request needs, in the words of the token specification. */
export interface NeededScope {
  readonly type: 'repository' | 'registry';
  readonly name: string;
  readonly action: string;
}

/** The registry's error envelope. Source: OCI distribution specification, error codes. */
export function refusal(status: number, code: string, message: string, detail?: unknown): SimResponse {
  return { status, body: { errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] } };
}

/** 401 that tells the client where to get a token. Source: Azure/acr docs/AAD-OAuth.md, "Calling POST /oauth2/token". */
export function challenge(settings: RegistrySettings, needed?: NeededScope): SimResponse {
  const scope = needed === undefined ? '' : `,scope="${scopeText(needed)}"`;
  const detail = needed === undefined ? undefined : [{ Type: needed.type, Name: needed.name, Action: needed.action }];
  return {
    ...refusal(401, 'UNAUTHORIZED', 'authentication required', detail),
    headers: { 'www-authenticate': `${bearer(settings)}${scope}` },
  };
}

/** The answer to a valid token whose access claim does not hold what is needed. The status is unconfirmed, hence a knob. */
export function insufficient(settings: RegistrySettings, needed: NeededScope, status: 401 | 403): SimResponse {
  const detail = [{ Type: needed.type, Name: needed.name, Action: needed.action }];
  if (status === 403) return refusal(403, 'DENIED', 'requested access to the resource is denied', detail);
  return {
    ...refusal(401, 'UNAUTHORIZED', 'authentication required', detail),
    headers: { 'www-authenticate': `${bearer(settings)},scope="${scopeText(needed)}",error="insufficient_scope"` },
  };
}

function bearer(settings: RegistrySettings): string {
  return `Bearer realm="https://${settings.loginServer}/oauth2/token",service="${settings.loginServer}"`;
}

function scopeText(needed: NeededScope): string {
  return `${needed.type}:${needed.name}:${needed.action}`;
}
