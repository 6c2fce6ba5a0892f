import { throttledPipeline, AzureHttp, type HttpTools } from './http.js';
import { object, text } from '../fleet/json.js';
import { Problem } from '../reconcile/problem.js';

/** What the pipeline offers for getting an ID token of a service connection. */
export interface OidcRequest {
  /** `System.OidcRequestUri`. */
  readonly requestUri: string;
  /** The job's access token. */
  readonly accessToken: string;
  readonly connectionId: string;
}

/**
 * A fresh ID token of a service connection; it lives about ten minutes, so one is fetched for each exchange.
 * Source: npm @azure/identity 4.14 (AzurePipelinesCredential); Azure/azure-cli#28708 for the lifetime.
 */
export async function oidcToken(request: OidcRequest, tools: HttpTools): Promise<string> {
  const sdk = await import('./sdk.js');
  const http = new AzureHttp(sdk, throttledPipeline(sdk, tools), tools.httpClient ?? sdk.createDefaultHttpClient());
  const what = 'Azure Pipelines gave no ID token for the service connection';
  const response = await http.send({
    method: 'POST',
    url: `${request.requestUri}?api-version=7.1&serviceConnectionId=${encodeURIComponent(request.connectionId)}`,
    headers: {
      authorization: `Bearer ${request.accessToken}`,
      'content-type': 'application/json',
      'x-tfs-fedauthredirect': 'Suppress',
    },
    signal: tools.signal,
    tried: 'ask the pipeline for an ID token',
    what,
  });
  const token = text(object(response.body).oidcToken);
  if (token !== undefined) return token;
  throw new Problem({
    code: 'WI2008',
    what,
    tried: 'ask the pipeline for an ID token',
    because: 'its answer has no oidcToken',
    remedy: 'check that the pipeline is authorised to use the service connection',
  });
}
