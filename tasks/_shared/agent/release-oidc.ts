import type { HttpClient, PipelineRequest, PipelineResponse } from '../azure/sdk-types.js';
import { oidcToken, type OidcRequest } from '../azure/oidc-token.js';
import type { HttpTools } from '../azure/http.js';
import { object } from '../fleet/json.js';
import { straight } from '../network/route.js';
import { taskClient, thrownMessage, thrownStatus } from './devops-client.js';

/** What a release offers for getting an ID token of a service connection, where there is no `System.OidcRequestUri`. */
export interface ReleaseOidcRequest {
  /** `System.CollectionUri`: of a release another one than of a build. */
  readonly collectionUri: string;
  /** `System.TeamProjectId`. */
  readonly projectId: string;
  /** Name of the task hub: `System.HostType`. */
  readonly hub: string;
  /** `System.PlanId`. */
  readonly planId: string;
  /** `System.JobId`. */
  readonly jobId: string;
  /** The job's access token. */
  readonly accessToken: string;
  readonly connectionId: string;
}

/** Asks for an ID token in the way that the job offers. @throws Problem WI2008 when there is none for the connection. */
export function requestOidcToken(request: OidcRequest | ReleaseOidcRequest, tools: HttpTools): Promise<string> {
  return 'requestUri' in request ? oidcToken(request, tools) : releaseOidcToken(request, tools);
}

/**
 * Lets Azure DevOps' own client find the address and ask there, which it does with `TaskApi.createOidcToken`; all else, tries that are
 * repeated included, is done as for a build.
 * Source: azure-devops-node-api, TaskApi (resource 69a319f4-28c1-4bfd-93e6-ea0ff5c6f1a2); the hub's name is the host type in
 * microsoft/azure-pipelines-tasks, azure-arm-rest.
 */
function releaseOidcToken(request: ReleaseOidcRequest, tools: HttpTools): Promise<string> {
  const { collectionUri, projectId, hub, planId, jobId, accessToken, connectionId } = request;
  const requestUri = `${collectionUri.replace(/\/$/, '')}/${projectId}/_apis/distributedtask/hubs/${hub}/plans/${planId}/jobs/${jobId}/oidctoken`;
  const ask = async (): Promise<unknown> => {
    const client = await taskClient({ collectionUri, accessToken, route: tools.route ?? straight });
    return client.createOidcToken({}, projectId, hub, planId, jobId, connectionId);
  };
  return oidcToken({ requestUri, accessToken, connectionId }, { ...tools, httpClient: transport(ask) });
}

/** A client of the SDK whose every request is one call of another library. */
function transport(ask: () => Promise<unknown>): HttpClient {
  return {
    sendRequest: async (request) => {
      const { createHttpHeaders, RestError } = await import('../azure/sdk.js');
      const answer = (status: number, body: object, headers?: Record<string, string>): PipelineResponse => {
        return { request, status, headers: createHttpHeaders(headers), bodyAsText: JSON.stringify(body) };
      };
      try {
        const token = await unlessAborted(ask(), request);
        // The library turns a 404 into null, against its own type.
        return token === null ? answer(404, { message: 'Azure DevOps knows no such service connection for this release' }) : answer(200, object(token));
      } catch (error) {
        const status = thrownStatus(error);
        if (status !== undefined) return answer(status, { message: thrownMessage(error) }, retryAfterOf(error));
        if (error instanceof Error && error.name === 'AbortError') throw error;
        const code = object(error).code;
        throw new RestError(thrownMessage(error), { code: typeof code === 'string' ? code : RestError.REQUEST_SEND_ERROR, request });
      }
    },
  };
}

function retryAfterOf(error: unknown): Record<string, string> {
  const header = object(object(error).responseHeaders)['retry-after'];
  return typeof header === 'string' ? { 'retry-after': header } : {};
}

/** The library knows no signals: a call that is not waited for any more goes on unheeded. */
function unlessAborted<T>(call: Promise<T>, { abortSignal }: PipelineRequest): Promise<T> {
  if (abortSignal === undefined) return call;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(Object.assign(new Error('The operation was aborted.'), { name: 'AbortError' }));
    if (abortSignal.aborted) abort();
    abortSignal.addEventListener('abort', abort);
    call.then(resolve, reject).finally(() => abortSignal.removeEventListener('abort', abort));
  });
}
