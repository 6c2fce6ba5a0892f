import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { Caller, TokenAuthority } from '../azure/authority.js';
import { idOf, type Directory } from '../azure/directory.js';
import type { RoleStore } from '../azure/roles.js';
import { jsonBody, notSimulated, type Service, type SimRequest, type SimResponse } from '../kernel/service.js';
import { ArmLimits } from './arm-limits.js';
import { Authorization } from './authorization.js';
import { Clusters } from './clusters.js';
import { DiagnosticSettings } from './diagnostic-settings.js';
import type { Hierarchy } from './hierarchy.js';
import { Identities } from './identities.js';
import { Locks } from './locks.js';
import { Policies } from './policies.js';
import { PolicyAssignments } from './policy-assignments.js';
import { forbidden, wrapped } from './refusals.js';
import type { ArmCall, Operation, Parts, Provider } from './route.js';
import { signIn } from './sign-in.js';
import { RegistryUpdates } from './registry-updates.js';
import { registryStore, workspaceStore } from './stores.js';
import { Vaults } from './vaults.js';

/** What the simulator of Azure Resource Manager is made of. */
export interface ArmParts {
  readonly clock: Clock;
  readonly directory: Directory;
  readonly roles: RoleStore;
  readonly hierarchy: Hierarchy;
  readonly authority: TokenAuthority;
}

/** Azure Resource Manager: the gateway in front of the simulated resource providers. See BEHAVIOUR.md. */
export class Arm implements Service {
  readonly name = 'arm';
  readonly clusters: Clusters;
  readonly identities: Identities;
  readonly authorization: Authorization;
  readonly registries = registryStore();
  readonly vaults = new Vaults();
  readonly locks: Locks;
  readonly policies: Policies;
  readonly policyAssignments: PolicyAssignments;
  readonly diagnosticSettings = new DiagnosticSettings();
  readonly workspaces = workspaceStore();
  readonly registryUpdates: RegistryUpdates;
  /** Knob: enforces ARM's own published limits for one principal in one subscription. */
  readonly knobs = { buckets: false };
  readonly #limits: ArmLimits;
  readonly #providers: readonly Provider[];
  #requests = 0;

  constructor(private readonly parts: ArmParts) {
    this.#limits = new ArmLimits(parts.clock);
    this.clusters = new Clusters(parts.clock);
    this.identities = new Identities(parts.clock, parts.directory, parts.hierarchy);
    this.registryUpdates = new RegistryUpdates(parts.clock, this.registries);
    this.authorization = new Authorization(parts.clock, parts.roles, parts.directory);
    this.locks = new Locks(parts.roles);
    this.policies = new Policies(parts.roles);
    this.policyAssignments = new PolicyAssignments(parts.clock, parts.roles);
    this.#providers = [this.locks, this.policies, this.policyAssignments, this.diagnosticSettings, this.authorization, this.clusters, this.identities, this.registries, this.registryUpdates, this.vaults, this.workspaces, parts.hierarchy];
  }

  async handle(request: SimRequest): Promise<SimResponse> {
    this.#requests += 1;
    const id = idOf(`arm request ${this.#requests}`);
    const correlation = request.headers['x-ms-correlation-request-id'] ?? id;
    const response = await this.#answer(request);
    return { ...response, headers: { ...response.headers, 'x-ms-request-id': id, 'x-ms-correlation-request-id': correlation } };
  }

  async #answer(request: SimRequest): Promise<SimResponse> {
    const signedIn = signIn(this.parts.authority, request);
    if ('status' in signedIn) return signedIn;
    const { headers, refusal } = this.knobs.buckets ? this.#limits.take(request.method, request.url.pathname, signedIn) : { headers: {} };
    const response = refusal ?? (await this.#answerTo(signedIn, request));
    return { ...response, headers: { ...headers, ...response.headers }, principal: signedIn.objectId };
  }

  async #answerTo(caller: Caller, request: SimRequest): Promise<SimResponse> {
    const path = pathOf(request);
    if (path === undefined) return wrapped(400, 'InvalidUri', 'The requested URI is invalid.');
    const found = this.#find(request.method, path);
    if (found === undefined) return notSimulated(this.name, request);
    const { operation, parts } = found;
    const { origin, searchParams: query } = request.url;
    const body = jsonBody(request);
    const refusal = versionRefusal(operation, query.get('api-version')) ?? this.#accessRefusal(operation, parts, caller, body) ?? bodyRefusal(request, body) ?? this.#placeRefusal(operation, parts, path, body);
    if (refusal !== undefined) return refusal;
    const sees = (scope: string): boolean => this.#sees(caller, scope);
    return operation.handle({ method: request.method, path, query, body, headers: request.headers, caller, origin, sees }, parts);
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

  #accessRefusal(operation: Operation, parts: Parts, caller: ArmCall['caller'], body: unknown): SimResponse | undefined {
    if (operation.right === undefined) return undefined;
    const { action, scope, attributes = {} } = operation.right(parts, body);
    return this.parts.roles.allows({ objectId: caller.objectId, action, scope, attributes }) ? undefined : forbidden(caller.appId, caller.objectId, action, scope);
  }

  /** What the place of an object does not let happen, whoever asks: locks first, then policies, as the gateway says them. */
  #placeRefusal({ method, right }: Operation, parts: Parts, path: string, body: unknown): SimResponse | undefined {
    if (right === undefined) return undefined;
    const { action, scope } = right(parts, body);
    return this.locks.refusal(method, action, scope) ?? (method === 'PUT' ? this.policies.refusal(path, body) : undefined);
  }

  /** Source: azure-docs, subscriptions - list: those that the account has access to. */
  #sees(caller: Caller, scope: string): boolean {
    const { roles } = this.parts;
    const theirs = roles.assignments().filter(({ principalId }) => principalId.toLowerCase() === caller.objectId.toLowerCase());
    return theirs.some((entry) => roles.reaches(entry.scope, scope) || roles.reaches(scope, entry.scope));
  }
}

/** The path with its escapes undone and doubled slashes folded; undefined when it is not escaped properly. */
function pathOf({ url }: SimRequest): string | undefined {
  try {
    return decodeURI(url.pathname).replace(/\/{2,}/g, '/');
  } catch {
    return undefined;
  }
}

function versionRefusal(operation: Operation, version: string | null): SimResponse | undefined {
  if (version === null) return wrapped(400, 'MissingApiVersionParameter', 'The api-version query parameter (?api-version=) is required for all requests.');
  if (operation.versions.includes(version)) return undefined;
  const message = `The api-version '${version}' is invalid or not simulated here. The supported versions are '${operation.versions.join(', ')}'.`;
  return wrapped(400, 'InvalidApiVersionParameter', message);
}

/** Codes from public reports of them, texts unconfirmed. */
function bodyRefusal({ headers, body }: SimRequest, parsed: unknown): SimResponse | undefined {
  if (body.length === 0) return undefined;
  if (!/^(application|text)\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    return wrapped(415, 'UnsupportedMediaType', `The content media type '${headers['content-type'] ?? '<null>'}' is not supported. Only 'application/json' is supported.`);
  }
  return parsed === undefined ? wrapped(400, 'InvalidRequestContent', 'The request content was invalid and could not be deserialized.') : undefined;
}
