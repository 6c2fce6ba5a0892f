import type { SimRequest } from '../kernel/service.js';
import type { KubernetesUser, RequestAttributes } from './access.js';
import { badRequest } from './objects/status.js';
import { forbidden } from './serving/resources.js';

/**
 * Who a request acts as: the caller, or whom its Impersonate headers name, if the caller may impersonate them.
 * Source: Kubernetes docs, user impersonation. `Impersonate-Extra-*` and `Impersonate-Uid` are checked for nothing.
 * @throws ApiError 403 for somebody that the caller may not be, 400 for groups without a user.
 */
export function impersonated(request: SimRequest, caller: KubernetesUser, allowed: (user: KubernetesUser, asked: RequestAttributes) => boolean): KubernetesUser {
  const name = request.headers['impersonate-user'] ?? '';
  const groups = (request.headers['impersonate-group'] ?? '').split(',').map((group) => group.trim()).filter((group) => group !== '');
  if (name === '') {
    if (groups.length > 0) throw badRequest('requested groups without impersonating a user');
    return caller;
  }
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  const [, namespace = '', accountName = ''] = account ?? [];
  const asked = [
    account === null ? about('users', name) : about('serviceaccounts', accountName, namespace),
    ...groups.map((group) => about('groups', group)),
  ];
  const refused = asked.find((attributes) => !allowed(caller, attributes));
  if (refused !== undefined) throw forbidden(caller, refused);
  const own = account === null || groups.length > 0 ? groups : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  return { name, groups: [...new Set([...own, name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated'])] };
}

function about(resource: string, name: string, namespace = ''): RequestAttributes {
  return { verb: 'impersonate', group: '', resource, subresource: '', namespace, name };
}
