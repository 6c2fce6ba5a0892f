import * as client from '@kubernetes/client-node';
import { isRecord } from '../../kernel/service.js';

/** How a value of one type is built, and how patches and appliers treat it. */
export type Shape =
  | { readonly is: 'struct'; readonly type: string; readonly fields: ReadonlyMap<string, Shape | string>; readonly atomic: boolean }
  | { readonly is: 'map'; readonly of: string; readonly atomic: boolean }
  | { readonly is: 'list'; readonly of: string; readonly rule: ListRule | undefined }
  | { readonly is: 'scalar'; readonly type: string }
  | { readonly is: 'any' };

/** A list whose items are merged. `merge` is the strategic-merge key, `keys` the apply keys; a set has neither. */
export interface ListRule {
  readonly merge?: string;
  readonly keys?: readonly string[];
  readonly set?: true;
}

const byName: ListRule = { merge: 'name', keys: ['name'] };
const byType: ListRule = { merge: 'type', keys: ['type'] };
const byIp: ListRule = { merge: 'ip', keys: ['ip'] };
const containers = ['V1Container', 'V1EphemeralContainer'];

/** List types and patch strategies of the Kubernetes API types; every other list is atomic. Source: k8s.io/api struct tags. */
const listRules: Readonly<Record<string, ListRule>> = {
  'V1ObjectMeta.finalizers': { set: true },
  'V1ObjectMeta.ownerReferences': { merge: 'uid', keys: ['uid'] },
  'V1PodSpec.containers': byName,
  'V1PodSpec.initContainers': byName,
  'V1PodSpec.ephemeralContainers': byName,
  'V1PodSpec.volumes': byName,
  'V1PodSpec.imagePullSecrets': byName,
  'V1PodSpec.schedulingGates': byName,
  'V1PodSpec.hostAliases': byIp,
  'V1PodSpec.topologySpreadConstraints': { merge: 'topologyKey', keys: ['topologyKey', 'whenUnsatisfiable'] },
  'V1PodStatus.podIPs': byIp,
  'V1PodStatus.hostIPs': byIp,
  'V1ServiceAccount.secrets': byName,
  'V1ServiceSpec.ports': { merge: 'port', keys: ['port', 'protocol'] },
  'V1NodeStatus.addresses': byType,
  'V1MutatingWebhookConfiguration.webhooks': byName,
  ...Object.fromEntries(
    containers.flatMap((type): [string, ListRule][] => [
      [`${type}.env`, byName],
      [`${type}.ports`, { merge: 'containerPort', keys: ['containerPort', 'protocol'] }],
      [`${type}.volumeMounts`, { merge: 'mountPath', keys: ['mountPath'] }],
      [`${type}.volumeDevices`, { merge: 'devicePath', keys: ['devicePath'] }],
    ]),
  ),
  ...Object.fromEntries(
    ['Pod', 'Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Namespace', 'Service', 'Node', 'PersistentVolumeClaim', 'PodDisruptionBudget'].map(
      (kind) => [`V1${kind}Status.conditions`, byType],
    ),
  ),
};

/** Values that an applier owns as a whole. Source: x-kubernetes-map-type in the published OpenAPI. */
const atomic = new Set([
  'V1LabelSelector',
  'V1LocalObjectReference',
  'V1ObjectReference',
  'V1SecretReference',
  'V1OwnerReference',
  'V1TypedLocalObjectReference',
  'V1ObjectFieldSelector',
  'V1ResourceFieldSelector',
  'V1ConfigMapKeySelector',
  'V1SecretKeySelector',
  'V1NodeSelector',
  'V1NodeSelectorTerm',
  'V1RoleRef',
  'RbacV1Subject',
  'V1ServiceSpec.selector',
  'V1PodSpec.nodeSelector',
]);

const structs = new Map<string, Shape>();
const known: Readonly<Record<string, unknown>> = { ...client };

function isModel(value: unknown): value is { getAttributeTypeMap(): unknown } {
  return typeof value === 'function' && 'getAttributeTypeMap' in value && typeof value.getAttributeTypeMap === 'function';
}

/** Fields of a type as the client library generated them from the server's OpenAPI document. */
function struct(type: string): Shape {
  const found = structs.get(type);
  if (found !== undefined) return found;
  const model = known[type];
  if (!isModel(model)) return { is: 'any' };
  const rows = model.getAttributeTypeMap();
  const fields = new Map<string, Shape | string>();
  for (const attribute of Array.isArray(rows) ? rows : []) {
    if (!isRecord(attribute)) continue;
    const field = String(attribute.baseName);
    const written = String(attribute.type);
    fields.set(field, container(written, String(attribute.format), `${type}.${field}`) ?? written);
  }
  const shape: Shape = { is: 'struct', type, fields, atomic: atomic.has(type) };
  structs.set(type, shape);
  return shape;
}

function container(written: string, format: string, place: string): Shape | undefined {
  const list = /^Array<(.+)>$/.exec(written)?.[1];
  if (list !== undefined) return { is: 'list', of: list, rule: listRules[place] };
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(written)?.[1];
  if (map !== undefined) return { is: 'map', of: format === 'byte' ? 'byte' : map, atomic: atomic.has(place) };
  if (written === 'string' && format === 'byte') return { is: 'scalar', type: 'byte' };
  return undefined;
}

const scalars = new Set(['string', 'number', 'boolean', 'Date', 'V1MicroTime', 'IntOrString', 'byte']);

/** The shape of a type name such as `V1Pod`, `Array<string>` or `string`; everything unknown is `any`. */
export function shapeOf(type: string | undefined): Shape {
  if (type === undefined || type === 'any' || type === 'object') return { is: 'any' };
  if (scalars.has(type)) return { is: 'scalar', type };
  return container(type, '', '') ?? struct(type);
}

/** The shape of a field inside a value of `shape`; undefined when the type has no such field. */
export function fieldShape(shape: Shape, field: string): Shape | undefined {
  if (shape.is === 'map') return shapeOf(shape.of);
  if (shape.is !== 'struct') return { is: 'any' };
  const found = shape.fields.get(field);
  return typeof found === 'string' ? shapeOf(found) : found;
}

const customObject: Shape = {
  is: 'struct',
  type: '',
  fields: new Map<string, Shape | string>([
    ['apiVersion', 'string'],
    ['kind', 'string'],
    ['metadata', 'V1ObjectMeta'],
    ['spec', 'any'],
    ['status', 'any'],
  ]),
  atomic: false,
};

/** The shape of a whole object of a kind; custom resources have typed metadata and free content. */
export function objectShape(type: string | undefined): Shape {
  return type === undefined ? customObject : shapeOf(type);
}
