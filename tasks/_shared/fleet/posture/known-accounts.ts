import type { Read } from './rule.js';

/** Service accounts of a cluster, as far as they could be listed. */
export interface KnownAccounts {
  /** By namespace: the names of its accounts, or why they could not be listed. */
  readonly byNamespace: ReadonlyMap<string, Read<ReadonlySet<string>>>;
  /** Why accounts of namespaces that are not among these could not be listed; absent where these have none. */
  readonly elsewhere?: string;
}

/** Whether a service account is there; `unread` says why that cannot be told. */
export type AccountState = 'there' | 'gone' | { readonly unread: string };

/** Names of objects have no capitals, so nothing is there under one that does. Source: Kubernetes docs, object names and ids. */
const capital = /[A-Z]/;

/** Whether the service account is there that a subject names. Subjects are told apart by case, as Entra and Kubernetes do. */
export function accountState({ byNamespace, elsewhere }: KnownAccounts, namespace: string, name: string): AccountState {
  if (capital.test(`${namespace}${name}`)) return 'gone';
  const listed = byNamespace.get(namespace);
  if (listed === undefined) return elsewhere === undefined ? 'gone' : { unread: elsewhere };
  if ('unread' in listed) return listed;
  return listed.found.has(name) ? 'there' : 'gone';
}
