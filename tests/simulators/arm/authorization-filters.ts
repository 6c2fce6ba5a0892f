import type { RoleDefinition } from '../azure/role-definitions.js';

/** What a list of role assignments is narrowed to. */
export interface AssignmentFilter {
  /** Leaves out assignments below the scope. */
  readonly atScope: boolean;
  /** Lower case. */
  readonly principalId?: string;
}

const literal = "'((?:[^']|'')*)'";
const assignedTo = new RegExp(`^assignedTo\\(${literal}\\)$`, 'i');
const principalIs = new RegExp(`^principalId\\s+eq\\s+${literal}$`, 'i');
const roleNameIs = new RegExp(`^roleName\\s+eq\\s+${literal}$`, 'i');
const typeIs = new RegExp(`^type\\s+eq\\s+${literal}$`, 'i');

/**
 * Reads the `$filter` of a list of role assignments: `atScope()`, `principalId eq '…'`, `assignedTo('…')`, joined by `and`. Groups are
 * not simulated, so the last two mean the same. Source: azure-docs, role-assignments-list-rest.
 * @returns undefined for every other filter.
 */
export function assignmentFilter(text: string): AssignmentFilter | undefined {
  let filter: AssignmentFilter = { atScope: false };
  for (const clause of clauses(text)) {
    const principalId = (assignedTo.exec(clause) ?? principalIs.exec(clause))?.[1]?.toLowerCase();
    if (/^atScope\(\)$/i.test(clause)) filter = { ...filter, atScope: true };
    else if (principalId !== undefined && filter.principalId === undefined) filter = { ...filter, principalId };
    else return undefined;
  }
  return filter;
}

/** Reads the `$filter` of a list of role definitions: `roleName eq '…'`, `type eq '…'`, `atScopeAndBelow()`. Source: azure-docs, role-definitions-list. */
export function definitionFilter(text: string, typeOf: (definition: RoleDefinition) => string): ((definition: RoleDefinition) => boolean) | undefined {
  const tests: ((definition: RoleDefinition) => boolean)[] = [];
  for (const clause of clauses(text)) {
    const name = roleNameIs.exec(clause)?.[1]?.replaceAll("''", "'").toLowerCase();
    const type = typeIs.exec(clause)?.[1]?.toLowerCase();
    if (name !== undefined) tests.push((definition) => definition.name.toLowerCase() === name);
    else if (type !== undefined) tests.push((definition) => typeOf(definition).toLowerCase() === type);
    else if (!/^atScopeAndBelow\(\)$/i.test(clause)) return undefined;
  }
  return (definition) => tests.every((test) => test(definition));
}

function clauses(text: string): string[] {
  return text.trim() === '' ? [] : text.trim().split(/\s+and\s+/i);
}
