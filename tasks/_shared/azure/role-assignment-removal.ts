import { grantMark } from '../fleet/marks.js';
import { Removal, type RemovalInputs, type RemovalPlace, type RemovalState } from '../reconcile/removal.js';
import type { Change, Content, Permission, Reader, Writer } from '../reconcile/resource.js';
import { strongReader } from '../reconcile/plan.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { azureProblem } from './errors.js';
import { getAssignment, type RoleAssignmentState } from './role-assignments.js';
import { roleTitle } from './roles.js';

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
   * @param stays why it has to stay after all, in a clause; absent when it goes
   */
  constructor(
    private readonly azure: Azure,
    private readonly found: RoleAssignmentState,
    private readonly because: string,
    place: Omit<RemovalPlace, 'key' | 'name' | 'lane'>,
    private readonly stays?: string,
  ) {
    super({ ...place, key: grantRemovalKey(found), name: grantTitle(found) });
    this.#name = nameOf(found);
  }

  async observe(_reader: Reader): Promise<FoundAssignment> {
    const assignment = await getAssignment(this.azure, this.found.scope, this.#name);
    if (assignment === undefined) return { present: false };
    return { present: true, assignment, ...(this.stays === undefined ? {} : { stays: this.stays }) };
  }

  protected reason({ assignment }: FoundAssignment): string {
    const mark = grantMark(assignment?.description);
    const made = mark === undefined ? '' : `; made for ${mark.workload} by ${mark.run}`;
    return `${this.because} (assignment ${this.#name}${made})`;
  }

  permissions(_change: Change): Permission[] {
    return [{ plane: 'azure', action: 'Microsoft.Authorization/roleAssignments/delete', scope: this.found.scope }];
  }

  /** What conditions on the right to remove may test. */
  content(): Content {
    const { id, role, principalId, principalType } = this.found;
    return { id, apiVersion: apiVersions.roleAssignments, body: { properties: { roleDefinitionId: role, principalId, principalType } } };
  }

  async apply(_change: Change, _known: RemovalInputs, writer: Writer): Promise<void> {
    const { assignment } = await this.observe(strongReader);
    if (assignment === undefined) return;
    const intent = { action: 'delete', object: assignment.id, before: `${roleTitle(assignment.role)} for ${assignment.principalId}`, widens: false };
    const client = (await this.azure.authorization()).roleAssignments;
    try {
      await writer.write(intent, () => client.delete(this.found.scope.replace(/^\//, ''), this.#name, { abortSignal: writer.signal }));
    } catch (error) {
      throw azureProblem(`delete role assignment ${this.#name} at ${this.found.scope}`, `The grant ${this.name} was not removed`, error);
    }
  }
}

/** The key of the removal of an assignment. */
export function grantRemovalKey({ id }: Pick<RoleAssignmentState, 'id'>): string {
  return `removal of grant ${id.toLowerCase()}`;
}

/** `Key Vault Secrets User on secret orders-db of vault kv-contoso` */
export function grantTitle({ role, scope }: Pick<RoleAssignmentState, 'role' | 'scope'>): string {
  const last = scope.split('/').filter((part) => part !== '');
  const place = /\/secrets\/[^/]+$/i.test(scope) ? `${last.at(-3) ?? ''} / secrets / ${last.at(-1) ?? ''}` : (last.at(-1) ?? 'the tenant');
  return `${roleTitle(role)} on ${place}`;
}

function nameOf({ id }: Pick<RoleAssignmentState, 'id'>): string {
  return id.split('/').at(-1) ?? '';
}
