import { conditionedActions, missingRepositories, parseCondition, type RepositoryRole } from './repository-conditions.js';
import { reaches, type RoleAssignmentState } from './role-assignments.js';
import { roles } from './roles.js';

/** The roles that the task grants, in the words of registries that know no repositories. */
export const registryRoles = ['AcrPull', 'AcrPush', 'AcrDelete'] as const;
export type RegistryRole = (typeof registryRoles)[number];

/**
 * How a registry decides who may do what: by roles on the registry as a whole, or by roles whose conditions name repositories.
 * The latter ignores the former. Source: registry docs, ABAC repository permissions.
 */
export type RegistryMode = 'LegacyRegistryPermissions' | 'AbacRepositoryPermissions';

/** The role that gives the same where conditions name repositories. Contributor reads, writes and deletes. */
export const repositoryRoleOf: Readonly<Record<RegistryRole, RepositoryRole>> = {
  AcrPull: 'Container Registry Repository Reader',
  AcrPush: 'Container Registry Repository Writer',
  AcrDelete: 'Container Registry Repository Contributor',
};

/** What a role lets its holder do beside what was asked for, where conditions name repositories: Azure has no role there that only deletes. */
export const widerAs: Readonly<Partial<Record<RegistryRole, string>>> = {
  AcrDelete: 'Azure has no role there that only deletes: it may pull and push as well',
};

interface Uses {
  /** Actions of the registry's tokens that the role gives. */
  readonly may: readonly string[];
  /** One that it does not give. */
  readonly mayNot: string;
  /** GUIDs of the roles that give at least the same. */
  readonly givenBy: readonly string[];
}

/** Source: Azure/acr, AAD-OAuth (actions of tokens); azure-docs, built-in roles (AcrDelete may neither pull nor push). */
const legacyUses: Readonly<Record<RegistryRole, Uses>> = {
  AcrPull: { may: ['pull'], mayNot: 'push', givenBy: [roles.AcrPull, roles.AcrPush] },
  AcrPush: { may: ['pull', 'push'], mayNot: 'delete', givenBy: [roles.AcrPush] },
  AcrDelete: { may: ['delete'], mayNot: 'push', givenBy: [roles.AcrDelete] },
};
const repositoryRoles = { reader: roles['Container Registry Repository Reader'], writer: roles['Container Registry Repository Writer'], contributor: roles['Container Registry Repository Contributor'] };
const abacUses: Readonly<Record<RegistryRole, Omit<Uses, 'mayNot'>>> = {
  AcrPull: { may: ['pull'], givenBy: [repositoryRoles.reader, repositoryRoles.writer, repositoryRoles.contributor] },
  AcrPush: { may: ['pull', 'push'], givenBy: [repositoryRoles.writer, repositoryRoles.contributor] },
  AcrDelete: { may: ['pull', 'push', 'delete'], givenBy: [repositoryRoles.contributor] },
};

/** General roles that may push to and delete from registries of the legacy mode. Source: registry docs, roles and permissions. */
const generalRoles = ['8e3af657-a8ff-443c-a75c-2fe8c4bcb635', 'b24988ac-6180-42a0-ab88-20f7382dd24c'];
/** Roles that give an action that a weaker one does not, beside the general ones. */
const stronger: Readonly<Record<string, readonly string[]>> = { push: [roles.AcrPush], delete: [roles.AcrDelete] };

/** The actions of tokens that a role gives in a mode. */
export function tokenActions(mode: RegistryMode, role: RegistryRole): readonly string[] {
  return (mode === 'LegacyRegistryPermissions' ? legacyUses : abacUses)[role].may;
}

/** True for an assignment that gives a principal what a role means in a mode, on all of these repositories. */
export function givesOn(mode: RegistryMode, role: RegistryRole, repositories: readonly string[], registryId: string, entry: RoleAssignmentState): boolean {
  if (!reaches(entry, registryId)) return false;
  if (mode === 'LegacyRegistryPermissions') return entry.condition === undefined && legacyUses[role].givenBy.includes(entry.role);
  return abacUses[role].givenBy.includes(entry.role) && allowsAll(entry, repositoryRoleOf[role], repositories);
}

/** True when the condition of an assignment, if it has one, allows a repository role's actions on all of these repositories. */
export function allowsAll({ condition }: Pick<RoleAssignmentState, 'condition'>, role: RepositoryRole, repositories: readonly string[]): boolean {
  if (condition === undefined) return true;
  const parsed = parseCondition(condition);
  if (parsed === undefined) return false;
  const restricted = conditionedActions[role].some((action) => parsed.actions.some((one) => one.toLowerCase() === action.toLowerCase()));
  return !restricted || missingRepositories(parsed, repositories).length === 0;
}

/** What must not be possible after a grant, and how messages call it. */
export interface Forbidden {
  readonly repository: string;
  readonly actions: readonly string[];
}

/**
 * What a grant does not give: in the legacy mode an action that the role does not have, where repositories count one of those that were not granted.
 * @param stranger a repository that nobody has
 */
export function notGranted(mode: RegistryMode, role: RegistryRole, repository: string, stranger: string): Forbidden {
  return mode === 'LegacyRegistryPermissions' ? { repository, actions: [legacyUses[role].mayNot] } : { repository: stranger, actions: abacUses[role].may };
}

/** True for an assignment that may explain why what this grant does not give is possible all the same: another grant, which is known. */
export function explains(mode: RegistryMode, { repository, actions }: Forbidden, registryId: string, entry: RoleAssignmentState): boolean {
  if (!reaches(entry, registryId)) return false;
  if (mode === 'LegacyRegistryPermissions') return actions.some((action) => [...generalRoles, ...(stronger[action] ?? [])].includes(entry.role));
  const role = Object.values(repositoryRoleOf).find((name) => roles[name] === entry.role);
  if (role === undefined) return false;
  const readable = entry.condition === undefined || parseCondition(entry.condition) !== undefined;
  return !readable || allowsAll(entry, role, [repository]);
}
