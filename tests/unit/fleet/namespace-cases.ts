import type { Json } from '../../../tasks/_shared/fleet/json.js';
import { accessCases, edgeCases } from './namespace-cases-access.js';
import { account, apiId, controlled, made, peerAuthentication, pod, secret, template, withEnv, workerId, type Change } from './namespace-sample.js';

/** A change to the sample namespace, and what the rule then says. */
export interface Case {
  readonly what: string;
  readonly change: Change;
  readonly evidence: RegExp;
  /** The objects that are at fault; the namespace itself when absent. */
  readonly at?: readonly (string | undefined)[];
}

/** The cases of one rule. */
export interface Cases {
  readonly passes: readonly Case[];
  readonly fails: readonly Case[];
  readonly notApplicable: readonly Case[];
  /** Beyond lists that cannot be read, for which there is a table of its own. */
  readonly unknown?: readonly Case[];
}

const asItIs: Change = () => undefined;
const put = (kind: string, ...found: readonly Json[]): Change => ({ objects }) => void (objects[kind] = [...found]);
const all = (...changes: readonly Change[]): Change => (sample) => changes.forEach((change) => change(sample));
const podKinds = ['Pod', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'];
const empty = all(...podKinds.map((kind) => put(kind)));
const noPods: Case = { what: 'no pods', change: empty, evidence: /^the namespace has no pods and nothing that makes them$/ };
const policy = (name: string, spec: object): Json => made(name, { spec });
const deny = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] };
const opening = (rules: object): Change => put('NetworkPolicy', policy('deny', deny), policy('open', { podSelector: {}, ...rules }));
const quota = (hard: object, more: object = {}): Change => put('ResourceQuota', made('q', { spec: { hard, ...more } }));
const level = (label: string | undefined): Change => ({ labels }) => {
  delete labels['pod-security.kubernetes.io/enforce'];
  if (label !== undefined) labels['pod-security.kubernetes.io/enforce'] = label;
};
const only = (kind: string, found: Json): Change => all(empty, put(kind, found));
const setting = (name: string, value: string): Json => made('x', { spec: { template: template(false, withEnv(name, value)) } });
const key = 'canaryA1'.repeat(11);
const accounts = (...found: readonly Json[]): Change => put('ServiceAccount', ...found);
const unmeshed: Change = ({ labels }) => {
  delete labels['istio.io/rev'];
};
const linkerd = (policy?: string, inject = 'enabled'): Change => all(unmeshed, ({ annotations }) => {
  annotations['linkerd.io/inject'] = inject;
  if (policy !== undefined) annotations['config.linkerd.io/default-inbound-policy'] = policy;
});
const strict = { mtls: { mode: 'STRICT' } };
const lax = { mtls: { mode: 'PERMISSIVE' } };
const finance = { selector: { matchLabels: { app: 'finance' } } };
const peers = (...found: readonly Json[]): Change => put('PeerAuthentication', ...found);
const meshWide = (...found: readonly Json[]): Change => ({ clusterWide }) => void (clusterWide.PeerAuthentication = [...found]);
const workload = (labels: object, annotations: object = {}): Change => put('DaemonSet', made('log', { spec: { template: template(false, {}, labels, annotations) } }));
const log = ['daemon set orders/log'];

/** Every rule with its cases. */
export const cases: Readonly<Record<string, Cases>> = {
  'namespace-default-deny': {
    passes: [
      { what: 'two policies together', change: asItIs, evidence: /closed in both directions by network policy deny-in, deny-out$/ },
      { what: 'one policy for both', change: put('NetworkPolicy', policy('deny', deny)), evidence: /network policy deny$/ },
      { what: 'types left out, egress rules there', change: put('NetworkPolicy', policy('dns', { podSelector: {}, egress: [{ to: [{ namespaceSelector: { matchLabels: { a: 'b' } } }] }] })), evidence: /network policy dns$/ },
      { what: 'rules within the namespace, or with a port', change: opening({ policyTypes: ['Ingress', 'Egress'], ingress: [{ from: [{ podSelector: {} }] }], egress: [{ to: [{ ipBlock: { cidr: '0.0.0.0/0' } }], ports: [{ port: 443 }] }] }), evidence: /deny, open$/ },
    ],
    fails: [
      { what: 'no policy', change: put('NetworkPolicy'), evidence: /^no network policy selects all pods for ingress \(there is none at all\)\n.*for egress/, at: [undefined, undefined] },
      { what: 'types left out, no egress rules', change: put('NetworkPolicy', policy('deny', { podSelector: {} })), evidence: /^no network policy selects all pods for egress \(there are: deny\)$/ },
      { what: 'a policy for some pods', change: put('NetworkPolicy', policy('in', { ...deny, policyTypes: ['Ingress'] }), policy('some', { ...deny, podSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } })), evidence: /selects all pods for egress \(there are: in, some\)/ },
      { what: 'everything let in again', change: opening({ policyTypes: ['Ingress'], ingress: [{}] }), evidence: /^network policy open lets all ingress of all pods through$/ },
      { what: 'every address let out to', change: opening({ policyTypes: ['Egress'], egress: [{ to: [{ ipBlock: { cidr: '0.0.0.0/0' } }] }] }), evidence: /^network policy open lets all egress/ },
      { what: 'every namespace let in', change: opening({ ingress: [{ from: [{ namespaceSelector: {} }] }] }), evidence: /^network policy open lets all ingress/ },
    ],
    notApplicable: [noPods],
  },
  'namespace-quota': {
    passes: [
      { what: 'one quota', change: asItIs, evidence: /^limits.memory, requests.cpu are limited by resource quota all$/ },
      { what: 'short names', change: quota({ cpu: '1', memory: '1Gi' }), evidence: /^cpu, memory are/ },
    ],
    fails: [
      { what: 'none', change: put('ResourceQuota'), evidence: /^there is no resource quota$/ },
      { what: 'of other things', change: quota({ 'count/configmaps': '9', cpu: '1' }), evidence: /^resource quota q does not limit memory of all pods$/ },
      { what: 'for some pods', change: quota({ cpu: '1', memory: '1Gi' }, { scopes: ['BestEffort'] }), evidence: /does not limit cpu and memory of all pods$/ },
    ],
    notApplicable: [noPods],
  },
  'namespace-pod-security': {
    passes: [
      { what: 'restricted', change: asItIs, evidence: /enforce is restricted$/ },
      { what: 'baseline', change: level('baseline'), evidence: /enforce is baseline$/ },
    ],
    fails: [
      { what: 'privileged', change: level('privileged'), evidence: /enforce is privileged$/ },
      { what: 'no label', change: level(undefined), evidence: /has no label pod-security.kubernetes.io\/enforce$/ },
    ],
    notApplicable: [noPods],
  },
  'namespace-no-credential-secrets': {
    passes: [{ what: 'harmless ones', change: asItIs, evidence: /^none of 2 secrets looks like/ }],
    fails: [{ what: 'two', change: ({ secrets }) => void secrets.push(secret('a', 'SAS token', 'storage account key'), secret('b', 'service principal secret')), evidence: /^holds what looks like a SAS token, a storage account key\nholds what looks like a service principal secret$/, at: ['secret orders/a', 'secret orders/b'] }],
    notApplicable: [{ what: 'no secrets', change: ({ secrets }) => void secrets.splice(0), evidence: /^the namespace has no secrets, releases of Helm aside$/ }],
  },
  'namespace-no-credential-variables': {
    passes: [
      { what: 'harmless ones', change: asItIs, evidence: /^no container of 5 pods and makers of pods/ },
      { what: 'insights, which is no credential', change: only('Pod', pod('x', template(false, withEnv('APPLICATIONINSIGHTS_CONNECTION_STRING', 'InstrumentationKey=canary')))), evidence: /^no container of 1/ },
    ],
    fails: [
      { what: 'a bare pod', change: only('Pod', pod('x', template(false, withEnv('AZURE_CLIENT_SECRET', 'canary-secret')))), evidence: /^container app sets AZURE_CLIENT_SECRET to a value of its own$/, at: ['pod orders/x'] },
      { what: 'a pod of a controller that is not listed', change: only('Pod', pod('x', template(false, withEnv('ACR_PASSWORD', 'canary')), controlled('Rollout', 'x'))), evidence: /ACR_PASSWORD/, at: ['pod orders/x'] },
      ...(['Deployment', 'StatefulSet', 'DaemonSet', 'Job'] as const).map((kind) => ({ what: kind, change: only(kind, setting('REGISTRY_PASSWORD', 'canary')), evidence: /sets REGISTRY_PASSWORD/, at: [`${kind.replace(/([a-z])(?=[A-Z])/g, '$1 ').toLowerCase()} orders/x`] })),
      { what: 'CronJob', change: only('CronJob', made('x', { spec: { jobTemplate: { spec: { template: template(false, { containers: [], initContainers: [{ name: 'first', env: [{ name: 'azure_storage_connection_string', value: 'canary' }] }] }) } } } })), evidence: /^container first sets azure_storage_connection_string/, at: ['cron job orders/x'] },
      { what: 'a harmless name', change: only('Job', setting('ConnectionStrings__Blob', `AccountName=a;AccountKey=${key}`)), evidence: /sets ConnectionStrings__Blob to what looks like a storage connection string$/, at: ['job orders/x'] },
    ],
    notApplicable: [noPods],
  },
  'namespace-no-registry-pull-secrets': {
    passes: [{ what: 'another registry', change: asItIs, evidence: /^deployment orders\/api: no pull secret is for an Azure registry$/ }],
    fails: [
      { what: 'a pod template', change: ({ secrets }) => void (secrets[0] = secret('docker-hub', 'registry admin user')), evidence: /^imagePullSecrets names docker-hub, which looks like a registry admin user$/, at: ['deployment orders/api'] },
      { what: 'a service account', change: all(put('Deployment'), put('ServiceAccount', { ...account('x'), imagePullSecrets: [{ name: 'acr' }] }), ({ secrets }) => void secrets.push(secret('acr', 'registry credential'))), evidence: /names acr, which looks like a registry credential$/, at: ['service account orders/x'] },
    ],
    notApplicable: [{ what: 'nothing named', change: put('Deployment'), evidence: /^nothing names imagePullSecrets$/ }],
  },
  'namespace-federated-accounts': {
    passes: [
      { what: 'each', change: asItIs, evidence: /^deployment orders\/api runs as api, stateful set orders\/worker runs as worker, federated/ },
      { what: 'one that ended', change: put('Pod', { ...pod('x', template(true, {})), status: { phase: 'Succeeded' } }), evidence: /runs as worker/ },
    ],
    fails: [
      { what: 'no such account', change: accounts(account('api', apiId)), evidence: /^runs as service account worker, which does not exist$/, at: ['stateful set orders/worker'] },
      { what: 'no credential', change: ({ federated }) => void federated.splice(0, 1), evidence: /^runs as service account api, and no federated credential .* trusts system:serviceaccount:orders:api on this cluster$/, at: ['deployment orders/api'] },
      { what: 'no annotation', change: accounts(account('api'), account('worker', workerId)), evidence: /^runs as service account api, which has no annotation azure.workload.identity\/client-id; federated with aaaa/, at: ['deployment orders/api'] },
      { what: 'another identity', change: accounts(account('api', workerId), account('worker', workerId)), evidence: /whose azure.workload.identity\/client-id is bbbb[^;]*; federated with aaaa/, at: ['deployment orders/api'] },
      { what: 'the default account', change: put('CronJob', made('x', { spec: { jobTemplate: { spec: { template: template(true, {}) } } } })), evidence: /^runs as service account default, and no/, at: ['cron job orders/x'] },
    ],
    notApplicable: [{ what: 'no label', change: all(put('Deployment'), put('StatefulSet'), put('Pod')), evidence: /^no pod template has label azure.workload.identity\/use: "true"$/ }, { ...noPods, evidence: /^no pod template has label/ }],
  },
  'namespace-one-identity-each': {
    passes: [{ what: 'each its own', change: asItIs, evidence: /^api has aaaa.*, worker has bbbb.*: each its own$/ }],
    fails: [{ what: 'two share', change: accounts(account('a', apiId), account('b', apiId.toUpperCase()), account('c', workerId)), evidence: /^shares identity aaaa\S+ with b$/, at: ['service account orders/a'] }],
    notApplicable: [{ what: 'none named', change: accounts(account('default'), account('a', ' ')), evidence: /^no service account names an identity$/ }],
  },
  ...accessCases,
  ...edgeCases,
  'namespace-mutual-tls': {
    passes: [
      { what: 'strict in the namespace', change: asItIs, evidence: /^Istio \(istio.io\/rev is asm-1-27\): mode STRICT is set by peer authentication orders\/default$/ },
      { what: 'strict in the mesh, left open by the namespace', change: all(peers(peerAuthentication('x', { mtls: { mode: 'UNSET' } })), meshWide(peerAuthentication('default', strict, 'aks-istio-system'))), evidence: /mode STRICT is set for the whole mesh$/ },
      { what: 'the older of two', change: peers(peerAuthentication('new', lax, 'orders', '2026-02-01T00:00:00Z'), peerAuthentication('old', strict)), evidence: /orders\/old$/ },
      { what: 'a job kept out', change: put('Job', made('x', { spec: { template: template(false, {}, { 'sidecar.istio.io/inject': 'false' }) } })), evidence: /STRICT/ },
      { what: 'Linkerd', change: linkerd('all-authenticated'), evidence: /^Linkerd \(linkerd.io\/inject is enabled\): config.linkerd.io\/default-inbound-policy is all-authenticated$/ },
    ],
    fails: [
      { what: 'permissive', change: peers(peerAuthentication('x', lax)), evidence: /mode PERMISSIVE is set by peer authentication orders\/x$/ },
      { what: 'no mode', change: all(peers(), meshWide(peerAuthentication('x', strict, 'billing'), peerAuthentication('y', { ...strict, ...finance }, 'istio-system'))), evidence: /no peer authentication of the namespace or of the mesh sets a mode/ },
      { what: 'by its pods only', change: all(unmeshed, peers(), put('Pod', pod('p', template(false, { initContainers: [{ name: 'istio-proxy' }] })))), evidence: /^Istio \(pod p has container istio-proxy\): no peer/ },
      { what: 'exceptions', change: peers(peerAuthentication('default', strict), peerAuthentication('a', { ...lax, ...finance }), peerAuthentication('b', { ...finance, portLevelMtls: { 8080: { mode: 'DISABLE' } } })), evidence: /^sets mode PERMISSIVE for the pods that it selects\nsets mode DISABLE for port 8080$/, at: ['peer authentication orders/a', 'peer authentication orders/b'] },
      { what: 'a workload kept out', change: workload({ 'sidecar.istio.io/inject': 'false' }), evidence: /^is kept out of the mesh/, at: log },
      { what: 'Linkerd, all let in', change: linkerd('all-unauthenticated'), evidence: /policy is all-unauthenticated$/ },
      { what: 'Linkerd, a workload kept out', change: all(linkerd('deny'), workload({}, { 'linkerd.io/inject': 'disabled' })), evidence: /^is kept out/, at: log },
      { what: 'Linkerd, a workload lets all in', change: all(linkerd('deny'), workload({}, { 'config.linkerd.io/default-inbound-policy': 'cluster-unauthenticated' })), evidence: /is cluster-unauthenticated$/, at: log },
    ],
    notApplicable: [{ what: 'no mesh', change: unmeshed, evidence: /^neither the namespace nor a pod of it is in a mesh$/ }],
    unknown: [
      { what: 'Linkerd, nothing said', change: linkerd(), evidence: /the namespace has no annotation config.linkerd.io\/default-inbound-policy/ },
      { what: 'Open Service Mesh', change: all(unmeshed, ({ labels }) => void (labels['openservicemesh.io/monitored-by'] = 'osm')), evidence: /^Open Service Mesh \(openservicemesh.io\/monitored-by is osm\)/ },
    ],
  },
};
