import { isPlainId, isWithin, lastPart, sameId } from '../fleet/arm-id.js';
import { objects, text, texts, type Json } from '../fleet/json.js';
import { isWatchedPolicy } from '../fleet/posture/cluster-oversight-rules.js';
import { properties } from '../fleet/posture/cluster-values.js';
import { Limiter } from '../reconcile/limits.js';
import { Problem, toProblem } from '../reconcile/problem.js';
import type { Reader } from '../reconcile/resource.js';
import { Hierarchy, type Ancestry } from './ancestry.js';
import { apiVersions } from './api-versions.js';
import { rightAt, type Azure } from './azure.js';
import { missingActions } from './permissions.js';
import { effectOn, givenBy, handedOn, isVersion, letsIn, versionFor, type Given, type Selectable } from './policy-effect.js';

/** The cluster whose policies are asked for. */
export interface PolicyTarget {
  /** ARM id. */
  readonly id: string;
  /** Its region, as ARM answers it. */
  readonly location: string;
}

/** What a subscription's lists of policies are read for one cluster with. */
interface Look {
  readonly azure: Azure;
  readonly reader: Reader;
  readonly cluster: PolicyTarget;
  readonly exemptions: readonly Json[] | { readonly unread: string };
}

/** One policy that an assignment assigns, as far as its definition could be read. */
interface Assigned {
  readonly id: string;
  readonly definition?: Json;
  readonly given?: Given;
  /** The policy's id within the initiative. */
  readonly reference?: string;
  /** The version that the definition is asked for in. */
  readonly version?: string | undefined;
}

const clusterType = 'Microsoft.ContainerService/managedClusters';
const authorization = '/providers/Microsoft.Authorization';
/** So many definitions are read at a time. */
const atATime = 10;

const kinds = { policyAssignments: 'assignments', policyExemptions: 'exemptions' } as const;
type Kind = keyof typeof kinds;

/**
 * The policies that are assigned to a cluster, in the form that `ClusterFacts.policyAssignments` documents. Assignments and exemptions are listed once
 * per subscription and run; definitions that the rules look at, and initiatives, are read once per run. A definition that cannot be read leaves its
 * entry without a name; exemptions that cannot be listed are told in each entry.
 * @throws Problem when the assignments cannot be listed: then nothing can be said of what is assigned.
 */
export async function assignedPolicies(azure: Azure, cluster: PolicyTarget, reader: Reader): Promise<readonly Json[]> {
  const subscription = /^\/subscriptions\/[^/]+/i.exec(cluster.id)?.[0] ?? '';
  const [assignments, exemptions] = await Promise.all([
    listed(azure, 'policyAssignments', subscription, reader),
    listed(azure, 'policyExemptions', subscription, reader).catch((error: unknown) => {
      azure.signal.throwIfAborted();
      return { unread: toProblem(error).parts.because };
    }),
  ]);
  const look = { azure, reader, cluster, exemptions };
  return (await Promise.all(assignments.map((assignment) => entriesOf(assignment, look)))).flat();
}

/**
 * What definitions of policies are read with, where they lie: at a subscription, or at a management group above it. Source: azure-docs, Azure Policy
 * definition structure.
 */
export const policyDefinitionActions: readonly string[] = ['Microsoft.Authorization/policyDefinitions/read', 'Microsoft.Authorization/policySetDefinitions/read'];

/** The actions that {@link assignedPolicies} needs at a subscription. */
export const assignedPolicyActions: readonly string[] = ['Microsoft.Authorization/policyAssignments/read', 'Microsoft.Authorization/policyExemptions/read', ...policyDefinitionActions];

/**
 * What lies at a subscription, above and below: without a filter, all of it. Source: REST reference of policy assignments and exemptions, list.
 * Whoever has no right to read them may be answered with an empty list, so that one has to be asked after. Source: MicrosoftDocs/azure-docs#110373.
 */
function listed(azure: Azure, kind: Kind, subscription: string, reader: Reader): Promise<readonly Json[]> {
  return reader.once(`${kind} of ${subscription.toLowerCase()}`, async () => {
    const what = `policy ${kinds[kind]}`;
    const purpose = { tried: `list the ${what} of ${subscription}`, what: `The ${what} of ${subscription} cannot be listed` };
    const items = await azure.arm.list(`${subscription}${authorization}/${kind}`, apiVersions[kind], purpose);
    const right = rightAt(azure, `Microsoft.Authorization/${kind}/read`, subscription);
    if (items.length > 0 || (await missingActions(azure, [right])).length === 0) return items;
    const because = `the list is empty, and the service connection has no right ${right.action} there`;
    throw new Problem({ code: 'WI2002', ...purpose, because, remedy: 'grant the action that the message names to the service connection’s principal, see docs/permissions.md' });
  });
}

/** The entries of one assignment; none when it does not reach the cluster. */
async function entriesOf(assignment: Json, look: Look): Promise<readonly Json[]> {
  const reaching = await reaches(assignment, look);
  if (reaching === false) return [];
  const assigned = await policiesOf(assignment, look);
  return assigned.map((policy) => ({
    ...assignment,
    definition: definitionFact(policy, assignment, look, reaching),
    ...exemptionFact(policy, assignment, look),
  }));
}

/**
 * True when the cluster is in an assignment's scope, outside of the management groups that it leaves out, and let in by its resource selectors. Other
 * scopes that it leaves out are for the rules.
 * @returns undefined when it cannot be told.
 */
async function reaches(assignment: Json, look: Look): Promise<boolean | undefined> {
  const { notScopes, resourceSelectors } = properties(assignment);
  if (!covers(assignment, 'policyAssignments', look.cluster)) return false;
  const letIn = letsIn(resourceSelectors, selectable(look));
  const without = texts(notScopes).filter((scope) => groupScope.test(scope)).map((scope) => lastPart(scope).toLowerCase());
  if (letIn === false || without.length === 0) return letIn;
  const above = await groupsAbove(look);
  if (!('groups' in above)) return undefined;
  return above.groups.some((group) => without.includes(group.toLowerCase())) ? false : letIn;
}

const groupScope = /^\/providers\/Microsoft\.Management\/managementGroups\/[^/]+\/?$/i;

/** True when the scope of an assignment or exemption that is listed at the cluster's subscription has the cluster in it: management groups that are listed have. */
function covers(item: Json, kind: Kind, { id }: PolicyTarget): boolean {
  const own = text(item.id) ?? '';
  const at = own.toLowerCase().lastIndexOf(`${authorization}/${kind}/`.toLowerCase());
  const scope = text(properties(item).scope) ?? own.slice(0, Math.max(at, 0));
  return groupScope.test(scope) || isWithin(id, scope);
}

async function groupsAbove({ azure, reader, cluster }: Look): Promise<Ancestry> {
  const hierarchy = await reader.once('hierarchy of management groups for policies', () => Promise.resolve(new Hierarchy(azure)));
  return hierarchy.ancestry(cluster.id);
}

function selectable({ cluster }: Look, reference?: string): Selectable {
  return { type: clusterType, location: cluster.location, ...(reference === undefined ? {} : { reference }) };
}

/** The policies of an assignment; where its initiative cannot be read, the initiative in their place. */
async function policiesOf(assignment: Json, look: Look): Promise<readonly Assigned[]> {
  const id = text(properties(assignment).policyDefinitionId) ?? '';
  const version = versionFor(selectable(look), assignment);
  const given = givenBy(assignment);
  if (!/\/policySetDefinitions\//i.test(id)) return [{ id, ...(await definitionOf(id, look)), given, version }];
  const initiative = await readOnce(id, look);
  if (initiative === undefined || !isVersion(initiative, version)) return [{ id }];
  const members = objects(properties(initiative).policyDefinitions);
  return Promise.all(members.map(async (member) => {
    const own = text(member.policyDefinitionId) ?? '';
    const reference = text(member.policyDefinitionReferenceId);
    const named = reference === undefined ? {} : { reference };
    return { id: own, ...(await definitionOf(own, look)), given: handedOn(member, initiative, given), version: text(member.definitionVersion), ...named };
  }));
}

async function definitionOf(id: string, look: Look): Promise<{ readonly definition?: Json }> {
  const definition = isWatchedPolicy(id) ? await readOnce(id, look) : undefined;
  return definition === undefined ? {} : { definition };
}

const definitionId = /^(\/subscriptions\/[^/]+|\/providers\/Microsoft\.Management\/managementGroups\/[^/]+)?\/providers\/Microsoft\.Authorization\/policy(Set)?Definitions\/[^/]+$/i;

/** A definition or an initiative; undefined when it cannot be read. Roles below it are enough to read it. Source: MicrosoftDocs/azure-docs#110373. */
function readOnce(id: string, { azure, reader }: Look): Promise<Json | undefined> {
  return reader.once(`policy definition ${id.toLowerCase()}`, async () => {
    if (!definitionId.test(id) || !isPlainId(id)) return undefined;
    const limiter = await reader.once('turns of policy definitions', () => Promise.resolve(new Limiter(atATime)));
    const purpose = { tried: `read policy definition ${id}`, what: `Policy definition ${lastPart(id)} cannot be read` };
    try {
      return await limiter.run(() => azure.arm.get(id, apiVersions.policyDefinitions, purpose));
    } catch {
      azure.signal.throwIfAborted();
      return undefined;
    }
  });
}

/** What an entry says of its policy. The effect is left out where it is not certain that the assignment reaches the cluster. */
function definitionFact({ id, definition, given = {}, reference, version }: Assigned, assignment: Json, look: Look, reaching: boolean | undefined): Json {
  if (definition === undefined) return { id };
  const displayName = text(properties(definition).displayName) ?? text(definition.name) ?? lastPart(id);
  const effect = reaching === true ? effectOn(selectable(look, reference), assignment, definition, given, version) : undefined;
  return { id, displayName, ...(effect === undefined ? {} : { effect }) };
}

/** What an entry says of exemptions: the first that is in force, else why it could not be told whether there is one. */
function exemptionFact({ reference }: Assigned, assignment: Json, look: Look): Json {
  if ('unread' in look.exemptions) return { exemptionsUnread: look.exemptions.unread };
  const from = look.exemptions.filter((exemption) => isFrom(exemption, assignment, reference) && covers(exemption, 'policyExemptions', look.cluster));
  const judged = from.map((exemption) => ({ exemption, inForce: isInForce(exemption, look) }));
  const found = judged.find(({ inForce }) => inForce === true)?.exemption;
  if (found !== undefined) {
    const expiresOn = text(properties(found).expiresOn);
    return { exemption: { name: nameOf(found), ...(expiresOn === undefined ? {} : { expiresOn }) } };
  }
  const open = judged.find(({ inForce }) => inForce === undefined)?.exemption;
  return open === undefined ? {} : { exemptionsUnread: `whether exemption ${nameOf(open)} is in force for the cluster cannot be told` };
}

/** An exemption is from all policies of an initiative unless it names some. Source: azure-docs, Azure Policy exemption structure. */
function isFrom(exemption: Json, assignment: Json, reference: string | undefined): boolean {
  const { policyAssignmentId, policyDefinitionReferenceIds } = properties(exemption);
  if (!sameId(text(policyAssignmentId) ?? '', text(assignment.id) ?? '')) return false;
  const named = texts(policyDefinitionReferenceIds);
  return named.length === 0 || reference === undefined || named.some((one) => sameId(one, reference));
}

/** An exemption that has expired stays for the record only; its selectors are those of assignments. Source: azure-docs, Azure Policy exemption structure. */
function isInForce(exemption: Json, look: Look): boolean | undefined {
  const { expiresOn, resourceSelectors } = properties(exemption);
  const ends = text(expiresOn) === undefined ? Number.POSITIVE_INFINITY : Date.parse(text(expiresOn) ?? '');
  if (ends <= look.azure.clock.now().getTime()) return false;
  const letIn = letsIn(resourceSelectors, selectable(look));
  return letIn === true && Number.isNaN(ends) ? undefined : letIn;
}

function nameOf(item: Json): string {
  return text(item.name) ?? lastPart(text(item.id) ?? '');
}
