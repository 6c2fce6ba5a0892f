import type { Caller } from '../azure/authority.js';
import type { SimResponse } from '../kernel/service.js';
import type { Section, VaultKnobs, VaultSettings } from './settings.js';

/** Key Vault's error envelope. */
export function refusal(status: number, code: string, message: string, innerCode?: string): SimResponse {
  return { status, body: { error: { code, message, ...(innerCode === undefined ? {} : { innererror: { code: innerCode } }) } } };
}

/** The 401 that tells where to get a token and for which resource. */
export function challenge(settings: VaultSettings, knobs: VaultKnobs, tokenSent: boolean): SimResponse {
  const message = tokenSent ? '[BearerReadAccessTokenFailed] Error validating token.' : 'AKV10000: Request is missing a Bearer or PoP token.';
  const header = `Bearer authorization="${knobs.loginEndpoint}/${settings.tenantId}", resource="https://vault.azure.net"`;
  return { ...refusal(401, 'Unauthorized', message), headers: { 'www-authenticate': header } };
}

/** No role assignment allows the action on the resource. */
export function forbiddenByRbac(settings: VaultSettings, caller: Caller, action: string, resource: string): SimResponse {
  const lines = [
    'Caller is not authorized to perform action on resource.',
    'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.',
    `Caller: ${identity(settings, caller)}`,
    `Action: '${action}'`,
    `Resource: '${resource}'`,
    'Assignment: (not found)',
    'DenyAssignmentId: null',
    "DecisionReason: 'DeniedWithNoValidRBAC' ",
    `Vault: ${vaultName(settings)};location=${settings.location}`,
    '',
  ];
  return refusal(403, 'Forbidden', lines.join('\r\n'), 'ForbiddenByRbac');
}

/** No access policy gives the permission. */
export function forbiddenByPolicy(settings: VaultSettings, caller: Caller, section: Section, permission: string, innerCode: string): SimResponse {
  const message =
    `The user, group or application '${identity(settings, caller)}' does not have ${section} ${permission} permission on key vault ` +
    `'${vaultName(settings)};location=${settings.location}'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287`;
  return refusal(403, 'Forbidden', message, innerCode);
}

/** The network rules keep the caller's address out. */
export function forbiddenByFirewall(settings: VaultSettings, caller: Caller, address: string): SimResponse {
  const lines = [
    'Client address is not authorized and caller is not a trusted service.',
    `Client address: ${address}`,
    `Caller: ${identity(settings, caller)}`,
    `Vault: ${vaultName(settings)};location=${settings.location}`,
  ];
  return refusal(403, 'Forbidden', lines.join('\r\n'), 'ForbiddenByFirewall');
}

/** Public access is off, and no private endpoint is simulated. Text from public reports. */
export function forbiddenByConnection(settings: VaultSettings, caller: Caller): SimResponse {
  const lines = ['Public network access is disabled and request is not from a trusted service nor via an approved private link.', `Caller: ${identity(settings, caller)}`, `Vault: ${vaultName(settings)};location=${settings.location}`];
  return refusal(403, 'Forbidden', lines.join('\r\n'), 'ForbiddenByConnection');
}

/** Nothing of that name, or not in that version. The code of keys and certificates is in the manner of that of secrets. */
export function itemNotFound(section: Section, name: string): SimResponse {
  const kind = section.slice(0, -1);
  const message =
    `A ${kind} with (name/id) ${name} was not found in this key vault. If you recently deleted this secret you may be able to recover it ` +
    'using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182';
  return refusal(404, `${kind.charAt(0).toUpperCase()}${kind.slice(1)}NotFound`, message);
}

function identity(settings: VaultSettings, caller: Caller): string {
  return `appid=${caller.appId};oid=${caller.objectId};iss=https://sts.windows.net/${settings.tenantId}/`;
}

/** The last segment of the vault's ARM id. */
export function vaultName(settings: VaultSettings): string {
  return settings.armId.slice(settings.armId.lastIndexOf('/') + 1);
}
