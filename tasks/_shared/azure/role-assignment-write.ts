import { guidPattern } from '../fleet/guid.js';
import { Problem } from '../reconcile/problem.js';
import type { Cost, Writer } from '../reconcile/resource.js';
import { until, type Attempt } from '../reconcile/retry.js';
import type { Azure } from './azure.js';
import { azureProblem, thrownServiceError } from './errors.js';
import { scopePath } from './http.js';
import { conditionVersion } from './repository-conditions.js';
import { assignmentId, countAssignments } from './role-assignments.js';
import { roleDefinitionId } from './roles.js';

/** Kinds of principals. Source: npm @azure/arm-authorization 9.0.0, KnownPrincipalType. */
export const principalTypes = ['User', 'Group', 'ServicePrincipal', 'ForeignGroup', 'Device'] as const;
export type PrincipalType = (typeof principalTypes)[number];

/** A role assignment as it is to be. */
export interface WantedAssignment {
  readonly scope: string;
  /** GUID; what follows from the same wish hits the same assignment when it is repeated. */
  readonly name: string;
  /** GUID of the role's definition, and its name for people. */
  readonly role: { readonly id: string; readonly name: string };
  readonly principal: { readonly id: string; readonly name: string; readonly type: PrincipalType };
  readonly description: string;
  readonly condition?: string;
  /** How messages call the place. */
  readonly label: string;
  /** The condition that is replaced; absent when there was no assignment. */
  readonly before?: string;
  /** Whether somebody can reach more afterwards. */
  readonly widens: boolean;
}

/** What became of a write. */
export type Written = 'written' | { readonly exists: string };

/** A principal may be unknown to role assignments for a while after its identity was made. Source: azure-docs, troubleshooting RBAC. */
const replicationPatience = { deadlineMs: 300_000, firstWaitMs: 2_000, longestWaitMs: 15_000 };

/**
 * Writes one assignment with one PUT, waiting for Azure to know the principal.
 * @returns what Azure says when the same role is assigned to the same principal at the same scope under another name: it allows one
 * assignment of the three. Nothing is written then.
 * @throws Problem for every other refusal; WI2622 when the subscription has no room.
 */
export async function writeAssignment(azure: Azure, wanted: WantedAssignment, writer: Writer): Promise<Written> {
  const waiting = { clock: azure.clock, signal: writer.signal, progress: (text: string) => writer.progress(text) };
  return until(replicationPatience, waiting, () => tryWrite(azure, wanted, writer));
}

async function tryWrite(azure: Azure, wanted: WantedAssignment, writer: Writer): Promise<Attempt<Written>> {
  const { scope, name, role, principal, description, condition, before, label, widens } = wanted;
  const limited = condition === undefined ? {} : { condition, conditionVersion };
  const body = { roleDefinitionId: roleDefinitionId(scope, role.id), principalId: principal.id, principalType: principal.type, description, ...limited };
  const after = `${role.name} for ${principal.id}${condition === undefined ? '' : ` where ${condition}`}`;
  const intent = { action: before === undefined ? 'create' : 'update', object: assignmentId(scope, name), after, widens, ...(before === undefined ? {} : { before }) };
  const client = (await azure.authorization()).roleAssignments;
  try {
    await writer.write(intent, () => client.create(scopePath(scope), name, body, { abortSignal: writer.signal }));
    return { done: 'written' };
  } catch (error) {
    const service = thrownServiceError(error);
    if (service?.code === 'RoleAssignmentExists') return { done: { exists: service.message } };
    const failure = azureProblem(`grant ${role.name} to ${principal.name} (${principal.id})`, `The grant ${role.name} on ${label} was not made`, error);
    if (service?.code === 'RoleAssignmentLimitExceeded') throw new Problem({ ...failure.parts, code: 'WI2622', remedy: waysOut });
    if (service?.code !== 'PrincipalNotFound') throw failure;
    return { wait: `Azure does not know the principal of ${principal.name} yet`, failure };
  }
}

const dashed = new RegExp(`\\b${guidPattern}\\b`, 'i');

/**
 * The name of the assignment that a refusal with RoleAssignmentExists speaks of: 32 hex digits, without the dashes that names have.
 * Source: azure-docs, troubleshooting RBAC; hashicorp/terraform-provider-azurerm#17421.
 * @returns undefined for the older text, which names none.
 */
export function existingName(message: string): string | undefined {
  const digits = /\b([0-9a-f]{32})\b/i.exec(message)?.[1]?.toLowerCase();
  return digits === undefined ? dashed.exec(message)?.[0] : digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const waysOut =
  'remove assignments of principals that are gone, give workloads one shared identity for a boundary, or grant where one assignment serves several; a subscription whose limit is higher says so in the input roleAssignmentLimit';

/**
 * Role assignments that a subscription can have. Source: azure-docs, troubleshooting RBAC limits: most copies of the page say 4000, newer ones
 * 5000; the lower one is never wrong.
 */
export const usualLimit = 4000;

/**
 * What one more assignment takes from its subscription. They are counted once a run, and only when it makes one.
 * @param limit see the input roleAssignmentLimit
 */
export function roleAssignmentCost(azure: Azure, scope: string, limit: number): Cost {
  const subscriptionId = /^\/subscriptions\/([^/]+)/i.exec(scope)?.[1] ?? '';
  return {
    budget: `role assignments of ${subscriptionId.toLowerCase()}`,
    kind: 'role assignments',
    of: `subscription ${subscriptionId}`,
    limit,
    used: () => countAssignments(azure, subscriptionId),
    takes: 1,
    code: 'WI2621',
    remedy: waysOut,
  };
}
