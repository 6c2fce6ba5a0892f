import type { AllowRule } from '../../tasks/_shared/fleet/boundary-policy.js';

/** A condition of Azure Policy's language. Source: Azure Policy docs, definition structure: policy rule. */
export type Condition =
  | { readonly allOf: readonly Condition[] }
  | { readonly anyOf: readonly Condition[] }
  | { readonly not: Condition }
  | ({ readonly field: string } & Comparison)
  | ({ readonly value: string } & Comparison);

type Comparison =
  | { readonly equals: string | boolean }
  | { readonly in: string | readonly string[] }
  | { readonly like: string }
  | { readonly notLike: string }
  | { readonly less: string };

/** The rule of a policy definition. */
export interface PolicyRule {
  readonly if: Condition;
  readonly then: { readonly effect: string };
}

/** A rule of the boundary policy with the parameter that holds its side `from`, or the one principal that it is for. */
export type ListedRule = AllowRule & ({ readonly list: string } | { readonly principal: string });

const credentialType = 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials';
const assignmentType = 'Microsoft.Authorization/roleAssignments';
/**
 * Aliases. Source: the built-in definitions of the category Managed Identity and Azure Policy docs, built-in policies; the alias
 * roleAssignments/scope is left alone, since it is reported never to match.
 */
const issuer = `${credentialType}/issuer`;
const principalId = `${assignmentType}/principalId`;
const principalType = `${assignmentType}/principalType`;
const role = `[last(split(field('${assignmentType}/roleDefinitionId'), '/'))]`;

/**
 * Denies a federated credential whose issuer is neither in the list of the boundary nor let in by a rule.
 * @param own parameter with the issuers of the boundary
 */
export function credentialRule(own: string, rules: readonly (AllowRule & { readonly list: string })[]): PolicyRule {
  const allowed = rules.map((rule) => every([{ field: issuer, in: parameter(rule.list) }, ...validity(rule), ...where(rule, '/federatedIdentityCredentials/')]));
  return denying({ field: 'type', equals: credentialType }, [{ field: issuer, in: parameter(own) }, { field: issuer, in: parameter('otherIssuers') }, ...allowed]);
}

/**
 * Denies the assignment of a watched role to a service principal that is neither in the list of the boundary nor let in by a rule. Portals leave the type of
 * the principal out, so that only a type that is no service principal is left alone. Source: Azure Policy docs, known issues.
 * @param own parameter with the principals of the boundary
 */
export function grantRule(own: string, rules: readonly ListedRule[]): PolicyRule {
  const allowed = rules.map((rule) => {
    const principal: Condition = 'list' in rule ? { field: principalId, in: parameter(rule.list) } : { field: principalId, equals: rule.principal };
    const resources = where(rule, '/providers/Microsoft.Authorization/roleAssignments/').map((condition): Condition => ({ anyOf: [{ value: parameter('checkResources'), equals: false }, condition] }));
    return every([principal, { value: role, in: rule.roles }, ...validity(rule), ...resources]);
  });
  const judged = every([
    { field: 'type', equals: assignmentType },
    { value: role, in: parameter('roles') },
    { not: { field: principalType, in: ['User', 'Group', 'ForeignGroup', 'Device'] } },
  ]);
  return denying(judged, [{ field: principalId, in: parameter(own) }, { field: principalId, in: parameter('otherPrincipals') }, ...allowed]);
}

function denying(judged: Condition, allowed: readonly Condition[]): PolicyRule {
  const conditions = 'allOf' in judged ? judged.allOf : [judged];
  return { if: every([...conditions, { not: { anyOf: allowed } }]), then: { effect: parameter('effect') } };
}

/** A rule holds to the end of its last day, in UTC. */
function validity({ until }: AllowRule): Condition[] {
  if (until === undefined) return [];
  const next = new Date(`${until}T00:00:00Z`);
  next.setUTCDate(next.getUTCDate() + 1);
  return [{ value: '[utcNow()]', less: next.toISOString() }];
}

/**
 * Where a rule that names resources holds. The id of what is written is that of the resource and something more. An id stands for itself alone; one that ends in
 * a slash and an asterisk for what lies below it, and not for itself.
 * @param own what follows the id of the resource in the id of what is written
 */
function where({ resources }: AllowRule, own: string): Condition[] {
  if (resources === undefined) return [];
  return [{ anyOf: resources.map((resource): Condition => (resource.endsWith('/*') ? every([{ field: 'id', like: resource }, { field: 'id', notLike: `${resource.slice(0, -2)}${own}*` }]) : { field: 'id', like: `${resource}${own}*` })) }];
}

function every(conditions: readonly Condition[]): Condition {
  return { allOf: conditions };
}

function parameter(name: string): string {
  return `[parameters('${name}')]`;
}
