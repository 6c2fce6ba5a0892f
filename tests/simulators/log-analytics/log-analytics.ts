import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { AccessControl, TokenAuthority } from '../azure/authority.js';
import { isRecord, jsonBody, notSimulated, type Service, type SimRequest, type SimResponse } from '../kernel/service.js';
import { evaluate, type LoginEvent, type QueryResult } from './login-query.js';
import { evaluateSignIns, signInTables, signInUnion, type SignInEvent, type SignInTable } from './sign-in-query.js';

const audiences = ['https://api.loganalytics.io', 'https://api.loganalytics.io/'];
const loginTable = 'ContainerRegistryLoginEvents';

/** A workspace as the query service knows it. */
export interface LogWorkspace {
  /** The workspace id, a GUID. */
  readonly id: string;
  readonly armId: string;
  /** Login events; undefined while nothing has ever sent any, so that there is no table. */
  logins: LoginEvent[] | undefined;
  /** Sign-ins, by table; undefined likewise. */
  readonly signIns: Record<SignInTable, SignInEvent[] | undefined>;
}

/** A query that is understood, by its first step. */
interface KnownQuery {
  readonly tables: readonly string[];
  /** What the service says when no table of it is there. */
  readonly unresolved: string;
  isThere(workspace: LogWorkspace): boolean;
  evaluate(query: string, workspace: LogWorkspace, now: Date): QueryResult | undefined;
}

const known = new Map<string, KnownQuery>([
  [
    loginTable,
    {
      tables: [loginTable],
      unresolved: `'where' operator: Failed to resolve table or column expression named '${loginTable}'`,
      isThere: ({ logins }) => logins !== undefined,
      evaluate: (query, { logins = [] }, now) => evaluate(query, logins, now),
    },
  ],
  [
    signInUnion,
    {
      tables: signInTables,
      unresolved: `'union' operator: Failed to resolve table expression named '${signInTables[0]}'`,
      isThere: ({ signIns }) => signInTables.some((table) => signIns[table] !== undefined),
      evaluate: (query, { signIns }, now) => evaluateSignIns(query, signIns, now),
    },
  ],
]);

/** What the query service is made of. */
export interface LogAnalyticsParts {
  readonly clock: Clock;
  readonly authority: TokenAuthority;
  readonly access: AccessControl;
}

/** The query service of Log Analytics, for the tables of registry logins and of sign-ins. See BEHAVIOUR.md. */
export class LogAnalytics implements Service {
  readonly name = 'log-analytics';
  readonly #workspaces = new Map<string, LogWorkspace>();
  #requests = 0;

  constructor(private readonly parts: LogAnalyticsParts) {}

  add(id: string, armId: string): LogWorkspace {
    const workspace: LogWorkspace = { id, armId, logins: undefined, signIns: { AADManagedIdentitySignInLogs: undefined, AADServicePrincipalSignInLogs: undefined } };
    this.#workspaces.set(id.toLowerCase(), workspace);
    return workspace;
  }

  handle(request: SimRequest): Promise<SimResponse> {
    return Promise.resolve(this.#answer(request));
  }

  #answer(request: SimRequest): SimResponse {
    const id = /^\/v1\/workspaces\/([0-9a-fA-F-]{36})\/query$/.exec(request.url.pathname)?.[1];
    if (id === undefined || request.method !== 'POST') return notSimulated(this.name, request);
    this.#requests += 1;
    const caller = this.parts.authority.verify(request.headers.authorization, audiences);
    if (caller === undefined) return this.#refusal(401, 'InvalidTokenError', 'The provided authentication is not valid for this resource');
    return { ...this.#query(id, caller.objectId, request), principal: caller.objectId };
  }

  #query(id: string, objectId: string, request: SimRequest): SimResponse {
    const workspace = this.#workspaces.get(id.toLowerCase());
    if (workspace === undefined) return this.#refusal(404, 'WorkspaceNotFoundError', 'The workspace could not be found');
    const may = (right: string): boolean => this.parts.access.allows({ objectId, action: `Microsoft.OperationalInsights/workspaces/${right}`, scope: workspace.armId });
    const refused = (): SimResponse => this.#refusal(403, 'InsufficientAccessError', 'The provided credentials have insufficient access to perform the requested operation');
    if (!may('query/read')) return refused();
    if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) return this.#refusal(415, 'BadContentTypeError', 'The content type must be application/json');
    const body = jsonBody(request);
    if (!isRecord(body) || typeof body.query !== 'string' || body.query.trim() === '') return this.#refusal(400, 'BadArgumentError', 'The request had some invalid properties');
    const start = body.query.split('|')[0]?.trim() ?? '';
    const query = known.get(start);
    if (query === undefined) return notSimulated(`${this.name}, table ${start}`, request);
    if (!query.tables.every((table) => may(`query/${table}/read`))) return refused();
    if (!query.isThere(workspace)) {
      return this.#refusal(400, 'BadArgumentError', 'The request had some invalid properties', { code: 'SemanticError', message: query.unresolved });
    }
    const unsupported = Object.keys(body).filter((key) => key !== 'query');
    const result = unsupported.length > 0 ? undefined : query.evaluate(body.query, workspace, this.parts.clock.now());
    if (result === undefined) return notSimulated(`${this.name}, this query`, request);
    return { status: 200, body: { tables: [{ name: 'PrimaryResult', ...result }] } };
  }

  #refusal(status: number, code: string, message: string, innererror?: object): SimResponse {
    const correlationId = `00000000-0000-4000-8000-${String(this.#requests).padStart(12, '0')}`;
    return { status, body: { error: { message, code, correlationId, ...(innererror === undefined ? {} : { innererror }) } } };
  }
}
