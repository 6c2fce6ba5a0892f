import { AzureHttp, clientFor, throttledPipeline, type HttpTools } from './http.js';
import { serviceError } from './errors.js';
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
  const http = new AzureHttp(sdk, throttledPipeline(sdk, tools), clientFor(sdk, tools));
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
    expect: [404],
    tried: 'ask the pipeline for an ID token',
    what,
  });
  const token = text(object(response.body).oidcToken);
  if (token !== undefined) return token;
  throw new Problem({
    code: 'WI2008',
    what,
    tried: 'ask the pipeline for an ID token',
    because: response.status === 404 ? serviceError(404, response.body).message : 'its answer has no oidcToken',
    remedy: 'check that the service connection exists in this project and that the pipeline or release is authorised to use it',
    status: response.status,
  });
}
