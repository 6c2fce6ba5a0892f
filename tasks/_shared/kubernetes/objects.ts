import { number, object, objects, strings, text, type Json } from '../fleet/json.js';

/** A kind of object as manifests name it. */
export interface ObjectKind {
  /** `v1`, `apps/v1` */
  readonly apiVersion: string;
  readonly kind: string;
  /** Its resource name in URLs, where it is known: {@link resourceName} guesses it otherwise. */
  readonly plural?: string;
}

/** One object of a cluster. */
export interface ObjectRef extends ObjectKind {
  /** Absent for objects of the whole cluster. */
  readonly namespace?: string;
  readonly name: string;
}

/** An object as it is sent or answered: plain JSON, nothing dropped. */
export interface ClusterObject extends ObjectKind {
  readonly metadata: Json;
  readonly [field: string]: unknown;
}

export const kinds = {
  namespace: { apiVersion: 'v1', kind: 'Namespace' },
  serviceAccount: { apiVersion: 'v1', kind: 'ServiceAccount' },
  secret: { apiVersion: 'v1', kind: 'Secret' },
  pod: { apiVersion: 'v1', kind: 'Pod' },
  node: { apiVersion: 'v1', kind: 'Node' },
  event: { apiVersion: 'v1', kind: 'Event' },
  service: { apiVersion: 'v1', kind: 'Service' },
  replicaSet: { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
  deployment: { apiVersion: 'apps/v1', kind: 'Deployment' },
  statefulSet: { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  daemonSet: { apiVersion: 'apps/v1', kind: 'DaemonSet' },
  persistentVolumeClaim: { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
  job: { apiVersion: 'batch/v1', kind: 'Job' },
  cronJob: { apiVersion: 'batch/v1', kind: 'CronJob' },
  customResourceDefinition: { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
  networkPolicy: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  ciliumNetworkPolicy: { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy' },
  role: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' },
  clusterRole: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' },
  roleBinding: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' },
  secretProviderClass: { apiVersion: 'secrets-store.csi.x-k8s.io/v1', kind: 'SecretProviderClass' },
  mutatingWebhookConfiguration: { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration' },
} as const satisfies Record<string, ObjectKind>;

/** What is read of every object's metadata. */
export interface Metadata {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339 */
  readonly created: string | undefined;
  /** True while the object waits for its finalizers or its grace period. */
  readonly deleting: boolean;
  /** uid of the owner that controls it. */
  readonly controller: string | undefined;
}

/** The metadata of an object. */
export function metadataOf(of: Json): Metadata {
  const metadata = object(of.metadata);
  return {
    name: text(metadata.name) ?? '',
    namespace: text(metadata.namespace),
    uid: text(metadata.uid),
    generation: number(metadata.generation),
    labels: strings(metadata.labels),
    annotations: strings(metadata.annotations),
    created: text(metadata.creationTimestamp),
    deleting: text(metadata.deletionTimestamp) !== undefined,
    controller: text(objects(metadata.ownerReferences).find((owner) => owner.controller === true)?.uid),
  };
}

/** The field managers that own a label or an annotation; none for one that was written before there were any. */
export function ownersOf(found: ClusterObject, part: 'labels' | 'annotations', name: string): string[] {
  const owning = objects(found.metadata.managedFields).filter((entry) => `f:${name}` in object(object(object(entry.fieldsV1)['f:metadata'])[`f:${part}`]));
  return owning.map((entry) => text(entry.manager) ?? '');
}

/**
 * The resource name in URLs of a kind: `serviceaccounts`. Follows the rule that the API machinery itself guesses by.
 * Source: k8s.io/apimachinery pkg/api/meta UnsafeGuessKindToResource.
 */
export function resourceName(kind: string): string {
  const singular = kind.toLowerCase();
  if (singular === 'endpoints') return singular;
  if (singular.endsWith('s')) return `${singular}es`;
  return singular.endsWith('y') ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}

/** The resource name of a kind, known or guessed. */
export function pluralOf({ kind, plural }: ObjectKind): string {
  return plural ?? resourceName(kind);
}

/** API group of an apiVersion; empty for the core group. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

/** Path of all objects of a kind, or of one. */
export function pathOf(of: ObjectKind & { readonly namespace?: string | undefined; readonly name?: string }): string {
  const root = of.apiVersion.includes('/') ? 'apis' : 'api';
  const place = of.namespace === undefined ? [] : ['namespaces', encodeURIComponent(of.namespace)];
  const name = of.name === undefined ? [] : [encodeURIComponent(of.name)];
  return ['', root, of.apiVersion, ...place, pluralOf(of), ...name].join('/');
}

/** What names an object. */
export function refOf({ apiVersion, kind, metadata: { name, namespace } }: ClusterObject): ObjectRef {
  return { apiVersion, kind, name: text(name) ?? '', ...(typeof namespace === 'string' ? { namespace } : {}) };
}

/** An answer as an object of its kind: items of lists carry neither apiVersion nor kind. */
export function typed({ apiVersion, kind }: ObjectKind, answer: Json): ClusterObject {
  return { ...answer, apiVersion, kind, metadata: object(answer.metadata) };
}

/** How messages name an object: `service account orders/api`. */
export function nameOf(ref: ObjectRef): string {
  const kind = ref.kind.replace(/([a-z])(?=[A-Z])/g, '$1 ').toLowerCase();
  return `${kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`;
}
