import { Limiter } from '../reconcile/limits.js';
import type { Permission } from '../reconcile/resource.js';
import type { AccessAttributes, ClusterConnection } from './connection.js';
import { groupOf, kinds, pluralOf, type ObjectKind } from './objects.js';

const separator = '/namespaces/';

/** The rights for some verbs on a kind, written as `create serviceaccounts` or `patch deployments.apps`. */
export function rights(connection: Pick<ClusterConnection, 'clusterId'>, verbs: readonly string[], kind: ObjectKind, namespace?: string): Permission[] {
  const group = groupOf(kind.apiVersion);
  const resource = `${pluralOf(kind)}${group === '' ? '' : `.${group}`}`;
  return verbs.map((verb) => right(connection, `${verb} ${resource}`, namespace));
}

function right(connection: Pick<ClusterConnection, 'clusterId'>, action: string, namespace: string | undefined): Permission {
  const scope = namespace === undefined ? connection.clusterId : `${connection.clusterId}${separator}${namespace}`;
  return { plane: 'kubernetes', action, scope };
}

/** The right to bind a role that one does not hold oneself, written as `bind clusterroles.rbac.authorization.k8s.io view`. Source: Kubernetes RBAC docs, privilege escalation prevention. */
export function bindRight(connection: Pick<ClusterConnection, 'clusterId'>, role: ObjectKind & { readonly name: string }, namespace: string): Permission[] {
  return rights(connection, ['bind'], role, namespace).map((permission) => ({ ...permission, action: `${permission.action} ${role.name}` }));
}

/** The rights that server-side apply needs: patch, and create where the object is not there yet. */
export function applyRights(connection: ClusterConnection, creates: boolean, kind: ObjectKind, namespace?: string): Permission[] {
  return rights(connection, creates ? ['create', 'patch'] : ['patch'], kind, namespace);
}

/** The rights that a proof as a workload needs: to read service accounts of a namespace, and to make tokens of them. */
export function tokenRights(connection: ClusterConnection, namespace: string): Permission[] {
  return [...rights(connection, ['get'], kinds.serviceAccount, namespace), right(connection, 'create serviceaccounts/token', namespace)];
}

/** The rights that the proof of a rollout needs: to list what makes pods, and the pods. */
export function rolloutRights(connection: ClusterConnection, namespace: string): Permission[] {
  const listed = [kinds.deployment, kinds.statefulSet, kinds.daemonSet, kinds.replicaSet, kinds.pod];
  return listed.flatMap((kind) => rights(connection, ['list'], kind, namespace));
}

/** Asks a cluster which of these rights its connection lacks; rights of other clusters and planes are passed over. */
export async function lackedRights(connection: ClusterConnection, permissions: readonly Permission[]): Promise<readonly Permission[]> {
  const ours = permissions.filter(({ plane, scope }) => plane === 'kubernetes' && clusterOf(scope) === connection.clusterId.toLowerCase());
  const answers = await Promise.all(ours.map((permission) => connection.can(attributesOf(permission))));
  return ours.filter((_permission, index) => answers[index] === false);
}

/** So many clusters are asked about rights at a time. */
const clustersAtATime = 25;

/**
 * Asks every cluster that rights are wanted of which of them its connection lacks.
 * @param unanswered what counts as lacking where a cluster gives no answer
 */
export async function rightsLackedAnywhere(connections: Iterable<ClusterConnection>, wanted: readonly Permission[], unanswered: () => readonly Permission[]): Promise<Permission[]> {
  const byCluster = new Map<string, Permission[]>();
  for (const permission of wanted) {
    if (permission.plane !== 'kubernetes') continue;
    const cluster = clusterOf(permission.scope);
    const own = byCluster.get(cluster) ?? [];
    own.push(permission);
    byCluster.set(cluster, own);
  }
  const limiter = new Limiter(clustersAtATime);
  const asked = [...connections].flatMap((connection) => {
    const own = byCluster.get(connection.clusterId.toLowerCase());
    return own === undefined ? [] : [limiter.run(() => lackedRights(connection, own).catch(unanswered))];
  });
  return (await Promise.all(asked)).flat();
}

function clusterOf(scope: string): string {
  return (scope.split(separator)[0] ?? '').toLowerCase();
}

function attributesOf({ action, scope }: Permission): AccessAttributes {
  const [verb = '', target = '', name] = action.split(' ');
  const dot = target.indexOf('.');
  const namespace = scope.split(separator)[1];
  const resource = dot === -1 ? target : target.slice(0, dot);
  return { verb, group: dot === -1 ? '' : target.slice(dot + 1), resource, ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) };
}
