import { tenantId } from '../azure/authority.js';
import type { Directory } from '../azure/directory.js';
import type { RoleAssignment, RoleStore } from '../azure/roles.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { wrapped } from './refusals.js';
import { at, paged, type ArmCall, type Parts, type Provider } from './route.js';

/** Source: npm @azure/arm-authorization 9.0.0; the previews are sent by the az command line. */
const versions = ['2022-04-01', '2020-04-01-preview', '2018-01-01-preview'];
const anyScope = '(?<scope>/.*|)';
const authorization = '/providers/microsoft.authorization';
const principalTypes = ['User', 'Group', 'ServicePrincipal', 'ForeignGroup', 'Device'];

/** Role assignments, role definitions and the caller's permissions at any scope. */
export class Authorization implements Provider {
  constructor(
    private readonly roles: RoleStore,
    private readonly directory: Directory,
  ) {}

  readonly operations: Provider['operations'] = [
    this.#route('GET', `${authorization}/roleassignments`, 'roleAssignments/read', (call, parts) => this.#list(call, parts('scope'))),
    this.#route('GET', `${authorization}/roleassignments/(?<n>[^/]+)`, 'roleAssignments/read', (_call, parts) => this.#get(parts)),
    this.#route('PUT', `${authorization}/roleassignments/(?<n>[^/]+)`, 'roleAssignments/write', (call, parts) => this.#put(call, parts)),
    this.#route('DELETE', `${authorization}/roleassignments/(?<n>[^/]+)`, 'roleAssignments/delete', (_call, parts) => this.#delete(parts)),
    this.#route('GET', `${authorization}/roledefinitions`, 'roleDefinitions/read', (call) => this.#definitions(call)),
    this.#route('GET', `${authorization}/roledefinitions/(?<n>[^/]+)`, 'roleDefinitions/read', (_call, parts) => {
      const found = this.roles.definitions().find(({ id }) => id.toLowerCase() === parts('n').toLowerCase());
      return found === undefined ? wrapped(404, 'RoleDefinitionDoesNotExist', `The specified role definition with ID '${parts('n')}' does not exist.`) : { status: 200, body: definitionView(found) };
    }),
    {
      method: 'GET',
      path: at(anyScope, authorization, '/permissions'),
      versions,
      handle: (call: ArmCall, parts: Parts) => paged(call, this.roles.permissionsAt(call.caller.objectId, parts('scope')), 50),
    },
  ];

  #route(method: string, path: string, verb: string, handle: (call: ArmCall, parts: Parts) => SimResponse): Provider['operations'][number] {
    const right = (parts: Parts): { action: string; scope: string } => ({ action: `Microsoft.Authorization/${verb}`, scope: parts('scope') === '' ? '/' : parts('scope') });
    return { method, path: at(anyScope, path), versions, right, handle };
  }

  /**
   * At a scope: its own, inherited ones, and, without atScope(), those below. principalId and assignedTo() narrow by principal;
   * groups are not simulated, so both mean the same here. Source: azure-docs, role-assignments-list-rest.
   */
  #list(call: ArmCall, scope: string): SimResponse {
    const filter = call.query.get('$filter') ?? '';
    const principal = /(?:principalId eq |assignedTo\()'([^']+)'/i.exec(filter)?.[1];
    const rest = filter.replace(/atScope\(\)/i, '').replace(/(principalId eq |assignedTo\()'[^']+'\)?/i, '').replace(/\band\b/i, '').trim();
    if (rest !== '') return wrapped(400, 'UnsupportedQuery', `The filter '${filter}' is not supported.`);
    const below = /atScope\(\)/i.test(filter) ? '' : `${scope}/`.toLowerCase();
    const found = this.roles.assignments().filter((entry) => {
      const inherited = this.roles.reaches(entry.scope, scope);
      const under = below !== '' && entry.scope.toLowerCase().startsWith(below);
      return (inherited || under) && (principal === undefined || entry.principalId === principal);
    });
    return paged(call, found.map(assignmentView), 100);
  }

  #get(parts: Parts): SimResponse {
    const found = this.#find(parts);
    if (found !== undefined) return { status: 200, body: assignmentView(found) };
    return wrapped(404, 'RoleAssignmentNotFound', `The role assignment '${parts('n')}' is not found.`);
  }

  #find(parts: Parts): RoleAssignment | undefined {
    return this.roles.assignments().find(({ name, scope }) => name === parts('n').toLowerCase() && scope.toLowerCase() === parts('scope').toLowerCase());
  }

  #put(call: ArmCall, parts: Parts): SimResponse {
    const properties = isRecord(call.body) ? call.body.properties : undefined;
    if (!isRecord(properties) || typeof properties.roleDefinitionId !== 'string' || typeof properties.principalId !== 'string') {
      return wrapped(400, 'InvalidRequestContent', 'The request content was invalid: roleDefinitionId and principalId are required.');
    }
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(parts('n'))) return wrapped(400, 'InvalidRoleAssignmentId', `The role assignment ID '${parts('n')}' is not valid. The role assignment ID must be a GUID.`);
    const { roleDefinitionId, principalId } = properties;
    const role = (roleDefinitionId.split('/').at(-1) ?? '').toLowerCase();
    if (!this.roles.definitions().some(({ id }) => id === role)) return wrapped(400, 'RoleDefinitionDoesNotExist', `The specified role definition with ID '${role}' does not exist.`);
    const principalType = typeof properties.principalType === 'string' ? properties.principalType : 'ServicePrincipal';
    if (!principalTypes.includes(principalType)) return wrapped(400, 'InvalidPrincipalType', `The principal type '${principalType}' is not valid.`);
    if (this.directory.byObjectId(principalId) === undefined) return unknownPrincipal(principalId);
    const wanted = { scope: parts('scope'), principalId, principalType, roleDefinitionId: role, ...texts(properties, ['condition', 'conditionVersion', 'description']) };
    return this.#store(parts('n').toLowerCase(), wanted);
  }

  #store(name: string, wanted: Omit<RoleAssignment, 'name' | 'createdAt'>): SimResponse {
    const same = (entry: RoleAssignment): boolean =>
      entry.scope.toLowerCase() === wanted.scope.toLowerCase() && entry.principalId === wanted.principalId && entry.roleDefinitionId === wanted.roleDefinitionId;
    const present = this.roles.assignments().find((entry) => entry.name === name);
    if (present !== undefined && !same(present)) {
      return wrapped(400, 'RoleAssignmentUpdateNotPermitted', 'Tenant ID, application ID, principal ID, and scope are not allowed to be updated.');
    }
    const twin = this.roles.assignments().find((entry) => entry.name !== name && same(entry));
    if (twin !== undefined) {
      return wrapped(409, 'RoleAssignmentExists', `The role assignment already exists. The ID of the existing role assignment is ${twin.name.replaceAll('-', '')}.`);
    }
    if (present !== undefined) this.roles.remove(name);
    const stored = this.roles.add({ ...wanted, name });
    return { status: present === undefined ? 201 : 200, body: assignmentView(stored), wrote: assignmentId(stored) };
  }

  #delete(parts: Parts): SimResponse {
    const found = this.#find(parts);
    if (found === undefined) return { status: 204 };
    this.roles.remove(found.name);
    return { status: 200, body: assignmentView(found), wrote: assignmentId(found) };
  }

  #definitions(call: ArmCall): SimResponse {
    const wanted = /roleName eq '([^']+)'/i.exec(call.query.get('$filter') ?? '')?.[1];
    return paged(call, this.roles.definitions().filter(({ name }) => wanted === undefined || name === wanted).map(definitionView), 500);
  }
}

/** Source: azure-docs, troubleshooting RBAC; status as hashicorp/terraform-provider-azurerm handles it. */
function unknownPrincipal(principalId: string): SimResponse {
  const message = `Principal ${principalId.replaceAll('-', '')} does not exist in the directory ${tenantId}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype`;
  return wrapped(400, 'PrincipalNotFound', message);
}

function assignmentId({ scope, name }: RoleAssignment): string {
  return `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`;
}

function assignmentView(entry: RoleAssignment): object {
  const { scope, principalId, principalType, roleDefinitionId, name } = entry;
  const subscription = /^\/subscriptions\/[^/]+/i.exec(scope)?.[0] ?? '';
  const definition = `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${roleDefinitionId}`;
  const optional = { condition: entry.condition ?? null, conditionVersion: entry.conditionVersion ?? null, description: entry.description ?? null };
  const properties = { roleDefinitionId: definition, principalId, principalType, scope, ...optional };
  return { id: assignmentId(entry), type: 'Microsoft.Authorization/roleAssignments', name, properties };
}

function definitionView(definition: ReturnType<RoleStore['definitions']>[number]): object {
  const { id, name, actions, notActions, dataActions, notDataActions } = definition;
  const properties = { roleName: name, type: 'BuiltInRole', assignableScopes: ['/'], permissions: [{ actions, notActions, dataActions, notDataActions }] };
  return { id: `/providers/Microsoft.Authorization/roleDefinitions/${id}`, type: 'Microsoft.Authorization/roleDefinitions', name: id, properties };
}

function texts(properties: Record<string, unknown>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (typeof properties[name] === 'string' ? [[name, properties[name]]] : [])));
}
