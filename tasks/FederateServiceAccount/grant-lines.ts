import type { InputReader } from '../_shared/agent/inputs.js';
import { resourceEnd } from '../_shared/azure/accesses.js';
import type { Azure } from '../_shared/azure/azure.js';
import { RoleAssignment } from '../_shared/azure/role-assignment.js';
import type { RoleDefinition } from '../_shared/azure/role-definitions.js';
import { isPlainId } from '../_shared/fleet/arm-id.js';
import { guidPattern } from '../_shared/fleet/guid.js';
import { Problem } from '../_shared/reconcile/problem.js';
import type { Ref } from '../_shared/reconcile/ref.js';
import { value } from '../_shared/reconcile/ref.js';

/** One line of the input grants: a role, and where the workload has it. */
export interface GrantLine {
  /** Name or GUID. */
  readonly role: string;
  /** ARM id of a resource, of a part of one, or of a resource group. */
  readonly scope: string;
}

const line = /^(?<role>[^@]{1,128}?)\s*@\s*(?<scope>\/\S+)$/;
const inGroup = new RegExp(`^/subscriptions/${guidPattern}/resourceGroups/[-\\w.()]{1,90}(?:/providers/[\\w.]+(?:/[^/?#\\s]+/[^/?#\\s]+)+)?$`, 'i');
const form = 'lines such as "Storage Blob Data Reader @ /subscriptions/…/storageAccounts/st1": a role’s name or GUID, @, and the ARM id of a resource, a part of one, or a resource group';

/**
 * Roles that allow nothing but work with data, so that they may be granted without being listed in the boundary policy. They are recognised by
 * name, as built-in roles of Azure, and what they allow is read when they are granted. Source of the names: azure-docs, built-in-roles.
 */
export const dataRoles: ReadonlySet<string> = new Set([
  'App Configuration Data Reader',
  'App Configuration Data Owner',
  'Azure Event Hubs Data Receiver',
  'Azure Event Hubs Data Sender',
  'Azure Service Bus Data Receiver',
  'Azure Service Bus Data Sender',
  'Azure Maps Data Reader',
  'Cognitive Services OpenAI User',
  'Cognitive Services User',
  'EventGrid Data Sender',
  'Search Index Data Contributor',
  'Search Index Data Reader',
  'SignalR App Server',
  'Storage Blob Data Contributor',
  'Storage Blob Data Reader',
  'Storage File Data SMB Share Contributor',
  'Storage File Data SMB Share Reader',
  'Storage Queue Data Contributor',
  'Storage Queue Data Message Processor',
  'Storage Queue Data Message Sender',
  'Storage Queue Data Reader',
  'Storage Table Data Contributor',
  'Storage Table Data Reader',
].map((name) => name.toLowerCase()));

/** Reads the input grants. A mistake is noted; equal lines count once. */
export function readGrantLines(inputs: InputReader): readonly GrantLine[] {
  const lines = new Map<string, GrantLine>();
  for (const given of inputs.lines('grants')) {
    const { role, scope } = line.exec(given)?.groups ?? {};
    const place = scope?.replace(/\/$/, '');
    if (role === undefined || place === undefined || !inGroup.test(place) || !isPlainId(place)) inputs.refuse('grants', given, form);
    else lines.set(`${role} @ ${place}`.toLowerCase(), { role: role.trim(), scope: place });
  }
  return [...lines.values()];
}

/** Says whether the boundary policy lists a role, by its name or the GUID of its definition. */
export type PermitsRole = (name: string, guid: string) => boolean;

/** Why a role that a line names may not be granted: it is no known data role, and the boundary policy does not list it. */
export function objectionTo({ name, id, builtIn }: RoleDefinition, permits: PermitsRole): Problem | undefined {
  if ((builtIn && dataRoles.has(name.toLowerCase())) || permits(name, id)) return undefined;
  return new Problem({
    code: 'WI2614',
    what: `Role ${name} may not be granted to a workload`,
    tried: `look for it among the roles for data, and in the boundary policy`,
    because: `${builtIn ? 'it is none of the roles for data that this task knows' : 'it is no built-in role of Azure'}, and the boundary policy does not list it`,
    remedy: `name a role for data (see the task's README), or let the owner of the boundary policy list it under roles: "${name}" or ${id}`,
  });
}

/** Whom the lines are for. */
export interface LineGrantee {
  readonly identity: { readonly id: string; readonly name: string };
  readonly principalId: Ref<string>;
  /** The cluster whose alone the identity is; undefined when clusters share it. */
  readonly owner: string | undefined;
  readonly description: string;
}

/** One grant for each line. */
export function lineGrants(azure: Azure, lines: readonly GrantLine[], grantee: LineGrantee, limit: number, permits: PermitsRole): RoleAssignment[] {
  return lines.map(({ role, scope }) => {
    const place = { scope, listScope: scope, label: labelOf(scope) };
    const inputs = { principalId: grantee.principalId, target: value(scope) };
    return new RoleAssignment(azure, place, role, grantee.identity, inputs, grantee.owner, grantee.description, resourceEnd(grantee.identity.id), { limit, objection: (found) => objectionTo(found, permits) });
  });
}

/** `st1 / blobServices / default / containers / orders`: the names of a resource and its parts. */
function labelOf(scope: string): string {
  const [, , , , group = '', ...resource] = scope.split('/');
  return resource.length === 0 ? `resource group ${group}` : resource.slice(3).join(' / ');
}
