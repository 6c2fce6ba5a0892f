import { lastPart } from '../fleet/arm-id.js';
import { object, objects, text, type Json } from '../fleet/json.js';
import { many } from '../fleet/wording.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { evaluateCondition, type ConditionFacts, type Verdict } from './condition-language.js';
import { allows, rulesOf } from './permissions.js';
import { findingAt, listedAt, unread, type Look, type PlannedRight } from './planned-rights.js';
import { reaches } from './role-assignments.js';

/** A role that carries its condition in its definition, so that its assignments show none. Source: azure-docs, built-in-roles. */
const conditionedRoles = ['8b54135c-b56d-4d72-a534-26097cfdc8d8'];

interface Delegation {
  readonly name: string;
  readonly scope: string;
  readonly roleDefinitionId: string;
  readonly condition?: string;
}

/** Attributes that conditions test of role assignments. Source: azure-docs, conditions-authorization-actions-attributes. */
const attributePrefix = 'Microsoft.Authorization/roleAssignments:';

/**
 * Grants that the principal may not make, or take away, because its own right to do so carries a condition. What an unconditioned assignment gives
 * as well is fine; a condition of a form that is not known here is not judged.
 * @param principal object id of the principal that writes
 */
export async function lookAtDelegations(azure: Azure, rights: readonly PlannedRight[], principal: string): Promise<Look> {
  const grants = rights.filter(({ permission }) => /^Microsoft\.Authorization\/roleAssignments\/(write|delete)$/i.test(permission.action));
  if (grants.length === 0) return { findings: [], open: [] };
  const found = await listedAt(azure, grants.map(({ permission }) => permission.scope), (scope, below) => {
    const filter = encodeURIComponent(`${below ? '' : 'atScope() and '}assignedTo('${principal}')`);
    const purpose = { tried: `read the own role assignments at ${scope}`, what: `The role assignments at ${scope} cannot be read` };
    return azure.arm.list(`${scope}/providers/Microsoft.Authorization/roleAssignments?$filter=${filter}`, apiVersions.roleAssignments, purpose);
  });
  const own = [...found.values()].flatMap((items) => (items ?? []).map(delegation));
  const conditioned = own.some(({ condition, roleDefinitionId }) => condition !== undefined || conditionedRoles.includes(guidOf(roleDefinitionId)));
  const definitions = conditioned ? await definitionsOf(azure, own) : new Map<string, readonly Json[] | undefined>();
  const judged = conditioned ? grants.map((grant) => ({ grant, ...judge(grant, (found.get(grant.permission.scope) ?? []).map(delegation), definitions) })) : [];
  const unsure = judged.filter(({ verdict }) => verdict === undefined).length;
  const findings = judged.flatMap(({ grant: { entry, permission }, verdict, by }) => (verdict !== false || by === undefined ? [] : [findingAt(entry, {
    code: 'WI3131',
    what: `${entry.resource.kind} ${entry.resource.name} cannot be ${/delete$/i.test(permission.action) ? 'removed' : 'written'}`,
    because: `the service connection's principal may only do so under a condition, which does not allow this role or principal: ${by.condition ?? 'that of the role itself'} (assignment ${by.name} at ${by.scope})`,
    remedy: 'have the role added to that condition, see docs/permissions.md, or have somebody else make this grant',
  })]));
  return { findings, open: [...unread('conditions of the own roles', found), ...(unsure === 0 ? [] : [`the condition of the own role, for ${many(unsure, 'grant')}`])] };
}

/** False when every assignment that gives the action does so under a condition that does not hold; with the first of them. */
function judge({ permission, content }: PlannedRight, own: readonly Delegation[], definitions: ReadonlyMap<string, readonly Json[] | undefined>): { verdict: Verdict; by?: Delegation } {
  const { action, scope } = permission;
  const facts = factsOf(action, content);
  const verdicts: Verdict[] = [];
  const refusing: Delegation[] = [];
  for (const one of own.filter((entry) => reaches(entry, scope))) {
    const permissions = definitions.get(guidOf(one.roleDefinitionId));
    if (permissions === undefined) verdicts.push(undefined);
    for (const part of permissions ?? []) {
      if (!rulesOf([part]).some((rule) => allows(rule, action))) continue;
      const conditions = [one.condition, text(part.condition)].filter((condition) => condition !== undefined);
      const held = conditions.map((condition) => (facts === undefined ? undefined : evaluateCondition(condition, facts)));
      const verdict = held.includes(false) ? false : held.includes(undefined) ? undefined : true;
      verdicts.push(verdict);
      if (verdict === false) refusing.push(one);
    }
  }
  const [by] = refusing;
  // No assignment that gives the action: that is a missing right, and no matter of conditions.
  const verdict = verdicts.includes(true) || verdicts.length === 0 ? true : verdicts.includes(undefined) ? undefined : false;
  return { verdict, ...(by === undefined ? {} : { by }) };
}

/** What conditions may test; undefined for a change that does not tell its content. */
function factsOf(action: string, content: PlannedRight['content']): ConditionFacts | undefined {
  if (content === undefined) return undefined;
  const properties = object(content.body.properties);
  const given = { RoleDefinitionId: text(properties.roleDefinitionId)?.split('/').at(-1), PrincipalId: text(properties.principalId), PrincipalType: text(properties.principalType) };
  const attributes = Object.fromEntries(Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[`${attributePrefix}${name}`, value]])));
  const pending = (content.pending ?? []).map((field) => `${attributePrefix}${lastPart(field)}`);
  const deletes = /\/delete$/i.test(action);
  return { action, request: deletes ? {} : attributes, resource: deletes ? attributes : {}, pending };
}

/** What the roles of these assignments permit, by GUID; undefined for those that cannot be read. */
async function definitionsOf(azure: Azure, own: readonly Delegation[]): Promise<Map<string, readonly Json[] | undefined>> {
  const wanted = new Map(own.map(({ roleDefinitionId }) => [guidOf(roleDefinitionId), roleDefinitionId]));
  const read = async (guid: string, id: string): Promise<readonly [string, readonly Json[] | undefined]> => {
    const purpose = { tried: `read role definition ${guid}`, what: `Role definition ${guid} cannot be read` };
    try {
      const definition = await azure.arm.get(id, apiVersions.roleDefinitions, purpose);
      return [guid, definition === undefined ? undefined : objects(object(definition.properties).permissions)];
    } catch {
      azure.signal.throwIfAborted();
      return [guid, undefined];
    }
  };
  return new Map(await Promise.all([...wanted].map(([guid, id]) => read(guid, id))));
}

function delegation(item: Json): Delegation {
  const { scope, roleDefinitionId, condition } = object(item.properties);
  const given = text(condition);
  return { name: text(item.name) ?? '', scope: text(scope) ?? '', roleDefinitionId: text(roleDefinitionId) ?? '', ...(given === undefined ? {} : { condition: given }) };
}

function guidOf(roleDefinitionId: string): string {
  return lastPart(roleDefinitionId).toLowerCase();
}
