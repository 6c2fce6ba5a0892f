import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { AccessControl, TokenAuthority } from '../azure/authority.js';
import { isRecord, jsonBody, notSimulated, type Service, type SimRequest, type SimResponse } from '../kernel/service.js';
import { evaluate, type LoginEvent } from './login-query.js';

const audiences = ['https://api.loganalytics.io', 'https://api.loganalytics.io/'];
const table = 'ContainerRegistryLoginEvents';

/** A workspace as the query service knows it. */
export interface LogWorkspace {
  /** The workspace id, a GUID. */
  readonly id: string;
  readonly armId: string;
  /** Login events; undefined while nothing has ever sent any, so that there is no table. */
  logins: LoginEvent[] | undefined;
}

/** What the query service is made of. */
export interface LogAnalyticsParts {
  readonly clock: Clock;
  readonly authority: TokenAuthority;
  readonly access: AccessControl;
}

/** The query service of Log Analytics, for the table of registry logins. See BEHAVIOUR.md. */
export class LogAnalytics implements Service {
  readonly name = 'log-analytics';
  readonly #workspaces = new Map<string, LogWorkspace>();
  #requests = 0;

  constructor(private readonly parts: LogAnalyticsParts) {}

  add(id: string, armId: string): LogWorkspace {
    const workspace: LogWorkspace = { id, armId, logins: undefined };
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
    const rights = ['query/read', `query/${table}/read`].map((right) => `Microsoft.OperationalInsights/workspaces/${right}`);
    if (!rights.every((action) => this.parts.access.allows({ objectId, action, scope: workspace.armId }))) {
      return this.#refusal(403, 'InsufficientAccessError', 'The provided credentials have insufficient access to perform the requested operation');
    }
    if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) return this.#refusal(415, 'BadContentTypeError', 'The content type must be application/json');
    const body = jsonBody(request);
    if (!isRecord(body) || typeof body.query !== 'string' || body.query.trim() === '') return this.#refusal(400, 'BadArgumentError', 'The request had some invalid properties');
    const [name] = body.query.split('|').map((part) => part.trim());
    if (name !== table) return notSimulated(`${this.name}, table ${name ?? ''}`, request);
    if (workspace.logins === undefined) {
      const inner = { code: 'SemanticError', message: `'where' operator: Failed to resolve table or column expression named '${table}'` };
      return this.#refusal(400, 'BadArgumentError', 'The request had some invalid properties', inner);
    }
    const unsupported = Object.keys(body).filter((key) => key !== 'query');
    const result = unsupported.length > 0 ? undefined : evaluate(body.query, workspace.logins, this.parts.clock.now());
    if (result === undefined) return notSimulated(`${this.name}, this query`, request);
    return { status: 200, body: { tables: [{ name: 'PrimaryResult', ...result }] } };
  }

  #refusal(status: number, code: string, message: string, innererror?: object): SimResponse {
    const correlationId = `00000000-0000-4000-8000-${String(this.#requests).padStart(12, '0')}`;
    return { status, body: { error: { message, code, correlationId, ...(innererror === undefined ? {} : { innererror }) } } };
  }
}
