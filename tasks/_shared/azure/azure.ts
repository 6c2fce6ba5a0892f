import type { AccessToken, HttpClient, PipelinePolicy, TokenCredential } from './sdk-types.js';
import type { Clock } from '../reconcile/clock.js';
import { cancelled, Problem } from '../reconcile/problem.js';
import type { Permission } from '../reconcile/resource.js';
import { Arm } from './arm.js';
import type * as armModule from './arm-sdk.js';
import type * as ingestionModule from './ingestion-sdk.js';
import { Expected } from './bulk.js';
import { clientCredential, type ClientProof } from './client-credentials.js';
import type { AzureCloud, ServiceConnection } from './connection.js';
import { proxyProblem } from '../network/proxy-fault.js';
import { straight } from '../network/route.js';
import { AzureHttp, clientFor, correlationPolicy, throttledPipeline, type HttpTools } from './http.js';
import { pacingPolicy, RequestPace } from './request-pace.js';
import { throttlingPolicy, type Patience } from './throttling.js';
import { TokenCache } from './token-cache.js';

type MsiClient = InstanceType<typeof armModule.ManagedServiceIdentityClient>;
type AuthorizationClient = InstanceType<typeof armModule.AuthorizationManagementClient>;
type IngestionClient = InstanceType<typeof ingestionModule.LogsIngestionClient>;

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
  /** The connection's name where it is not the run's own: what {@link rightAt} says of the rights that writes with it need. */
  readonly via?: string;
  readonly cloud: AzureCloud;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Azure Resource Manager, raw. */
  readonly arm: Arm;
  /** Anonymous requests: data planes and token endpoints, whose headers the caller sets. */
  readonly http: AzureHttp;
  /** Managed identities and federated credentials of a subscription. */
  identities(subscriptionId: string): Promise<MsiClient>;
  /** Role assignments. The client takes a subscription, but its calls are by scope. */
  authorization(): Promise<AuthorizationClient>;
  /**
   * Logs ingestion at the address of a data collection endpoint or rule.
   * @param audience of its tokens, without `/.default`
   * @param patience how long its requests are repeated
   */
  ingestion(endpoint: string, audience: string, patience: Patience): Promise<IngestionClient>;
  /** What the run is going to read, so that lists can serve. */
  readonly expected: Expected;
  /** An access token of the service connection for an audience; asked for once, and renewed before it ends. */
  token(audience: string): Promise<string>;
  /** Masks a token that came from elsewhere, and gives it back. */
  secret(text: string): string;
}

/** A right that a write with this Azure needs. */
export function rightAt({ via }: Pick<Azure, 'via'>, action: string, scope: string): Permission {
  return { plane: 'azure', action, scope, ...(via === undefined ? {} : { via }) };
}

/** Connects with a service connection. Sends nothing yet: tokens are fetched when first needed. */
export async function connectAzure(connection: ServiceConnection, tools: AzureTools): Promise<Azure> {
  const sdk = await import('./sdk.js');
  const { cloud } = connection;
  const correlation = correlationPolicy(tools.correlationId);
  const pace = pacingPolicy(new RequestPace(tools.clock, cloud.resourceManager));
  const policies: { policy: PipelinePolicy; position: 'perCall' | 'perRetry' }[] = [
    { policy: correlation, position: 'perCall' },
    { policy: throttlingPolicy(tools.clock, (text) => tools.debug(text)), position: 'perCall' },
    // Innermost: what comes before a request, such as getting a token, does not count as having sent it.
    { policy: pace, position: 'perRetry' },
  ];
  const client = clientFor(sdk, tools);
  const shared = { retryOptions: { maxRetries: 0 }, additionalPolicies: policies, httpClient: client };
  // The endpoint of a managed identity is on the agent's machine or beside it, where no proxy leads.
  const local = (): HttpClient => clientFor(sdk, { ...tools, route: straight });
  const scopes = [`${cloud.resourceManagerAudience}/.default`];
  const plain = (signed?: TokenCredential): AzureHttp => {
    const pipeline = throttledPipeline(sdk, tools);
    pipeline.addPolicy(correlation, { phase: 'Serialize' });
    pipeline.addPolicy(pace, { afterPhase: 'Sign' });
    if (signed !== undefined) pipeline.addPolicy(sdk.bearerTokenAuthenticationPolicy({ credential: signed, scopes }), { phase: 'Sign' });
    return new AzureHttp(sdk, pipeline, client);
  };
  const http = plain();
  const cache = new TokenCache(tools.clock);
  const asked = explained(connection, tools.signal, (faults) => signIn(http, connection, { shared, local, signal: tools.signal, faults }));
  const credential = { getToken: (wanted: string | string[]) => cache.get([wanted].flat().join(' '), () => asked(wanted)) };
  const secret = (text: string): string => {
    tools.registerSecret?.(text);
    return text;
  };
  const typed = { ...shared, endpoint: cloud.resourceManager, credentialScopes: scopes };
  const identities = new Map<string, MsiClient>();
  let authorization: AuthorizationClient | undefined;
  let loaded: Promise<typeof armModule> | undefined;
  const armSdk = (): Promise<typeof armModule> => (loaded ??= import('./arm-sdk.js'));
  return {
    connection,
    cloud,
    clock: tools.clock,
    signal: tools.signal,
    expected: new Expected(),
    arm: new Arm(plain(credential), cloud.resourceManager, tools.signal),
    http,
    identities: async (subscriptionId) => {
      const { ManagedServiceIdentityClient } = await armSdk();
      const made = identities.get(subscriptionId) ?? new ManagedServiceIdentityClient(credential, subscriptionId, typed);
      identities.set(subscriptionId, made);
      return made;
    },
    authorization: async () => {
      const { AuthorizationManagementClient } = await armSdk();
      authorization ??= new AuthorizationManagementClient(credential, connection.subscriptionId ?? '', { ...typed, $host: cloud.resourceManager });
      return authorization;
    },
    ingestion: async (endpoint, audience, patience) => {
      const { LogsIngestionClient } = await import('./ingestion-sdk.js');
      // The library compresses a body when it passes: what repeats a request has to stand behind that, or it is compressed once more.
      const inner = [correlation, throttlingPolicy(tools.clock, (text) => tools.debug(text), patience)].map((policy) => ({ policy, position: 'perRetry' as const }));
      return new LogsIngestionClient(endpoint, credential, { ...shared, audience, additionalPolicies: inner });
    },
    token: async (audience) => secret((await credential.getToken(`${audience}/.default`)).token),
    secret,
  };
}

interface SignInTools {
  /** Options of the SDK's own credentials. */
  readonly shared: { readonly httpClient: HttpClient };
  /** The way to the agent's own machine. */
  readonly local: () => HttpClient;
  readonly signal: AbortSignal;
  /** Takes what fetching an assertion or sending a request threw, since the SDK keeps the text of it only. */
  readonly faults: unknown[];
}

function signIn(http: AzureHttp, connection: ServiceConnection, { shared, local, signal, faults }: SignInTools): TokenCredential {
  const { signIn: how, tenantId, cloud } = connection;
  const httpClient: HttpClient = { sendRequest: (request) => noting(faults, () => shared.httpClient.sendRequest(request)) };
  const options = { ...shared, httpClient, authorityHost: cloud.authority, disableInstanceDiscovery: !publicAuthorities.has(new URL(cloud.authority).hostname) };
  const application = (clientId: string, proof: () => Promise<ClientProof>): TokenCredential =>
    clientCredential(http, { authority: cloud.authority, tenantId, clientId, proof }, signal);
  switch (how.kind) {
    case 'federated':
      return application(how.clientId, async () => ({ assertion: await noting(faults, how.assertion) }));
    case 'secret':
      return application(how.clientId, () => Promise.resolve({ secret: how.secret() }));
    case 'certificate':
      return late(async () => new (await import('./identity-sdk.js')).ClientCertificateCredential(tenantId, how.clientId, { certificate: how.pem() }, options));
    case 'managedIdentity': {
      // Its requests bypass additional policies, so the SDK's own retries stay on for it.
      const own = { ...options, httpClient: local(), retryOptions: {}, ...(how.clientId === undefined ? {} : { clientId: how.clientId }) };
      return late(async () => new (await import('./identity-sdk.js')).ManagedIdentityCredential(own));
    }
  }
}

/** A credential whose library is loaded with the first token. */
function late(make: () => Promise<TokenCredential>): TokenCredential {
  let made: Promise<TokenCredential> | undefined;
  return { getToken: async (...asked) => (await (made ??= make())).getToken(...asked) };
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
function explained(connection: ServiceConnection, signal: AbortSignal, make: (faults: unknown[]) => TokenCredential): (scopes: string | string[]) => Promise<AccessToken> {
  const faults: unknown[] = [];
  const credential = make(faults);
  return async (scopes) => {
    try {
      const token = await credential.getToken(scopes);
      faults.length = 0;
      if (token !== null) return token;
      throw new Error('the credential gave no token');
    } catch (error) {
      if (signal.aborted) throw cancelled(`sign in with the service connection ${connection.name}`);
      const fault = faults.pop();
      if (fault instanceof Problem) throw fault;
      const what = `The service connection ${connection.name} cannot sign in`;
      const tried = `get a token for ${[scopes].flat().join(' ')} (${connection.signIn.kind})`;
      const byProxy = proxyProblem(fault ?? (error instanceof Problem ? error.cause : undefined), { what, tried });
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
