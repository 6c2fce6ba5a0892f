import { object, type Json } from '../../../tasks/_shared/fleet/json.js';
import { namespaceRules } from '../../../tasks/_shared/fleet/posture/namespace-rules.js';
import type { ClusterFacts, Listed, NamespaceFacts, NamespaceRule, Outcome, SecretFact, Verdict } from '../../../tasks/_shared/fleet/posture/rule.js';

/** What a namespace has, to be changed at will. */
export interface Sample {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  objects: Record<string, Json[]>;
  clusterWide: Record<string, Json[]>;
  secrets: SecretFact[];
  federated: { subject: string; clientId: string }[];
  edge: { wafClasses: string[]; clusterOnly: string[] };
  /** `objects.Pod`, `clusterWide.ClusterRole`, `secrets`, `federated`: what could not be read. */
  unread: string[];
}

export type Change = (sample: Sample) => void;

export const apiId = 'aaaaaaaa-1111-4111-8111-111111111111';
export const workerId = 'bbbbbbbb-2222-4222-8222-222222222222';
export const groupId = 'cccccccc-3333-4333-8333-333333333333';
export const personId = 'dddddddd-4444-4444-8444-444444444444';

export function made(name: string, rest: object = {}, metadata: object = {}): Json {
  return { metadata: { name, namespace: 'orders', ...metadata }, ...rest };
}

/** A pod of its own, or of a controller that the metadata name. */
export function pod(name: string, from: Json, metadata: object = {}): Json {
  return { ...from, ...made(name, {}, { ...object(from.metadata), ...metadata }) };
}

/** A pod template: `use` labels it for the webhook. */
export function template(use: boolean, spec: object, labels: object = {}, annotations: object = {}): Json {
  return { metadata: { labels: { ...(use ? { 'azure.workload.identity/use': 'true' } : {}), ...labels }, annotations }, spec: { containers: [{ name: 'app', image: 'nginx:1' }], ...spec } };
}

export function withEnv(name: string, value: string): object {
  return { containers: [{ name: 'app', env: [{ name: 'PORT', value: '80' }, { name, value }] }] };
}

export function account(name: string, clientId?: string): Json {
  return made(name, {}, clientId === undefined ? {} : { annotations: { 'azure.workload.identity/client-id': clientId } });
}

export function binding(name: string, role: string, ...subjects: readonly object[]): Json {
  return made(name, { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role }, subjects });
}

export function secret(name: string, ...looksLike: readonly string[]): SecretFact {
  return { name, type: 'Opaque', keys: ['key'], looksLike };
}

export function peerAuthentication(name: string, spec: object, namespace = 'orders', creationTimestamp = '2026-01-01T00:00:00Z'): Json {
  return made(name, { spec }, { namespace, creationTimestamp });
}

export function ingress(name: string, ingressClassName: string | undefined, ...services: readonly string[]): Json {
  const paths = services.map((service) => ({ path: `/${service}`, backend: { service: { name: service, port: { number: 80 } } } }));
  return made(name, { spec: { ...(ingressClassName === undefined ? {} : { ingressClassName }), rules: [{ http: { paths } }] } });
}

export const internal = { annotations: { 'service.beta.kubernetes.io/azure-load-balancer-internal': 'true' } };
export const controlled = (kind: string, name: string): object => ({ ownerReferences: [{ kind, name, controller: true }] });

/** A namespace on which every rule applies and holds. */
export function good(): Sample {
  return {
    labels: { 'pod-security.kubernetes.io/enforce': 'restricted', 'istio.io/rev': 'asm-1-27' },
    annotations: {},
    objects: {
      Deployment: [made('api', { spec: { template: template(true, { serviceAccountName: 'api', imagePullSecrets: [{ name: 'docker-hub' }], ...withEnv('REGISTRY_PASSWORD', '$(ELSEWHERE)') }) } })],
      StatefulSet: [made('worker', { spec: { template: template(true, { serviceAccountName: 'worker' }) } })],
      DaemonSet: [made('log', { spec: { template: template(false, {}) } })],
      CronJob: [made('night', { spec: { jobTemplate: { spec: { template: template(false, {}) } } } })],
      Job: [made('night-1', { spec: { template: template(false, {}) } }, controlled('CronJob', 'night'))],
      Pod: [
        pod('api-5f-1', template(true, { serviceAccountName: 'before', ...withEnv('AZURE_CLIENT_SECRET', 'canary-old') }, { 'pod-template-hash': '5f' }), controlled('ReplicaSet', 'api-5f')),
        pod('debug', template(false, {})),
      ],
      ServiceAccount: [account('default'), account('api', apiId), account('worker', workerId.toUpperCase())],
      NetworkPolicy: [
        made('deny-in', { spec: { podSelector: {}, policyTypes: ['Ingress'] } }),
        made('deny-out', { spec: { podSelector: { matchLabels: {} }, policyTypes: ['Egress'], egress: [{ ports: [{ port: 53 }] }] } }),
        made('web', { spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'], ingress: [{}] } }),
      ],
      ResourceQuota: [made('all', { spec: { hard: { 'requests.cpu': '4', 'limits.memory': '8Gi' } } })],
      RoleBinding: [binding('readers', 'view', { kind: 'Group', name: groupId }), binding('api', 'orders-reader', { kind: 'ServiceAccount', name: 'api', namespace: 'orders' })],
      Service: [made('api', { spec: { type: 'LoadBalancer' } }, internal), made('db', { spec: { clusterIP: 'None' } })],
      Ingress: [ingress('web', 'azure-application-gateway', 'api')],
      PeerAuthentication: [peerAuthentication('default', { mtls: { mode: 'STRICT' } })],
    },
    clusterWide: {
      ClusterRole: [made('view', { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list'] }] }), made('all', { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] })],
      ClusterRoleBinding: [
        binding('cluster-admin', 'cluster-admin', { kind: 'Group', name: 'system:masters' }),
        binding('aks-cluster-admin-binding', 'cluster-admin', { kind: 'User', name: 'clusterAdmin' }, { kind: 'User', name: 'clusterUser' }),
        binding('admins', 'cluster-admin', { kind: 'Group', name: groupId }, { kind: 'ServiceAccount', name: 'flux', namespace: 'flux-system' }),
      ],
      PeerAuthentication: [],
    },
    secrets: [secret('docker-hub'), secret('orders-tls')],
    federated: [
      { subject: 'system:serviceaccount:orders:api', clientId: apiId },
      { subject: 'system:serviceaccount:orders:worker', clientId: workerId },
      { subject: 'system:serviceaccount:billing:api', clientId: personId },
    ],
    edge: { wafClasses: ['azure-application-gateway'], clusterOnly: ['orders/db', 'billing/api'] },
    unread: [],
  };
}

export function factsOf(sample: Sample): NamespaceFacts {
  const why = { unread: 'the connection may not list them' };
  const listed = (at: 'objects' | 'clusterWide'): Listed => Object.fromEntries(Object.entries(sample[at]).map(([kind, found]) => [kind, sample.unread.includes(`${at}.${kind}`) ? why : { found }]));
  return {
    name: 'orders',
    raw: { metadata: { name: 'orders', labels: sample.labels, annotations: sample.annotations } },
    objects: listed('objects'),
    secrets: sample.unread.includes('secrets') ? why : { found: sample.secrets },
    clusterWide: listed('clusterWide'),
    federated: sample.unread.includes('federated') ? why : { found: sample.federated },
    edge: sample.edge,
  };
}

const clusterFacts: ClusterFacts = {
  label: 'aks-1',
  id: '/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/aks-1',
  tenantId: groupId,
  raw: {},
  diagnosticSettings: { found: [] },
  policyAssignments: { found: [] },
  grants: { found: [], unread: [] },
};

export function changed(change: Change): Sample {
  const sample = good();
  change(sample);
  return sample;
}

export function ruleOf(id: string): NamespaceRule {
  const rule = namespaceRules.find((one) => one.id === id);
  if (rule === undefined) throw new Error(`no rule ${id}`);
  return rule;
}

export function verdictsOf(id: string, change: Change): readonly [Verdict, ...Verdict[]] {
  return ruleOf(id).judge(factsOf(changed(change)), clusterFacts);
}

/** The worst of a rule's verdicts; all of them have to agree. */
export function outcomes(sample: Sample): Map<string, Outcome> {
  return new Map(namespaceRules.map((rule) => {
    const found = new Set(rule.judge(factsOf(sample), clusterFacts).map(({ outcome }) => outcome));
    if (found.size !== 1) throw new Error(`${rule.id} says ${[...found].join(' and ')}`);
    return [rule.id, [...found][0]!];
  }));
}
