import type { KubernetesUser, RequestAttributes } from './access.js';
import type { KindRegistry } from './objects/kinds.js';
import { notFound, refused } from './objects/status.js';
import type { ObjectStore } from './objects/store.js';
import { itemsAt, textAt } from './objects/values.js';
import type { Rbac } from './rbac.js';
import { mediaType, readObject, type Call } from './serving/call.js';

/**
 * Nobody gives by a binding what he does not hold himself, unless he may `bind` the role. Looked at when a binding is made or sent as a whole.
 * Source: Kubernetes RBAC docs, restrictions on role binding creation or update; kubernetes pkg/registry/rbac/rolebinding/policybased.
 * @throws ApiError 403; 404 for a role that is not there, where only the rules could have told.
 */
export function checkBinding(call: Call, rbac: Rbac, store: ObjectStore, kinds: KindRegistry, allowed: (user: KubernetesUser, asked: RequestAttributes) => boolean): void {
  const whole = call.verb === 'create' || call.verb === 'update' || (call.verb === 'patch' && mediaType(call.request) === 'application/apply-patch+yaml');
  if (!whole || (call.kind.kind !== 'RoleBinding' && call.kind.kind !== 'ClusterRoleBinding')) return;
  const body = call.verb === 'patch' ? readObject({ ...call.request, headers: { ...call.request.headers, 'content-type': 'application/yaml' } }) : readObject(call.request);
  const name = textAt(body, 'roleRef', 'name');
  const kind = kinds.named(textAt(body, 'roleRef', 'kind') === 'Role' ? 'Role' : 'ClusterRole');
  const namespace = call.namespace ?? '';
  if (name === '' || allowed(call.user, { verb: 'bind', group: kind.group, resource: kind.plural, subresource: '', namespace, name })) return;
  const role = store.get(kind, kind.namespaced ? namespace : undefined, name);
  if (role === undefined) throw notFound(kind, name);
  if (rbac.holds(call.user, namespace, itemsAt(role, 'rules'))) return;
  throw refused(call.kind, textAt(body, 'metadata', 'name'), `user "${call.user.name}" is attempting to grant RBAC permissions not currently held`);
}
