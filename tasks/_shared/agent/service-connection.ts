import type { AzureCloud, ServiceConnection, SignIn } from '../azure/connection.js';
import type { OidcRequest } from '../azure/oidc-token.js';
import type { ReleaseOidcRequest } from './release-oidc.js';
import { Problem } from '../reconcile/problem.js';
import type { Agent, Endpoint } from './agent.js';
import { knownClouds } from './clouds.js';

/** Asks Azure Pipelines for a token that vouches for a service connection. Valid for about ten minutes: asked anew for each exchange. */
export type RequestOidcToken = (request: OidcRequest | ReleaseOidcRequest) => Promise<string>;

const supported = 'WorkloadIdentityFederation, ServicePrincipal (key or certificate) and ManagedServiceIdentity';

/**
 * Reads an Azure Resource Manager service connection. Sends nothing; secrets are masked before anything else happens to them.
 * Source of parameter and data names: azure-pipelines-tasks-azure-arm-rest, azure-arm-endpoint.js.
 * @throws Problem WI1010–WI1014 for a connection that is absent, of another scheme, incomplete, or cannot get tokens in this job.
 */
export function readServiceConnection(agent: Agent, id: string, requestOidcToken: RequestOidcToken): ServiceConnection {
  const endpoint = findConnection(agent, id);
  const signIn = readSignIn(agent, endpoint, requestOidcToken);
  const subscriptionId = endpoint.data('subscriptionid');
  // Source of the name: microsoft/terraform-provider-azuredevops, service endpoints of Azure Resource Manager.
  const managementGroup = endpoint.data('managementGroupId');
  return Object.freeze({
    id,
    name: id,
    tenantId: required(endpoint, 'tenantid', endpoint.parameter('tenantid')),
    ...(subscriptionId === undefined ? {} : { subscriptionId }),
    ...(managementGroup === undefined ? {} : { managementGroup }),
    cloud: readCloud(endpoint),
    signIn,
  });
}

/** The subscription that a connection was made for; undefined for connections of management-group scope. */
export function subscriptionOf(agent: Agent, id: string): string | undefined {
  return findConnection(agent, id).data('subscriptionid');
}

function findConnection(agent: Agent, id: string): Endpoint {
  const endpoint = agent.endpoint(id);
  if (endpoint !== undefined) return endpoint;
  throw new Problem({
    code: 'WI1010',
    what: `The service connection ${id} is not available to this job`,
    because: 'the agent was given no such connection',
    remedy: 'name an Azure Resource Manager service connection of this project as text known at compile time, and authorize the pipeline to use it',
  });
}

function readSignIn(agent: Agent, endpoint: Endpoint, requestOidcToken: RequestOidcToken): SignIn {
  const clientId = (): string => required(endpoint, 'serviceprincipalid', endpoint.parameter('serviceprincipalid'));
  switch (endpoint.scheme.toLowerCase()) {
    case 'workloadidentityfederation':
      return { kind: 'federated', clientId: clientId(), assertion: assertionOf(agent, endpoint, requestOidcToken) };
    case 'serviceprincipal': {
      if (endpoint.parameter('authenticationType')?.toLowerCase() === 'spncertificate') {
        const pem = required(endpoint, 'servicePrincipalCertificate', endpoint.secretParameter('servicePrincipalCertificate'));
        return { kind: 'certificate', clientId: clientId(), pem: () => pem };
      }
      const secret = required(endpoint, 'serviceprincipalkey', endpoint.secretParameter('serviceprincipalkey'));
      return { kind: 'secret', clientId: clientId(), secret: () => secret };
    }
    case 'managedserviceidentity': {
      const assigned = endpoint.data('msiclientId');
      return { kind: 'managedIdentity', ...(assigned === undefined ? {} : { clientId: assigned }) };
    }
    default:
      throw new Problem({
        code: 'WI1011',
        what: `The service connection ${endpoint.id} signs in with ${endpoint.scheme}`,
        because: `this task knows ${supported}, and no other scheme`,
        remedy: 'convert it to workload identity federation (Project settings, Service connections), or name another connection',
      });
  }
}

/** A function that fetches a fresh assertion each time: the token outlives neither a long run nor a second exchange. */
function assertionOf(agent: Agent, endpoint: Endpoint, requestOidcToken: RequestOidcToken): () => Promise<string> {
  const requestUri = agent.variable('System.OidcRequestUri');
  const own = { accessToken: jobToken(agent), connectionId: endpoint.id };
  const request = requestUri === undefined || requestUri === '' ? { ...releaseOf(agent, endpoint), ...own } : { requestUri, ...own };
  return async () => {
    const token = await requestOidcToken(request);
    agent.secret(token);
    return token;
  };
}

/** Where a job without `System.OidcRequestUri` asks: releases have none. */
function releaseOf(agent: Agent, endpoint: Endpoint): Omit<ReleaseOidcRequest, 'accessToken' | 'connectionId'> {
  const missing: string[] = [];
  const read = (...names: readonly [string, ...string[]]): string => {
    const found = names.map((name) => agent.variable(name)).find((text) => text !== undefined && text !== '');
    if (found === undefined) missing.push(names[0]);
    return found ?? '';
  };
  const release = {
    collectionUri: read('System.CollectionUri', 'System.TeamFoundationCollectionUri'),
    projectId: read('System.TeamProjectId'),
    hub: read('System.HostType'),
    planId: read('System.PlanId'),
    jobId: read('System.JobId'),
  };
  if (missing.length === 0) return release;
  throw new Problem({
    code: 'WI1013',
    what: `The service connection ${endpoint.id} cannot sign in from this job`,
    because: `System.OidcRequestUri is not set, and to ask as a release does the job lacks ${missing.join(', ')}`,
    remedy: 'run the task in an agent job of a pipeline or release, on an agent of version 3.232.1 or later; no variable of the pipeline may bear one of these names',
  });
}

/**
 * The job's own access token, masked.
 * @throws Problem WI1012 when the agent did not hand it over.
 */
export function jobToken(agent: Agent): string {
  const own = agent.endpoint('SYSTEMVSSCONNECTION');
  const token = own?.secretParameter('AccessToken');
  if (token !== undefined) return token;
  throw incomplete('SYSTEMVSSCONNECTION', 'AccessToken', 'run the task in an agent job; other hosts do not hand the job token to tasks');
}

function readCloud(endpoint: Endpoint): AzureCloud {
  const given = endpoint.data('environment') ?? 'AzureCloud';
  const known = knownClouds.find((cloud) => cloud.name.toLowerCase() === given.toLowerCase());
  if (known === undefined && given.toLowerCase() !== 'azurestack') {
    throw new Problem({
      code: 'WI1014',
      what: `The service connection ${endpoint.id} belongs to ${given}`,
      because: `this task knows ${knownClouds.map((cloud) => cloud.name).join(', ')} and AzureStack`,
      remedy: 'name a service connection of one of these clouds',
    });
  }
  const of = (key: string, text: string | undefined, fallback: string | undefined): string => required(endpoint, key, text ?? fallback);
  const authority = endpoint.data('environmentAuthorityUrl') ?? endpoint.data('activeDirectoryAuthority');
  return {
    name: known?.name ?? 'AzureStack',
    resourceManager: origin(of('url', endpoint.url === '' ? undefined : endpoint.url, known?.resourceManager)),
    resourceManagerAudience: of('activeDirectoryServiceEndpointResourceId', endpoint.data('activeDirectoryServiceEndpointResourceId'), known?.resourceManagerAudience),
    authority: origin(of('environmentAuthorityUrl', authority, known?.authority)),
    keyVaultAudience: of('AzureKeyVaultServiceEndpointResourceId', endpoint.data('AzureKeyVaultServiceEndpointResourceId'), known?.keyVaultAudience),
    containerRegistryAudience: known?.containerRegistryAudience ?? 'https://containerregistry.azure.net',
    ...(known?.containerRegistrySuffix === undefined ? {} : { containerRegistrySuffix: known.containerRegistrySuffix }),
    ...(known?.logAnalytics === undefined ? {} : { logAnalytics: known.logAnalytics }),
    ...(known?.logsIngestionAudience === undefined ? {} : { logsIngestionAudience: known.logsIngestionAudience }),
  };
}

function origin(url: string): string {
  return url.replace(/\/+$/, '');
}

function required(endpoint: Endpoint, key: string, text: string | undefined): string {
  if (text !== undefined) return text;
  throw incomplete(endpoint.id, key, 'edit the connection in Project settings, Service connections, save it and verify it');
}

function incomplete(id: string, key: string, remedy: string): Problem {
  return new Problem({ code: 'WI1012', what: `The service connection ${id} is incomplete`, because: `it has no ${key}`, remedy });
}
