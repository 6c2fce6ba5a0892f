import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { tenantId } from '../azure/authority.js';
import { principalTypeOf, type Directory, type ServicePrincipal } from '../azure/directory.js';
import type { RoleAssignment, RoleStore } from '../azure/roles.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { assignmentFilter, definitionFilter } from './authorization-filters.js';
import { assignmentId, assignmentView, attributesOf, definitionView, denyView, roleType, type Provenance } from './authorization-views.js';
import { wrapped } from './refusals.js';
import { anyScope, at, normalScope as normal, paged, scopeOf, type ArmCall, type Parts, type Provider } from './route.js';

/** Source: npm @azure/arm-authorization 9.0.0; the previews are sent by the az command line. */
const versions = ['2022-04-01', '2020-04-01-preview', '2018-01-01-preview'];
const authorization = '/providers/microsoft.authorization';
const principalTypes = ['User', 'Group', 'ServicePrincipal', 'ForeignGroup', 'Device'];
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

type Wanted = Omit<RoleAssignment, 'name' | 'createdAt'>;

/** Role assignments, role definitions and the caller's permissions at any scope. */
export class Authorization implements Provider {
  /** Role assignments that a subscription can have. Source: azure-docs, troubleshooting RBAC limits, whose copies say 4000 and 5000. */
  readonly knobs = { perSubscription: 4000 };
  readonly #provenance = new Map<string, Provenance>();

  constructor(
    private readonly clock: Clock,
    private readonly roles: RoleStore,
    private readonly directory: Directory,
  ) {}

  readonly operations: Provider['operations'] = [
    this.#route('GET', `${authorization}/roleassignments`, 'roleAssignments/read', (call, parts) => this.#list(call, scopeOf(parts))),
    this.#route('GET', `${authorization}/roleassignments/(?<n>[^/]+)`, 'roleAssignments/read', (_call, parts) => this.#get(parts)),
    this.#route('PUT', `${authorization}/roleassignments/(?<n>[^/]+)`, 'roleAssignments/write', (call, parts) => this.#put(call, parts), (_parts, body) => requested(body)),
    this.#route('DELETE', `${authorization}/roleassignments/(?<n>[^/]+)`, 'roleAssignments/delete', (_call, parts) => this.#delete(parts), (parts) => attributesOf(this.#find(parts))),
    this.#route('GET', `${authorization}/denyassignments`, 'denyAssignments/read', (call, parts) => this.#denials(call, scopeOf(parts))),
    this.#route('GET', `${authorization}/roledefinitions`, 'roleDefinitions/read', (call) => this.#definitions(call)),
    this.#route('GET', `${authorization}/roledefinitions/(?<n>[^/]+)`, 'roleDefinitions/read', (_call, parts) => this.#definition(parts('n'))),
    {
      method: 'GET',
      path: at(anyScope, authorization, '/permissions'),
      versions,
      handle: (call: ArmCall, parts: Parts) => paged(call, this.roles.permissionsAt(call.caller.objectId, scopeOf(parts)), 50),
    },
  ];

  /** @param attributes what conditions of the caller's own assignments may test */
  #route(method: string, path: string, verb: string, handle: (call: ArmCall, parts: Parts) => SimResponse, attributes: (parts: Parts, body: unknown) => Record<string, string> = () => ({})): Provider['operations'][number] {
    const right: Provider['operations'][number]['right'] = (parts, body) => ({ action: `Microsoft.Authorization/${verb}`, scope: scopeOf(parts), attributes: attributes(parts, body) });
    return { method, path: at(anyScope, path), versions, right, handle };
  }

  /** At a scope: its own, inherited ones, and, without atScope(), those below. Source: azure-docs, role-assignments-list-rest. */
  #list(call: ArmCall, scope: string): SimResponse {
    const text = call.query.get('$filter') ?? '';
    const filter = assignmentFilter(text);
    if (filter === undefined) return wrapped(400, 'UnsupportedQuery', `The filter '${text}' is not supported. Supported filters are either 'atScope()' or 'principalId eq '{value}' or assignedTo('{value}')'.`);
    const found = this.roles.assignments().filter((entry) => {
      const shown = this.roles.reaches(entry.scope, scope) || (!filter.atScope && this.roles.reaches(scope, entry.scope));
      return shown && (filter.principalId === undefined || entry.principalId.toLowerCase() === filter.principalId);
    });
    return paged(call, found.map((entry) => this.#view(entry)), 100);
  }

  #get(parts: Parts): SimResponse {
    const found = this.#find(parts);
    if (found !== undefined) return { status: 200, body: this.#view(found) };
    return wrapped(404, 'RoleAssignmentNotFound', `The role assignment '${parts('n')}' is not found.`);
  }

  #find(parts: Parts): RoleAssignment | undefined {
    const found = this.roles.find(parts('n'));
    return found !== undefined && sameText(normal(found.scope), scopeOf(parts)) ? found : undefined;
  }

  #put(call: ArmCall, parts: Parts): SimResponse {
    const properties = isRecord(call.body) ? call.body.properties : undefined;
    if (!isRecord(properties) || typeof properties.roleDefinitionId !== 'string' || typeof properties.principalId !== 'string') {
      return wrapped(400, 'InvalidRequestContent', 'The request content was invalid: roleDefinitionId and principalId are required.');
    }
    if (!guid.test(parts('n'))) return wrapped(400, 'InvalidRoleAssignmentId', `The role assignment ID '${parts('n')}' is not valid. The role assignment ID must be a GUID.`);
    const { roleDefinitionId, principalId } = properties;
    const role = (roleDefinitionId.split('/').at(-1) ?? '').toLowerCase();
    if (!this.roles.definitions().some(({ id }) => id === role)) return wrapped(400, 'RoleDefinitionDoesNotExist', `The specified role definition with ID '${role}' does not exist.`);
    const principalType = properties.principalType ?? 'ServicePrincipal';
    if (typeof principalType !== 'string' || !principalTypes.includes(principalType)) return wrapped(400, 'InvalidPrincipalType', `The principal type '${JSON.stringify(principalType)}' is not valid.`);
    const principal = this.directory.byObjectId(principalId);
    if (principal === undefined) return unknownPrincipal(principalId);
    if (principalType !== principalTypeOf(principal)) return otherType(principal, principalType);
    const wanted = { scope: scopeOf(parts), principalId, principalType, roleDefinitionId: role, ...texts(properties, ['condition', 'conditionVersion', 'description']) };
    return this.#store(call, parts('n').toLowerCase(), wanted);
  }

  #store(call: ArmCall, name: string, wanted: Wanted): SimResponse {
    const present = this.roles.find(name);
    if (present !== undefined && !sameTriple(present, wanted)) {
      return wrapped(400, 'RoleAssignmentUpdateNotPermitted', 'Tenant ID, application ID, principal ID, and scope are not allowed to be updated.');
    }
    const twin = this.roles.assignments().find((entry) => entry.name !== name && sameTriple(entry, wanted));
    if (twin !== undefined) {
      return wrapped(409, 'RoleAssignmentExists', `The role assignment already exists. The ID of the existing role assignment is ${twin.name.replaceAll('-', '')}.`);
    }
    if (present === undefined && this.#isFull(wanted.scope)) return wrapped(400, 'RoleAssignmentLimitExceeded', 'No more role assignments can be created.');
    const now = { updatedOn: this.clock.now(), updatedBy: call.caller.objectId };
    const created = present === undefined ? { createdOn: now.updatedOn, createdBy: now.updatedBy } : this.#provenanceOf(present);
    this.#provenance.set(name, { ...created, ...now });
    const stored = this.roles.replace({ ...wanted, name });
    return { status: present === undefined ? 201 : 200, body: this.#view(stored), wrote: assignmentId(stored) };
  }

  /** Assignments above a subscription do not count. Source: azure-docs, troubleshooting RBAC limits. */
  #isFull(scope: string): boolean {
    const subscription = /^\/subscriptions\/[^/]+/i.exec(scope)?.[0].toLowerCase();
    if (subscription === undefined) return false;
    return this.roles.assignments().filter((entry) => `${entry.scope.toLowerCase()}/`.startsWith(`${subscription}/`)).length >= this.knobs.perSubscription;
  }

  #delete(parts: Parts): SimResponse {
    const found = this.#find(parts);
    if (found === undefined) return { status: 204 };
    const body = this.#view(found);
    this.roles.remove(found.name);
    this.#provenance.delete(found.name);
    return { status: 200, body, wrote: assignmentId(found) };
  }

  /** Source: npm @azure/arm-authorization 9.0.0, the filters of denyAssignments. */
  #denials(call: ArmCall, scope: string): SimResponse {
    const text = call.query.get('$filter') ?? '';
    if (text !== '' && !/^atScope\(\)$/i.test(text)) return wrapped(400, 'UnsupportedQuery', `The filter '${text}' is not simulated.`);
    const found = this.roles.denyAssignments.filter((entry) => this.roles.reaches(entry.scope, scope) || (text === '' && this.roles.reaches(scope, entry.scope)));
    return paged(call, found.map(denyView), 100);
  }

  #definitions(call: ArmCall): SimResponse {
    const text = call.query.get('$filter') ?? '';
    const wanted = definitionFilter(text, roleType);
    if (wanted === undefined) return wrapped(400, 'UnsupportedQuery', `The filter '${text}' is not supported.`);
    return paged(call, this.roles.definitions().filter(wanted).map(definitionView), 500);
  }

  #definition(name: string): SimResponse {
    const found = this.roles.definitions().find(({ id }) => id === name.toLowerCase());
    if (found !== undefined) return { status: 200, body: definitionView(found) };
    return wrapped(404, 'RoleDefinitionDoesNotExist', `The specified role definition with ID '${name}' does not exist.`);
  }

  #view(entry: RoleAssignment): object {
    return assignmentView(entry, this.#provenanceOf(entry));
  }

  /** An assignment that was made outside of any request has no author; one from before time began shows the earliest date. */
  #provenanceOf({ name, createdAt }: RoleAssignment): Provenance {
    const age = this.clock.monotonic() - createdAt;
    const createdOn = Number.isFinite(age) ? new Date(this.clock.now().getTime() - age) : new Date(0);
    return this.#provenance.get(name) ?? { createdOn, updatedOn: createdOn, createdBy: '', updatedBy: '' };
  }
}

/** Source: azure-docs, troubleshooting RBAC; status as hashicorp/terraform-provider-azurerm handles it. */
function unknownPrincipal(principalId: string): SimResponse {
  const message = `Principal ${principalId.replaceAll('-', '')} does not exist in the directory ${tenantId}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype`;
  return wrapped(400, 'PrincipalNotFound', message);
}

/** Code and text from public reports, unconfirmed. */
function otherType(principal: ServicePrincipal, principalType: string): SimResponse {
  return wrapped(400, 'UnmatchedPrincipalType', `The PrincipalId '${principal.objectId.replaceAll('-', '')}' has type '${principalTypeOf(principal)}', which is different from specified PrincipalType '${principalType}'.`);
}

function sameTriple(one: Wanted, other: Wanted): boolean {
  return sameText(normal(one.scope), normal(other.scope)) && sameText(one.principalId, other.principalId) && sameText(one.roleDefinitionId, other.roleDefinitionId);
}

function sameText(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** What a condition may test of the assignment that a request would make. */
function requested(body: unknown): Record<string, string> {
  const properties = isRecord(body) && isRecord(body.properties) ? body.properties : {};
  return attributesOf(texts(properties, ['roleDefinitionId', 'principalId', 'principalType']));
}

function texts(properties: Record<string, unknown>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (typeof properties[name] === 'string' ? [[name, properties[name]]] : [])));
}
