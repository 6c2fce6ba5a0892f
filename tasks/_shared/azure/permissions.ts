import type { Permission } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { actionMatches } from './condition-language.js';
import { objects, texts } from '../fleet/json.js';

/** Actions that are given, or denied, and those left out of them again. Both may hold wildcards. */
export interface Rule {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
}

/**
 * Which of these Azure actions the service connection's principal lacks: one request per scope.
 * A scope whose permissions cannot be read is left to the write itself; conditions on the principal's own assignments, deny
 * assignments and locks are looked at by the guards. Source: azure-docs, permissions - list for resource.
 */
export async function missingActions(azure: Azure, permissions: readonly Permission[]): Promise<Permission[]> {
  const scopes = [...new Set(permissions.map(({ scope }) => scope))];
  const rules = new Map(await Promise.all(scopes.map(async (scope) => [scope, await rulesAt(azure, scope)] as const)));
  return permissions.filter(({ scope, action }) => {
    const known = rules.get(scope);
    return known !== undefined && !known.some((rule) => allows(rule, action));
  });
}

async function rulesAt(azure: Azure, scope: string): Promise<Rule[] | undefined> {
  const purpose = { tried: `read the permissions at ${scope}`, what: `The permissions at ${scope} cannot be read` };
  try {
    const items = await azure.arm.list(`${scope}/providers/Microsoft.Authorization/permissions`, apiVersions.permissions, purpose);
    return rulesOf(items);
  } catch {
    azure.signal.throwIfAborted();
    return undefined;
  }
}

/** True when one role's rule allows an action: named or matched by a wildcard, and not taken out again. */
export function allows(rule: Rule, action: string): boolean {
  const matches = (pattern: string): boolean => actionMatches(pattern, action);
  return rule.actions.some(matches) && !rule.notActions.some(matches);
}

/** The rules of a role definition, or of what else lists permissions. */
export function rulesOf(permissions: unknown): Rule[] {
  return objects(permissions).map((item) => ({ actions: texts(item.actions), notActions: texts(item.notActions) }));
}
