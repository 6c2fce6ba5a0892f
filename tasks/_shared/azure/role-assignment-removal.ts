import { lastPart } from '../fleet/arm-id.js';
import { grantMark } from '../fleet/marks.js';
import { Removal, type RemovalInputs, type RemovalPlace, type RemovalState } from '../reconcile/removal.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import { keep, type Change, type Content, type Permission, type Writer, type WritingChange } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import { rightAt, type Azure } from './azure.js';
import { azureProblem } from './errors.js';
import { scopePath } from './http.js';
import { getAssignment, type RoleAssignmentState } from './role-assignments.js';
import { conditionVersion, parseCondition, shrink } from './repository-conditions.js';
import { writeAssignment, type PrincipalType } from './role-assignment-write.js';
import { roleDefinitionId, roleTitle } from './roles.js';

/** What of an assignment goes, where its condition limits it to repositories. */
export interface RepositoryLimits {
  /** Those that go, as they were granted; all of them when none is named. */
  readonly repositories: readonly string[];
  readonly principalType: PrincipalType;
}

/** The assignment as it was found. */
export interface FoundAssignment extends RemovalState {
  readonly assignment?: RoleAssignmentState;
}

/** A role assignment that shall not be there any more. */
export class RoleAssignmentRemoval extends Removal<FoundAssignment> {
  readonly kind = 'grant';
  readonly #name: string;

  /**
   * @param azure that may write there
   * @param found the assignment as a list showed it; read again before it is removed
   * @param because why it goes, in a clause
   * @param limits for a role that is limited to repositories; absent: the assignment goes as a whole
   * @param stays why it has to stay after all, in a clause; absent when it goes
   */
  constructor(
    private readonly azure: Azure,
    private readonly found: RoleAssignmentState,
    private readonly because: string,
    place: Omit<RemovalPlace, 'key' | 'name' | 'lane'>,
    private readonly stays?: string,
    private readonly limits?: RepositoryLimits,
  ) {
    super({ ...place, key: grantRemovalKey(found), name: grantTitle(found) });
    this.#name = lastPart(found.id);
  }

  async observe(): Promise<FoundAssignment> {
    const assignment = await getAssignment(this.azure, this.found.scope, this.#name);
    if (assignment === undefined) return { present: false };
    const unread = this.limits !== undefined && this.limits.repositories.length > 0 && assignment.condition !== undefined && this.#shrunk(assignment) === undefined;
    return { present: true, assignment, ...(this.stays === undefined ? {} : { stays: this.stays }), ...(unread ? { left: [this.#unread(assignment.condition ?? '')] } : {}) };
  }

  #unread(condition: string): ProblemParts {
    return {
      code: 'WI2317',
      what: `Grant ${this.name} keeps its repositories`,
      because: `the condition of assignment ${this.#name} is not in a form that this task writes: ${condition}`,
      remedy: 'take the repositories out of that condition by hand, or remove the assignment; this task changes no condition that it cannot read',
    };
  }

  protected reason({ assignment }: FoundAssignment): string {
    const mark = grantMark(assignment?.description);
    const made = mark === undefined ? '' : `; made for ${mark.workload} by ${mark.run}`;
    return `${this.because} (assignment ${this.#name}${made})`;
  }

  permissions(change: Change): Permission[] {
    return [rightAt(this.azure, `Microsoft.Authorization/roleAssignments/${change.action === 'update' ? 'write' : 'delete'}`, this.found.scope)];
  }

  reads(): Permission[] {
    return [rightAt(this.azure, 'Microsoft.Authorization/roleAssignments/read', this.found.scope)];
  }

  /** What goes, or what becomes of it: conditions on the rights of whoever removes it look at its role and its principal. */
  content(change: WritingChange, observed: FoundAssignment | undefined): Content | undefined {
    const assignment = observed?.assignment;
    if (assignment === undefined) return undefined;
    const { role, principalId, description = '' } = assignment;
    const properties = { roleDefinitionId: roleDefinitionId(this.found.scope, role), principalId, principalType: this.limits?.principalType ?? 'ServicePrincipal', description };
    const left = change.action === 'update' ? this.#shrunk(assignment)?.condition : undefined;
    return { id: assignment.id, apiVersion: apiVersions.roleAssignments, body: { properties: { ...properties, ...(left === undefined ? {} : { condition: left, conditionVersion }) } } };
  }

  /** Where the role is limited to repositories, only those of the run go; the assignment goes with the last of them. */
  override plan(observed: FoundAssignment | undefined): Change {
    const assignment = observed?.assignment;
    if (assignment?.condition === undefined || observed?.stays !== undefined || this.limits === undefined || this.limits.repositories.length === 0) return super.plan(observed);
    const shrunk = this.#shrunk(assignment);
    if (shrunk === undefined) return keep('stays: its condition cannot be read');
    if (shrunk.condition === undefined) return super.plan(observed);
    const [before, after] = [assignment.condition, shrunk.condition].map((condition) => parseCondition(condition)?.repositories.join(', ') ?? '');
    if (before === after) return keep(`stays: it is for ${before ?? 'other repositories'}, and for none of this run`);
    return { action: 'update', reason: `${this.reason(observed ?? { present: true })}; others stay`, fields: [{ field: 'repositories', ...(before === undefined ? {} : { before }), after: after ?? '' }], widens: false };
  }

  /** Azure changes no assignment of a principal that is gone; it removes it, though. */
  #unwritable(parts: ProblemParts): Problem {
    const remedy = 'if that principal is gone, run again without the input repositories: the assignment goes as a whole then, and nobody loses anything by it';
    return new Problem({ ...parts, what: `The grant ${this.name} keeps its repositories`, remedy });
  }

  #shrunk({ condition = '' }: RoleAssignmentState): { readonly condition?: string } | undefined {
    return shrink(condition, this.limits?.repositories ?? []);
  }

  async apply(_change: Change, _known: RemovalInputs, writer: Writer): Promise<void> {
    const observed = await this.observe();
    const { assignment } = observed;
    const change = this.plan(observed);
    if (assignment === undefined || change.action === 'keep') return;
    writer.permit(change);
    if (change.action === 'update') return this.#shrink(assignment, writer);
    const intent = { action: 'delete', object: assignment.id, before: `${roleTitle(assignment.role)} for ${assignment.principalId}`, widens: false };
    const client = (await this.azure.authorization()).roleAssignments;
    try {
      await writer.write(intent, () => client.delete(scopePath(this.found.scope), this.#name, { abortSignal: writer.signal }));
    } catch (error) {
      throw azureProblem(`delete role assignment ${this.#name} at ${this.found.scope}`, `The grant ${this.name} was not removed`, error);
    }
  }

  async #shrink(assignment: RoleAssignmentState, writer: Writer): Promise<void> {
    const { role, principalId, description = '', condition = '' } = assignment;
    const left = this.#shrunk(assignment)?.condition;
    if (left === undefined) return;
    const write = writeAssignment(this.azure, {
      scope: this.found.scope,
      name: this.#name,
      role: { id: role, name: roleTitle(role) },
      principal: { id: principalId, name: grantMark(description)?.workload ?? principalId, type: this.limits?.principalType ?? 'ServicePrincipal' },
      description,
      condition: left,
      label: grantPlace(this.found.scope),
      before: condition,
      widens: false,
    }, writer);
    await write.catch((error: unknown) => {
      throw error instanceof Problem && error.parts.serviceCode === 'PrincipalNotFound' ? this.#unwritable(error.parts) : error;
    });
  }
}

/** The key of the removal of an assignment. */
export function grantRemovalKey({ id }: Pick<RoleAssignmentState, 'id'>): string {
  return `removal of grant ${id.toLowerCase()}`;
}

/** `Key Vault Secrets User on secret orders-db of vault kv-contoso` */
export function grantTitle({ role, scope }: Pick<RoleAssignmentState, 'role' | 'scope'>): string {
  return `${roleTitle(role)} on ${grantPlace(scope)}`;
}

function grantPlace(scope: string): string {
  const last = scope.split('/').filter((part) => part !== '');
  return /\/secrets\/[^/]+$/i.test(scope) ? `${last.at(-3) ?? ''} / secrets / ${last.at(-1) ?? ''}` : (last.at(-1) ?? 'the tenant');
}
