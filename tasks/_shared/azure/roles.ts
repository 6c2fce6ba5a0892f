import { isGuid } from '../fleet/guid.js';

/**
 * The roles that tasks grant, with the GUIDs of their definitions, equal in every tenant.
 * Source: azure-docs, built-in-roles; Key Vault docs, rbac-guide.
 */
export const roles = {
  AcrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d',
  AcrPush: '8311e382-0749-4cb8-b61a-304f252e45ec',
  AcrDelete: 'c2f4ef07-c644-48eb-af81-4b1b4947fb11',
  'Container Registry Repository Reader': 'b93aa761-3e63-49ed-ac28-beffa264f7ac',
  'Container Registry Repository Writer': '2a1e307c-b015-4ebd-883e-5b7698a07328',
  'Container Registry Repository Contributor': '2efddaa5-3f1f-4df3-97df-af3f13818f4c',
  'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6',
  'Key Vault Certificate User': 'db79e9a7-68ee-4b58-9aeb-b90e7c24fcba',
  'Key Vault Crypto User': '12338af0-0e69-4776-bea7-57ae8d297424',
} as const;

export type RoleName = keyof typeof roles;

/** The GUID of a role of the table, or the GUID that the text is itself; undefined for the name of any other role. Lower case. */
export function roleIdOf(role: string): string | undefined {
  if (isGuid(role)) return role.toLowerCase();
  return Object.entries(roles).find(([name]) => name.toLowerCase() === role.toLowerCase())?.[1];
}

/** ARM id of a role's definition as assignments name it: in the subscription of the scope that it is assigned at. */
export function roleDefinitionId(scope: string, role: string): string {
  return `${/^\/subscriptions\/[^/]+/i.exec(scope)?.[0] ?? ''}/providers/Microsoft.Authorization/roleDefinitions/${role}`;
}

/** A role's name, by the GUID of its definition; the GUID itself for a role that is not in the table. */
export function roleTitle(id: string): string {
  return Object.entries(roles).find(([, guid]) => guid === id.toLowerCase())?.[0] ?? `role ${id}`;
}
