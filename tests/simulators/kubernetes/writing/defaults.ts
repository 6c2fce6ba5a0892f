import { isRecord } from '../../kernel/service.js';
import type { Identifiers } from '../objects/identifiers.js';
import { at, defaultTo, ensure, fieldsAt, itemsAt, numberAt, textAt, textsAt, type Fields, type KubernetesObject } from '../objects/values.js';
import { defaultPodSpec } from './pod-defaults.js';

type Default = (object: KubernetesObject) => void;
type Allocation = (object: KubernetesObject, ids: Identifiers, before: KubernetesObject | undefined) => void;

/** Fills in what the decoder sets when a writer leaves it out, in place. Source: k8s.io/kubernetes pkg/apis/<group>/v1/defaults.go. */
export function setDefaults(object: KubernetesObject): void {
  defaults[object.kind]?.(object);
}

/** Sets what only the storage knows (addresses, ports, a job's own labels), in place. The writer does not own these fields. */
export function allocate(object: KubernetesObject, ids: Identifiers, before: KubernetesObject | undefined): void {
  allocations[object.kind]?.(object, ids, before);
}

function specOf(object: KubernetesObject): Fields {
  return ensure(object, 'spec');
}

function template(object: KubernetesObject): void {
  const pod = ensure(specOf(object), 'template');
  ensure(pod, 'metadata');
  if (isRecord(pod.spec)) defaultPodSpec(pod.spec);
}

function workload(fields: Fields): (object: KubernetesObject) => void {
  return (object) => {
    template(object);
    for (const [field, value] of Object.entries(structuredClone(fields))) defaultTo(specOf(object), field, value);
  };
}

const secret: Default = (object) => {
  defaultTo(object, 'type', 'Opaque');
  if (!isRecord(object.stringData)) return;
  const data = ensure(object, 'data');
  for (const [key, value] of Object.entries(object.stringData)) data[key] = Buffer.from(String(value)).toString('base64');
  delete object.stringData;
};

const deployment: Default = (object) => {
  workload({ replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 })(object);
  const strategy = ensure(specOf(object), 'strategy');
  defaultTo(strategy, 'type', 'RollingUpdate');
  if (strategy.type === 'RollingUpdate') {
    const rolling = ensure(strategy, 'rollingUpdate');
    defaultTo(rolling, 'maxSurge', '25%');
    defaultTo(rolling, 'maxUnavailable', '25%');
  }
};

const service: Default = (object) => {
  const spec = specOf(object);
  defaultTo(spec, 'type', 'ClusterIP');
  defaultTo(spec, 'sessionAffinity', 'None');
  for (const port of itemsAt(spec, 'ports')) {
    defaultTo(port, 'protocol', 'TCP');
    defaultTo(port, 'targetPort', port.port);
  }
  if (textAt(spec, 'type') === 'ExternalName') return;
  defaultTo(spec, 'internalTrafficPolicy', 'Cluster');
  if (isExposed(spec)) defaultTo(spec, 'externalTrafficPolicy', 'Cluster');
  if (textAt(spec, 'type') === 'LoadBalancer') defaultTo(spec, 'allocateLoadBalancerNodePorts', true);
};

function isExposed(spec: Fields): boolean {
  return ['NodePort', 'LoadBalancer'].includes(textAt(spec, 'type'));
}

const serviceAddresses: Allocation = (object, ids, before) => {
  const spec = specOf(object);
  if (textAt(spec, 'type') === 'ExternalName') return;
  for (const port of isExposed(spec) ? itemsAt(spec, 'ports') : []) {
    const old = itemsAt(before, 'spec', 'ports').find((other) => other.port === port.port);
    defaultTo(port, 'nodePort', old?.nodePort ?? 30_000 + ids.number(2768));
  }
  if (before === undefined) {
    defaultTo(spec, 'clusterIP', textsAt(spec, 'clusterIPs')[0] ?? `10.0.${ids.number(256)}.${ids.number(254) + 1}`);
    defaultTo(spec, 'clusterIPs', [spec.clusterIP]);
  }
  defaultTo(spec, 'ipFamilies', ['IPv4']);
  defaultTo(spec, 'ipFamilyPolicy', 'SingleStack');
};

const pod: Default = (object) => {
  const spec = specOf(object);
  defaultPodSpec(spec);
  defaultTo(spec, 'enableServiceLinks', true);
};

const job: Default = (object) => {
  const spec = specOf(object);
  template(object);
  const numbers = { backoffLimit: 6, parallelism: 1, completions: numberAt(spec, ['parallelism'], 1) };
  const rest = { completionMode: 'NonIndexed', suspend: false, manualSelector: false, podReplacementPolicy: 'TerminatingOrFailed' };
  for (const [field, value] of Object.entries({ ...numbers, ...rest })) defaultTo(spec, field, value);
};

const jobLabels: Allocation = (object, _ids, before) => {
  const spec = specOf(object);
  if (spec.manualSelector === true || before !== undefined) return;
  const uid = { 'batch.kubernetes.io/controller-uid': object.metadata.uid };
  defaultTo(spec, 'selector', { matchLabels: uid });
  const labels = ensure(ensure(ensure(spec, 'template'), 'metadata'), 'labels');
  Object.assign(labels, uid, { 'batch.kubernetes.io/job-name': object.metadata.name, 'controller-uid': object.metadata.uid, 'job-name': object.metadata.name });
};

const cronJob: Default = (object) => {
  const spec = specOf(object);
  const values = { concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 };
  for (const [field, value] of Object.entries(values)) defaultTo(spec, field, value);
  const inner = at(spec, 'jobTemplate', 'spec', 'template', 'spec');
  if (isRecord(inner)) defaultPodSpec(inner);
};

const statefulSet: Default = (object) => {
  const values = { replicas: 1, revisionHistoryLimit: 10, podManagementPolicy: 'OrderedReady', updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } } };
  workload({ ...values, persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' } })(object);
};

const roleBinding: Default = (object) => {
  defaultTo(ensure(object, 'roleRef'), 'apiGroup', 'rbac.authorization.k8s.io');
  for (const subject of itemsAt(object, 'subjects')) {
    if (subject.kind !== 'ServiceAccount') defaultTo(subject, 'apiGroup', 'rbac.authorization.k8s.io');
  }
};

const namespace: Default = (object) => {
  const labels = object.metadata.labels ?? {};
  object.metadata.labels = { ...labels, 'kubernetes.io/metadata.name': object.metadata.name };
};

const namespaceState: Allocation = (object) => {
  defaultTo(specOf(object), 'finalizers', ['kubernetes']);
  defaultTo(ensure(object, 'status'), 'phase', 'Active');
};

const networkPolicy: Default = (object) => {
  const spec = specOf(object);
  defaultTo(spec, 'policyTypes', ['Ingress', ...('egress' in spec ? ['Egress'] : [])]);
};

const customResourceDefinition: Default = (object) => {
  const names = ensure(specOf(object), 'names');
  defaultTo(names, 'singular', textAt(names, 'kind').toLowerCase());
  defaultTo(names, 'listKind', `${textAt(names, 'kind')}List`);
  defaultTo(specOf(object), 'conversion', { strategy: 'None' });
};

const validating = { failurePolicy: 'Fail', matchPolicy: 'Equivalent', timeoutSeconds: 10, namespaceSelector: {}, objectSelector: {} };
const webhookConfiguration: Default = (object) => defaultWebhooks(object, { ...validating, reinvocationPolicy: 'Never' });
const validatingConfiguration: Default = (object) => defaultWebhooks(object, validating);

function defaultWebhooks(object: KubernetesObject, values: Fields): void {
  for (const webhook of itemsAt(object, 'webhooks')) {
    for (const [field, value] of Object.entries(structuredClone(values))) defaultTo(webhook, field, value);
  }
}

const storageClass: Default = (object) => {
  defaultTo(object, 'reclaimPolicy', 'Delete');
  defaultTo(object, 'volumeBindingMode', 'Immediate');
};

const autoscaler: Default = (object) => {
  if (Object.keys(fieldsAt(object, 'spec')).length > 0) defaultTo(specOf(object), 'minReplicas', 1);
};

const defaults: Readonly<Record<string, Default>> = {
  Secret: secret,
  Service: service,
  Pod: pod,
  Namespace: namespace,
  Deployment: deployment,
  ReplicaSet: workload({ replicas: 1 }),
  StatefulSet: statefulSet,
  DaemonSet: workload({ revisionHistoryLimit: 10, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } }),
  Job: job,
  CronJob: cronJob,
  NetworkPolicy: networkPolicy,
  RoleBinding: roleBinding,
  ClusterRoleBinding: roleBinding,
  CustomResourceDefinition: customResourceDefinition,
  MutatingWebhookConfiguration: webhookConfiguration,
  ValidatingWebhookConfiguration: validatingConfiguration,
  PersistentVolumeClaim: (object) => defaultTo(specOf(object), 'volumeMode', 'Filesystem'),
  StorageClass: storageClass,
  PriorityClass: (object) => defaultTo(object, 'preemptionPolicy', 'PreemptLowerPriority'),
  HorizontalPodAutoscaler: autoscaler,
};

const allocations: Readonly<Record<string, Allocation>> = { Service: serviceAddresses, Job: jobLabels, Namespace: namespaceState };
