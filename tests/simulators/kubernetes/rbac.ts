import type { KubernetesUser, RequestAttributes } from './access.js';
import type { KindRegistry } from './objects/kinds.js';
import type { ObjectStore } from './objects/store.js';
import { itemsAt, textAt, textsAt, type Fields, type KubernetesObject } from './objects/values.js';

/** Evaluates the RBAC objects that are stored in a cluster, on each question anew. */
export class Rbac {
  constructor(
    private readonly store: ObjectStore,
    private readonly kinds: KindRegistry,
  ) {}

  /** May the user do this to a resource? */
  allows(user: KubernetesUser, asked: RequestAttributes): boolean {
    if (user.groups.includes('system:masters')) return true;
    return this.rules(user, asked.namespace).some((rule) => covers(rule, asked));
  }

  /** May the user do this to a path that is no resource, e.g. `/metrics`? */
  allowsPath(user: KubernetesUser, verb: string, path: string): boolean {
    if (user.groups.includes('system:masters')) return true;
    const matches = (pattern: string): boolean => pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
    return this.rules(user, '').some((rule) => has(rule, 'verbs', verb) && textsAt(rule, 'nonResourceURLs').some(matches));
  }

  /** The rules that hold for a user: those of the cluster, and those of a namespace when one is given. */
  rules(user: KubernetesUser, namespace: string): Fields[] {
    const cluster = this.store.list(this.kinds.named('ClusterRoleBinding'));
    const local = namespace === '' ? [] : this.store.list(this.kinds.named('RoleBinding'), namespace);
    return [...cluster, ...local].filter((binding) => names(binding, user)).flatMap((binding) => this.#roleRules(binding));
  }

  /** True when a user may already do everything that some rules allow in a namespace. */
  holds(user: KubernetesUser, namespace: string, rules: readonly Fields[]): boolean {
    if (user.groups.includes('system:masters')) return true;
    const own = this.rules(user, namespace);
    return rules.flatMap(singleAsks).every((asked) => own.some((rule) => covers(rule, { ...asked, namespace })));
  }

  #roleRules(binding: KubernetesObject): Fields[] {
    const name = textAt(binding, 'roleRef', 'name');
    const local = textAt(binding, 'roleRef', 'kind') === 'Role';
    const role = this.store.get(this.kinds.named(local ? 'Role' : 'ClusterRole'), binding.metadata.namespace, name);
    return itemsAt(role, 'rules');
  }
}

function names(binding: KubernetesObject, user: KubernetesUser): boolean {
  return itemsAt(binding, 'subjects').some((subject) => {
    const name = textAt(subject, 'name');
    switch (textAt(subject, 'kind')) {
      case 'User':
        return name === user.name;
      case 'Group':
        return user.groups.includes(name);
      default:
        return user.name === `system:serviceaccount:${textAt(subject, 'namespace') || (binding.metadata.namespace ?? '')}:${name}`;
    }
  });
}

function has(rule: Fields, field: string, value: string): boolean {
  const values = textsAt(rule, field);
  return values.includes('*') || values.includes(value);
}

function covers(rule: Fields, asked: RequestAttributes): boolean {
  if (!has(rule, 'verbs', asked.verb) || !has(rule, 'apiGroups', asked.group)) return false;
  const wanted = asked.subresource === '' ? asked.resource : `${asked.resource}/${asked.subresource}`;
  const resources = textsAt(rule, 'resources');
  const matches = resources.includes('*') || resources.includes(wanted) || (asked.subresource !== '' && resources.includes(`*/${asked.subresource}`));
  const only = textsAt(rule, 'resourceNames');
  return matches && (only.length === 0 || only.includes(asked.name));
}

/** Each combination of verb, group and resource of a rule. Rules about paths are left aside. */
function singleAsks(rule: Fields): Omit<RequestAttributes, 'namespace'>[] {
  const names = textsAt(rule, 'resourceNames');
  return textsAt(rule, 'verbs').flatMap((verb) => textsAt(rule, 'apiGroups').flatMap((group) => textsAt(rule, 'resources').flatMap((wanted) => {
    const [resource = '', subresource = ''] = wanted.split('/');
    return (names.length === 0 ? [''] : names).map((name) => ({ verb, group, resource, subresource, name }));
  })));
}

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const workloads = ['apps', 'batch', 'autoscaling', 'networking.k8s.io', 'policy'].map((group) => ({ apiGroups: [group], resources: ['*'] }));
const core = {
  apiGroups: [''],
  resources: ['configmaps', 'endpoints', 'events', 'persistentvolumeclaims', 'pods', 'pods/log', 'services', 'serviceaccounts', 'limitranges', 'resourcequotas', 'namespaces', 'namespaces/status'],
};
const edited = { apiGroups: [''], resources: ['configmaps', 'endpoints', 'events', 'persistentvolumeclaims', 'pods', 'secrets', 'services', 'serviceaccounts', 'serviceaccounts/token'] };
const view = [core, ...workloads].map((rule) => ({ ...rule, verbs: read }));
const edit = [...view, { apiGroups: [''], resources: ['secrets'], verbs: read }, ...[edited, ...workloads].map((rule) => ({ ...rule, verbs: write }))];
const rbacRule = { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: [...read, ...write] };
const publicPaths = ['/healthz', '/livez', '/readyz', '/version', '/version/'];
const discovery = ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version', '/version/'];

/** The cluster roles that every cluster starts with, by name, with the groups that they are bound to. */
export const bootstrapRoles: Readonly<Record<string, { readonly rules: readonly Fields[]; readonly groups: readonly string[] }>> = {
  'cluster-admin': { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }, { nonResourceURLs: ['*'], verbs: ['*'] }], groups: ['system:masters'] },
  admin: { rules: [...edit, rbacRule], groups: [] },
  edit: { rules: edit, groups: [] },
  view: { rules: view, groups: [] },
  'system:discovery': { rules: [{ nonResourceURLs: discovery, verbs: ['get'] }], groups: ['system:authenticated'] },
  'system:public-info-viewer': { rules: [{ nonResourceURLs: publicPaths, verbs: ['get'] }], groups: ['system:authenticated', 'system:unauthenticated'] },
  'system:basic-user': {
    rules: [
      { apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], verbs: ['create'] },
      { apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'], verbs: ['create'] },
    ],
    groups: ['system:authenticated'],
  },
  'system:service-account-issuer-discovery': {
    rules: [{ nonResourceURLs: ['/.well-known/openid-configuration', '/.well-known/openid-configuration/', '/openid/v1/jwks', '/openid/v1/jwks/'], verbs: ['get'] }],
    groups: ['system:serviceaccounts'],
  },
};
