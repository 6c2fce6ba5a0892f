/** One kind that the server serves: a row of the registry. */
export interface Kind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** `v1`, `apps/v1`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Name of the structural type in the schema; undefined for custom resources. */
  readonly type: string | undefined;
  /** True when the server counts spec changes in `metadata.generation`. */
  readonly generation: boolean;
  /** True when status is a subresource of its own. */
  readonly status: boolean;
  readonly scale: boolean;
  /** True for questions that are answered and not stored (reviews). */
  readonly ask: boolean;
}

type Flag = 'cluster' | 'status' | 'generation' | 'scale' | 'all' | 'ask';

/** A row: `plural Kind type`, e.g. `deployments Deployment V1Deployment`. */
function row(apiVersion: string, names: string, flags: readonly Flag[] = [], shortNames: readonly string[] = []): Kind {
  const [plural = '', kind = '', type = ''] = names.split(' ');
  const slash = apiVersion.indexOf('/');
  const has = (flag: Flag): boolean => flags.includes(flag);
  return {
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    apiVersion,
    kind,
    plural,
    singular: kind.toLowerCase(),
    namespaced: !has('cluster'),
    shortNames,
    categories: has('all') ? ['all'] : [],
    type: type === '' ? `V1${kind}` : type,
    generation: has('generation'),
    status: has('status'),
    scale: has('scale'),
    ask: has('ask'),
  };
}

const rbac = 'rbac.authorization.k8s.io/v1';

const builtIn: readonly Kind[] = [
  row('v1', 'namespaces Namespace', ['cluster', 'status'], ['ns']),
  row('v1', 'secrets Secret'),
  row('v1', 'configmaps ConfigMap', [], ['cm']),
  row('v1', 'serviceaccounts ServiceAccount', [], ['sa']),
  row('v1', 'services Service', ['status', 'all'], ['svc']),
  row('v1', 'pods Pod', ['status', 'all'], ['po']),
  row('v1', 'events Event CoreV1Event', [], ['ev']),
  row('v1', 'nodes Node', ['cluster', 'status'], ['no']),
  row('v1', 'persistentvolumeclaims PersistentVolumeClaim', ['status'], ['pvc']),
  row('v1', 'resourcequotas ResourceQuota', ['status'], ['quota']),
  row('v1', 'limitranges LimitRange', [], ['limits']),
  row('v1', 'endpoints Endpoints', [], ['ep']),
  row('v1', 'persistentvolumes PersistentVolume', ['cluster', 'status'], ['pv']),
  row('v1', 'podtemplates PodTemplate'),
  row('apps/v1', 'controllerrevisions ControllerRevision'),
  row('apps/v1', 'deployments Deployment', ['status', 'generation', 'scale', 'all'], ['deploy']),
  row('apps/v1', 'replicasets ReplicaSet', ['status', 'generation', 'scale', 'all'], ['rs']),
  row('apps/v1', 'statefulsets StatefulSet', ['status', 'generation', 'scale', 'all'], ['sts']),
  row('apps/v1', 'daemonsets DaemonSet', ['status', 'generation', 'all'], ['ds']),
  row('batch/v1', 'jobs Job', ['status', 'generation', 'all']),
  row('batch/v1', 'cronjobs CronJob', ['status', 'generation', 'all'], ['cj']),
  row('networking.k8s.io/v1', 'ingresses Ingress', ['status', 'generation'], ['ing']),
  row('networking.k8s.io/v1', 'ingressclasses IngressClass', ['cluster', 'generation']),
  row('networking.k8s.io/v1', 'networkpolicies NetworkPolicy', ['generation'], ['netpol']),
  row('policy/v1', 'poddisruptionbudgets PodDisruptionBudget', ['status', 'generation'], ['pdb']),
  row('autoscaling/v2', 'horizontalpodautoscalers HorizontalPodAutoscaler V2HorizontalPodAutoscaler', ['status', 'all'], ['hpa']),
  row('discovery.k8s.io/v1', 'endpointslices EndpointSlice'),
  row('coordination.k8s.io/v1', 'leases Lease'),
  row('scheduling.k8s.io/v1', 'priorityclasses PriorityClass', ['cluster', 'generation'], ['pc']),
  row('storage.k8s.io/v1', 'storageclasses StorageClass', ['cluster'], ['sc']),
  row('storage.k8s.io/v1', 'csidrivers CSIDriver', ['cluster']),
  row('apiregistration.k8s.io/v1', 'apiservices APIService', ['cluster', 'status']),
  row(rbac, 'roles Role'),
  row(rbac, 'rolebindings RoleBinding'),
  row(rbac, 'clusterroles ClusterRole', ['cluster']),
  row(rbac, 'clusterrolebindings ClusterRoleBinding', ['cluster']),
  row('admissionregistration.k8s.io/v1', 'mutatingwebhookconfigurations MutatingWebhookConfiguration', ['cluster', 'generation']),
  row('admissionregistration.k8s.io/v1', 'validatingwebhookconfigurations ValidatingWebhookConfiguration', ['cluster', 'generation']),
  row('apiextensions.k8s.io/v1', 'customresourcedefinitions CustomResourceDefinition', ['cluster', 'status', 'generation'], ['crd', 'crds']),
  row('authorization.k8s.io/v1', 'selfsubjectaccessreviews SelfSubjectAccessReview', ['cluster', 'ask']),
  row('authorization.k8s.io/v1', 'selfsubjectrulesreviews SelfSubjectRulesReview', ['cluster', 'ask']),
  row('authentication.k8s.io/v1', 'selfsubjectreviews SelfSubjectReview', ['cluster', 'ask']),
];

/** What a custom resource definition says about one served version. */
export interface CustomKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly status: boolean;
}

/** The kinds that one server serves now: the built-in rows and those of its custom resource definitions. */
export class KindRegistry {
  #custom: readonly Kind[] = [];

  /** Replaces the custom kinds by those of the stored definitions. */
  setCustom(custom: readonly CustomKind[]): void {
    this.#custom = custom.map((kind) => ({
      ...kind,
      apiVersion: `${kind.group}/${kind.version}`,
      type: undefined,
      generation: true,
      scale: false,
      ask: false,
    }));
  }

  all(): readonly Kind[] {
    return [...builtIn, ...this.#custom];
  }

  byPlural(group: string, version: string, plural: string): Kind | undefined {
    return this.all().find((kind) => kind.group === group && kind.version === version && kind.plural === plural);
  }

  byKind(apiVersion: string, kind: string): Kind | undefined {
    return this.all().find((row) => row.apiVersion === apiVersion && row.kind === kind);
  }

  /** By kind, plural, or `plural.group`, in any case: for tests and controllers. @throws when there is none. */
  named(name: string): Kind {
    const wanted = name.toLowerCase();
    const found = this.all().find((kind) => [kind.kind.toLowerCase(), kind.plural, `${kind.plural}.${kind.group}`].includes(wanted));
    if (found === undefined) throw new Error(`no such kind: ${name}`);
    return found;
  }
}
