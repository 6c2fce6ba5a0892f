import { isGuid } from '../guid.js';
import type { GrantFact } from './rule.js';

/** A role of Azure, and why it is too much for an add-on or a workload. */
export interface BroadRole {
  readonly name: string;
  /** GUID of its definition, equal in every tenant. */
  readonly id: string;
  /** What it does, as it goes on after "it". */
  readonly because: string;
}

const handsOut = 'can hand out access to others and itself';

/** Built-in roles that no add-on's work needs. Source: azure-docs, built-in-roles; Key Vault docs, rbac-guide. */
export const broadRoles: readonly BroadRole[] = [
  { name: 'Owner', id: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635', because: 'can do everything and hand out access' },
  { name: 'Contributor', id: 'b24988ac-6180-42a0-ab88-20f7382dd24c', because: 'can change and delete every resource there' },
  { name: 'User Access Administrator', id: '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9', because: handsOut },
  { name: 'Role Based Access Control Administrator', id: 'f58310d9-a9f6-439a-9e8d-f62e7b41a168', because: handsOut },
  { name: 'Key Vault Data Access Administrator', id: '8b54135c-b56d-4d72-a534-26097cfdc8d8', because: 'can hand out access to vaults' },
  { name: 'Key Vault Administrator', id: '00482a5a-887f-4fb3-b363-3b7fe8e74483', because: 'can read and change everything in vaults' },
  { name: 'Key Vault Secrets Officer', id: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7', because: 'can change and delete every secret' },
  { name: 'Key Vault Contributor', id: 'f25e0fa2-a7c8-4377-a976-54943a77a395', because: 'can let itself into vaults with access policies' },
  { name: 'Managed Identity Contributor', id: 'e40ec5ca-96e0-45a2-b4ff-59039f2c2b59', because: 'can make others trusted as an identity' },
  { name: 'Azure Kubernetes Service Contributor Role', id: 'ed7f3fbd-7b88-4dd4-9017-9adb7ce333f8', because: 'can change clusters' },
  { name: 'Azure Kubernetes Service Cluster Admin Role', id: '0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8', because: 'can fetch credentials of the cluster administrator' },
  { name: 'Azure Kubernetes Service RBAC Admin', id: '3498e952-d568-435e-9b2c-8d77e338d7f7', because: 'can do nearly everything in namespaces, secrets included' },
  { name: 'Azure Kubernetes Service RBAC Cluster Admin', id: 'b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b', because: 'can do everything in clusters' },
];

/** The entry of a broad role, by its name or its GUID. */
export function broadRole(role: string): BroadRole | undefined {
  return broadRoles.find(({ name, id }) => [name.toLowerCase(), id].includes(role.toLowerCase()));
}

/** Why a grant is too much for an add-on or a workload, in a clause: by the name of its role, or by what its definition allows. Undefined for one that is not. */
export function excessiveness({ role, danger }: Pick<GrantFact, 'role' | 'danger'>): string | undefined {
  const known = broadRole(role);
  return known === undefined ? danger : `it ${known.because}`;
}

/** True for a role of which nothing is known but the GUID. */
export function isUnnamed(role: string): boolean {
  return isGuid(role) && broadRole(role) === undefined && !isPullRole(role);
}

/** Roles that pull images and do nothing else, with their GUIDs. Source: azure-docs, built-in-roles. */
const pullRoles = ['acrpull', '7f951dda-4ed3-4680-a7ca-43fe172d538d', 'container registry repository reader', 'b93aa761-3e63-49ed-ac28-beffa264f7ac'];

/** True for a role that pulls images and does nothing else, by its name or its GUID. */
export function isPullRole(role: string): boolean {
  return pullRoles.includes(role.toLowerCase());
}
