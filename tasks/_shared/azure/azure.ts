import type { AccessToken, HttpClient, PipelinePolicy, TokenCredential } from './sdk-types.js';
import type { Clock } from '../reconcile/clock.js';
import { cancelled, Problem } from '../reconcile/problem.js';
import { Arm } from './arm.js';
import type { AzureCloud, ServiceConnection } from './connection.js';
import { proxyProblem } from '../network/proxy-fault.js';
import { straight } from '../network/route.js';
import { AzureHttp, clientFor, correlationPolicy, throttledPipeline, type HttpTools } from './http.js';
import { Pace } from './pace.js';
import type * as sdkModule from './sdk.js';
import { throttlingPolicy } from './throttling.js';

type Sdk = typeof sdkModule;
type MsiClient = InstanceType<Sdk['ManagedServiceIdentityClient']>;
type AuthorizationClient = InstanceType<Sdk['AuthorizationManagementClient']>;

/** What connecting needs besides the service connection. */
export interface AzureTools extends HttpTools {
  /** Sent with every request of the run. A GUID. */
  readonly correlationId: string;
  /** Masks a text in every output from here on. */
  readonly registerSecret?: (text: string) => void;
}

/** Azure as one service connection sees it. */
export interface Azure {
  readonly connection: ServiceConnection;
  readonly cloud: AzureCloud;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly pace: Pace;
  /** Azure Resource Manager, raw. */
  readonly arm: Arm;
  /** Anonymous requests: data planes and token endpoints, whose headers the caller sets. */
  readonly http: AzureHttp;
  /** Managed identities and federated credentials of a subscription. */
  identities(subscriptionId: string): MsiClient;
  /** Role assignments. The client takes a subscription, but its calls are by scope. */
  readonly authorization: AuthorizationClient;
  /** An access token of the service connection for an audience; cached and renewed by the SDK. */
  token(audience: string): Promise<string>;
  /** Masks a token that came from elsewhere, and gives it back. */
  secret(text: string): string;
}

/** Connects with a service connection. Sends nothing yet: tokens are fetched when first needed. */
export async function connectAzure(connection: ServiceConnection, tools: AzureTools): Promise<Azure> {
  const sdk = await import('./sdk.js');
  const { cloud } = connection;
  const correlation = correlationPolicy(tools.correlationId);
  const policies: { policy: PipelinePolicy; position: 'perCall' }[] = [
    { policy: correlation, position: 'perCall' },
    { policy: throttlingPolicy(tools.clock, (text) => tools.debug(text)), position: 'perCall' },
  ];
  const client = clientFor(sdk, tools);
  const shared = { retryOptions: { maxRetries: 0 }, additionalPolicies: policies, httpClient: client };
  // The endpoint of a managed identity is on the agent's machine or beside it, where no proxy leads.
  const local = (): HttpClient => clientFor(sdk, { ...tools, route: straight });
  const credential = explained(connection, tools.signal, (faults) => signIn(sdk, connection, shared, local, faults));
  const scopes = [`${cloud.resourceManagerAudience}/.default`];
  const plain = (authenticate: boolean): AzureHttp => {
    const pipeline = throttledPipeline(sdk, tools);
    pipeline.addPolicy(correlation, { phase: 'Serialize' });
    if (authenticate) pipeline.addPolicy(sdk.bearerTokenAuthenticationPolicy({ credential, scopes }), { phase: 'Sign' });
    return new AzureHttp(sdk, pipeline, client);
  };
  const secret = (text: string): string => {
    tools.registerSecret?.(text);
    return text;
  };
  const typed = { ...shared, endpoint: cloud.resourceManager, credentialScopes: scopes };
  const identities = new Map<string, MsiClient>();
  return {
    connection,
    cloud,
    clock: tools.clock,
    signal: tools.signal,
    pace: new Pace(tools.clock),
    arm: new Arm(plain(true), cloud.resourceManager, tools.signal),
    http: plain(false),
    identities: (subscriptionId) => {
      const made = identities.get(subscriptionId) ?? new sdk.ManagedServiceIdentityClient(credential, subscriptionId, typed);
      identities.set(subscriptionId, made);
      return made;
    },
    authorization: new sdk.AuthorizationManagementClient(credential, connection.subscriptionId ?? '', { ...typed, $host: cloud.resourceManager }),
    token: async (audience) => secret((await credential.getToken(`${audience}/.default`)).token),
    secret,
  };
}

/** @param faults takes what fetching an assertion or sending a request threw, since the SDK keeps the text of it only. */
function signIn(sdk: Sdk, connection: ServiceConnection, shared: { readonly httpClient: HttpClient }, local: () => HttpClient, faults: unknown[]): TokenCredential {
  const { signIn: how, tenantId, cloud } = connection;
  const httpClient: HttpClient = { sendRequest: (request) => noting(faults, () => shared.httpClient.sendRequest(request)) };
  const options = { ...shared, httpClient, authorityHost: cloud.authority, disableInstanceDiscovery: !publicAuthorities.has(new URL(cloud.authority).hostname) };
  switch (how.kind) {
    case 'federated':
      return new sdk.ClientAssertionCredential(tenantId, how.clientId, () => noting(faults, how.assertion), options);
    case 'secret':
      return new sdk.ClientSecretCredential(tenantId, how.clientId, how.secret(), options);
    case 'certificate':
      return new sdk.ClientCertificateCredential(tenantId, how.clientId, { certificate: how.pem() }, options);
    case 'managedIdentity':
      // Its requests bypass additional policies, so the SDK's own retries stay on for it.
      return new sdk.ManagedIdentityCredential({ ...options, httpClient: local(), retryOptions: {}, ...(how.clientId === undefined ? {} : { clientId: how.clientId }) });
  }
}

/** Instance discovery asks a public address about the authority, which knows only these. Source: MSAL docs, instance discovery. */
const publicAuthorities = new Set(['login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn', 'login.chinacloudapi.cn']);

async function noting<T>(faults: unknown[], job: () => Promise<T>): Promise<T> {
  try {
    const result = await job();
    faults.length = 0;
    return result;
  } catch (error) {
    faults.push(error);
    throw error;
  }
}

/** Says which connection could not sign in, instead of which library failed. A Problem of fetching the assertion stays what it is. */
function explained(connection: ServiceConnection, signal: AbortSignal, make: (faults: unknown[]) => TokenCredential): { getToken(scopes: string | string[]): Promise<AccessToken> } {
  const faults: unknown[] = [];
  const credential = make(faults);
  return {
    getToken: async (scopes, ...rest) => {
      try {
        const token = await credential.getToken(scopes, ...rest);
        faults.length = 0;
        if (token !== null) return token;
        throw new Error('the credential gave no token');
      } catch (error) {
        if (signal.aborted) throw cancelled(`sign in with the service connection ${connection.name}`);
        const fault = faults.pop();
        if (fault instanceof Problem) throw fault;
        const what = `The service connection ${connection.name} cannot sign in`;
        const tried = `get a token for ${[scopes].flat().join(' ')} (${connection.signIn.kind})`;
        const byProxy = proxyProblem(fault, { what, tried });
        if (byProxy !== undefined) throw byProxy;
        throw new Problem(
          {
            code: 'WI2007',
            what,
            tried,
            ...refusal(error),
            remedy: 'open Project settings, Service connections, and verify it; compare the issuer and subject of its federated credential with the connection’s',
          },
          error,
        );
      }
    },
  };
}

/** Entra's own words in what a credential threw: the sentence with its code, and the id for its operators. */
function refusal(error: unknown): { because: string; serviceCode?: string; correlation?: string } {
  const message = error instanceof Error ? error.message : String(error);
  const sentence = /(AADSTS\d+): ([^]*?)(?: Trace ID:| - Correlation ID:|\r?\n|$)/.exec(message);
  const correlation = /Correlation ID: ([0-9a-f-]{36})/i.exec(message)?.[1];
  const because = sentence?.[2] ?? message.split('\n')[0] ?? '';
  return { because, ...(sentence?.[1] === undefined ? {} : { serviceCode: sentence[1] }), ...(correlation === undefined ? {} : { correlation }) };
}
