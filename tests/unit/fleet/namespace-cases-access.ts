import type { Json } from '../../../tasks/_shared/fleet/json.js';
import type { Cases } from './namespace-cases.js';
import { binding, groupId, ingress, internal, made, personId, type Change } from './namespace-sample.js';

const asItIs: Change = () => undefined;
const put = (kind: string, ...found: readonly Json[]): Change => ({ objects }) => void (objects[kind] = [...found]);
const api = { kind: 'ServiceAccount', name: 'api', namespace: 'orders' };
const user = (name: string): object => ({ kind: 'User', name });
const group = (name: string): object => ({ kind: 'Group', name });
const wide = (...found: readonly Json[]): Change => ({ clusterWide }) => void (clusterWide.ClusterRoleBinding = [...found]);
const both = (wideOnes: readonly Json[], own: readonly Json[]): Change => (sample) => {
  wide(...wideOnes)(sample);
  put('RoleBinding', ...own)(sample);
};
const admin = (...subjects: readonly object[]): Change => wide(binding('x', 'cluster-admin', ...subjects));
const at = ['cluster role binding x'];

export const accessCases: Readonly<Record<string, Cases>> = {
  'namespace-no-workload-admin': {
    passes: [
      { what: 'lesser roles, and an account of another namespace', change: asItIs, evidence: /^none of 5 bindings gives cluster-admin to a service account of the namespace$/ },
      { what: 'a role of the namespace under that name', change: put('RoleBinding', { ...binding('x', 'cluster-admin', api), roleRef: { kind: 'Role', name: 'cluster-admin' } }), evidence: /^none of 4/ },
    ],
    fails: [
      { what: 'an account', change: admin(api, { ...api, namespace: 'billing' }), evidence: /^binds cluster-admin to service account api$/, at },
      { what: 'an account without its namespace', change: put('RoleBinding', binding('x', 'cluster-admin', { kind: 'ServiceAccount', name: 'api' })), evidence: /^binds cluster-admin to service account api$/, at: ['role binding orders/x'] },
      { what: 'a role that allows as much', change: wide(binding('x', 'all', api)), evidence: /^binds all to service account api$/, at },
      { what: 'an account by its user name', change: admin(user('system:serviceaccount:orders:api')), evidence: /user system:serviceaccount:orders:api$/, at },
      { what: 'all accounts', change: admin(group('system:serviceaccounts:orders'), group('system:serviceaccounts:billing')), evidence: /to group system:serviceaccounts:orders, with every service account of the namespace$/, at },
      { what: 'everybody', change: admin(group('system:authenticated')), evidence: /to group system:authenticated, with every/, at },
    ],
    notApplicable: [{ what: 'no service accounts', change: put('ServiceAccount'), evidence: /^the namespace has no service accounts$/ }],
  },
  'namespace-no-standing-admin': {
    passes: [{ what: 'a group', change: asItIs, evidence: new RegExp(`^bound to group ${groupId}; who of its members stands in it for good and who is only eligible is seen in Entra$`) }],
    fails: [
      { what: 'a person by object id', change: admin(user(personId)), evidence: /^binds cluster-admin to user dddd\S+ \(the object id of a person or a service principal\)$/, at },
      { what: 'a person by name', change: admin(group(groupId), user('ada@contoso.example')), evidence: /^binds cluster-admin to user ada@contoso.example$/, at },
      { what: 'a name that would break the line', change: admin(user('a\nb')), evidence: /to user a\\nb$/, at },
      { what: 'a person in the namespace only', change: put('RoleBinding', binding('x', 'all', user(personId))), evidence: /^binds all to user/, at: ['role binding orders/x'] },
    ],
    notApplicable: [{ what: 'nobody but the system', change: admin(group('system:masters'), user('system:admin'), user('clusterAdmin'), api), evidence: /^no person and no group is bound to cluster-admin$/ }],
  },
  'namespace-bound-to-groups': {
    passes: [{ what: 'groups', change: asItIs, evidence: new RegExp(`^bound to group ${groupId}$`) }],
    fails: [
      { what: 'a user by object id', change: put('RoleBinding', binding('x', 'view', user(personId), group(groupId))), evidence: /^binds view to user dddd/, at: ['role binding orders/x'] },
      { what: 'users by name, cluster-wide', change: wide(binding('x', 'view', user('ada@contoso.example'), user('ben'))), evidence: /^binds view to user ada@contoso.example, user ben$/, at },
    ],
    notApplicable: [{ what: 'nobody but the system and workloads', change: both([binding('x', 'view', group('system:nodes'))], [binding('y', 'view', api)]), evidence: /^no person and no group is bound to a role here$/ }],
  },
};

const service = (name: string, spec: object, metadata: object = {}, rest: object = {}): Json => made(name, { spec, ...rest }, metadata);
const balancer = { type: 'LoadBalancer' };
const named = (...clusterOnly: readonly string[]): Change => ({ edge }) => void (edge.clusterOnly = [...clusterOnly]);
const exposed: Change = (sample) => {
  put('Service', service('db', { type: 'ClusterIP', externalIPs: ['20.1.2.3'] }))(sample);
  put('Ingress', ingress('in', 'azure-application-gateway', 'api', 'db'))(sample);
};
const fault = ['service orders/db'];

export const edgeCases: Readonly<Record<string, Cases>> = {
  'namespace-no-public-load-balancer': {
    passes: [{ what: 'an internal one', change: asItIs, evidence: /^load balancer of service api is internal$/ }],
    fails: [
      { what: 'no annotation', change: put('Service', service('a', balancer, {}, { status: { loadBalancer: { ingress: [{ ip: '20.1.2.3' }] } } })), evidence: /azure-load-balancer-internal is missing; address 20.1.2.3$/, at: ['service orders/a'] },
      { what: 'annotation false', change: put('Service', service('a', balancer, { annotations: { 'service.beta.kubernetes.io/azure-load-balancer-internal': 'false' } }), service('b', balancer, internal)), evidence: /internal is false$/, at: ['service orders/a'] },
    ],
    notApplicable: [{ what: 'no load balancer', change: put('Service', service('a', {}), service('b', { type: 'NodePort' })), evidence: /^no service is of type LoadBalancer$/ }],
  },
  'namespace-ingress-behind-waf': {
    passes: [
      { what: 'a named class', change: asItIs, evidence: /^ingress web \(azure-application-gateway\): behind a web application firewall are: azure-application-gateway$/ },
      { what: 'a named class in the old annotation', change: put('Ingress', made('old', { spec: {} }, { annotations: { 'kubernetes.io/ingress.class': 'azure-application-gateway' } })), evidence: /^ingress old \(azure/ },
    ],
    fails: [
      { what: 'another class', change: put('Ingress', ingress('a', 'nginx')), evidence: /^is of class nginx; behind/, at: ['ingress orders/a'] },
      { what: 'no class', change: put('Ingress', ingress('a', undefined)), evidence: /^names no class/, at: ['ingress orders/a'] },
      { what: 'no class is behind one', change: ({ edge }) => void edge.wafClasses.splice(0), evidence: /no class is named as one behind a web application firewall$/, at: ['ingress orders/web'] },
    ],
    notApplicable: [{ what: 'no ingress', change: put('Ingress'), evidence: /^the namespace has no ingress$/ }],
  },
  'namespace-cluster-only-services': {
    passes: [
      { what: 'without a type', change: asItIs, evidence: /^service db has only an address within the cluster and is behind no ingress$/ },
      { what: 'one of two there', change: named('orders/db', 'orders/gone'), evidence: /behind no ingress; service gone does not exist$/ },
    ],
    fails: [
      { what: 'node port', change: put('Service', service('db', { type: 'NodePort' })), evidence: /^is of type NodePort$/, at: fault },
      { what: 'external address and ingress', change: exposed, evidence: /^has externalIPs 20.1.2.3; is behind ingress in$/, at: fault },
      { what: 'default backend', change: put('Ingress', made('in', { spec: { defaultBackend: { service: { name: 'db' } } } })), evidence: /^is behind ingress in$/, at: fault },
    ],
    notApplicable: [
      { what: 'none named', change: named('billing/db'), evidence: /^no service of the namespace is named as cluster-only$/ },
      { what: 'none there', change: named('orders/gone'), evidence: /^service gone does not exist$/ },
    ],
  },
};
