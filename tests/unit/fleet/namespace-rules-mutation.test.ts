import assert from 'node:assert/strict';
import type { Json } from '../../../tasks/_shared/fleet/json.js';
import { clusterWideKinds, namespacedKinds, namespaceRules } from '../../../tasks/_shared/fleet/posture/namespace-rules.js';
import { apiId, binding, changed, account, good, ingress, made, outcomes, peerAuthentication, personId, ruleOf, secret, template, withEnv, type Change, type Sample } from './namespace-sample.js';

/** One property flipped, the rule that watches it, and those of the rule's dependants that change with it. */
interface Mutation {
  readonly rule: string;
  readonly what: string;
  readonly change: Change;
  readonly also?: readonly string[];
}

const put = (kind: string, ...found: readonly Json[]): Change => ({ objects }) => void (objects[kind] = [...found]);
const add = (kind: string, ...found: readonly Json[]): Change => ({ objects }) => void objects[kind]!.push(...found);
const addWide = (kind: string, ...found: readonly Json[]): Change => ({ clusterWide }) => void clusterWide[kind]!.push(...found);
const person = { kind: 'User', name: personId };
const db = (spec: object): Change => ({ objects }) => void (objects.Service![1] = made('db', { spec }));

const mutations: readonly Mutation[] = [
  { rule: 'namespace-default-deny', what: 'egress open', change: ({ objects }) => void objects.NetworkPolicy!.splice(1, 1) },
  { rule: 'namespace-default-deny', what: 'ingress opened by another policy', change: add('NetworkPolicy', made('open', { spec: { podSelector: {}, ingress: [{}] } })) },
  { rule: 'namespace-quota', what: 'no quota', change: put('ResourceQuota') },
  { rule: 'namespace-pod-security', what: 'privileged', change: ({ labels }) => void (labels['pod-security.kubernetes.io/enforce'] = 'privileged') },
  { rule: 'namespace-no-credential-secrets', what: 'storage key', change: ({ secrets }) => void secrets.push(secret('blob', 'storage connection string')) },
  { rule: 'namespace-no-credential-secrets', what: 'login used for pulling', change: ({ secrets }) => void (secrets[0] = secret('docker-hub', 'registry admin user')), also: ['namespace-no-registry-pull-secrets'] },
  { rule: 'namespace-no-registry-pull-secrets', what: 'login used for pulling', change: ({ secrets }) => void (secrets[0] = secret('docker-hub', 'registry credential')), also: ['namespace-no-credential-secrets'] },
  { rule: 'namespace-no-credential-variables', what: 'client secret', change: add('DaemonSet', made('x', { spec: { template: template(false, withEnv('AZURE_CLIENT_SECRET', 'canary')) } })) },
  { rule: 'namespace-federated-accounts', what: 'credential gone', change: ({ federated }) => void federated.shift() },
  { rule: 'namespace-federated-accounts', what: 'account of another', change: ({ objects }) => void (objects.ServiceAccount![2] = account('worker', apiId)), also: ['namespace-one-identity-each'] },
  { rule: 'namespace-one-identity-each', what: 'account without pods shares', change: add('ServiceAccount', account('third', apiId)) },
  { rule: 'namespace-one-identity-each', what: 'account with pods shares', change: ({ objects }) => void (objects.ServiceAccount![2] = account('worker', apiId)), also: ['namespace-federated-accounts'] },
  { rule: 'namespace-no-workload-admin', what: 'whole cluster', change: addWide('ClusterRoleBinding', binding('api', 'cluster-admin', { kind: 'ServiceAccount', name: 'api', namespace: 'orders' })) },
  { rule: 'namespace-no-workload-admin', what: 'namespace', change: add('RoleBinding', binding('api', 'cluster-admin', { kind: 'ServiceAccount', name: 'api', namespace: 'orders' })) },
  { rule: 'namespace-no-standing-admin', what: 'person', change: addWide('ClusterRoleBinding', binding('me', 'cluster-admin', person)), also: ['namespace-bound-to-groups'] },
  { rule: 'namespace-bound-to-groups', what: 'person reads', change: add('RoleBinding', binding('me', 'view', person)) },
  { rule: 'namespace-bound-to-groups', what: 'person administers', change: add('RoleBinding', binding('me', 'cluster-admin', person)), also: ['namespace-no-standing-admin'] },
  { rule: 'namespace-no-public-load-balancer', what: 'annotation gone', change: ({ objects }) => void (objects.Service![0] = made('api', { spec: { type: 'LoadBalancer' } })) },
  { rule: 'namespace-no-public-load-balancer', what: 'of a cluster-only service', change: db({ type: 'LoadBalancer' }), also: ['namespace-cluster-only-services'] },
  { rule: 'namespace-cluster-only-services', what: 'node port', change: db({ type: 'NodePort' }) },
  { rule: 'namespace-cluster-only-services', what: 'load balancer', change: db({ type: 'LoadBalancer' }), also: ['namespace-no-public-load-balancer'] },
  { rule: 'namespace-cluster-only-services', what: 'behind an ingress', change: add('Ingress', ingress('db', 'azure-application-gateway', 'db')) },
  { rule: 'namespace-ingress-behind-waf', what: 'another class', change: put('Ingress', ingress('web', 'nginx', 'api')) },
  { rule: 'namespace-mutual-tls', what: 'permissive', change: put('PeerAuthentication', peerAuthentication('default', { mtls: { mode: 'PERMISSIVE' } })) },
];

const before = outcomes(good());
const differing = (sample: Sample): string[] => [...outcomes(sample)].filter(([id, outcome]) => outcome !== before.get(id)).map(([id]) => id).sort();

describe('posture: rules over namespaces, mutated', () => {
  it('all hold on the namespace that is mutated', () => assert.deepEqual([...new Set(before.values())], ['pass']));

  for (const { rule, what, change, also = [] } of mutations) {
    it(`${rule}: ${what}`, () => {
      const after = changed(change);
      assert.deepEqual(differing(after), [rule, ...also].sort());
      assert.equal(outcomes(after).get(rule), 'fail');
      for (const id of also) assert.ok(ruleOf(rule).dependants.includes(id), `${id} is no dependant`);
    });
  }

  it('cover every rule and every dependant that it declares', () => {
    for (const { id, dependants } of namespaceRules) {
      const own = mutations.filter(({ rule }) => rule === id);
      assert.ok(own.length > 0, id);
      assert.deepEqual([...new Set(own.flatMap(({ also = [] }) => also))].sort(), [...dependants].sort(), id);
    }
  });
});

describe('posture: rules over namespaces, with lists unread', () => {
  const makers = ['namespace-no-credential-variables', 'namespace-no-registry-pull-secrets', 'namespace-federated-accounts', 'namespace-mutual-tls'];
  const access = ['namespace-no-workload-admin', 'namespace-no-standing-admin', 'namespace-bound-to-groups'];
  const edge = ['namespace-cluster-only-services'];
  const expected: Readonly<Record<string, readonly string[]>> = {
    ...Object.fromEntries(['Pod', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'].map((kind) => [`objects.${kind}`, makers])),
    'objects.ServiceAccount': ['namespace-no-registry-pull-secrets', 'namespace-federated-accounts', 'namespace-one-identity-each', 'namespace-no-workload-admin'],
    'objects.Service': ['namespace-no-public-load-balancer', ...edge],
    'objects.Ingress': ['namespace-ingress-behind-waf', ...edge],
    'objects.ResourceQuota': ['namespace-quota'],
    'objects.NetworkPolicy': ['namespace-default-deny'],
    'objects.RoleBinding': access,
    'objects.PeerAuthentication': ['namespace-mutual-tls'],
    'clusterWide.ClusterRole': access,
    'clusterWide.ClusterRoleBinding': access,
    'clusterWide.PeerAuthentication': ['namespace-mutual-tls'],
    secrets: ['namespace-no-credential-secrets', 'namespace-no-registry-pull-secrets'],
    federated: ['namespace-federated-accounts'],
  };
  const prepared: Readonly<Record<string, Change>> = {
    // The mesh's policies are only asked for where the namespace has none of its own.
    'clusterWide.PeerAuthentication': ({ objects }) => void (objects.PeerAuthentication = []),
    // Its pod, which is at fault, would speak for itself.
    'objects.Deployment': ({ objects }) => void objects.Pod!.shift(),
  };

  for (const [source, rules] of Object.entries(expected)) {
    it(`cannot tell without ${source}, and only those that need it`, () => {
      const sample = changed(({ unread }) => void unread.push(source));
      prepared[source]?.(sample);
      assert.deepEqual(differing(sample), [...rules].sort());
      for (const id of rules) assert.equal(outcomes(sample).get(id), 'unknown', id);
    });
  }

  it('cannot tell whether there are pods when none of their kinds can be listed', () => {
    const blind = outcomes(changed(({ unread }) => void unread.push(...Object.keys(expected).filter((source) => expected[source] === makers))));
    for (const id of ['namespace-default-deny', 'namespace-quota', 'namespace-pod-security', ...makers]) assert.equal(blind.get(id), 'unknown', id);
  });

  it('take a kind that nobody asked for as unread', () => {
    const sample = changed(({ objects }) => { delete objects.Ingress; });
    assert.equal(outcomes(sample).get('namespace-ingress-behind-waf'), 'unknown');
  });

  it('name every kind that they need', () => {
    const kinds = [...Object.keys(namespacedKinds).map((kind) => `objects.${kind}`), ...Object.keys(clusterWideKinds).map((kind) => `clusterWide.${kind}`)];
    assert.deepEqual(Object.keys(expected).filter((source) => source.includes('.')).sort(), kinds.sort());
  });
});
