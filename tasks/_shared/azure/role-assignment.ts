import { sameId } from '../fleet/arm-id.js';
import { grantName } from '../fleet/marks.js';
import type { Known, Refs } from '../reconcile/ref.js';
import { show, unknown } from '../reconcile/ref.js';
import { keep, writes, type Change, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { Problem } from '../reconcile/problem.js';
import type { Azure } from './azure.js';
import { writeAssignment, type PrincipalType } from './role-assignment-write.js';
import { assignmentsOf, expectAssignments, getAssignment, gives, listAssignments, type RoleAssignmentState } from './role-assignments.js';
import { roles, type RoleName } from './roles.js';

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

/** One role for one identity at one scope. */
export class RoleAssignment implements Resource<RoleAssignmentInputs, RoleAssignmentState> {
  readonly key: string;
  readonly kind = 'grant';
  readonly name: string;
  readonly cluster?: string;
  private readonly role: string;

  constructor(
    private readonly azure: Azure,
    private readonly place: GrantPlace,
    private readonly roleName: RoleName,
    /** The principal before it exists: distinct in keys, and as messages call it. */
    private readonly principal: { readonly id: string; readonly name: string; readonly type?: PrincipalType },
    readonly inputs: Refs<RoleAssignmentInputs>,
    owner: string | undefined,
    private readonly description: string,
  ) {
    this.role = roles[roleName];
    this.key = `grant ${roleName} at ${place.scope.toLowerCase()} for ${principal.id.toLowerCase()}`;
    this.name = `${roleName} on ${place.label}`;
    if (owner !== undefined) this.cluster = owner;
    expectAssignments(azure, place.listScope, principal.id);
  }

  async observe(reader: Reader, known: Known<RoleAssignmentInputs>): Promise<RoleAssignmentState | undefined> {
    if (known.principalId === unknown) return undefined;
    const { principalId } = known;
    if (reader.strong) {
      const own = await getAssignment(this.azure, this.place.scope, this.nameFor(principalId));
      if (own !== undefined && this.covers(own, principalId)) return own;
    }
    const all = await assignmentsOf(this.azure, reader, this.place.listScope, principalId);
    const candidates = all.filter((entry) => this.covers(entry, principalId));
    return candidates.find((entry) => sameId(entry.scope, this.place.scope)) ?? candidates[0];
  }

  plan(observed: RoleAssignmentState | undefined, known: Known<RoleAssignmentInputs>): Change {
    if (observed !== undefined) {
      const broader = sameId(observed.scope, this.place.scope) ? '' : `, inherited from ${observed.scope}: broader than asked`;
      return keep(`assignment ${observed.id.split('/').at(-1) ?? ''}${broader}`);
    }
    const fields = [{ field: 'principal', after: show(known.principalId) }];
    return { action: 'create', fields, widens: true, reason: `${this.principal.name} does not have the role there` };
  }

  permissions(change: Change): Permission[] {
    if (!writes(change)) return [];
    return [{ plane: 'azure', action: 'Microsoft.Authorization/roleAssignments/write', scope: this.place.scope }];
  }

  /** The name follows from scope, role and principal, so that a repeated write hits the same assignment. */
  async apply(_change: Change, { principalId }: RoleAssignmentInputs, writer: Writer): Promise<void> {
    const { scope, label } = this.place;
    const wanted = {
      scope,
      label,
      name: this.nameFor(principalId),
      role: { id: this.role, name: this.roleName },
      principal: { id: principalId, name: this.principal.name, type: this.principal.type ?? 'ServicePrincipal' } as const,
      description: this.description,
      widens: true,
    };
    if ((await writeAssignment(this.azure, wanted, writer)) === 'exists') await this.refuseConditioned(principalId);
  }

  /** The same role at the same scope with a condition stands in the way: Azure allows one assignment of the three, and ours has none. */
  private async refuseConditioned(principalId: string): Promise<void> {
    const { scope, label } = this.place;
    const all = await listAssignments(this.azure, scope, principalId);
    const rival = all.find((entry) => sameId(entry.scope, scope) && entry.role === this.role && entry.principalId === principalId && entry.condition !== undefined);
    if (rival === undefined) return;
    throw new Problem({
      code: 'WI2601',
      what: `The grant ${this.roleName} on ${label} was not made`,
      tried: `grant it to ${this.principal.name} (${principalId})`,
      because: `assignment ${rival.id.split('/').at(-1) ?? ''} gives the same role there under a condition, and Azure allows no second one: ${rival.condition ?? ''}`,
      remedy: 'remove that assignment, or its condition, if it is no longer wanted; this task does not change what it did not make',
    });
  }

  private nameFor(principalId: string): string {
    return grantName(this.place.scope, this.role, principalId);
  }

  private covers(entry: RoleAssignmentState, principalId: string): boolean {
    return entry.principalId === principalId && gives(entry, [this.role], this.place.scope);
  }
}
