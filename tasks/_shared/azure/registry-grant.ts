import { lastPart, sameId } from '../fleet/arm-id.js';
import { grantMark } from '../fleet/marks.js';
import { uuidOf } from '../fleet/names.js';
import { object } from '../fleet/json.js';
import type { Access } from '../reconcile/access.js';
import { strongReader } from '../reconcile/plan.js';
import { Problem } from '../reconcile/problem.js';
import { show, unknown, type Known, type Refs } from '../reconcile/ref.js';
import { blocked, keep, type Change, type Content, type Cost, type FieldChange, type Permission, type Reader, type Resource, type Writer, type WritingChange } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import type { RegistryState } from './registry-lookup.js';
import { allowsAll, repositoryRoleOf, widerAs, type RegistryMode, type RegistryRole } from './registry-roles.js';
import { conditionedActions, conditionVersion, merge, missingRepositories, parseCondition, printCondition, unlistedRepositories, unrestrictedActions, type RepositoryCondition, type RepositoryRole } from './repository-conditions.js';
import { writeAssignment, type PrincipalType } from './role-assignment-write.js';
import type { GrantPlace, RoleAssignment } from './role-assignment.js';
import { assignmentsOf, getAssignment, listAssignments, reaches, type RoleAssignmentState } from './role-assignments.js';
import { readRole } from './role-definitions.js';
import { roleDefinitionId, roles, roleTitle } from './roles.js';

/** What a grant on a registry is made from. */
export interface RegistryGrantInputs {
  readonly principalId: string;
  readonly registry: RegistryState;
}

/** What a principal has on a registry already. */
export interface RegistryGrantState {
  /** Assignments of the role in question, at the registry or above it: with and without conditions. */
  readonly held: readonly RoleAssignmentState[];
  /** Assignments that the registry's mode gives no effect. */
  readonly ignored: readonly RoleAssignmentState[];
}

/** What is to be granted to whom. */
export interface RegistryWish {
  readonly role: RegistryRole;
  /** Names, and beginnings such as `backend/*`; empty where none were named. */
  readonly repositories: readonly string[];
  readonly principal: { readonly name: string; readonly type: PrincipalType };
  readonly description: string;
}

/** So often a condition is merged again that another run has overwritten meanwhile. Two runs need two; more are very rare. */
const mergeTries = 6;

/**
 * One role on one registry for one principal, whatever the registry's mode is: a plain assignment where roles are for the registry as a whole;
 * where roles are for repositories, the one assignment that Azure allows for scope, role and principal, whose condition is the union of
 * everything that was granted.
 *
 * Role assignments know no etags: two runs that change one condition at the same moment may overwrite each other. So the condition is read
 * just before it is written and again afterwards, and merged again when something is missing. A new assignment is named after its repositories:
 * of two runs that make one at once, Azure refuses the second, which then merges. An assignment that is not ours is never changed: it counts
 * when it covers what is asked, else it blocks.
 */
export class RegistryGrant implements Resource<RegistryGrantInputs, RegistryGrantState> {
  readonly key: string;
  readonly kind = 'grant';
  readonly name: string;
  readonly cluster?: string;
  private readonly repositoryRole: RepositoryRole;
  private readonly registryId: string;
  private readonly label: string;
  /** What the condition has to name: the data actions of the role as Azure defines it at the moment; known once it was looked at. */
  #actions: readonly string[];
  /** Known once the registry was looked at. */
  #mode: RegistryMode | undefined;

  /**
   * @param plain the assignment for registries whose roles are for the whole registry
   * @param place the registry
   */
  constructor(
    private readonly azure: Azure,
    private readonly plain: RoleAssignment,
    { scope, label }: GrantPlace,
    private readonly wish: RegistryWish,
    readonly inputs: Refs<RegistryGrantInputs>,
  ) {
    this.key = plain.key;
    this.name = plain.name;
    if (plain.cluster !== undefined) this.cluster = plain.cluster;
    this.repositoryRole = repositoryRoleOf[wish.role];
    this.#actions = conditionedActions[this.repositoryRole];
    this.registryId = scope;
    this.label = label;
  }

  /**
   * Where roles are for repositories, a rule may list the role that is asked for, or the one that is granted in its place; the latter only
   * where that one gives more.
   */
  get accesses(): readonly Access[] {
    if (this.#mode !== 'AbacRepositoryPermissions') return this.plain.accesses;
    const [name, id] = [this.repositoryRole, roles[this.repositoryRole]];
    const more = widerAs[this.wish.role] !== undefined;
    return this.plain.accesses.map((access) => (more ? { ...access, role: name, roleId: id } : { ...access, alsoAs: [name, id] }));
  }

  async observe(reader: Reader, known: Known<RegistryGrantInputs>): Promise<RegistryGrantState | undefined> {
    const { principalId, registry } = known;
    if (registry !== unknown) this.#mode = registry.mode;
    if (principalId === unknown || registry === unknown) return undefined;
    const legacy = registry.mode === 'LegacyRegistryPermissions';
    const looking = legacy ? this.plain.observe(reader, { principalId, target: registry.id }) : undefined;
    // After a write there is nothing to report about the other mode any more.
    const listing = !reader.strong ? assignmentsOf(this.azure, reader, this.registryId, principalId) : legacy ? [] : this.strongly(principalId);
    const [plain, all, actions] = await Promise.all([looking, listing, legacy ? this.#actions : this.dataActions(reader)]);
    this.#actions = actions;
    const here = all.filter((entry) => sameId(entry.principalId, principalId) && reaches(entry, this.registryId));
    const held = legacy ? [plain].filter((entry) => entry !== undefined) : here.filter(({ role }) => role === roles[this.repositoryRole]);
    const ignored = here.filter(({ role }) => role === roles[legacy ? this.repositoryRole : this.wish.role]);
    return held.length + ignored.length === 0 ? undefined : { held, ignored };
  }

  /** Whatever the condition does not name stays unrestricted, so Azure's own list counts before that of this project. */
  private async dataActions(reader: Reader): Promise<readonly string[]> {
    const { rights } = await readRole(this.azure, reader, this.registryId, this.repositoryRole);
    const listed = rights.flatMap(({ dataActions }) => dataActions);
    const named = listed.filter((action) => !action.includes('*'));
    // A pattern stands for actions that nobody names here: those that this project knows count as well then.
    return named.length === 0 || named.length < listed.length ? [...new Set([...conditionedActions[this.repositoryRole], ...named])] : [...new Set(named)];
  }

  /** The assignments as they are now: a list may lag behind, so that what can be named is read by its name. */
  private async strongly(principalId: string): Promise<RoleAssignmentState[]> {
    const own = await getAssignment(this.azure, this.registryId, this.nameFor(principalId));
    const listed = own === undefined ? await listAssignments(this.azure, this.registryId, principalId) : [own];
    const fresh = listed.map((entry) => (sameId(entry.scope, this.registryId) && entry !== own ? getAssignment(this.azure, this.registryId, lastPart(entry.id)) : Promise.resolve(entry)));
    return (await Promise.all(fresh)).filter((entry) => entry !== undefined);
  }

  plan(observed: RegistryGrantState | undefined, known: Known<RegistryGrantInputs>): Change {
    const { principalId, registry } = known;
    const held = observed?.held ?? [];
    const change = registry !== unknown && registry.mode === 'AbacRepositoryPermissions'
      ? this.planForRepositories(held, principalId)
      : this.plain.plan(held[0], { principalId, target: this.registryId });
    return withIgnored(change, observed?.ignored ?? [], registry === unknown ? undefined : registry.mode);
  }

  private planForRepositories(held: readonly RoleAssignmentState[], principalId: string | typeof unknown): Change {
    const { repositories, principal } = this.wish;
    if (repositories.length === 0) return blocked(this.problem('WI2511', 'its registry has roles for repositories, and no repository is named', 'name them in the input repositories: orders/api, or backend/* for all that begin so'));
    const covering = held.find((entry) => allowsAll(entry, this.repositoryRole, repositories));
    if (covering !== undefined && !(this.isOurs(covering, principalId) && this.isUnfinished(covering))) return keep(`${this.repositoryRole}, assignment ${lastPart(covering.id)}${this.broader(covering)}`);
    const rival = this.presentIn({ held, ignored: [] });
    if (rival === undefined) {
      const wider = widerAs[this.wish.role];
      const reach = wider === undefined ? [] : [{ field: 'reach', after: wider }];
      const first = [{ field: 'role', after: this.repositoryRole }, { field: 'principal', after: show(principalId) }, ...reach];
      return { action: 'create', fields: [...first, ...repositories.map(added)], widens: true, reason: `${principal.name} does not have the role for these repositories` };
    }
    const condition = parseCondition(rival.condition ?? '');
    const stands = `assignment ${lastPart(rival.id)} gives the same role there under a condition, and Azure allows no second one for the same principal`;
    if (condition === undefined) {
      return blocked(this.problem('WI2512', `${stands}; the condition is not in a form that this task writes: ${rival.condition ?? ''}`, 'bring it into the documented form for repositories, or remove that assignment; this task changes no condition that it cannot read'));
    }
    const missing = missingRepositories(condition, repositories);
    if (!this.isOurs(rival, principalId)) {
      return blocked(this.problem('WI2513', `${stands}; somebody else made it, and it allows ${condition.repositories.join(', ')}, not ${missing.join(', ')}`, 'add the repositories to that condition by hand, or remove the assignment and run again, so that this task makes its own'));
    }
    const open = this.unrestricted(rival).map((action) => ({ field: action.split('/').slice(-2).join('/'), before: 'every repository', after: 'these repositories' }));
    const unnamed = this.unnamed(rival);
    const because = missing.length > 0 ? `does not allow ${missing.join(', ')}` : open.length > 0 ? 'leaves actions of the role unrestricted' : `allows ${unnamed.join(', ')} only with what another run may take back`;
    return { action: 'update', fields: [...unnamed.map(added), ...open], widens: missing.length > 0, reason: `assignment ${lastPart(rival.id)} ${because}` };
  }

  /** True for a condition of ours that has to be written although it allows what is asked. */
  private isUnfinished(entry: RoleAssignmentState): boolean {
    return this.unrestricted(entry).length > 0 || this.unnamed(entry).length > 0;
  }

  /** What is asked and not named itself: where only a beginning such as `backend/*` allows it, it would go with that. */
  private unnamed({ scope, condition }: RoleAssignmentState): string[] {
    const parsed = sameId(scope, this.registryId) ? parseCondition(condition ?? '') : undefined;
    return parsed === undefined ? [] : unlistedRepositories(parsed, this.wish.repositories);
  }

  /** Actions of the role that the condition of an assignment does not name, so that they act on every repository. */
  private unrestricted({ condition }: RoleAssignmentState): string[] {
    const parsed = parseCondition(condition ?? '');
    return parsed === undefined ? [] : unrestrictedActions(parsed, this.#actions);
  }

  permissions(change: Change): Permission[] {
    return this.plain.permissions(change);
  }

  reads(): Permission[] {
    return this.plain.reads();
  }

  costs(change: WritingChange): Cost[] {
    return this.plain.costs(change);
  }

  content(change: WritingChange, observed: RegistryGrantState | undefined, { principalId, registry }: Known<RegistryGrantInputs>): Content {
    const plain = this.plain.content(change, undefined, { principalId, target: this.registryId });
    if (registry === unknown || registry.mode === 'LegacyRegistryPermissions') return plain;
    const present = this.presentIn(observed);
    const name = present === undefined ? this.nameFor(principalId === unknown ? this.wish.principal.name : principalId) : lastPart(present.id);
    const role = { roleDefinitionId: roleDefinitionId(this.registryId, roles[this.repositoryRole]) };
    const properties = { ...object(object(plain.body).properties), ...role, condition: this.conditionOver(present), conditionVersion };
    return { ...plain, id: plain.id.replace(/[^/]+$/, name), body: { properties } };
  }

  async apply(change: Change, known: RegistryGrantInputs, writer: Writer): Promise<void> {
    const { principalId, registry } = known;
    if (registry.mode === 'LegacyRegistryPermissions') return this.plain.apply(change, { principalId, target: registry.id }, writer);
    for (let tries = 0; tries < mergeTries; tries += 1) {
      const observed = await this.observe(strongReader, known);
      const next = this.plan(observed, known);
      if (next.action === 'keep') return;
      if (next.action === 'blocked') throw new Problem(next.problem);
      writer.permit(next);
      await this.write(this.presentIn(observed), principalId, next.widens, writer);
    }
    throw new Problem(this.problem('WI2515', `another run overwrote the assignment’s condition ${mergeTries} times`, 'find the other run and let one of them end first, then run again'));
  }

  /** Writes the union of what is there and what is asked. One that another run made meanwhile is found by the next try. */
  private async write(present: RoleAssignmentState | undefined, principalId: string, widens: boolean, writer: Writer): Promise<void> {
    const { principal, description } = this.wish;
    await writeAssignment(
      this.azure,
      {
        scope: this.registryId,
        name: present === undefined ? this.nameFor(principalId) : lastPart(present.id),
        role: { id: roles[this.repositoryRole], name: this.repositoryRole },
        principal: { id: principalId, name: principal.name, type: principal.type },
        description: present?.description ?? description,
        condition: this.conditionOver(present),
        label: this.label,
        widens,
        ...(present === undefined ? {} : { before: present.condition ?? '' }),
      },
      writer,
    );
  }

  /** The assignment at the registry itself that Azure allows one of. */
  private presentIn(state: RegistryGrantState | undefined): RoleAssignmentState | undefined {
    return state?.held.find(({ scope }) => sameId(scope, this.registryId));
  }

  /** The union of what an assignment allows and what is asked. */
  private conditionOver(present: RoleAssignmentState | undefined): string {
    const wanted: RepositoryCondition = { actions: this.#actions, repositories: this.wish.repositories };
    const parsed = parseCondition(present?.condition ?? '');
    return printCondition(parsed === undefined ? wanted : merge(parsed, wanted));
  }

  /** Named after the repositories that it is made for, see the class. */
  private nameFor(principalId: string): string {
    const repositories = [...this.wish.repositories].map((one) => one.toLowerCase()).sort();
    return uuidOf([this.registryId, roles[this.repositoryRole], principalId, ...repositories].join('|').toLowerCase());
  }

  private isOurs(entry: RoleAssignmentState, principalId: string | typeof unknown): boolean {
    return grantMark(entry.description) !== undefined || (principalId !== unknown && lastPart(entry.id) === this.nameFor(principalId));
  }

  private broader(entry: RoleAssignmentState): string {
    const inherited = sameId(entry.scope, this.registryId) ? '' : `, inherited from ${entry.scope}`;
    if (entry.condition === undefined) return `${inherited}, without a condition and so for every repository: broader than asked`;
    return inherited === '' ? '' : `${inherited}: broader than asked`;
  }

  private problem(code: string, because: string, remedy: string): Problem['parts'] {
    return { code, what: `${this.wish.principal.name} cannot be granted ${this.repositoryRole} on ${this.label} as asked`, because, remedy };
  }
}

/** One field a repository: what is approved is what is added, whatever else the condition allows by then. */
function added(repository: string): FieldChange {
  return { field: `repository ${repository}`, after: 'allowed' };
}

/** Says what has no effect (any more), e.g. since the registry's mode was changed. */
function withIgnored(change: Change, ignored: readonly RoleAssignmentState[], mode: RegistryMode | undefined): Change {
  if (ignored.length === 0 || mode === undefined || change.action === 'blocked') return change;
  const which = ignored.map((entry) => `${roleTitle(entry.role)}, assignment ${lastPart(entry.id)}`).join('; ');
  if (change.action === 'keep') return { ...change, reason: `${change.reason}; without effect in the mode ${mode}: ${which}` };
  return { ...change, fields: [...change.fields, { field: `without effect in the mode ${mode}`, after: which }] };
}
