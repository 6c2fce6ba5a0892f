/**
 * The roles that tasks grant, with the GUIDs of their definitions, equal in every tenant.
 * Source: azure-docs, built-in-roles; Key Vault docs, rbac-guide.
 */
export const roles = {
  AcrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d',
  AcrPush: '8311e382-0749-4cb8-b61a-304f252e45ec',
  'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6',
} as const;

export type RoleName = keyof typeof roles;

/** A role's name, by the GUID of its definition; the GUID itself for a role that is not in the table. */
export function roleTitle(id: string): string {
  return Object.entries(roles).find(([, guid]) => guid === id.toLowerCase())?.[0] ?? `role ${id}`;
}
