import { object, objects, text, texts, type Json } from '../fleet/json.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import type { Reader } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { allows } from './permissions.js';
import { roleIdOf } from './roles.js';

/** One set of rights of a role: what is allowed, without what is taken out again. Wildcards `*` stand for any text. */
export interface RoleRights {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly dataActions: readonly string[];
}

/** A role as Azure defines it at the moment. Wire names: npm @azure/arm-authorization 9.0.0. */
export interface RoleDefinition {
  /** GUID, lower case. */
  readonly id: string;
  readonly name: string;
  /** False for roles that a tenant made itself. */
  readonly builtIn: boolean;
  readonly rights: readonly RoleRights[];
}

/**
 * Reads the definition of a role, by GUID where it is known, else by its name. Once per run, scope and role.
 * @param scope where it is to be assigned: a role can be unknown elsewhere
 * @throws Problem WI2611 for a role that is not known there.
 */
export async function readRole(azure: Azure, reader: Reader, scope: string, role: string): Promise<RoleDefinition> {
  return reader.once(`role ${role.toLowerCase()} at ${scope.toLowerCase()}`, async () => {
    const definitions = `${scope}/providers/Microsoft.Authorization/roleDefinitions`;
    const purpose = { tried: `read the definition of role ${role} at ${scope}`, what: `What role ${role} allows cannot be read` };
    const id = roleIdOf(role);
    if (id !== undefined) {
      const found = await azure.arm.get(`${definitions}/${id}`, apiVersions.roleDefinitions, purpose);
      if (found !== undefined) return definitionOf(found);
    } else {
      const filter = encodeURIComponent(`roleName eq '${role.replaceAll("'", "''")}'`);
      const [found, ...more] = await azure.arm.list(`${definitions}?$filter=${filter}`, apiVersions.roleDefinitions, purpose);
      if (found !== undefined && more.length === 0) return definitionOf(found);
    }
    throw new Problem({ code: 'WI2611', what: `Role ${role} was not found`, tried: purpose.tried, because: 'no role of this name or GUID can be assigned there', remedy: 'correct the name (az role definition list --scope …), or give the GUID of its definition' });
  });
}

/** Every role that can be assigned in a subscription, built in or not, by GUID. Once per run and subscription. */
export function rolesIn(azure: Azure, subscriptionId: string, reader: Reader): Promise<ReadonlyMap<string, RoleDefinition>> {
  const scope = `/subscriptions/${subscriptionId}`;
  return reader.once(`roles of ${scope}`, async () => {
    const purpose = { tried: `list the roles of ${scope}`, what: `What the roles of subscription ${subscriptionId} allow cannot be read` };
    const found = await azure.arm.list(`${scope}/providers/Microsoft.Authorization/roleDefinitions`, apiVersions.roleDefinitions, purpose);
    return new Map(found.map(definitionOf).map((role) => [role.id, role]));
  });
}

function definitionOf(raw: Json): RoleDefinition {
  const properties = object(raw.properties);
  return {
    id: (text(raw.name) ?? text(raw.id)?.split('/').at(-1) ?? '').toLowerCase(),
    name: text(properties.roleName) ?? '',
    builtIn: text(properties.type)?.toLowerCase() === 'builtinrole',
    rights: objects(properties.permissions).map(({ actions, notActions, dataActions }) => ({ actions: texts(actions), notActions: texts(notActions), dataActions: texts(dataActions) })),
  };
}

/** What hands out access: whoever may do it can give himself everything else. Source: azure-docs, elevated access and RBAC best practices. */
const handsOutAccess = ['Microsoft.Authorization/*/write', 'Microsoft.Authorization/*/action'];

/**
 * Why a role is never given to a workload, whatever it is called: it allows everything, or it hands out access. A `notActions` entry
 * counts only when it takes all of that out again.
 * @returns undefined for a role that may be given.
 */
export function dangerOf({ rights }: Pick<RoleDefinition, 'rights'>): string | undefined {
  for (const { actions, notActions, dataActions } of rights) {
    const everything = [...actions, ...dataActions].find((action) => /^\*+(\/\*+)*$/.test(action.trim()));
    if (everything !== undefined) return `it allows everything (${everything})`;
    for (const guarded of handsOutAccess) {
      const handing = actions.find((action) => overlap(action, guarded) && !notActions.some((excluded) => within(guarded, excluded) || within(action, excluded)));
      if (handing !== undefined) return `it can hand out access (${handing})`;
    }
  }
  return undefined;
}

/** The problem of a role that is never given to a workload. */
export function refusedRole({ name, id }: RoleDefinition, danger: string): ProblemParts {
  return {
    code: 'WI2612',
    what: `Role ${name} is not granted to a workload`,
    tried: `look at what role ${name} (${id}) allows`,
    because: danger,
    remedy: 'name a role that allows only what the workload does; this task grants no such role, whoever asks for it',
  };
}

/** True when some text fits both patterns; `*` stands for any text, case does not matter. */
export function overlap(one: string, other: string): boolean {
  const a = one.toLowerCase();
  const b = other.toLowerCase();
  const seen = new Map<number, boolean>();
  const from = (i: number, j: number): boolean => {
    const key = i * (b.length + 1) + j;
    const known = seen.get(key);
    if (known !== undefined) return known;
    const found = matches(i, j);
    seen.set(key, found);
    return found;
  };
  const matches = (i: number, j: number): boolean => {
    if (i === a.length && j === b.length) return true;
    if (a[i] === '*') return from(i + 1, j) || (j < b.length && from(i, j + 1));
    if (b[j] === '*') return from(i, j + 1) || (i < a.length && from(i + 1, j));
    return i < a.length && a[i] === b[j] && from(i + 1, j + 1);
  };
  return from(0, 0);
}

/** True when every text that fits the first pattern certainly fits the second. */
function within(one: string, other: string): boolean {
  return allows({ actions: [other], notActions: [] }, one);
}
