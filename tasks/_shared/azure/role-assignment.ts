import { lastPart, sameId } from '../fleet/arm-id.js';
import { grantName } from '../fleet/marks.js';
import type { Access, End } from '../reconcile/access.js';
import { strongReader } from '../reconcile/plan.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import { show, unknown, type Known, type Refs } from '../reconcile/ref.js';
import { blocked, keep, writes, type Change, type Content, type Cost, type Permission, type Reader, type Resource, type Writer, type WritingChange } from '../reconcile/resource.js';
import { grantAccesses } from './accesses.js';
import { apiVersions } from './api-versions.js';
import { rightAt, type Azure } from './azure.js';
import { existingName, roleAssignmentCost, usualLimit, writeAssignment, type PrincipalType } from './role-assignment-write.js';
import { assignmentId, assignmentsOf, expectAssignments, getAssignment, gives, listAssignments, type RoleAssignmentState } from './role-assignments.js';
import { dangerOf, readRole, refusedRole, type RoleDefinition } from './role-definitions.js';
import { roleDefinitionId, roleIdOf } from './roles.js';

/** What a grant is made from. */
export interface RoleAssignmentInputs {
  /** Object id of the identity's service principal. */
  readonly principalId: string;
  /** ARM id of the vault or registry that it is for: one that cannot be used stops its grants. */
  readonly target: string;
}

/** Where a grant is made and how the log calls it. */
export interface GrantPlace {
  readonly scope: string;
  /** A scope at or above it whose list serves several grants with one request. */
  readonly listScope: string;
  /** `kv-contoso / secrets / orders-db` */
  readonly label: string;
}

/** What else is asked of a grant. */
export interface GrantRules {
  /** Role assignments that the subscription may have, see the input roleAssignmentLimit. */
  readonly limit?: number;
  /** Why a role may not be granted although it hands out no access; undefined when it may. Default: every such role may. */
  readonly objection?: (role: RoleDefinition) => Problem | undefined;
  /** Said of the change: why it reaches more than single items. */
  readonly widening?: string;
}

/** One role for one principal at one scope. */
export class RoleAssignment implements Resource<RoleAssignmentInputs, RoleAssignmentState> {
  readonly key: string;
  readonly kind = 'grant';
  readonly name: string;
  readonly cluster?: string;
  /** What the role is at the moment; known once it was looked at. */
  #role: RoleDefinition | undefined;

  /** @param role a name of the table of roles, or the name or GUID of another one */
  constructor(
    private readonly azure: Azure,
    private readonly place: GrantPlace,
    private readonly role: string,
    /** The principal before it exists: distinct in keys, and as messages call it. */
    private readonly principal: { readonly id: string; readonly name: string; readonly type?: PrincipalType },
    readonly inputs: Refs<RoleAssignmentInputs>,
    owner: string | undefined,
    private readonly description: string,
    /** Where the principal lies: the identity, or the cluster for its kubelet. */
    private readonly grantee: End,
    private readonly rules: GrantRules = {},
  ) {
    this.key = `grant ${role} at ${place.scope.toLowerCase()} for ${principal.id.toLowerCase()}`;
    this.name = `${role} on ${place.label}`;
    if (owner !== undefined) this.cluster = owner;
    expectAssignments(azure, place.listScope, principal.id);
  }

  /** With the role as it was looked up, so that a rule may call it by its name or its GUID. */
  get accesses(): readonly Access[] {
    const { scope, label } = this.place;
    const id = roleIdOf(this.role);
    return grantAccesses(this.azure.connection, this.grantee, { id: scope, label }, this.#role ?? { name: this.role, ...(id === undefined ? {} : { id }) });
  }

  /** @throws Problem WI2611, WI2612 or that of the rules for a role that is not granted. */
  async observe(reader: Reader, known: Known<RoleAssignmentInputs>): Promise<RoleAssignmentState | undefined> {
    const { scope, listScope } = this.place;
    const { principalId } = known;
    const listing = reader.strong || principalId === unknown ? [] : assignmentsOf(this.azure, reader, listScope, principalId);
    const [role, listed] = await Promise.all([this.#role ?? this.permitted(reader), listing]);
    const { id } = (this.#role = role);
    if (principalId === unknown) return undefined;
    const covers = (entry: RoleAssignmentState): boolean => sameId(entry.principalId, principalId) && gives(entry, [id], scope);
    if (reader.strong) {
      const own = await getAssignment(this.azure, scope, grantName(scope, id, principalId));
      if (own !== undefined && covers(own)) return own;
    }
    const all = reader.strong ? await assignmentsOf(this.azure, reader, listScope, principalId) : listed;
    const candidates = all.filter(covers);
    return candidates.find((entry) => sameId(entry.scope, scope)) ?? candidates[0] ?? all.find((entry) => this.isEqual(entry, id, principalId));
  }

  plan(observed: RoleAssignmentState | undefined, known: Known<RoleAssignmentInputs>): Change {
    if (observed === undefined) {
      const reason = this.rules.widening ?? `${this.principal.name} does not have the role there`;
      const reach = this.rules.widening === undefined ? [] : [{ field: 'reach', after: this.rules.widening }];
      return { action: 'create', fields: [{ field: 'principal', after: show(known.principalId) }, ...reach], widens: true, reason };
    }
    if (observed.condition !== undefined) return blocked(this.limited(observed.condition, observed));
    const { id, scope, role, principalId } = observed;
    const name = lastPart(id);
    if (!sameId(scope, this.place.scope)) return keep(`assignment ${name}, inherited from ${scope}: broader than asked`);
    return keep(name === grantName(this.place.scope, role, principalId) ? `assignment ${name}` : `assignment ${name}, made under another name, is adopted`);
  }

  permissions(change: Change): Permission[] {
    return writes(change) ? [rightAt(this.azure, 'Microsoft.Authorization/roleAssignments/write', this.place.scope)] : [];
  }

  reads(): Permission[] {
    return ['roleAssignments', 'roleDefinitions'].map((kind) => rightAt(this.azure, `Microsoft.Authorization/${kind}/read`, this.place.listScope));
  }

  content(_change: WritingChange, _observed: RoleAssignmentState | undefined, { principalId }: Known<RoleAssignmentInputs>): Content {
    const { scope } = this.place;
    const role = this.#role?.id ?? roleIdOf(this.role) ?? '';
    const { type = 'ServicePrincipal' } = this.principal;
    const properties = { roleDefinitionId: roleDefinitionId(scope, role), principalType: type, description: this.description, ...(principalId === unknown ? {} : { principalId }) };
    const pending = principalId === unknown ? { pending: ['Microsoft.Authorization/roleAssignments/principalId'] } : {};
    const name = grantName(scope, role, principalId === unknown ? this.principal.id : principalId);
    return { id: assignmentId(scope, name), apiVersion: apiVersions.roleAssignments, body: { properties }, ...pending };
  }

  costs({ action }: WritingChange): Cost[] {
    return action === 'create' ? [roleAssignmentCost(this.azure, this.place.scope, this.rules.limit ?? usualLimit)] : [];
  }

  /**
   * The name follows from scope, role and principal, so that a repeated write hits the same assignment. A condition that somebody put on that
   * one meanwhile would be lost by it: it is looked for right before.
   */
  async apply(_change: Change, { principalId }: RoleAssignmentInputs, writer: Writer): Promise<void> {
    const { scope, label } = this.place;
    const role = (this.#role ??= await this.permitted(strongReader));
    const name = grantName(scope, role.id, principalId);
    const present = await getAssignment(this.azure, scope, name);
    if (present?.condition !== undefined && this.isEqual(present, role.id, principalId)) throw new Problem(this.limited(present.condition, present));
    const wanted = {
      scope,
      label,
      name,
      role: { id: role.id, name: role.name },
      principal: { id: principalId, name: this.principal.name, type: this.principal.type ?? 'ServicePrincipal' } as const,
      description: this.description,
      widens: true,
    };
    const written = await writeAssignment(this.azure, wanted, writer);
    if (written !== 'written') await this.explain(role, principalId, written.exists);
  }

  /**
   * Azure says that an equal assignment exists. It names it: an equal one without a condition is adopted, which the next look at it confirms;
   * one under a condition stands in the way, since Azure allows one assignment of scope, role and principal. Older services name none.
   */
  private async explain(role: RoleDefinition, principalId: string, message: string): Promise<void> {
    const { scope, label } = this.place;
    const name = existingName(message);
    const named = name === undefined ? undefined : await getAssignment(this.azure, scope, name);
    const all = named === undefined ? await listAssignments(this.azure, scope, principalId) : [named];
    const equal = all.filter((entry) => this.isEqual(entry, role.id, principalId));
    if (equal.some(({ condition }) => condition === undefined)) return;
    const rival = equal[0];
    if (rival?.condition !== undefined) throw new Problem(this.limited(rival.condition, rival));
    throw new Problem({
      code: 'WI2613',
      what: `The grant ${role.name} on ${label} was not made`,
      tried: `grant it to ${this.principal.name} (${principalId})`,
      because: `Azure says that the assignment exists${name === undefined ? '' : ` (${name})`}, and it cannot be read: ${message}`,
      remedy: `look for it: az role assignment list --scope ${scope} --assignee ${principalId} --include-inherited; one that was deleted a moment ago may still be in the way, then run again`,
    });
  }

  /** True for the one assignment of scope, role and principal that Azure allows. */
  private isEqual(entry: RoleAssignmentState, role: string, principalId: string): boolean {
    return sameId(entry.scope, this.place.scope) && entry.role === role && sameId(entry.principalId, principalId);
  }

  /** The problem of an equal assignment under a condition, whoever put that on it. */
  private limited(condition: string, { id, principalId }: RoleAssignmentState): ProblemParts {
    return {
      code: 'WI2601',
      what: `The grant ${this.#role?.name ?? this.role} on ${this.place.label} was not made`,
      tried: `grant it to ${this.principal.name} (${principalId})`,
      because: `assignment ${lastPart(id)} gives the same role there under a condition, and Azure allows no second one: ${condition}`,
      remedy: 'remove that assignment, or its condition, if it is no longer wanted; this task does not change what it did not make',
    };
  }

  private async permitted(reader: Reader): Promise<RoleDefinition> {
    const role = await readRole(this.azure, reader, this.place.listScope, this.role);
    const danger = dangerOf(role);
    if (danger !== undefined) throw new Problem(refusedRole(role, danger));
    const objection = this.rules.objection?.(role);
    if (objection !== undefined) throw objection;
    return role;
  }
}
