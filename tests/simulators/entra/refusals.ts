import { tenantId } from '../azure/authority.js';

/** A refusal before it is put into an answer: status, OAuth error word, AADSTS number and text. */
export interface Refusal {
  readonly status: number;
  readonly error: string;
  readonly code: number;
  readonly text: string;
}

/** Builds a refusal; without a status and word it is the 401 `invalid_client` of failed client authentication. */
export function refusal(code: number, text: string, status = 401, error = 'invalid_client'): Refusal {
  return { status, error, code, text };
}

const federationHelp = 'https://learn.microsoft.com/entra/workload-id/workload-identity-federation';

/** Which part of an assertion no federated credential has. */
type Part = 'issuer' | 'subject' | 'audience';

const noMatchCodes = { issuer: 700211, audience: 700212, subject: 700213 } as const;

/** Source: Entra docs, error codes; public logs of 2023 to 2026. */
export function noMatch(part: Part, value: string, answer: { readonly status: number; readonly error: string }): Refusal {
  const text = `No matching federated identity record found for presented assertion ${part} '${value}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. ${federationHelp}`;
  return refusal(noMatchCodes[part], text, answer.status, answer.error);
}

/** The code is known from Azure/login#515, its text is unconfirmed. */
export function subjectCase(subject: string, answer: { readonly status: number; readonly error: string }): Refusal {
  const text = `No matching federated identity record found for presented assertion subject '${subject}'. The subject matches a federated identity credential except for its case. ${federationHelp}`;
  return refusal(7002138, text, answer.status, answer.error);
}

/** Source: Entra docs, error codes. */
export function noCredentials(appId: string, answer: { readonly status: number; readonly error: string }): Refusal {
  return refusal(70025, `The client '${appId}' has no configured federated identity credentials.`, answer.status, answer.error);
}

/** Source: Azure/azure-cli#28708. */
export function outsideLifetime(now: Date, notBefore: unknown, expiry: unknown): Refusal {
  const text = `Client assertion is not within its valid time range. Current time: ${precise(now)}, assertion valid from ${fromSeconds(notBefore)}, expiry time of assertion ${fromSeconds(expiry)}.`;
  return refusal(700024, text);
}

/** Source: azure-workload-identity docs, troubleshooting. */
export function issuerUnreachable(): Refusal {
  return refusal(90061, 'Request to External OIDC endpoint failed.', 400, 'invalid_request');
}

/** Code and status for a signature that does not verify are unconfirmed. */
export function badSignature(reason: string): Refusal {
  return refusal(50013, `Assertion failed signature validation. [Reason - ${reason}]`);
}

/** Code and status unconfirmed. */
export function malformedAssertion(): Refusal {
  return refusal(50027, 'JWT token is invalid or malformed.', 400, 'invalid_request');
}

/** Status unconfirmed. */
export function unknownApplication(appId: string): Refusal {
  const text = `Application with identifier '${appId}' was not found in the directory '${tenantId}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`;
  return refusal(700016, text, 400, 'unauthorized_client');
}

/** Status and error word unconfirmed. */
export function unknownTenant(tenant: string): Refusal {
  const text = `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.`;
  return refusal(90002, text, 400, 'invalid_request');
}

/** Status and error word unconfirmed. */
export function unknownResource(resource: string): Refusal {
  const text = `The resource principal named ${resource} was not found in the tenant named ${tenantId}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.`;
  return refusal(500011, text, 400, 'invalid_resource');
}

/** A form field that is not there. */
export function missingParameter(name: string): Refusal {
  return refusal(900144, `The request body must contain the following parameter: '${name}'.`, 400, 'invalid_request');
}

function fromSeconds(value: unknown): string {
  return typeof value === 'number' ? precise(new Date(value * 1000)) : '(none)';
}

/** Seven decimals, as the service prints them. */
function precise(time: Date): string {
  return time.toISOString().replace('Z', '0000Z');
}
