import type { KubernetesObject } from '../simulators/kubernetes/objects/values.js';
import type { Rig } from '../unit/azure/azure-world.js';

/** A federated credential as Azure answers it. */
export interface CredentialView {
  readonly name: string;
  readonly properties: { readonly issuer: string; readonly subject: string; readonly audiences: readonly string[] };
}

export interface IdentityView {
  readonly name: string;
  readonly principalId: string;
  readonly clientId: string;
  readonly tags: Readonly<Record<string, unknown>>;
  readonly credentials: readonly CredentialView[];
}

export interface AssignmentView {
  readonly name: string;
  readonly scope: string;
  readonly principalId: string;
  readonly roleDefinitionId: string;
  readonly description?: string;
  readonly condition?: string;
}

/** What people see of a service account. */
export interface AccountView {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Everything that the tasks may touch, as plain data without times and versions. */
export interface View {
  readonly identities: readonly IdentityView[];
  readonly assignments: readonly AssignmentView[];
  /** By cluster; undefined where there is none. */
  readonly namespaces: Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
  readonly accounts: Readonly<Record<string, AccountView | undefined>>;
}

/** Looks at a world. */
export function view({ world }: Rig): View {
  const clusters = [...world.clusters];
  const entries = <T>(of: (found: KubernetesObject | undefined) => T, kind: string, namespace: string | undefined, name: string): Record<string, T> =>
    Object.fromEntries(clusters.map(([cluster, api]) => [cluster, of(api.find(kind, namespace, name))]));
  return {
    identities: byName(world.arm.identities.all().map(({ name, principalId, clientId, tags, credentials }) => ({ name, principalId, clientId, tags, credentials: byName(credentials.views() as CredentialView[]) }))),
    assignments: byName(world.roles.assignments().map(({ name, scope, principalId, roleDefinitionId, description, condition }) => ({
      name, scope, principalId, roleDefinitionId, ...(description === undefined ? {} : { description }), ...(condition === undefined ? {} : { condition }),
    }))),
    namespaces: entries((found) => (found === undefined ? undefined : { ...found.metadata.labels }), 'Namespace', undefined, 'orders'),
    accounts: entries((found) => (found === undefined ? undefined : { labels: { ...found.metadata.labels }, annotations: { ...found.metadata.annotations } }), 'ServiceAccount', 'orders', 'api'),
  };
}

function byName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...items].sort((one, other) => (one.name < other.name ? -1 : 1));
}
