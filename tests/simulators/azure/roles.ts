import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { AccessControl, AccessQuestion } from './authority.js';
import { actionMatches, parseCondition } from './conditions.js';
import { denies, type DenyAssignment } from './deny-assignments.js';
import { builtInRoles, type Permission, type RoleDefinition } from './role-definitions.js';

/** A role assignment as stored. */
export interface RoleAssignment {
  /** GUID, lower case, unique in the tenant. */
  readonly name: string;
  /** ARM id that it is given at; `/` or empty for the whole tenant. */
  readonly scope: string;
  readonly principalId: string;
  readonly principalType: string;
  /** GUID of the role, lower case. */
  readonly roleDefinitionId: string;
  readonly condition?: string;
  readonly conditionVersion?: string;
  readonly description?: string;
  /** Milliseconds of the clock's `monotonic()`. */
  readonly createdAt: number;
}

interface RoleStoreParts {
  readonly clock: Clock;
  /** Scopes of the management groups above an ARM id; none below the first subscription. */
  readonly ancestors: (scope: string) => readonly string[];
}

/** Role definitions and assignments of the tenant, and what follows from them. */
export class RoleStore implements AccessControl {
  /**
   * How long after it was written an assignment begins to act. Milliseconds.
   * Source: "up to 10 minutes", AKS docs, workload-identity-deploy-cluster.
   */
  effectMs = 0;
  readonly #definitions = new Map(builtInRoles.map((definition) => [definition.id, definition]));
  readonly #assignments = new Map<string, RoleAssignment>();
  /** The same by principal, since every request asks about one. */
  readonly #byPrincipal = new Map<string, Set<RoleAssignment>>();
  /** What stood in the place of an assignment before it was changed, by its name. */
  readonly #replaced = new Map<string, RoleAssignment>();

  /** What is denied whatever roles allow. */
  readonly denyAssignments: DenyAssignment[] = [];

  constructor(private readonly parts: RoleStoreParts) {}

  /** Built-in and custom roles. */
  definitions(): readonly RoleDefinition[] {
    return [...this.#definitions.values()];
  }

  /** Adds or replaces a role definition; see `role` for making one. */
  define(definition: RoleDefinition): void {
    this.#definitions.set(definition.id.toLowerCase(), definition);
  }

  /** Every assignment, whether it acts already or not. */
  assignments(): readonly RoleAssignment[] {
    return [...this.#assignments.values()];
  }

  /** The assignment of this name. */
  find(name: string): RoleAssignment | undefined {
    return this.#assignments.get(name.toLowerCase());
  }

  /**
   * Stores an assignment as of now, or of another time: one from long ago acts at once.
   * @throws Error when the name is taken or the role is not defined.
   */
  add(wanted: Omit<RoleAssignment, 'createdAt'> & Partial<RoleAssignment>): RoleAssignment {
    const name = wanted.name.toLowerCase();
    const roleDefinitionId = wanted.roleDefinitionId.toLowerCase();
    if (this.#assignments.has(name)) throw new Error(`role assignment ${name} exists`);
    if (!this.#definitions.has(roleDefinitionId)) throw new Error(`role ${roleDefinitionId} is not defined`);
    const stored = { createdAt: this.parts.clock.monotonic(), ...wanted, name, roleDefinitionId };
    this.#assignments.set(name, stored);
    const own = this.#byPrincipal.get(stored.principalId.toLowerCase()) ?? new Set();
    this.#byPrincipal.set(stored.principalId.toLowerCase(), own.add(stored));
    return stored;
  }

  /** Stores an assignment in the place of one of the same name, which goes on acting until the new one does. Without one, it is added. */
  replace(wanted: Omit<RoleAssignment, 'createdAt'>): RoleAssignment {
    const present = this.find(wanted.name);
    this.remove(wanted.name);
    const stored = this.add({ ...wanted, createdAt: this.parts.clock.monotonic() });
    if (present !== undefined) this.#replaced.set(stored.name, present);
    return stored;
  }

  /** Takes an assignment away at once; nothing happens when there is none. */
  remove(name: string): void {
    const found = this.find(name);
    if (found === undefined) return;
    this.#assignments.delete(found.name);
    this.#replaced.delete(found.name);
    this.#byPrincipal.get(found.principalId.toLowerCase())?.delete(found);
  }

  /** True when an assignment at the scope `from` is inherited by (or made at) the scope `to`. */
  reaches(from: string, to: string): boolean {
    const above = normal(from);
    const here = normal(to);
    if (here === above || here.startsWith(`${above}/`)) return true;
    return this.parts.ancestors(to).some((group) => normal(group) === above);
  }

  /** One allowing assignment is enough where no deny assignment stands against it. A condition that cannot be parsed allows nothing. */
  allows({ objectId, action, scope, data = false, attributes = {}, behindMs = 0 }: AccessQuestion): boolean {
    const question = { objectId, action, data };
    if (this.denyAssignments.some((entry) => this.reaches(entry.scope, scope) && denies(entry, question, normal(entry.scope) === normal(scope)))) return false;
    return this.#acting(objectId, scope, behindMs).some(({ permission, condition }) => {
      if (!permits(permission, action, data)) return false;
      return condition === undefined || parseCondition(condition)?.({ action, attributes }) === true;
    });
  }

  /** The permissions of the roles that act for a principal at a scope, one entry a role, conditions left aside. */
  permissionsAt(objectId: string, scope: string): Permission[] {
    return this.#acting(objectId, scope).map(({ permission: { actions, notActions, dataActions, notDataActions } }) => ({ actions, notActions, dataActions, notDataActions }));
  }

  #acting(objectId: string, scope: string, behindMs = 0): { permission: Permission; condition: string | undefined }[] {
    const now = this.parts.clock.monotonic();
    return [...(this.#byPrincipal.get(objectId.toLowerCase()) ?? [])].flatMap((entry) => {
      const permission = this.#definitions.get(entry.roleDefinitionId);
      const acts = ({ createdAt }: RoleAssignment): boolean => now >= createdAt + this.effectMs + behindMs;
      const acting = [entry, this.#replaced.get(entry.name)].find((version) => version !== undefined && acts(version));
      return permission !== undefined && acting !== undefined && this.reaches(entry.scope, scope) ? [{ permission, condition: acting.condition }] : [];
    });
  }
}

function permits(permission: Permission, action: string, data: boolean): boolean {
  const [given, excluded] = data ? [permission.dataActions, permission.notDataActions] : [permission.actions, permission.notActions];
  const matches = (pattern: string): boolean => actionMatches(pattern, action);
  return given.some(matches) && !excluded.some(matches);
}

function normal(scope: string): string {
  return scope.toLowerCase().replace(/\/+$/, '');
}
