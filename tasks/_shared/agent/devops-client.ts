import type { IRequestHandler } from 'azure-devops-node-api/interfaces/common/VsoBaseInterfaces.js';
import type { TaskAgentApi } from 'azure-devops-node-api/TaskAgentApi.js';
import type { TaskApi } from 'azure-devops-node-api/TaskApi.js';
import { list, object, text } from '../fleet/json.js';
import type { Route } from '../network/route.js';

/** Whom to ask, and how to get there. */
export interface DevopsAccess {
  /** `System.CollectionUri`. */
  readonly collectionUri: string;
  /** The job's access token. */
  readonly accessToken: string;
  readonly route: Route;
}

/** Only reads are repeated here. The empty proxy keeps the library from taking one from the environment in its own way. */
const options = { allowRetries: true, maxRetries: 3, socketTimeout: 30_000, proxy: { proxyUrl: '' } };

/** Under this id Azure DevOps tells where variable groups are, for releases not at their own address. Source: azure-devops-node-api, WebApi. */
const distributedTaskArea = 'a85b8835-c1a1-4aac-ae97-1c3d0ba72dbd';

/** The client of plans and jobs, at the job's own address. Loads the library, sends nothing. */
export async function taskClient(access: DevopsAccess): Promise<TaskApi> {
  const { TaskApi } = await import('./devops-sdk.js');
  return new TaskApi(access.collectionUri, [await handler(access, access.collectionUri)], options);
}

/** The client of variable groups. Asks where they are; a server that does not tell has them at the job's own address. */
export async function taskAgentClient(access: DevopsAccess): Promise<TaskAgentApi> {
  const { LocationsApi, TaskAgentApi } = await import('./devops-sdk.js');
  const areas: unknown = await new LocationsApi(access.collectionUri, [await handler(access, access.collectionUri)], options).getResourceAreas();
  const area = list(areas).map(object).find(({ id }) => text(id)?.toLowerCase() === distributedTaskArea);
  const address = text(area?.locationUrl) ?? access.collectionUri;
  return new TaskAgentApi(address, [await handler(access, address)], options);
}

/** Signs requests to one host, redirected ones to others not, and takes every connection from the route. */
async function handler({ accessToken, route }: DevopsAccess, address: string): Promise<IRequestHandler> {
  const { BearerCredentialHandler } = await import('./devops-sdk.js');
  const bearer = new BearerCredentialHandler(accessToken, false);
  const { protocol } = new URL(address);
  return {
    prepareRequest: (request) => {
      bearer.prepareRequest(request);
      const agent = route.agentFor(`${protocol}//${request.host ?? ''}:${request.port ?? ''}`);
      if (agent === undefined) delete request.agent;
      else request.agent = agent;
    },
    canHandleAuthentication: () => false,
    handleAuthentication: () => Promise.reject(new Error('Azure DevOps does not accept the job token')),
  };
}

/** The status of an answer that a client threw; undefined when there was no answer. */
export function thrownStatus(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** The first line of what a client threw. */
export function thrownMessage(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
