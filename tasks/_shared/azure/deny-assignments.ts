import { isWithin, sameId } from '../fleet/arm-id.js';
import { object, objects, text, type Json } from '../fleet/json.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import type { Verdict } from './condition-language.js';
import { allows, rulesOf } from './permissions.js';
import { findingAt, listedAt, unread, type Look, type PlannedRight } from './planned-rights.js';

/** Everybody, as deny assignments name it. Source: azure-docs, deny-assignments. */
const everybody = '00000000-0000-0000-0000-000000000000';

/**
 * Deny assignments that stand against the plan's writes, whatever roles allow. One with a condition, or for a group that the principal may be in, is not
 * judged. Source: azure-docs, deny-assignments; npm @azure/arm-authorization 9.0.0.
 * @param principal object id of the principal that writes
 */
export async function lookAtDenials(azure: Azure, rights: readonly PlannedRight[], principal: string): Promise<Look> {
  const found = await listedAt(azure, rights.map(({ permission }) => permission.scope), (scope, below) => {
    const path = `${scope}/providers/Microsoft.Authorization/denyAssignments${below ? '' : '?$filter=atScope()'}`;
    return azure.arm.list(path, apiVersions.denyAssignments, { tried: `read the deny assignments at ${scope}`, what: `The deny assignments at ${scope} cannot be read` });
  });
  const unsure = new Set<string>();
  const findings = rights.flatMap(({ entry, permission: { scope, action } }) => {
    const denials = (found.get(scope) ?? []).map((item) => ({ name: text(object(item.properties).denyAssignmentName) ?? text(item.name) ?? '', properties: object(item.properties) }));
    const judged = denials.map(({ name, properties }) => ({ name, properties, verdict: denies(properties, { scope, action, principal }) }));
    for (const { name, verdict } of judged) if (verdict === undefined) unsure.add(name);
    const denial = judged.find(({ verdict }) => verdict === true);
    if (denial === undefined) return [];
    return [findingAt(entry, {
      code: 'WI3132',
      what: `${entry.resource.kind} ${entry.resource.name} cannot be written`,
      because: `deny assignment ${denial.name} at ${text(denial.properties.scope) ?? scope} denies ${action}, whatever roles the service connection's principal has`,
      remedy: 'ask whoever runs the managed application or deployment stack that made it to leave this principal out of it; a role does not help',
    })];
  });
  return { findings, open: [...unread('deny assignments', found), ...[...unsure].map((name) => `deny assignment ${name}`)] };
}

function denies(properties: Json, { scope, action, principal }: { readonly scope: string; readonly action: string; readonly principal: string }): Verdict {
  const place = text(properties.scope) ?? '';
  const applies = properties.doNotApplyToChildScopes === true ? sameId(place, scope) : isWithin(scope, place) || /^\/providers\/Microsoft\.Management\//i.test(place) || place === '/';
  if (!applies || !rulesOf(properties.permissions).some((rule) => allows(rule, action))) return false;
  const excluded = names(properties.excludePrincipals, principal);
  const named = names(properties.principals, principal);
  if (named === false || excluded === true) return false;
  return named === undefined || excluded === undefined || text(properties.condition) !== undefined ? undefined : true;
}

/** Whether principals name this one; undefined when a group among them may hold it. */
function names(principals: unknown, principal: string): Verdict {
  const all = objects(principals).map(({ id, type }) => ({ id: text(id)?.toLowerCase(), type: text(type)?.toLowerCase() }));
  if (all.some(({ id }) => id === everybody || id === principal.toLowerCase())) return true;
  return all.some(({ type }) => type === 'group') ? undefined : false;
}
