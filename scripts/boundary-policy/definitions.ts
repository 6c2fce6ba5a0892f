import { createHash } from 'node:crypto';
import { adminUserRole, policyRole, type AllowRule, type Boundary, type BoundaryPolicy } from '../../tasks/_shared/fleet/boundary-policy.js';
import { isGuid } from '../../tasks/_shared/fleet/guid.js';
import { credentialRule, grantRule, type PolicyRule } from './rules.js';

/** What the boundary policy leaves to look up: it names management groups, Azure Policy sees issuers and principals. By boundary; `outside` for those in none. */
export interface BoundaryFacts {
  /** Issuer URLs of the clusters. */
  readonly issuers: Readonly<Record<string, readonly string[]>>;
  /** Principal ids of the identities. */
  readonly principals: Readonly<Record<string, readonly string[]>>;
  /** The management group above each management group, as far as boundaries lie within each other. */
  readonly parents: Readonly<Record<string, string>>;
}

/** A parameter of a policy definition. */
interface PolicyParameter {
  readonly type: 'Array' | 'String' | 'Boolean';
  readonly metadata: { readonly displayName: string; readonly description: string };
  readonly allowedValues?: readonly string[];
  readonly defaultValue?: unknown;
}

/** A definition as `az policy definition create` takes it. */
export interface PolicyDefinition {
  readonly name: string;
  readonly displayName: string;
  readonly description: string;
  readonly boundary: string;
  readonly parameters: Readonly<Record<string, PolicyParameter>>;
  readonly policyRule: PolicyRule;
}

/** An assignment of one definition to one management group. */
export interface PolicyAssignment {
  /** At most 24 characters, since it lies at a management group. Source: Azure Policy docs, assignment structure. */
  readonly name: string;
  readonly definition: string;
  readonly managementGroup: string;
  /** ARM ids of management groups below it that belong to another boundary. */
  readonly notScopes: readonly string[];
  readonly values: Readonly<Record<string, { readonly value: readonly string[] }>>;
}

/** What is made of a boundary policy. */
export interface AzurePolicies {
  readonly definitions: readonly PolicyDefinition[];
  readonly assignments: readonly PolicyAssignment[];
  /** What the definitions cannot say of this policy. */
  readonly notes: readonly string[];
}

/** Parameters that a definition may have. Source: azure-docs, Azure Policy limits. */
const parameterLimit = 20;

/**
 * Azure Policy definitions that deny the federated credentials and role assignments which a boundary policy forbids: for each boundary one for the
 * credentials of the identities in it, and one for the grants on what lies in it.
 * @param roleIds GUIDs of roles by their names: those that are watched, and those that rules may name
 * @throws Error for a role that is named and not among these, and for more crossings into one boundary than a definition takes parameters.
 */
export function azurePolicies(policy: BoundaryPolicy, facts: BoundaryFacts, roleIds: Readonly<Record<string, string>>): AzurePolicies {
  const watched = [...new Set([...Object.values(roleIds), ...[...policy.roles, ...policy.rules.flatMap((rule) => assignable(rule))].map((role) => roleId(role, roleIds))])];
  const rules = policy.rules.map((rule) => ({ ...rule, roles: assignable(rule).map((role) => roleId(role, roleIds)) }));
  const names = parameterNames(['outside', ...policy.boundaries.map(({ name }) => name)]);
  const made = policy.boundaries.flatMap((boundary) => {
    const into = rules.filter(({ to }) => to === boundary.name);
    return [credentials(boundary, into, names), grants(boundary, into, names, watched)];
  });
  for (const { name, parameters } of made) {
    if (Object.keys(parameters).length > parameterLimit) throw new Error(`${name} would have more than the ${parameterLimit} parameters that Azure Policy takes: fewer boundaries may have rules into this one.`);
  }
  return {
    definitions: made,
    assignments: policy.boundaries.flatMap((boundary) => made.filter(({ boundary: name }) => name === boundary.name).flatMap((definition) => assignmentsOf(definition, boundary, policy, facts, names))),
    notes: notesOn(policy, facts),
  };
}

const effect: PolicyParameter = {
  type: 'String',
  metadata: { displayName: 'Effect', description: 'Audit to see what would be denied, Deny, or Disabled.' },
  allowedValues: ['Audit', 'Deny', 'Disabled'],
  defaultValue: 'Deny',
};

function listParameter(displayName: string, description: string, defaultValue?: readonly string[]): PolicyParameter {
  return { type: 'Array', metadata: { displayName, description }, ...(defaultValue === undefined ? {} : { defaultValue }) };
}

function credentials(boundary: Boundary, into: readonly AllowRule[], names: ReadonlyMap<string, string>): PolicyDefinition {
  const rules = into.filter(({ kinds, from }) => kinds.includes('federation') && names.has(from));
  const froms = [...new Set([boundary.name, ...rules.map(({ from }) => from)])];
  return {
    name: definitionName('credentials', boundary),
    displayName: `Workload identity: credentials of ${boundary.name} trust its own clusters only`,
    description: 'Denies federated credentials whose issuer is not a cluster of the same boundary, nor of one that a rule of the boundary policy lets in.',
    boundary: boundary.name,
    parameters: {
      effect,
      otherIssuers: listParameter('Other issuers', 'Issuers that are no clusters, such as those of Azure DevOps or GitHub.', []),
      ...Object.fromEntries(froms.map((from) => [issuersOf(from, names), listParameter(`Issuers of ${from}`, `Issuer URLs of the clusters in ${from}.`)])),
    },
    policyRule: credentialRule(issuersOf(boundary.name, names), rules.map((rule) => ({ ...rule, list: issuersOf(rule.from, names) }))),
  };
}

function grants(boundary: Boundary, into: readonly AllowRule[], names: ReadonlyMap<string, string>, watched: readonly string[]): PolicyDefinition {
  const rules = into.filter(({ kinds }) => kinds.includes('grant'));
  const froms = [...new Set([boundary.name, ...rules.map(({ from }) => from).filter((from) => names.has(from))])];
  return {
    name: definitionName('grants', boundary),
    displayName: `Workload identity: roles in ${boundary.name} go to its own identities only`,
    description: 'Denies assignments of the watched roles to service principals that are not of the same boundary, unless a rule of the boundary policy allows it.',
    boundary: boundary.name,
    parameters: {
      effect,
      roles: listParameter('Watched roles', 'GUIDs of the roles whose assignments are judged.', watched),
      checkResources: {
        type: 'Boolean',
        metadata: { displayName: 'Check resources', description: 'Whether rules that name resources hold for these only. False: for everything in the boundary.' },
        defaultValue: true,
      },
      otherPrincipals: listParameter('Other principals', 'Object ids of service principals that are no identities of a boundary, such as those of platform services.', []),
      ...Object.fromEntries(froms.map((from) => [principalsOf(from, names), listParameter(`Principals of ${from}`, `Principal ids of the identities in ${from}.`)])),
    },
    policyRule: grantRule(principalsOf(boundary.name, names), rules.map((rule) => ({ ...rule, ...(names.has(rule.from) ? { list: principalsOf(rule.from, names) } : { principal: rule.from.replace(/^principal:/i, '').toLowerCase() }) }))),
  };
}

function assignmentsOf(definition: PolicyDefinition, boundary: Boundary, policy: BoundaryPolicy, facts: BoundaryFacts, names: ReadonlyMap<string, string>): PolicyAssignment[] {
  const values = Object.fromEntries(
    [...names.keys()].flatMap((name) => [
      [issuersOf(name, names), { value: factsOf(facts.issuers, name) }] as const,
      [principalsOf(name, names), { value: factsOf(facts.principals, name) }] as const,
    ]).filter(([name]) => name in definition.parameters),
  );
  const others = policy.boundaries.filter(({ name }) => name !== boundary.name).flatMap(({ managementGroups }) => managementGroups);
  return boundary.managementGroups.map((managementGroup) => ({
    name: `wi-${hash(`${definition.name} ${managementGroup.toLowerCase()}`).slice(0, 20)}`,
    definition: definition.name,
    managementGroup,
    notScopes: others.filter((other) => liesBelow(other, managementGroup, facts.parents)).map(managementGroupId),
    values,
  }));
}

/** At most 64 characters, and none of those that names of definitions must not have. Source: Azure docs, naming rules and restrictions. */
function definitionName(what: string, { name }: Boundary): string {
  const whole = `workload-identity-${what}-${name}`;
  return /^[\w-]{1,64}$/.test(whole) ? whole : `${whole.replace(/[^\w-]/g, '-').slice(0, 55)}-${hash(name).slice(0, 8)}`;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** ARM id of a management group. */
export function managementGroupId(name: string): string {
  return `/providers/Microsoft.Management/managementGroups/${name}`;
}

function factsOf(facts: Readonly<Record<string, readonly string[]>>, name: string): readonly string[] {
  return Object.hasOwn(facts, name) ? (facts[name] ?? []) : [];
}

function liesBelow(group: string, above: string, parents: BoundaryFacts['parents']): boolean {
  const up = new Map(Object.entries(parents).map(([child, parent]) => [child.toLowerCase(), parent.toLowerCase()]));
  const seen = new Set<string>();
  for (let at = up.get(group.toLowerCase()); at !== undefined && !seen.has(at); at = up.get(at)) {
    if (at === above.toLowerCase()) return true;
    seen.add(at);
  }
  return false;
}

/** The roles of a rule that role assignments give. */
function assignable({ roles }: AllowRule): string[] {
  return roles.filter((role) => !isAccessPolicy(role) && role.toLowerCase() !== adminUserRole);
}

function isAccessPolicy(role: string): boolean {
  return role.toLowerCase() === policyRole;
}

function roleId(role: string, roleIds: Readonly<Record<string, string>>): string {
  if (isGuid(role)) return role.toLowerCase();
  const found = Object.entries(roleIds).find(([name]) => name.toLowerCase() === role.toLowerCase())?.[1];
  if (found === undefined) throw new Error(`The GUID of the role "${role}" is not known here: name it by its GUID in the boundary policy.`);
  return found;
}

/** Boundaries as parts of parameter names, no two alike. */
function parameterNames(boundaries: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const boundary of boundaries) {
    const plain = boundary.replace(/\W/g, '_');
    const taken = [...names.values()].filter((name) => name.toLowerCase().replace(/__\d+$/, '') === plain.toLowerCase()).length;
    names.set(boundary, taken === 0 ? plain : `${plain}__${taken + 1}`);
  }
  return names;
}

function issuersOf(boundary: string, names: ReadonlyMap<string, string>): string {
  return `issuers_${names.get(boundary) ?? boundary}`;
}

function principalsOf(boundary: string, names: ReadonlyMap<string, string>): string {
  return `principals_${names.get(boundary) ?? boundary}`;
}

function notesOn(policy: BoundaryPolicy, facts: BoundaryFacts): string[] {
  const deploying = policy.rules.filter(({ kinds }) => kinds.includes('deploy')).map(({ name }) => name);
  const leaving = policy.rules.filter(({ to }) => to === 'outside').map(({ name }) => name);
  const entries = policy.rules.filter(({ roles }) => roles.some((role) => isAccessPolicy(role))).map(({ name }) => name);
  const unknown = policy.boundaries.map(({ name }) => name).filter((name) => factsOf(facts.issuers, name).length === 0 && factsOf(facts.principals, name).length === 0);
  return [
    ...(deploying.length > 0 ? [`Deployments are not seen by Azure Policy: ${deploying.join(', ')}.`] : []),
    ...(entries.length > 0 ? [`Entries in access policies of vaults are not denied: ${entries.join(', ')}.`] : []),
    ...(leaving.length > 0 ? [`Nothing is assigned outside of the boundaries, so that nothing is denied there: ${leaving.join(', ')}.`] : []),
    ...(unknown.length > 0 ? [`No issuer and no principal is known of ${unknown.join(', ')}: every credential and grant there will be denied until the values are filled in.`] : []),
  ];
}
