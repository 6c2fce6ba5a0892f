import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { tenantId, type TokenAuthority } from '../azure/authority.js';
import { idOf, type Directory } from '../azure/directory.js';
import type { RoleStore } from '../azure/roles.js';
import { jsonBody, notSimulated, type Service, type SimRequest, type SimResponse } from '../kernel/service.js';
import { Authorization } from './authorization.js';
import { Clusters } from './clusters.js';
import type { Hierarchy } from './hierarchy.js';
import { Identities } from './identities.js';
import { forbidden, wrapped } from './refusals.js';
import type { ArmCall, Operation, Parts, Provider } from './route.js';
import { registryStore, vaultStore } from './stores.js';

/** What the simulator of Azure Resource Manager is made of. */
export interface ArmParts {
  readonly clock: Clock;
  readonly directory: Directory;
  readonly roles: RoleStore;
  readonly hierarchy: Hierarchy;
  readonly authority: TokenAuthority;
}

/** Azure Resource Manager: the gateway in front of the simulated resource providers. */
export class Arm implements Service {
  readonly name = 'arm';
  readonly clusters: Clusters;
  readonly identities: Identities;
  readonly registries = registryStore();
  readonly vaults = vaultStore();
  readonly #providers: readonly Provider[];
  #requests = 0;

  constructor(private readonly parts: ArmParts) {
    this.clusters = new Clusters(parts.clock);
    this.identities = new Identities(parts.clock, parts.directory, parts.hierarchy);
    const authorization = new Authorization(parts.roles, parts.directory);
    this.#providers = [authorization, this.clusters, this.identities, this.registries, this.vaults, parts.hierarchy];
  }

  async handle(request: SimRequest): Promise<SimResponse> {
    this.#requests += 1;
    const id = idOf(`arm request ${this.#requests}`);
    const correlation = request.headers['x-ms-correlation-request-id'] ?? id;
    const response = await this.#answer(request);
    return { ...response, headers: { ...response.headers, 'x-ms-request-id': id, 'x-ms-correlation-request-id': correlation } };
  }

  async #answer(request: SimRequest): Promise<SimResponse> {
    const { origin, pathname, searchParams } = request.url;
    const audiences = ['https://management.azure.com', 'https://management.core.windows.net', origin];
    const caller = this.parts.authority.verify(request.headers.authorization, audiences.flatMap((audience) => [audience, `${audience}/`]));
    if (caller === undefined) return unauthenticated(request);
    const path = decodeURI(pathname);
    const found = this.#find(request.method, path);
    if (found === undefined) return { ...notSimulated(this.name, request), principal: caller.objectId };
    const { operation, parts } = found;
    const refusal = versionRefusal(operation, searchParams.get('api-version')) ?? this.#accessRefusal(operation, parts, caller);
    if (refusal !== undefined) return { ...refusal, principal: caller.objectId };
    const call: ArmCall = { method: request.method, path, query: searchParams, body: jsonBody(request), headers: request.headers, caller, origin };
    return { ...(await operation.handle(call, parts)), principal: caller.objectId };
  }

  #find(method: string, path: string): { operation: Operation; parts: Parts } | undefined {
    for (const provider of this.#providers) {
      for (const operation of provider.operations) {
        const match = operation.method === method ? operation.path.exec(path) : null;
        if (match !== null) return { operation, parts: (name) => match.groups?.[name] ?? '' };
      }
    }
    return undefined;
  }

  #accessRefusal(operation: Operation, parts: Parts, caller: ArmCall['caller']): SimResponse | undefined {
    if (operation.right === undefined) return undefined;
    const { action, scope } = operation.right(parts);
    return this.parts.roles.allows({ objectId: caller.objectId, action, scope }) ? undefined : forbidden(caller.appId, caller.objectId, action, scope);
  }
}

function versionRefusal(operation: Operation, version: string | null): SimResponse | undefined {
  if (version === null) return wrapped(400, 'MissingApiVersionParameter', 'The api-version query parameter (?api-version=) is required for all requests.');
  if (operation.versions.includes(version)) return undefined;
  const message = `The api-version '${version}' is invalid or not simulated here. The supported versions are '${operation.versions.join(', ')}'.`;
  return wrapped(400, 'InvalidApiVersionParameter', message);
}

function unauthenticated(request: SimRequest): SimResponse {
  const given = request.headers.authorization !== undefined;
  const code = given ? 'InvalidAuthenticationToken' : 'AuthenticationFailed';
  const message = given ? 'The access token is invalid.' : "Authentication failed. The 'Authorization' header is missing.";
  return wrapped(401, code, message, { 'www-authenticate': `Bearer authorization_uri="https://login.windows.net/${tenantId}", error="invalid_token", error_description="${message.replaceAll('"', "'")}"` });
}
