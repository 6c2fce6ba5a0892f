import type { Writer } from '../reconcile/resource.js';
import { until, type Attempt } from '../reconcile/retry.js';
import type { Azure } from './azure.js';
import { azureProblem, thrownServiceError } from './errors.js';
import { conditionVersion } from './repository-conditions.js';

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

/** A principal may be unknown to role assignments for a while after its identity was made. Source: azure-docs, troubleshooting RBAC. */
const replicationPatience = { deadlineMs: 300_000, firstWaitMs: 2_000, longestWaitMs: 15_000 };

/**
 * Writes one assignment with one PUT, waiting for Azure to know the principal.
 * @returns `exists` when the same role is assigned to the same principal at the same scope under another name: Azure allows one assignment of
 * the three. Nothing is written then.
 * @throws Problem for every other refusal.
 */
export async function writeAssignment(azure: Azure, wanted: WantedAssignment, writer: Writer): Promise<'written' | 'exists'> {
  const waiting = { clock: azure.clock, signal: writer.signal, progress: (text: string) => writer.progress(text) };
  return until(replicationPatience, waiting, () => tryWrite(azure, wanted, writer));
}

async function tryWrite(azure: Azure, wanted: WantedAssignment, writer: Writer): Promise<Attempt<'written' | 'exists'>> {
  const { scope, name, role, principal, description, condition, before, label, widens } = wanted;
  const subscription = /^\/subscriptions\/[^/]+/i.exec(scope)?.[0] ?? '';
  const roleDefinitionId = `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${role.id}`;
  const limited = condition === undefined ? {} : { condition, conditionVersion };
  const body = { roleDefinitionId, principalId: principal.id, principalType: principal.type, description, ...limited };
  const after = `${role.name} for ${principal.id}${condition === undefined ? '' : ` where ${condition}`}`;
  const intent = { action: before === undefined ? 'create' : 'update', object: `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`, after, widens, ...(before === undefined ? {} : { before }) };
  const client = (await azure.authorization()).roleAssignments;
  try {
    await writer.write(intent, () => client.create(scope.replace(/^\//, ''), name, body, { abortSignal: writer.signal }));
    return { done: 'written' };
  } catch (error) {
    const service = thrownServiceError(error);
    if (service?.code === 'RoleAssignmentExists') return { done: 'exists' };
    const failure = azureProblem(`grant ${role.name} to ${principal.name} (${principal.id})`, `The grant ${role.name} on ${label} was not made`, error);
    if (service?.code !== 'PrincipalNotFound') throw failure;
    return { wait: `Azure does not know the principal of ${principal.name} yet`, failure };
  }
}
