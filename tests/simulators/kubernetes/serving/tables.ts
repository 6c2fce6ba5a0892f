import type { Kind } from '../objects/kinds.js';
import { at, fieldsAt, itemsAt, mapAt, numberAt, textAt, textsAt, type Fields, type KubernetesObject } from '../objects/values.js';

type Cell = string | number;
interface Column {
  readonly name: string;
  readonly cell: (object: KubernetesObject, now: Date) => Cell;
  /** Shown with `-o wide` only. */
  readonly wide?: boolean;
  readonly type?: 'integer';
}

/** How old something is, as kubectl prints it: `45s`, `6m8s`, `3h12m`, `5d`. */
export function age(since: string, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(since)) / 1000));
  if (Number.isNaN(seconds)) return '<unknown>';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  return days < 8 && hours % 24 !== 0 ? `${days}d${hours % 24}h` : `${days}d`;
}

function column(name: string, cell: Column['cell'], extra: Pick<Column, 'wide' | 'type'> = {}): Column {
  return { name, cell, ...extra };
}

function count(name: string, path: readonly string[], otherwise = 0): Column {
  return column(name, (object) => numberAt(object, [...path], otherwise), { type: 'integer' });
}

function text(name: string, ...path: string[]): Column {
  return column(name, (object) => textAt(object, ...path) || '<none>');
}

function size(name: string, field: string): Column {
  return column(name, (object) => {
    const value = object[field];
    return Array.isArray(value) ? value.length : Object.keys(fieldsAt(object, field)).length;
  }, { type: 'integer' });
}

function ready(readyField: string, wanted: (object: KubernetesObject) => number): Column {
  return column('Ready', (object) => `${numberAt(object, ['status', readyField], 0)}/${wanted(object)}`);
}

const replicas = (object: KubernetesObject): number => numberAt(object, ['spec', 'replicas'], 0);
const template = ['spec', 'template', 'spec', 'containers'];
const wide: readonly Column[] = [
  column('Containers', (object) => itemsAt(object, ...template).map((container) => textAt(container, 'name')).join(','), { wide: true }),
  column('Images', (object) => itemsAt(object, ...template).map((container) => textAt(container, 'image')).join(','), { wide: true }),
  column('Selector', (object) => Object.entries(mapAt(object, 'spec', 'selector', 'matchLabels')).map((pair) => pair.join('=')).join(','), { wide: true }),
];

/** A limit of a disruption budget: a number, or a share as text. */
function limit(value: unknown): Cell {
  return typeof value === 'number' || typeof value === 'string' ? value : 'N/A';
}

function podStatus(pod: KubernetesObject): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  const reasons = itemsAt(pod, 'status', 'containerStatuses').map((status) => textAt(status, 'state', 'waiting', 'reason') || textAt(status, 'state', 'terminated', 'reason'));
  return reasons.find((reason) => reason !== '') ?? textAt(pod, 'status', 'phase');
}

const columns: Readonly<Record<string, readonly Column[]>> = {
  ConfigMap: [size('Data', 'data')],
  Secret: [text('Type', 'type'), size('Data', 'data')],
  ServiceAccount: [size('Secrets', 'secrets')],
  Namespace: [text('Status', 'status', 'phase')],
  Node: [column('Status', () => 'Ready'), column('Roles', () => '<none>'), text('Version', 'status', 'nodeInfo', 'kubeletVersion')],
  Service: [
    text('Type', 'spec', 'type'),
    text('Cluster-IP', 'spec', 'clusterIP'),
    column('External-IP', (object) => itemsAt(object, 'status', 'loadBalancer', 'ingress').map((entry) => textAt(entry, 'ip')).join(',') || '<none>'),
    column('Port(s)', (object) => itemsAt(object, 'spec', 'ports').map((port) => `${numberAt(port, ['port'], 0)}/${textAt(port, 'protocol')}`).join(',')),
  ],
  Pod: [
    column('Ready', (pod) => `${itemsAt(pod, 'status', 'containerStatuses').filter((status) => status.ready === true).length}/${itemsAt(pod, 'spec', 'containers').length}`),
    column('Status', podStatus),
    column('Restarts', (pod) => itemsAt(pod, 'status', 'containerStatuses').reduce((sum, status) => sum + numberAt(status, ['restartCount'], 0), 0)),
  ],
  Deployment: [ready('readyReplicas', replicas), count('Up-to-date', ['status', 'updatedReplicas']), count('Available', ['status', 'availableReplicas'])],
  ReplicaSet: [count('Desired', ['spec', 'replicas']), count('Current', ['status', 'replicas']), count('Ready', ['status', 'readyReplicas'])],
  StatefulSet: [ready('readyReplicas', replicas)],
  DaemonSet: [count('Desired', ['status', 'desiredNumberScheduled']), count('Current', ['status', 'currentNumberScheduled']), count('Ready', ['status', 'numberReady'])],
  Job: [
    column('Status', (job) => textAt(itemsAt(job, 'status', 'conditions').at(-1), 'type') || 'Running'),
    column('Completions', (job) => `${numberAt(job, ['status', 'succeeded'], 0)}/${numberAt(job, ['spec', 'completions'], 1)}`),
  ],
  CronJob: [
    text('Schedule', 'spec', 'schedule'),
    text('Timezone', 'spec', 'timeZone'),
    column('Suspend', (job) => (at(job, 'spec', 'suspend') === true ? 'True' : 'False')),
    column('Active', (job) => itemsAt(job, 'status', 'active').length, { type: 'integer' }),
  ],
  Ingress: [
    text('Class', 'spec', 'ingressClassName'),
    column('Hosts', (ingress) => itemsAt(ingress, 'spec', 'rules').map((rule) => textAt(rule, 'host') || '*').join(',') || '*'),
    column('Address', () => ''),
    column('Ports', (ingress) => (itemsAt(ingress, 'spec', 'tls').length > 0 ? '80, 443' : '80')),
  ],
  NetworkPolicy: [column('Pod-Selector', (policy) => Object.entries(mapAt(policy, 'spec', 'podSelector', 'matchLabels')).map((pair) => pair.join('=')).join(',') || '<none>')],
  PodDisruptionBudget: [
    column('Min Available', (budget) => limit(at(budget, 'spec', 'minAvailable'))),
    column('Max Unavailable', (budget) => limit(at(budget, 'spec', 'maxUnavailable'))),
    count('Allowed Disruptions', ['status', 'disruptionsAllowed']),
  ],
  HorizontalPodAutoscaler: [
    column('Reference', (scaler) => `${textAt(scaler, 'spec', 'scaleTargetRef', 'kind')}/${textAt(scaler, 'spec', 'scaleTargetRef', 'name')}`),
    count('MinPods', ['spec', 'minReplicas']),
    count('MaxPods', ['spec', 'maxReplicas']),
  ],
  PersistentVolumeClaim: [
    text('Status', 'status', 'phase'),
    column('Volume', (claim) => textAt(claim, 'spec', 'volumeName')),
    column('Access Modes', (claim) => textsAt(claim, 'spec', 'accessModes').map((mode) => mode.replace(/[a-z]/g, '')).join(',')),
    column('StorageClass', (claim) => textAt(claim, 'spec', 'storageClassName')),
  ],
  RoleBinding: [column('Role', (binding) => `${textAt(binding, 'roleRef', 'kind')}/${textAt(binding, 'roleRef', 'name')}`)],
  ClusterRoleBinding: [column('Role', (binding) => `${textAt(binding, 'roleRef', 'kind')}/${textAt(binding, 'roleRef', 'name')}`)],
  StorageClass: [text('Provisioner', 'provisioner'), text('ReclaimPolicy', 'reclaimPolicy'), text('VolumeBindingMode', 'volumeBindingMode')],
  PriorityClass: [count('Value', ['value'])],
  CustomResourceDefinition: [column('Created At', (object) => object.metadata.creationTimestamp ?? '')],
  Event: [text('Type', 'type'), text('Reason', 'reason'), column('Object', (event) => `${textAt(event, 'involvedObject', 'kind').toLowerCase()}/${textAt(event, 'involvedObject', 'name')}`), text('Message', 'message')],
};
const withWide = new Set(['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet']);

function columnsOf(kind: Kind): Column[] {
  const name = column('Name', (object) => object.metadata.name);
  const old = column('Age', (object, now) => (object.metadata.creationTimestamp === undefined ? '<unknown>' : age(object.metadata.creationTimestamp, now)));
  return [name, ...(columns[kind.kind] ?? []), old, ...(withWide.has(kind.kind) ? wide : [])];
}

/** True when the caller would rather have a Table than the objects. */
export function wantsTable(accept: string): boolean {
  return accept.includes('as=Table');
}

/** Renders objects as `kubectl get` shows them. `include` is the query's includeObject: Metadata (the default), Object or None. */
export function tableOf(kind: Kind, objects: readonly KubernetesObject[], metadata: Fields, include: string | null, now: Date): Fields {
  const shown = columnsOf(kind);
  const columnDefinitions = shown.map((each) => ({
    name: each.name,
    type: each.type ?? 'string',
    format: each.name === 'Name' ? 'name' : '',
    description: '',
    priority: each.wide === true ? 1 : 0,
  }));
  const rows = objects.map((object) => ({
    cells: shown.map((each) => each.cell(object, now)),
    ...(include === 'None' ? {} : { object: include === 'Object' ? object : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: at(object, 'metadata') } }),
  }));
  return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions, rows };
}
