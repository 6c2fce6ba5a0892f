import type { Azure } from './azure.js';
import { serviceError } from './errors.js';
import { object, text } from '../fleet/json.js';
import type { AzureResponse } from './http.js';

/** A registry by its address. */
export interface RegistryAddress {
  readonly name: string;
  readonly loginServer: string;
}

/** A form in its order; names may occur more than once. */
export type Form = [string, string][];

/**
 * Exchanges an Entra token at a registry. Source: Azure/acr, AAD-OAuth.
 * @param token an Entra token for the registry audience
 * @returns the refresh token, masked; or the registry's refusal in words.
 */
export async function exchangeAtRegistry(azure: Azure, registry: RegistryAddress, tenantId: string, token: string): Promise<{ readonly refreshToken: string } | { readonly refusal: string }> {
  const form: Form = [['grant_type', 'access_token'], ['service', registry.loginServer], ['tenant', tenantId], ['access_token', token]];
  const exchange = await postToRegistry(azure, registry, '/oauth2/exchange', form);
  const refreshToken = text(object(exchange.body).refresh_token);
  return refreshToken === undefined ? { refusal: refusalOf(exchange) } : { refreshToken: azure.secret(refreshToken) };
}

/** Sends a form to a registry's token service; 400, 401 and 403 are the caller's to read. */
export function postToRegistry(azure: Azure, { name, loginServer }: RegistryAddress, path: string, form: Form): Promise<AzureResponse> {
  return azure.http.send({
    method: 'POST',
    url: `https://${loginServer}${path}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
    signal: azure.signal,
    expect: [400, 401, 403],
    tried: `call ${path} of registry ${name}`,
    what: `Registry ${name} cannot be reached`,
  });
}

/** A refusal in words: `it refused with 401: …`. */
export function refusalOf({ status, body }: AzureResponse): string {
  return `it refused with ${status}: ${serviceError(status, body).message}`;
}
