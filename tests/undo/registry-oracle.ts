import type { RoleAssignment } from '../simulators/azure/roles.js';
import { group, identityId, type Rig } from '../unit/azure/azure-world.js';
import { rolesOf, unreadable } from './registry-plant.js';
import type { RegistryScenario } from './registry-scenario.js';

/** A role assignment whose condition, where it is ours, is taken apart: a task may write it on one line or on many. */
export interface Grant extends Omit<RoleAssignment, 'createdAt' | 'condition'> {
  readonly actions?: readonly string[];
  readonly repositories?: readonly string[];
  readonly condition?: string;
}

/** Every assignment of the group and the registry, in the order of their names. */
export function grantsIn({ world }: Rig): Grant[] {
  const here = world.roles.assignments().filter(({ scope }) => scope.toLowerCase().startsWith(group.toLowerCase()));
  return here.map(grant).sort((one, other) => (one.name < other.name ? -1 : 1));
}

function grant({ name, scope, principalId, principalType, roleDefinitionId, description, conditionVersion, condition }: RoleAssignment): Grant {
  const entry = { name, scope, principalId, principalType, roleDefinitionId, ...(description === undefined ? {} : { description }), ...(conditionVersion === undefined ? {} : { conditionVersion }) };
  if (condition === undefined) return entry;
  if (!isOurs(entry) || condition === unreadable) return { ...entry, condition };
  const actions = [...condition.matchAll(/ActionMatches\{'([^']+)'\}/g)].map(([, action = '']) => action);
  const repositories = [...condition.matchAll(/String(Equals|StartsWith)IgnoreCase '([^']+)'/g)].map(([, how, name = '']) => (how === 'Equals' ? name : `${name}*`));
  return { ...entry, actions, repositories };
}

/** Why a run cannot grant everything; empty when it can. */
export function hindrances({ identities }: RegistryScenario): string[] {
  return [...identities].flatMap(([name, { held, inherited }]) => {
    const blocks = held.endsWith('unreadable') || held === 'foreign elsewhere';
    return blocks && inherited !== 'unconditioned' ? [`${name}: ${held}`] : [];
  });
}

/** Somebody else's assignments as they are stored, to the letter and with the time when they were made. */
export function foreignGrants({ world }: Rig): readonly RoleAssignment[] {
  return world.roles.assignments().filter((entry) => !isOurs(entry));
}

/** Names that stand for repositories, beside those that a run may ask for. */
const samples = ['orders/api', 'backend/api', 'backend/never-seen', 'web', 'billing/api', 'strangers/own'];

/** What the identities may do with which repository, as the simulated Azure evaluates roles and conditions. */
export function reach(rig: Rig, registry: string, scenario: RegistryScenario): ReadonlySet<string> {
  const { actions = [], dataActions = [] } = rig.world.roles.definitions().find(({ id }) => id === rolesOf(scenario)[0]) ?? {};
  const asked = [...actions.map((action) => ({ action, data: false })), ...dataActions.map((action) => ({ action, data: true }))];
  return new Set([...scenario.identities.keys()].flatMap((name) => {
    const objectId = rig.world.arm.identities.find(name).principalId;
    return samples.flatMap((sample) => {
      const attributes = { 'Microsoft.ContainerRegistry/registries/repositories:name': sample };
      return asked.filter((question) => rig.world.roles.allows({ ...question, objectId, scope: registry, attributes })).map(({ action }) => `${name} ${sample} ${action}`);
    });
  }));
}

/** What a run has to reach: the role's actions on its repositories, on all of them where roles know none. */
export function wanted(rig: Rig, scenario: RegistryScenario, repositories = scenario.repositories): string[] {
  const { actions = [], dataActions = [] } = rig.world.roles.definitions().find(({ id }) => id === rolesOf(scenario)[0]) ?? {};
  const covered = samples.filter((sample) => scenario.mode === 'LegacyRegistryPermissions' || repositories.some((one) => (one.endsWith('*') ? sample.startsWith(one.slice(0, -1)) : sample === one)));
  return [...scenario.identities.keys()].flatMap((name) => covered.flatMap((sample) => [...actions, ...dataActions].map((action) => `${name} ${sample} ${action}`)));
}

/** Assignments of which repositories were lost that somebody had been granted: none may be. */
export function lost(before: readonly Grant[], now: readonly Grant[]): string[] {
  return before.flatMap(({ name, repositories = [] }) => {
    const after = now.find((entry) => entry.name === name)?.repositories ?? [];
    return repositories.filter((one) => !after.includes(one)).map((one) => `${name}: ${one}`);
  });
}

/** What is left of the assignments after a run took its repositories back. */
export function grantsLeft(scenario: RegistryScenario, made: readonly Grant[], rig: Rig): Grant[] {
  return made.flatMap((entry) => {
    if (entry.scope === group || !isOurs(entry) || !rolesOf(scenario).includes(entry.roleDefinitionId)) return [entry];
    const owner = [...scenario.identities].find(([name]) => (entry.description ?? '').includes(` | ${identityId(name)} | `));
    if (owner === undefined || owner[1].served || entry.condition !== undefined) return [entry];
    // Nobody can use what a principal has that is gone: it goes as a whole, and Azure would not let it be written again either.
    const orphaned = entry.principalId !== rig.world.arm.identities.find(owner[0]).principalId;
    const repositories = orphaned ? [] : (entry.repositories ?? []).filter((one) => !scenario.repositories.includes(one));
    return repositories.length === 0 ? [] : [{ ...entry, repositories }];
  });
}

/** True when something stays that people have to be told of: somebody else's, or ours that cannot be read. */
export function tellsOfLeft(scenario: RegistryScenario): boolean {
  return [...scenario.identities.values()].some(({ held, beside }) => held.startsWith('foreign') || held === 'ours unreadable' || beside === 'other mode, foreign');
}

function isOurs({ description = '' }: Pick<RoleAssignment, 'description'>): boolean {
  return description.startsWith('aks-workload-identity |');
}
