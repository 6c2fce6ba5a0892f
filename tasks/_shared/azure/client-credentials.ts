import { object, number, text } from '../fleet/json.js';
import type { AzureHttp } from './http.js';
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
 * Signs an application in with a secret or an assertion: one POST to a known address. The SDK's own credentials do the same after they
 * have looked the address up, and take longer to load than to run. Source: Entra docs, client credentials flow.
 * @returns a credential without a cache, whose errors carry Entra's sentence.
 */
export function clientCredential(http: AzureHttp, { authority, tenantId, clientId, proof }: ClientApplication, signal: AbortSignal): TokenCredential {
  return {
    getToken: async (scopes): Promise<AccessToken> => {
      const given = await proof();
      const form = new URLSearchParams({ client_id: clientId, scope: [scopes].flat().join(' '), grant_type: 'client_credentials' });
      if ('secret' in given) form.set('client_secret', given.secret);
      else {
        form.set('client_assertion_type', assertionType);
        form.set('client_assertion', given.assertion);
      }
      const { body } = await http.send({
        method: 'POST',
        url: `${authority}/${tenantId}/oauth2/v2.0/token`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: form.toString(),
        signal,
        expect: [400, 401],
        tried: `sign in as application ${clientId}`,
        what: 'The service connection cannot sign in',
      });
      const answer = object(body);
      const token = text(answer.access_token);
      const seconds = number(answer.expires_in);
      if (token === undefined || seconds === undefined) throw new Error(text(answer.error_description) ?? text(answer.error) ?? 'the answer has no token');
      return { token, expiresOnTimestamp: Date.now() + seconds * 1000 };
    },
  };
}
