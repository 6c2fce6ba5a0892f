import type { VaultSection } from './vault-state.js';
import type { RoleName } from './roles.js';

/** One thing in a vault that a workload may read, or all of its secrets. */
export interface VaultItem {
  readonly section: VaultSection;
  /** Undefined for every secret that the vault has or will have. */
  readonly name?: string;
}

/** How items are written: `name`, `cert:name`, `key:name`, or `*` for every secret. Names: Key Vault docs, about keys, secrets and certificates. */
export const itemPattern = /^(?:\*|(?:cert:|key:)?[0-9A-Za-z-]{1,127})$/i;
export const itemForm = 'names of secrets, cert:name, key:name, or *; a name is letters, digits and hyphens, at most 127';

/** Reads one item that fits {@link itemPattern}. */
export function itemOf(text: string): VaultItem {
  if (text === '*') return { section: 'secrets' };
  const [, prefix = '', name = ''] = /^(?:(cert|key):)?(.*)$/i.exec(text) ?? [];
  return { section: prefix.toLowerCase() === 'cert' ? 'certificates' : prefix.toLowerCase() === 'key' ? 'keys' : 'secrets', name };
}

/** The least role that reads an item. Source: Key Vault docs, RBAC guide. */
export const itemRoles: Readonly<Record<VaultSection, RoleName>> = {
  secrets: 'Key Vault Secrets User',
  certificates: 'Key Vault Certificate User',
  keys: 'Key Vault Crypto User',
};

const singular: Readonly<Record<VaultSection, string>> = { secrets: 'secret', certificates: 'certificate', keys: 'key' };

/** `secret orders-db`, `every secret` */
export function itemTitle({ section, name }: VaultItem): string {
  return name === undefined ? `every ${singular[section]}` : `${singular[section]} ${name}`;
}

/** `secrets orders-db, orders-key, certificate tls` */
export function itemsTitle(items: readonly VaultItem[]): string {
  const whole = items.filter(({ name }) => name === undefined).map(itemTitle);
  const sections = [...new Set(items.map(({ section }) => section))];
  const named = sections.flatMap((section) => {
    const names = items.flatMap((item) => (item.section === section && item.name !== undefined ? [item.name] : []));
    return names.length === 0 ? [] : [`${names.length === 1 ? singular[section] : section} ${names.join(', ')}`];
  });
  return [...whole, ...named].join(', ');
}

/** The ARM scope of an item in a vault. Source: Key Vault docs, RBAC guide: scopes of single secrets, keys and certificates. */
export function itemScope(vaultId: string, { section, name }: VaultItem): string {
  return name === undefined ? vaultId : `${vaultId}/${section}/${name}`;
}
