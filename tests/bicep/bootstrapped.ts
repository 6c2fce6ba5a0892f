import { fileURLToPath } from 'node:url';
import { role } from '../simulators/azure/role-definitions.js';
import type { World } from '../simulators/world/world.js';
import { deploy } from './deploy.js';
import { isList, mapping, text, type Value, type ValueMap } from './values.js';

const main = fileURLToPath(new URL('../../templates/bootstrap/main.bicep', import.meta.url));

/** Deploys templates/bootstrap to a world: its roles are defined and assigned there, conditions included, and act at once. What an earlier deployment made stays. */
export function bootstrap(world: World, parameters: ValueMap, managementGroup: string): void {
  const { resources } = deploy(main, parameters, managementGroup);
  const all = resources.map(({ type, name, scope, body }) => ({ type: type.split('/').at(-1), name, scope, properties: mapping(body.properties ?? null) }));
  for (const { type, name, properties } of all) {
    if (type !== 'roleDefinitions') continue;
    const [permission] = isList(properties.permissions ?? null) ? (properties.permissions as readonly Value[]).map(mapping) : [];
    const lists = ['actions', 'notActions', 'dataActions', 'notDataActions'].map((list) => [list, texts(permission?.[list])] as const);
    world.roles.define(role(name, text(properties.roleName ?? null), Object.fromEntries(lists)));
  }
  for (const { type, name, scope, properties } of all) {
    if (type !== 'roleAssignments' || world.roles.find(name) !== undefined) continue;
    const roleDefinitionId = text(properties.roleDefinitionId ?? null).split('/').at(-1) ?? '';
    const limited = properties.condition === undefined ? {} : { condition: text(properties.condition), conditionVersion: text(properties.conditionVersion ?? null) };
    const given = { principalId: text(properties.principalId ?? null), principalType: text(properties.principalType ?? null) };
    world.roles.add({ name, scope, roleDefinitionId, ...given, ...limited, createdAt: Number.NEGATIVE_INFINITY });
  }
}

function texts(value: Value | undefined): string[] {
  return value !== undefined && isList(value) ? value.map((item) => text(item)) : [];
}
