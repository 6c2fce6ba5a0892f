import type { SimRequest, SimResponse } from '../kernel/service.js';
import { refusal } from './refusals.js';

/** How the client library finds a resource: id, route and versions. Source: azure-devops-node-api, VsoClient and its interfaces. */
export interface Location {
  readonly id: string;
  readonly area: string;
  readonly resourceName: string;
  readonly routeTemplate: string;
  readonly resourceVersion: number;
  readonly minVersion: string;
  readonly maxVersion: string;
  /** Up to here no `-preview` is needed. */
  readonly releasedVersion: string;
}

const versions = { minVersion: '1.0', maxVersion: '7.2', releasedVersion: '7.1' };

export const resourceAreas: Location = {
  id: 'e81700f7-3be2-46de-8624-2eb35882fcaa',
  area: 'Location',
  resourceName: 'ResourceAreas',
  routeTemplate: '_apis/{resource}/{areaId}',
  resourceVersion: 1,
  ...versions,
  releasedVersion: '0.0',
};

export const variableGroups: Location = {
  id: 'f5b09dd5-9d54-45a1-8b5a-1c8287d634cc',
  area: 'distributedtask',
  resourceName: 'variablegroups',
  routeTemplate: '{project}/_apis/{area}/{resource}/{groupId}',
  resourceVersion: 2,
  ...versions,
};

export const oidcTokens: Location = {
  id: '69a319f4-28c1-4bfd-93e6-ea0ff5c6f1a2',
  area: 'distributedtask',
  resourceName: 'oidctoken',
  routeTemplate: '{scopeIdentifier}/_apis/{area}/hubs/{hubName}/plans/{planId}/jobs/{jobId}/{resource}',
  resourceVersion: 1,
  ...versions,
};

/** Area of the distributed-task resources, under which the client library looks up its address. */
export const distributedTaskArea = 'a85b8835-c1a1-4aac-ae97-1c3d0ba72dbd';

/** The answer to `OPTIONS _apis/{area}`. */
export function describeArea(area: string): SimResponse {
  const value = [resourceAreas, variableGroups, oidcTokens].filter((location) => location.area.toLowerCase() === area.toLowerCase());
  return { status: 200, body: { count: value.length, value } };
}

/**
 * Refuses a request whose api-version is malformed, newer than the resource, or a preview without saying so; undefined when it will do.
 * The version stands in the query or in the Accept header. Only a GET may leave it out. Source: Azure DevOps REST API versioning.
 */
export function refuseVersion(request: SimRequest, location: Location): SimResponse | undefined {
  const accepted = /api-version=([^;,\s]+)/.exec(request.headers.accept ?? '')?.[1];
  const asked = request.url.searchParams.get('api-version') ?? accepted;
  if (asked === undefined) {
    if (request.method === 'GET') return undefined;
    const message =
      `No api-version was supplied for the "${request.method}" request. The version must be supplied either as part of the Accept header ` +
      '(e.g. "application/json; api-version=1.0") or as a query parameter (e.g. "?api-version=1.0").';
    return refusal(400, 'VssVersionNotSpecifiedException', message);
  }
  const match = /^(\d+\.\d+)(-preview(?:\.(\d+))?)?$/.exec(asked);
  const version = Number(match?.[1]);
  if (match === null || version > Number(location.maxVersion) || version < Number(location.minVersion)) {
    return refusal(400, 'VssVersionOutOfRangeException', `The requested REST API version of ${asked} is out of range for this server. The latest REST API version this server supports is ${location.maxVersion}.`);
  }
  if (Number(match[3] ?? '0') > location.resourceVersion) {
    return refusal(400, 'VssInvalidPreviewVersionException', `The requested version "${asked}" of the resource is not supported.`);
  }
  if (match[2] !== undefined || version <= Number(location.releasedVersion)) return undefined;
  const message =
    `The requested version "${asked}" of the resource is under preview. The -preview flag must be supplied in the api-version for such ` +
    `requests. For example: "${asked}-preview"`;
  return refusal(400, 'VssInvalidPreviewVersionException', message);
}
