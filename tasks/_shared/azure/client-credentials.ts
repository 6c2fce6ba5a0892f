import { object, number, text } from '../fleet/json.js';
import type { Purpose } from './arm.js';
import type { AzureHttp, AzureResponse } from './http.js';
import type { AccessToken, TokenCredential } from './sdk-types.js';

/** What an application proves with that it is itself. */
export type ClientProof = { readonly secret: string } | { readonly assertion: string };

/** An application that signs in. */
export interface ClientApplication {
  /** Base URL of the token authority, without a trailing slash. */
  readonly authority: string;
  readonly tenantId: string;
  readonly clientId: string;
  /** Asked for before each sign-in: assertions are short-lived. */
  readonly proof: () => Promise<ClientProof>;
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * Asks for an application's token: the one form of the client credentials flow, for service connections and for workloads alike.
 * Source: Entra docs, client credentials flow.
 * @returns the answer, 400 and 401 with Entra's reasons included.
 */
export function requestToken(http: AzureHttp, { authority, tenantId, clientId }: Omit<ClientApplication, 'proof'>, proof: ClientProof, scope: string, signal: AbortSignal, purpose: Purpose): Promise<AzureResponse> {
  const form = new URLSearchParams({ client_id: clientId, scope, grant_type: 'client_credentials' });
  if ('secret' in proof) form.set('client_secret', proof.secret);
  else {
    form.set('client_assertion_type', assertionType);
    form.set('client_assertion', proof.assertion);
  }
  return http.send({
    method: 'POST',
    url: `${authority}/${tenantId}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
    signal,
    expect: [400, 401],
    ...purpose,
  });
}

/**
 * Signs an application in with a secret or an assertion: one POST to a known address. The SDK's own credentials do the same after they
 * have looked the address up, and take longer to load than to run.
 * @returns a credential without a cache, whose errors carry Entra's sentence.
 */
export function clientCredential(http: AzureHttp, application: ClientApplication, signal: AbortSignal): TokenCredential {
  const purpose = { tried: `sign in as application ${application.clientId}`, what: 'The service connection cannot sign in' };
  return {
    getToken: async (scopes): Promise<AccessToken> => {
      const { body } = await requestToken(http, application, await application.proof(), [scopes].flat().join(' '), signal, purpose);
      const answer = object(body);
      const token = text(answer.access_token);
      const seconds = number(answer.expires_in);
      if (token === undefined || seconds === undefined) throw new Error(text(answer.error_description) ?? text(answer.error) ?? 'the answer has no token');
      return { token, expiresOnTimestamp: Date.now() + seconds * 1000 };
    },
  };
}
